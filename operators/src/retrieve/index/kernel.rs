//! The two loops that take all the time: inner product and squared distance of int8 vectors.
//!
//! Sums of integers are the same in any order, so the compiler may do as many lanes as it likes.

/// Returns the inner product.
pub(super) fn product(left: &[i8], right: &[i8]) -> i32 {
    left.iter().zip(right).map(|(&left, &right)| i32::from(left) * i32::from(right)).sum()
}

/// Returns the square of the Euclidean distance.
pub(super) fn squared_distance(left: &[i8], right: &[i8]) -> i32 {
    let gaps = left.iter().zip(right).map(|(&left, &right)| i32::from(left) - i32::from(right));
    gaps.map(|gap| gap * gap).sum()
}
