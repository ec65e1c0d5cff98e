//! Hashes that stand in for chance: a function of a seed and of what is decided upon, and of nothing else.

use crossic_operators::record::Digest;

/// A keyed hash for one purpose and some numbers, such as a seed and an epoch.
#[derive(Clone, Debug)]
pub struct Keyed([u8; blake3::KEY_LEN]);

impl Keyed {
    /// Returns the hash for a purpose; two purposes never agree, whatever their numbers.
    pub fn new(purpose: &str, numbers: &[u64]) -> Keyed {
        let material: Vec<u8> = numbers.iter().flat_map(|it| it.to_le_bytes()).collect();
        Keyed(blake3::derive_key(purpose, &material))
    }

    /// Returns 64 evenly distributed bits for a digest.
    pub fn bits(&self, digest: Digest) -> u64 {
        let hash = blake3::keyed_hash(&self.0, &digest.bytes());
        hash.as_bytes().iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
    }

    /// Returns a number in [0, 1) for a digest, exact on every machine.
    pub fn share(&self, digest: Digest) -> f64 {
        // A float holds 53 bits without rounding.
        (self.bits(digest) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_and_numbers_matter_and_shares_are_even() {
        let keys = [
            Keyed::new("a", &[1]),
            Keyed::new("b", &[1]),
            Keyed::new("a", &[2]),
            Keyed::new("a", &[1, 0]),
        ];
        let digests: Vec<_> = (0..4_000_u32).map(|it| Digest::of(&it.to_le_bytes())).collect();
        for (n, key) in keys.iter().enumerate() {
            for other in &keys[..n] {
                assert_ne!(key.bits(digests[0]), other.bits(digests[0]));
            }
            let shares: Vec<_> = digests.iter().map(|it| key.share(*it)).collect();
            assert!(shares.iter().all(|it| (0.0..1.0).contains(it)));
            let n_low = shares.iter().filter(|it| **it < 0.25).count();
            assert!((850..1150).contains(&n_low), "{n_low} of 4000 lie below a quarter");
        }
    }
}
