//! The operations on the CPU as single passes over memory.
//!
//! flex computes one tensor operation after the other, each through memory; the chains between matrix products are
//! fused here instead. The tensor operations beside them are what these passes are tested against, and what every
//! other device and number format runs. Rows go to threads whole, so that no sum depends on the number of threads.

pub(super) mod activation;
pub(super) mod gelu;
pub(super) mod layer_norm;
pub(super) mod loss;
pub(super) mod mask;
pub(super) mod norm;
pub(super) mod softmax;
#[cfg(test)]
mod tests;
pub(crate) mod turn;

use rayon::prelude::*;

pub(super) use crate::host::{holds, numbers, tensor};

/// Numbers that are worth a task of their own.
const TASK: usize = 1 << 14;

/// Numbers that are summed side by side.
const LANES: usize = 16;

/// Calls `pass` with the number of every row and the row, on all threads, with the widest instructions there are.
fn rows(all: &mut [f32], width: usize, pass: impl Fn(usize, &mut [f32]) + Sync) {
    let n = (TASK / width.max(1)).max(1);
    all.par_chunks_mut((n * width).max(1)).enumerate().for_each(|(task, chunk)| {
        pulp::Arch::new().dispatch(|| {
            for (row, numbers) in chunk.chunks_mut(width).enumerate() {
                pass(task * n + row, numbers);
            }
        });
    });
}

/// Like [`rows`], over the rows of two lists side by side.
fn rows_of_two(
    (one, one_width): (&mut [f32], usize),
    (two, two_width): (&mut [f32], usize),
    pass: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let n = (TASK / one_width.max(1)).max(1);
    let ones = one.par_chunks_mut((n * one_width).max(1));
    let twos = two.par_chunks_mut((n * two_width).max(1));
    ones.zip(twos).enumerate().for_each(|(task, (one, two))| {
        pulp::Arch::new().dispatch(|| {
            let pairs = one.chunks_mut(one_width).zip(two.chunks_mut(two_width));
            for (row, (one, two)) in pairs.enumerate() {
                pass(task * n + row, one, two);
            }
        });
    });
}

/// Returns row `row` of `width` numbers.
#[inline(always)]
fn row(all: &[f32], row: usize, width: usize) -> &[f32] {
    all.get(row * width..(row + 1) * width).unwrap_or_default()
}

/// Returns e to the power of `x`, held between -87 and 88, to within two units in the last place.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // 2^n · e^r with |r| <= ln 2 / 2. Adding 1.5 · 2^23 rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = sum * r + coefficient;
    }
    let power = sum * r * r + r + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()) << 23;
    f32::from_bits(power.to_bits().wrapping_add(exponent))
}

/// Returns the sum of `of` over the numbers of two slices of one length, in an order that depends on the length alone.
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            lanes[lane] += of(a[lane], b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| of(*a, *b)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Returns the largest number, minus infinity for none.
#[inline(always)]
fn largest(numbers: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = if lanes[lane] < chunk[lane] { chunk[lane] } else { lanes[lane] };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |most, it| most.max(*it))
}
