//! Linear layers that share their input, with low-rank adapters beside them.
//!
//! `y = x Wᵀ + b + s · (drop(x) Aᵀ) Bᵀ`: the adapter is a path of its own, never added into `W`, whose 16 bits would
//! swallow it. Layers that share an input (q, k, v; gate, up) are one product, and so are their `A`s; they share one
//! dropout mask, too (PEFT draws one a layer: the distribution is the same for each).

use burn::tensor::{DType, Tensor};

use super::dropout::Dropout;
use crate::optimizer::parameter::{self, Gradients};

/// Linear layers with one input of width `in`.
#[derive(Clone, Debug)]
pub(in crate::model) struct Group {
    /// Weights one below the other, shape `[sum of outs, in]`.
    pub(in crate::model) weight: Tensor<2>,
    /// Biases end to end, shape `[sum of outs]`; zeros for layers without.
    pub(in crate::model) bias: Option<Tensor<1>>,
    /// The `A`s of the layers that have an adapter one below the other, shape `[adapters · rank, in]`.
    pub(in crate::model) a: Option<Tensor<2>>,
    /// The layers, from top to bottom.
    pub(in crate::model) layers: Vec<Layer>,
    /// `alpha / rank`.
    pub(in crate::model) scale: f64,
}

/// One linear layer of a group.
#[derive(Clone, Debug)]
pub(in crate::model) struct Layer {
    /// Width of its output.
    pub(in crate::model) out: usize,
    /// Its adapter's `B`, shape `[out, rank]`.
    pub(in crate::model) b: Option<Tensor<2>>,
    /// Where its parameters stand, for those that are trained.
    pub(in crate::model) trained: Trained,
}

/// Positions of the parameters of a layer in the flat list, for those that are trained.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::model) struct Trained {
    /// `A` of the adapter.
    pub(in crate::model) a: Option<usize>,
    /// `B` of the adapter.
    pub(in crate::model) b: Option<usize>,
    /// The weight.
    pub(in crate::model) weight: Option<usize>,
    /// The bias.
    pub(in crate::model) bias: Option<usize>,
}

/// What the backward pass needs besides the input: `drop(x) Aᵀ`, shape `[rows, adapters · rank]`.
pub(in crate::model) type Inner = Option<Tensor<2>>;

impl Group {
    /// Returns the outputs of the layers, `[rows, out]` each, and what the backward pass needs.
    pub(in crate::model) fn forward(
        &self,
        x: Tensor<2>,
        dropout: Option<Dropout>,
    ) -> (Vec<Tensor<2>>, Inner) {
        let mut y = x.clone().matmul(self.weight.clone().transpose());
        if let Some(bias) = &self.bias {
            y = y + bias.clone().unsqueeze::<2>();
        }
        let inner = self.a.as_ref().map(|a| dropped(x, dropout).matmul(a.clone().transpose()));
        let mut outputs = Vec::with_capacity(self.layers.len());
        let (mut column, mut adapters) = (0, 0);
        for layer in &self.layers {
            let mut part = match self.layers.len() {
                1 => y.clone(),
                _ => y.clone().narrow(1, column, layer.out),
            };
            if let (Some(b), Some(inner)) = (&layer.b, &inner) {
                let inner = self.inner_of(inner, adapters, b);
                part = part + inner.matmul(b.clone().transpose()).mul_scalar(self.scale);
                adapters += 1;
            }
            outputs.push(part);
            column += layer.out;
        }
        (outputs, inner)
    }

    /// Returns the gradient of the input and adds those of the trained parameters, from those of the outputs.
    pub(in crate::model) fn backward(
        &self,
        x: Tensor<2>,
        inner: Inner,
        dropout: Option<Dropout>,
        dys: Vec<Tensor<2>>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let mut dinner = Vec::new();
        for (layer, dy) in self.layers.iter().zip(&dys) {
            let (Some(b), Some(inner)) = (&layer.b, &inner) else { continue };
            let scaled = dy.clone().mul_scalar(self.scale);
            let inner = self.inner_of(inner, dinner.len(), b);
            parameter::add(gradients, layer.trained.b, || scaled.clone().transpose().matmul(inner));
            dinner.push(scaled.matmul(b.clone()));
        }
        let dy = match dys.len() {
            1 => dys.into_iter().next().unwrap_or_else(|| unreachable!("there is one")),
            _ => Tensor::cat(dys, 1),
        };
        let mut row = 0;
        for layer in &self.layers {
            let part = || dy.clone().narrow(1, row, layer.out);
            parameter::add(gradients, layer.trained.weight, || {
                part().transpose().matmul(x.clone())
            });
            parameter::add(gradients, layer.trained.bias, || part().cast(DType::F32).sum_dim(0));
            row += layer.out;
        }
        let mut dx = dy.matmul(self.weight.clone());
        if let Some(a) = &self.a {
            let dinner = Tensor::cat(dinner, 1);
            self.add_da(&dinner, dropped(x, dropout), gradients);
            dx = dx + dropped(dinner.matmul(a.clone()), dropout);
        }
        dx
    }

    /// Adds the gradients of the `A`s.
    fn add_da(&self, dinner: &Tensor<2>, seen: Tensor<2>, gradients: &mut Gradients) {
        let trained: Vec<usize> = self.layers.iter().filter_map(|it| it.trained.a).collect();
        let Some(rank) = dinner.dims()[1].checked_div(trained.len()) else { return };
        let da = dinner.clone().transpose().matmul(seen);
        for (number, parameter) in trained.into_iter().enumerate() {
            parameter::add(gradients, Some(parameter), || {
                da.clone().narrow(0, number * rank, rank)
            });
        }
    }

    /// Returns the columns of `inner` that belong to the adapter of a number.
    fn inner_of(&self, inner: &Tensor<2>, number: usize, b: &Tensor<2>) -> Tensor<2> {
        let rank = b.dims()[1];
        match inner.dims()[1] == rank {
            true => inner.clone(),
            false => inner.clone().narrow(1, number * rank, rank),
        }
    }
}

fn dropped(x: Tensor<2>, dropout: Option<Dropout>) -> Tensor<2> {
    match dropout {
        Some(it) => it.apply(x),
        None => x,
    }
}
