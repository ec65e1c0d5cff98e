//! Unit vectors in 8 bits a number, all by one scale, so that their products are whole numbers and the same anywhere.

use crate::error::{Error, Result};

/// The scale of a whole index: which number becomes 127.
///
/// ```
/// use crossic_trainer::encoder::int8::Scale;
///
/// let scale = Scale::new(0.5)?;
/// let mut bytes = Vec::new();
/// assert_eq!(scale.quantise(&[0.5, -0.25, 0.9], &mut bytes), 1);
/// assert_eq!(bytes, [127, -64, 127]);
/// # Ok::<(), crossic_trainer::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    limit: f32,
}

impl Scale {
    /// Returns the scale at which `limit` becomes 127; what lies beyond is cut off.
    ///
    /// # Errors
    ///
    /// `limit` is not above 0 and at most 1, the largest number of a unit vector.
    pub fn new(limit: f32) -> Result<Scale> {
        match 0.0 < limit && limit <= 1.0 {
            true => Ok(Scale { limit }),
            false => Err(Error::refused(
                format!("the 8-bit scale cannot have the limit {limit}"),
                "it is above 0 and at most 1; without one, the width of the vectors decides",
            )),
        }
    }

    /// Returns a scale for unit vectors of a width: numbers up to eight times their root mean square are kept.
    ///
    /// Few encoders have larger ones; [`Scale::quantise`] counts what is cut off.
    pub fn of_width(width: usize) -> Scale {
        Scale { limit: (8.0 / (width.max(1) as f32).sqrt()).min(1.0) }
    }

    /// Returns the number that becomes 127.
    pub fn limit(self) -> f32 {
        self.limit
    }

    /// Returns what a product of two 8-bit vectors is multiplied by to give their cosine.
    pub fn of_products(self) -> f64 {
        let step = f64::from(self.limit) / 127.0;
        step * step
    }

    /// Appends numbers rounded to nearest, ties to even; returns how many were cut off.
    pub fn quantise(self, numbers: &[f32], bytes: &mut Vec<i8>) -> usize {
        let factor = 127.0 / self.limit;
        let before = bytes.len();
        // A product that rounds to 127 is whole, however little above the limit its number was.
        bytes.extend(
            numbers.iter().map(|it| (it * factor).round_ties_even().clamp(-127.0, 127.0) as i8),
        );
        let written = bytes.get(before..).unwrap_or_default();
        let is_cut = |(number, byte): (&f32, &i8)| {
            byte.unsigned_abs() == 127 && 127.5 < (number * factor).abs()
        };
        numbers.iter().zip(written).filter(|it| is_cut(*it)).count()
    }
}

/// Returns the product of two vectors of one width; exact, and the same on every machine.
pub fn product(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_a_number_of_a_unit_vector() {
        for limit in [0.0, -0.5, 1.01, f32::NAN, f32::INFINITY] {
            assert!(Scale::new(limit).is_err(), "{limit}");
        }
        assert_eq!(Scale::of_width(3).limit(), 1.0);
        assert!((Scale::of_width(1600).limit() - 0.2).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn cosines_are_kept(a in prop::collection::vec(-1_f32..1.0, 256), b in prop::collection::vec(-1_f32..1.0, 256)) {
            let unit = |it: &[f32]| {
                let norm = it.iter().map(|it| it * it).sum::<f32>().sqrt().max(1e-3);
                it.iter().map(|it| it / norm).collect::<Vec<f32>>()
            };
            let (a, b) = (unit(&a), unit(&b));
            let scale = Scale::of_width(256);
            let (mut a8, mut b8) = (Vec::new(), Vec::new());
            prop_assert_eq!(scale.quantise(&a, &mut a8) + scale.quantise(&b, &mut b8), 0);
            let exact: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            let found = f64::from(product(&a8, &b8)) * scale.of_products();
            // Half a step a number, in the worst direction for all of them, is 256 times as much as is likely.
            prop_assert!((found - f64::from(exact)).abs() < 0.01, "{found} {exact}");
        }
    }
}
