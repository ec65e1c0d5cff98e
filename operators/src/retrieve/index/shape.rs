//! What the vectors of an index share, and what a product of them is worth.

use std::fmt;

use super::{Error, MILLION};
use crate::retrieve::vector::{Form, Query, Vector};

/// Most dimensions of dense vectors.
pub const MAX_DIMS: usize = 1 << 16;
/// Least length of a unit vector: below it a vector is mostly rounding.
pub const MIN_UNIT: u32 = 16;
/// Largest length of a unit vector: up to it no sum of a search is beyond 32 bits.
pub const MAX_UNIT: u32 = 1 << 14;

/// What vectors must share to be compared: their form, and the length of a unit vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    form: Form,
    unit: u32,
}

impl Shape {
    /// Returns the shape of vectors of a form, the product of one of them with itself being the
    /// square of `unit`, but for rounding.
    ///
    /// For bytes that a scale made of floats, where a limit became 127, the unit is 127 divided by
    /// the limit: choose the unit, a whole number, and let it decide the limit.
    ///
    /// # Errors
    /// When dimensions or unit are outside their limits.
    pub fn new(form: Form, unit: u32) -> Result<Shape, Error> {
        let fits = match form {
            Form::Dense { dims } => (1..=MAX_DIMS).contains(&dims),
            Form::Sparse => true,
        };
        match fits && (MIN_UNIT..=MAX_UNIT).contains(&unit) {
            true => Ok(Shape { form, unit }),
            false => Err(Error::Shape { form, unit }),
        }
    }

    /// Returns the form of the vectors.
    pub fn form(self) -> Form {
        self.form
    }

    /// Returns how many numbers a dense vector has; 0 for sparse ones.
    pub fn dims(self) -> usize {
        match self.form {
            Form::Dense { dims } => dims,
            Form::Sparse => 0,
        }
    }

    /// Returns the length of a unit vector.
    pub fn unit(self) -> u32 {
        self.unit
    }

    /// Returns whether a document may have this vector: of the form, and about of length `unit`.
    ///
    /// Rounding makes vectors longer by a few per cent at most; what an encoder cuts off may make
    /// them shorter, but not to less than half.
    pub fn takes(self, vector: &Vector) -> bool {
        vector.form() == self.form && self.is_unit(vector.square())
    }

    /// Returns whether the square of a length is that of about a unit vector.
    pub(super) fn is_unit(self, square: u64) -> bool {
        let one = u64::from(self.unit).pow(2);
        one <= square.saturating_mul(4) && square.saturating_mul(100) <= one * 121
    }

    /// Returns the mean cosine that a product with a query is worth, in millionths, rounded down.
    ///
    /// Rounded down, a score reaches a threshold exactly if the cosine itself does.
    pub fn score(self, query: &Query, product: i64) -> i32 {
        let score = product.saturating_mul(i64::from(MILLION)).div_euclid(self.one(query));
        i32::try_from(score).unwrap_or(if score < 0 { i32::MIN } else { i32::MAX })
    }

    /// Returns the cosine of two documents, in millionths, rounded down; 0 for other forms.
    pub fn cosine(self, left: &Vector, right: &Vector) -> i32 {
        let query = Query::of(left);
        self.score(&query, query.dot(right))
    }

    /// Returns the least product whose score is not below `score`.
    pub fn least_product(self, query: &Query, score: i32) -> i64 {
        let (million, wanted) = (i64::from(MILLION), i64::from(score) * self.one(query));
        wanted.div_euclid(million) + i64::from(wanted.rem_euclid(million) != 0)
    }

    /// Returns the sum of products that is a mean cosine of 1; at most 2 to the power of 29.
    fn one(self, query: &Query) -> i64 {
        i64::from(query.n_vectors()) * i64::from(self.unit) * i64::from(self.unit)
    }

    /// Makes sure that queries can be compared with the vectors, and that no product is beyond 32
    /// bits: nor is any part of its sum, since no part of two vectors is longer than the whole.
    pub(super) fn check(self, queries: &[Query]) -> Result<(), Error> {
        for query in queries {
            if query.form() != self.form {
                return Err(Error::OtherForm { expected: self.form, found: query.form() });
            }
            let longest = u64::from(query.n_vectors()).pow(2) * u64::from(self.unit).pow(2);
            if longest * 121 < query.square().saturating_mul(100) {
                return Err(Error::LongQuery { unit: self.unit });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and unit {}", self.form, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(n_vectors: u32) -> Query {
        let vector = Vector::Dense(vec![1, 2]);
        if n_vectors == 1 { Query::of(&vector) } else { Query::fused(&vector, &vector) }
    }

    proptest! {
        #[test]
        fn a_score_reaches_a_threshold_if_the_fraction_does(
            unit in MIN_UNIT..=MAX_UNIT,
            n_vectors in 1..3_u32,
            product in -600_000_000..600_000_000_i64,
            threshold in -1_000_000..=1_000_000_i32,
        ) {
            let shape = Shape::new(Form::Sparse, unit).unwrap();
            let query = query(n_vectors);
            let one = i128::from(n_vectors) * i128::from(unit).pow(2);
            let reaches = i128::from(threshold) * one <= i128::from(product) * 1_000_000;
            let score = shape.score(&query, product);
            prop_assert_eq!(threshold <= score, reaches);
            prop_assert_eq!(shape.least_product(&query, threshold) <= product, reaches);
            let cosine = product as f64 / one as f64 * 1e6;
            prop_assert!((f64::from(score) + 0.5 - cosine.clamp(f64::from(i32::MIN), f64::from(i32::MAX))).abs() <= 0.51);
        }

        #[test]
        fn no_number_overflows(product: i64, threshold: i32) {
            let shape = Shape::new(Form::Sparse, MAX_UNIT).unwrap();
            shape.score(&query(2), product);
            shape.least_product(&query(2), threshold);
        }
    }

    #[test]
    fn a_product_of_one_is_a_million() {
        let shape = Shape::new(Form::Dense { dims: 2 }, 507).unwrap();
        assert_eq!(shape.score(&query(1), 257_049), 1_000_000);
        assert_eq!(shape.score(&query(2), 257_049), 500_000);
        assert_eq!(shape.score(&query(1), -1), -4);
        let (left, right) = (Vector::Dense(vec![3, 4]), Vector::Dense(vec![0, 5]));
        let shape = Shape::new(Form::Dense { dims: 2 }, 20).unwrap();
        assert_eq!(shape.cosine(&left, &right), 50_000);
    }
}
