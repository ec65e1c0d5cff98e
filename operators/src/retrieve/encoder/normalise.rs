//! Weights brought to one length, in integers.

/// Returns weights scaled to a vector of length `unit`, each rounded to the nearest integer, halves
/// away from 0; zeros if all are 0. No weight may be beyond 2^47, nor there be more than 2^16.
pub(super) fn normalised(weights: &[i64], unit: u32) -> impl Iterator<Item = i64> {
    let squares: u128 = weights.iter().map(|it| u128::from(it.unsigned_abs()).pow(2)).sum();
    // Eight more bits, so that rounding the root does not matter.
    let length = (squares << 16).isqrt().max(1);
    weights.iter().map(move |weight| {
        let scaled = (u128::from(weight.unsigned_abs()) * u128::from(unit)) << 8;
        let rounded = i64::try_from((scaled + length / 2) / length).unwrap_or(i64::MAX);
        if *weight < 0 { -rounded } else { rounded }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn normalised_weights_are_those_of_floats(
            weights in prop::collection::vec(-(1_i64 << 40)..1 << 40, 1..20),
            unit in 1..20_000_u32,
        ) {
            let length = weights.iter().map(|it| (*it as f64).powi(2)).sum::<f64>().sqrt().max(1.0);
            for (found, weight) in normalised(&weights, unit).zip(&weights) {
                let expected = *weight as f64 / length * f64::from(unit);
                prop_assert!((found as f64 - expected).abs() < 0.6 + f64::from(unit) / 250.0 / length, "{found} {expected}");
            }
        }
    }
}
