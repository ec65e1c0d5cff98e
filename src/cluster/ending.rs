//! How a process ends when its cluster fails: with the reason, with exit code 1, and soon.
//!
//! Timely's threads cannot be stopped: they wait for peers that are gone, or panic when a socket
//! closes. So a fatal error ends the process, after the others were told.

use std::{
    panic::{self, PanicHookInfo},
    process,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use super::state::{Core, Phase, State, say};

/// Longest wait for the control channel to tell why a socket of the dataflow closed.
const REASON: Duration = Duration::from_secs(2);

/// How long the run may take to end by itself after a failure.
const GRACE: Duration = Duration::from_secs(3);

/// How long the run may take to end once it has said that it does.
const LAST: Duration = Duration::from_secs(10);

/// Makes failures of peers, and panics of this process, end this process.
pub(super) fn end_on_failure(core: &Arc<Core>) -> std::io::Result<()> {
    let watching = Arc::clone(core);
    thread::Builder::new().name("cluster:watch".to_owned()).spawn(move || watch(&watching))?;
    let core = Arc::clone(core);
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let over = |state: &State| state.phase == Phase::Over && state.fault.is_none();
        if over(&core.lock()) {
            default(info);
            return;
        }
        let name = thread::current().name().unwrap_or_default().to_owned();
        let closed = lost_peer(&name);
        if closed.is_some() || is_consequence(info) {
            // Process 0 knows more than the socket.
            let known = |reason: &Option<_>| reason.is_some().then_some(());
            if core.wait(Some(Instant::now() + REASON), |state| known(&state.fault)).is_none() {
                let process = closed.unwrap_or(core.me());
                let text = message(info);
                core.fault(process, &format!("{} lost it: {text}", core.name(core.me())));
            }
        } else if core.failure().is_none() {
            default(info);
            let place = info.location().map_or_else(String::new, |it| format!(" at {it}"));
            let what = message(info);
            core.fault(
                core.me(),
                &format!("thread `{name}` panicked{place}: {what}; this is a bug of crossic"),
            );
        }
        end(&core);
    }));
    Ok(())
}

/// Ends the process when it does not end by itself after a failure.
fn watch(core: &Core) {
    let seen = core.wait(None, |state| match (state.phase, &state.fault) {
        (_, Some(_)) => Some(true),
        (Phase::Over, None) => Some(false),
        _ => None,
    });
    if seen != Some(true) {
        return;
    }
    thread::sleep(GRACE);
    end(core)
}

/// Ends the process with the reason on stderr; where another thread is about to, it comes first.
pub(super) fn end(core: &Core) -> ! {
    match core.ending.swap(true, Ordering::AcqRel) {
        false => core.farewell(),
        true => thread::sleep(LAST),
    }
    if let Some(failure) = core.failure() {
        say(&format!("error: {failure}"));
    }
    process::exit(1)
}

/// Returns the peer of one of timely's threads that send and receive, by the thread's name.
fn lost_peer(name: &str) -> Option<usize> {
    let peer = name.strip_prefix("timely:send-").or_else(|| name.strip_prefix("timely:recv-"));
    peer.map(|peer| peer.parse().unwrap_or_default())
}

/// Returns whether a worker panics only because a thread of the network has.
fn is_consequence(info: &PanicHookInfo<'_>) -> bool {
    let text = message(info);
    text.contains("timely communication error") || text.contains("MergeQueue poisoned")
}

fn message(info: &PanicHookInfo<'_>) -> String {
    info.payload_as_str().unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_the_network_are_known_by_name() {
        assert_eq!(lost_peer("timely:recv-3"), Some(3));
        assert_eq!(lost_peer("timely:send-0"), Some(0));
        assert_eq!(lost_peer("timely:work-1"), None);
        assert_eq!(lost_peer("main"), None);
    }
}
