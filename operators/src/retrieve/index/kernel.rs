//! The two loops that take all the time: inner product and squared distance of int8 vectors.
//!
//! Sums of integers are the same in any order, so the compiler may do as many lanes as the processor
//! of the run has; `pulp` picks the widest loop when the program runs.

use pulp::{Arch, Simd, WithSimd};

/// Returns the inner product.
pub(super) fn product(left: &[i8], right: &[i8]) -> i32 {
    Arch::new().dispatch(Product(left, right))
}

/// Returns the square of the Euclidean distance.
pub(super) fn squared_distance(left: &[i8], right: &[i8]) -> i32 {
    Arch::new().dispatch(SquaredDistance(left, right))
}

struct Product<'a>(&'a [i8], &'a [i8]);

impl WithSimd for Product<'_> {
    type Output = i32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> i32 {
        let pairs = self.0.iter().zip(self.1);
        pairs.map(|(&left, &right)| i32::from(left) * i32::from(right)).sum()
    }
}

struct SquaredDistance<'a>(&'a [i8], &'a [i8]);

impl WithSimd for SquaredDistance<'_> {
    type Output = i32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> i32 {
        let gaps =
            self.0.iter().zip(self.1).map(|(&left, &right)| i16::from(left) - i16::from(right));
        gaps.map(|gap| i32::from(gap) * i32::from(gap)).sum()
    }
}
