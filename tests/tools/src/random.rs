//! Seeded randomness that is the same on every machine: integers only, and every draw is a function
//! of (seed, purpose, number), so that any page can be made without making the pages before it.

/// A stream of random integers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Returns the stream that belongs to this seed, purpose and number.
    pub fn new(seed: u64, purpose: &str, number: u64) -> Self {
        let named = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Random { state: mix(mix(seed ^ named).wrapping_add(number)) }
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Returns a number in `0..bound`, or 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// Returns a number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Returns true with the given probability (0 never, 1 always).
    pub fn chance(&mut self, probability: f64) -> bool {
        let threshold = (probability * 4_294_967_296.0) as u64;
        (self.bits() >> 32) < threshold
    }

    /// Returns one of the items, or `None` of an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Returns a rank in `0..bound` whose frequency falls off roughly as 1 / rank.
    pub fn rank(&mut self, bound: u64) -> u64 {
        let n_octaves = u64::from(bound.max(2).ilog2());
        let start = 1_u64 << self.below(n_octaves);
        start - 1 + self.below(start)
    }

    /// Returns a count that is roughly log-normal around `median` (spread 0.8 in natural
    /// logarithms), at least 1.
    pub fn log_normal(&mut self, median: u64) -> u64 {
        // The sum of twelve uniforms is nearly normal, with a standard deviation of one.
        let sum: i64 = (0..12).map(|_| self.below(65_536) as i64).sum();
        let sixteenths = (sum - 6 * 65_536) * 18 / 65_536;
        let octaves = sixteenths.div_euclid(16);
        let fraction = 65_536 + 4_096 * sixteenths.rem_euclid(16) as u64;
        let scaled = median.saturating_mul(fraction);
        let shifted = if octaves < 0 { scaled >> (-octaves) } else { scaled << octaves };
        ((shifted + 32_768) >> 16).max(1)
    }
}

/// A seeded shuffle of `0..size` that is computed, not stored.
#[derive(Clone, Debug)]
pub struct Permutation {
    seed: u64,
    size: u64,
    half_bits: u32,
}

impl Permutation {
    /// Returns the shuffle of `0..size` for this seed.
    pub fn new(seed: u64, size: u64) -> Self {
        let bits = u64::BITS - size.max(2).leading_zeros();
        Permutation { seed, size, half_bits: bits.div_ceil(2) }
    }

    /// Returns where `number` goes; a number outside the domain stays where it is.
    pub fn forward(&self, number: u64) -> u64 {
        self.walk(number, [0, 1, 2, 3], false)
    }

    /// Returns where `number` came from; a number outside the domain stays where it is.
    pub fn backward(&self, number: u64) -> u64 {
        self.walk(number, [3, 2, 1, 0], true)
    }

    // A Feistel network shuffles a power of four; numbers that fall outside the domain are sent
    // through again.
    fn walk(&self, number: u64, rounds: [u64; 4], swapped: bool) -> u64 {
        if self.size <= number {
            return number;
        }
        let mask = (1_u64 << self.half_bits) - 1;
        let mut current = number;
        loop {
            let (mut left, mut right) = (current >> self.half_bits, current & mask);
            if swapped {
                (left, right) = (right, left);
            }
            for round in rounds {
                let noise = mix(self.seed ^ mix(right.wrapping_mul(4).wrapping_add(round))) & mask;
                (left, right) = (right, left ^ noise);
            }
            if swapped {
                (left, right) = (right, left);
            }
            current = (left << self.half_bits) | right;
            if current < self.size {
                return current;
            }
        }
    }
}

fn mix(value: u64) -> u64 {
    let first = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    second ^ (second >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_visits_every_number_once_and_can_be_undone() {
        for size in [1, 2, 5, 64, 1000] {
            let permutation = Permutation::new(7, size);
            let mut seen: Vec<u64> = (0..size).map(|number| permutation.forward(number)).collect();
            for (number, image) in seen.iter().enumerate() {
                assert_eq!(permutation.backward(*image), number as u64);
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..size).collect::<Vec<_>>());
        }
    }

    #[test]
    fn half_of_the_log_normal_counts_lie_below_the_median() {
        let mut random = Random::new(1, "test", 0);
        let mut counts: Vec<u64> = (0..4001).map(|_| random.log_normal(40)).collect();
        counts.sort_unstable();
        assert!((37..=43).contains(&counts[2000]), "{}", counts[2000]);
        assert!((85..=150).contains(&counts[3600]), "{}", counts[3600]);
    }

    #[test]
    fn low_ranks_are_frequent_and_none_is_out_of_bounds() {
        let mut random = Random::new(1, "test", 0);
        let ranks: Vec<u64> = (0..10_000).map(|_| random.rank(1000)).collect();
        assert!(ranks.iter().all(|rank| *rank < 1000));
        assert!(ranks.iter().filter(|rank| **rank == 0).count() > 800);
    }
}
