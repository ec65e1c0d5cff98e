//! The loss over a large vocabulary, in chunks of rows: the logits of a whole window never exist at once.
//!
//! The gradient is made in the forward pass, where the logits are: `softmax(h Wᵀ) - onehot(y)`.

use burn::tensor::{DType, IndexingUpdateOp, Int, Tensor, TensorData};

use super::host;

/// What is wanted of a loss.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Wanted {
    /// Rows of a chunk.
    pub(in crate::model) chunk: usize,
    /// Factor of the gradients: one by the number of learned tokens of the whole batch. `None`: no gradients.
    pub(in crate::model) scale: Option<f64>,
    /// Whether the gradient of the whole head is wanted.
    pub(in crate::model) head: bool,
    /// The row of the head whose gradient alone is wanted.
    pub(in crate::model) row: Option<usize>,
}

/// A loss and its gradients.
#[derive(Debug)]
pub(in crate::model) struct Loss {
    /// Negative log-likelihood of every row, shape `[rows]`, 32 bits.
    pub(in crate::model) tokens: Tensor<1>,
    /// Gradient of the hidden states, shape `[rows, width]`.
    pub(in crate::model) hidden: Option<Tensor<2>>,
    /// Gradient of the head, shape `[vocabulary, width]`, 32 bits.
    pub(in crate::model) head: Option<Tensor<2>>,
    /// Gradient of the wanted row of the head, shape `[1, width]`, 32 bits.
    pub(in crate::model) row: Option<Tensor<2>>,
}

/// Returns the loss of predicting `targets`, one a row, from `hidden`, shape `[rows, width]`.
///
/// `head` has shape `[vocabulary, width]`. There is at least one row.
pub(in crate::model) fn loss(
    hidden: Tensor<2>,
    head: &Tensor<2>,
    targets: &[i32],
    wanted: Wanted,
) -> Loss {
    let rows = hidden.dims()[0];
    let mut tokens = Vec::new();
    let mut dhidden = Vec::new();
    let (mut dhead, mut drow): (Option<Tensor<2>>, Option<Tensor<2>>) = (None, None);
    let add = |sum: Option<Tensor<2>>, part: Tensor<2>| match sum {
        Some(sum) => Some(sum + part.cast(DType::F32)),
        None => Some(part.cast(DType::F32)),
    };
    for start in (0..rows).step_by(wanted.chunk.max(1)) {
        let n = (rows - start).min(wanted.chunk.max(1));
        let h = hidden.clone().narrow(0, start, n);
        let y = targets.get(start..start + n).unwrap_or_default();
        let logits = h.clone().matmul(head.clone().transpose()).cast(DType::F32);
        let (losses, dlogits) = match host::holds(&logits) {
            true => host::loss::loss(logits, y, wanted.scale.unwrap_or_default()),
            false => chunk_tensors(logits, y, wanted.scale.unwrap_or_default()),
        };
        tokens.push(losses);
        if wanted.scale.is_none() {
            continue;
        }
        let dlogits = dlogits.cast(h.dtype());
        if wanted.head {
            dhead = add(dhead, dlogits.clone().transpose().matmul(h.clone()));
        }
        if let Some(row) = wanted.row {
            drow = add(drow, dlogits.clone().narrow(1, row, 1).transpose().matmul(h));
        }
        dhidden.push(dlogits.matmul(head.clone()));
    }
    Loss {
        tokens: Tensor::cat(tokens, 0),
        hidden: (!dhidden.is_empty()).then(|| Tensor::cat(dhidden, 0)),
        head: dhead,
        row: drow,
    }
}

/// Returns the losses of a chunk, shape `[rows]`, and the gradient of its logits, shape `[rows, vocabulary]`.
pub(super) fn chunk_tensors(
    logits: Tensor<2>,
    targets: &[i32],
    scale: f64,
) -> (Tensor<1>, Tensor<2>) {
    let n = targets.len();
    let device = logits.device();
    let y = TensorData::new(targets.to_vec(), [n, 1]);
    let y = Tensor::<2, Int>::from_data(y, (&device, DType::I32));
    let highest = logits.clone().max_dim(1);
    let said = logits.clone().gather(1, y.clone());
    let powers = (logits - highest.clone()).exp();
    let sum = powers.clone().sum_dim(1);
    let losses = (sum.clone().log() + highest - said).reshape([n]);
    let share = powers * sum.recip().mul_scalar(scale);
    let minus = Tensor::full([n, 1], -scale, (&device, DType::F32));
    (losses, share.scatter(1, y, minus, IndexingUpdateOp::Add))
}
