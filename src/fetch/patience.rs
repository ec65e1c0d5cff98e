//! How long to wait and when to give up: a schedule without chance, measured from the last progress.

use std::time::{Duration, Instant};

/// The patience with one download.
#[derive(Debug)]
pub(super) struct Patience {
    deadline: Duration,
    last_progress: Instant,
    n_failures: u32,
}

impl Patience {
    /// Starts to wait; `deadline` is the longest time without progress.
    pub(super) fn new(deadline: Duration) -> Patience {
        Patience { deadline, last_progress: Instant::now(), n_failures: 0 }
    }

    /// Notes that something new has come.
    pub(super) fn renew(&mut self) {
        self.last_progress = Instant::now();
        self.n_failures = 0;
    }

    /// Returns how long nothing has come.
    pub(super) fn waited(&self) -> Duration {
        self.last_progress.elapsed()
    }

    /// Returns how long a connection may be silent before it is replaced by a new one.
    pub(super) fn silence(&self) -> Duration {
        self.deadline / 3
    }

    /// Returns how long to pause before the next try, at least as long as the server asks, or
    /// `None` if that would be too long.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let pause = backoff(self.deadline, self.n_failures).max(asked.unwrap_or_default());
        self.n_failures += 1;
        (self.waited() + pause < self.deadline).then_some(pause)
    }
}

/// Returns the pause after so many failures: doubling, from a 240th to a quarter of the deadline.
fn backoff(deadline: Duration, n_failures: u32) -> Duration {
    let factor = 2_u32.checked_pow(n_failures).unwrap_or(u32::MAX);
    (deadline / 240).saturating_mul(factor).min(deadline / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter() {
        let millis = |n| backoff(Duration::from_secs(60), n).as_millis();
        let pauses: Vec<u128> = [0, 1, 2, 5, 6, 40].map(millis).to_vec();
        assert_eq!(pauses, [250, 500, 1_000, 8_000, 15_000, 15_000]);
    }

    #[test]
    fn a_server_may_ask_for_more_but_not_for_too_much() {
        let mut patience = Patience::new(Duration::from_secs(60));
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(patience.pause(seconds(30)), seconds(30));
        assert_eq!(patience.pause(seconds(60)), None);
        assert_eq!(patience.pause(None), seconds(1));
        patience.renew();
        assert_eq!(patience.pause(None), Some(Duration::from_millis(250)));
    }
}
