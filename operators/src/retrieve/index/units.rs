//! Inner products as scores: what an integer product is in millionths, and back.

use super::MILLION;

/// The product of two equal vectors of length 1, which is a score of one million.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units(pub(super) i64);

impl Units {
    /// Returns the score of a product, rounded half up.
    pub(super) fn score(self, product: i64) -> i32 {
        let scaled = product.saturating_mul(i64::from(MILLION)).saturating_add(self.0 / 2);
        let score = scaled.div_euclid(self.0.max(1));
        i32::try_from(score).unwrap_or(if score < 0 { i32::MIN } else { i32::MAX })
    }

    /// Returns the least product whose score is not below `score`.
    pub(super) fn least_product(self, score: i32) -> i64 {
        let million = i64::from(MILLION);
        let scaled = i64::from(score).saturating_mul(self.0).saturating_sub(self.0 / 2);
        scaled.div_euclid(million) + i64::from(scaled.rem_euclid(million) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Units;

    #[test]
    fn the_least_product_is_the_first_that_reaches_the_score() {
        for one in [1_i64, 3, 256, 257_049, 1_000_000, 2_500_000_000] {
            for score in [-1_000_000, -7, 0, 1, 2, 3, 499_999, 750_000, 999_999, 1_000_000] {
                let units = Units(one);
                let least = units.least_product(score);
                assert!(score <= units.score(least), "{one} {score}");
                assert!(units.score(least - 1) < score, "{one} {score}");
            }
        }
    }

    #[test]
    fn a_product_of_one_is_a_million() {
        assert_eq!(Units(257_049).score(257_049), 1_000_000);
        assert_eq!(Units(4).score(-3), -750_000);
    }
}
