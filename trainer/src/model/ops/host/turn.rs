//! Rows of heads to heads of rows, turned by their position on the way, and back.

use burn::tensor::Tensor;

use super::{numbers, row, rows, tensor};

/// How rows and heads lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Windows.
    pub(crate) windows: usize,
    /// Tokens of a window.
    pub(crate) length: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Width of a head.
    pub(crate) width: usize,
}

impl Layout {
    /// Returns the number of rows.
    fn rows(&self) -> usize {
        self.windows * self.length
    }
}

/// Returns rows, shape `[rows, heads · width]`, as `[windows, heads, length, width]`, turned if there are angles.
///
/// Cosines and sines have one row of `width` a token.
pub(in crate::model::ops) fn to_heads(
    x: Tensor<2>,
    angles: Option<(&[f32], &[f32])>,
    layout: Layout,
) -> Tensor<4> {
    let Layout { windows, length, heads, width } = layout;
    let x = numbers(x);
    let mut y = vec![0.0; x.len()];
    rows(&mut y, width, |number, y| {
        let (token, head) = (number % length, number / length % heads);
        let place = number / (length * heads) * length + token;
        let x = row(&x, place * heads + head, width);
        match angles {
            Some((cosines, sines)) => {
                turn(x, row(cosines, place, width), row(sines, place, width), 1.0, y);
            }
            None => y.copy_from_slice(x),
        }
    });
    tensor(y, [windows, heads, length, width])
}

/// Returns heads as rows, the inverse of [`to_heads`]; gradients turn back.
pub(in crate::model::ops) fn to_rows(
    x: Tensor<4>,
    angles: Option<(&[f32], &[f32])>,
    layout: Layout,
) -> Tensor<2> {
    let Layout { length, heads, width, .. } = layout;
    let x = numbers(x);
    let mut y = vec![0.0; x.len()];
    rows(&mut y, width, |number, y| {
        let (place, head) = (number / heads, number % heads);
        let x = row(&x, (place / length * heads + head) * length + place % length, width);
        match angles {
            Some((cosines, sines)) => {
                turn(x, row(cosines, place, width), row(sines, place, width), -1.0, y);
            }
            None => y.copy_from_slice(x),
        }
    });
    tensor(y, [layout.rows(), heads * width])
}

#[inline(always)]
fn turn(x: &[f32], cosines: &[f32], sines: &[f32], direction: f32, y: &mut [f32]) {
    let half = x.len() / 2;
    let (first, second) = x.split_at(half);
    let (y_first, y_second) = y.split_at_mut(half);
    let angles = cosines.iter().zip(sines);
    let halves = first.iter().zip(second).zip(y_first.iter_mut().zip(y_second));
    for ((cosine, sine), ((first, second), (y_first, y_second))) in angles.zip(halves) {
        let sine = sine * direction;
        *y_first = first * cosine - second * sine;
        *y_second = second * cosine + first * sine;
    }
}
