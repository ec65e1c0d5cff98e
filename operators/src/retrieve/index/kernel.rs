//! The two loops that take all the time: products of a query with vectors, and squared distances.
//!
//! Sums of integers are the same in any order, so the compiler may do as many lanes as the processor
//! of the run has; `pulp` picks the widest loop when the program runs. No sum is beyond 32 bits:
//! `Shape` makes sure of the lengths of the vectors.

use pulp::{Arch, Simd, WithSimd};

/// Returns the inner product of a query and a vector.
pub(super) fn product(query: &[i16], vector: &[i8]) -> i32 {
    Arch::new().dispatch(Product(query, vector))
}

/// Puts the products of a query with vectors that lie side by side in the place of those before.
pub(super) fn products(query: &[i16], vectors: &[i8], products: &mut Vec<i32>) {
    Arch::new().dispatch(Products(query, vectors, products));
}

/// Returns the square of the Euclidean distance.
pub(super) fn squared_distance(left: &[i8], right: &[i8]) -> i32 {
    Arch::new().dispatch(SquaredDistance(left, right))
}

struct Product<'a>(&'a [i16], &'a [i8]);

impl WithSimd for Product<'_> {
    type Output = i32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> i32 {
        let pairs = self.0.iter().zip(self.1);
        pairs.map(|(&left, &right)| i32::from(left) * i32::from(right)).sum()
    }
}

struct Products<'a>(&'a [i16], &'a [i8], &'a mut Vec<i32>);

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Products(query, vectors, products) = self;
        products.clear();
        for vector in vectors.chunks_exact(query.len().max(1)) {
            products.push(Product(query, vector).with_simd(simd));
        }
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
