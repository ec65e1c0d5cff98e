//! How much of what the model computes is padding.

/// Tokens of some windows, and those they take up when padded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Tokens, without padding.
    pub n_tokens: u64,
    /// Tokens where every window is as long as the longest that goes through the model at the same time.
    pub n_to_longest: u64,
    /// Tokens where every window is N long.
    pub n_to_limit: u64,
}

impl Padding {
    /// Returns the padding of windows of these lengths, in order, of which `micro_windows` go through the model at once
    /// and of which N = `limit` tokens is the most.
    pub fn of(lengths: &[usize], micro_windows: usize, limit: usize) -> Padding {
        let micros = lengths.chunks(micro_windows.max(1));
        Padding {
            n_tokens: lengths.iter().map(|it| *it as u64).sum(),
            n_to_longest: micros
                .map(|it| (it.len() * it.iter().max().copied().unwrap_or(0)) as u64)
                .sum(),
            n_to_limit: (lengths.len() * limit) as u64,
        }
    }

    /// Adds the padding of other windows.
    pub fn add(&mut self, other: Padding) {
        self.n_tokens += other.n_tokens;
        self.n_to_longest += other.n_to_longest;
        self.n_to_limit += other.n_to_limit;
    }

    /// Returns the share of padding, in [0, 1), where windows are padded to the longest of their micro-batch; 0 for no
    /// windows.
    pub fn share_to_longest(&self) -> f64 {
        share(self.n_tokens, self.n_to_longest)
    }

    /// Returns the share of padding, in [0, 1), where windows are padded to N; 0 for no windows.
    pub fn share_to_limit(&self) -> f64 {
        share(self.n_tokens, self.n_to_limit)
    }
}

fn share(n_tokens: u64, n_padded: u64) -> f64 {
    if n_padded == 0 { 0.0 } else { 1.0 - n_tokens as f64 / n_padded as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_padded_to_their_neighbours_or_to_n() {
        // (10, 8) to 10, (4, 6) to 6, (5) alone.
        let mut padding = Padding::of(&[10, 8, 4, 6, 5], 2, 11);
        assert_eq!(padding, Padding { n_tokens: 33, n_to_longest: 37, n_to_limit: 55 });
        assert_eq!(padding.share_to_limit(), 0.4);
        assert_eq!(padding.share_to_longest(), 1.0 - 33.0 / 37.0);
        padding.add(Padding::of(&[11, 11], 1, 11));
        assert_eq!(padding, Padding { n_tokens: 55, n_to_longest: 59, n_to_limit: 77 });
        assert_eq!(Padding::of(&[4, 6], 1, 11).share_to_longest(), 0.0);
        assert_eq!(Padding::of(&[], 0, 11).share_to_limit(), 0.0);
    }
}
