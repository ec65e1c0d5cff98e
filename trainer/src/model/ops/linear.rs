//! Linear layers that share their input, with low-rank adapters beside them.
//!
//! `y = x Wᵀ + b + s · (drop(x) Aᵀ) Bᵀ`: the adapter is a path of its own, never added into `W`, whose 16 bits would
//! swallow it. Layers that share an input (q, k, v; gate, up) are one product, and so are their `A`s; they share one
//! dropout mask, too (PEFT draws one a layer: the distribution is the same for each).

use burn::tensor::{DType, Tensor};

use super::{dropout::Dropout, host};
use crate::optimizer::parameter::{self, Gradients};

/// Linear layers with one input of width `in`.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Weights one below the other, shape `[sum of outs, in]`.
    pub(crate) weight: Tensor<2>,
    /// Biases end to end, shape `[sum of outs]`; zeros for layers without.
    pub(crate) bias: Option<Tensor<1>>,
    /// The `A`s of the layers that have an adapter one below the other, shape `[adapters · rank, in]`.
    pub(crate) a: Option<Tensor<2>>,
    /// The layers, from top to bottom.
    pub(crate) layers: Vec<Layer>,
    /// `alpha / rank`.
    pub(crate) scale: f64,
}

/// One linear layer of a group.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// Width of its output.
    pub(crate) out: usize,
    /// Its adapter's `B`, shape `[out, rank]`.
    pub(crate) b: Option<Tensor<2>>,
    /// Where its parameters stand, for those that are trained.
    pub(crate) trained: Trained,
}

/// Positions of the parameters of a layer in the flat list, for those that are trained.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trained {
    /// `A` of the adapter.
    pub(crate) a: Option<usize>,
    /// `B` of the adapter.
    pub(crate) b: Option<usize>,
    /// The weight.
    pub(crate) weight: Option<usize>,
    /// The bias.
    pub(crate) bias: Option<usize>,
}

/// What the backward pass needs besides the input: `s · drop(x) Aᵀ`, shape `[rows, adapters · rank]`.
pub(crate) type Inner = Option<Tensor<2>>;

impl Group {
    /// Returns the outputs of the layers, `[rows, out]` each, and what the backward pass needs.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        dropout: Option<Dropout>,
    ) -> (Vec<Tensor<2>>, Inner) {
        let products = self.products(&x);
        let inner = self
            .a
            .as_ref()
            .map(|a| dropped(x, dropout).matmul(a.clone().transpose()).mul_scalar(self.scale));
        let mut outputs = Vec::with_capacity(self.layers.len());
        let mut adapters = 0;
        for (layer, mut part) in self.layers.iter().zip(products) {
            if let (Some(b), Some(inner)) = (&layer.b, &inner) {
                let inner = self.inner_of(inner, adapters, b);
                part = part + inner.matmul(b.clone().transpose());
                adapters += 1;
            }
            outputs.push(part);
        }
        (outputs, inner)
    }

    /// Returns `x Wᵀ + b` of every layer.
    ///
    /// One product is best where a call costs much. On the CPU it costs nothing, but to take the columns apart again
    /// does, so there each layer has its own.
    fn products(&self, x: &Tensor<2>) -> Vec<Tensor<2>> {
        let with_bias = |y: Tensor<2>, row, out| match &self.bias {
            Some(bias) => y + bias.clone().narrow(0, row, out).unsqueeze::<2>(),
            None => y,
        };
        if !host::holds(x) {
            let y = x.clone().matmul(self.weight.clone().transpose());
            let y = with_bias(y, 0, self.weight.dims()[0]);
            return self.rows().map(|(row, out)| y.clone().narrow(1, row, out)).collect();
        }
        let layers = self.rows().map(|(row, out)| {
            let weight = self.weight.clone().narrow(0, row, out);
            with_bias(x.clone().matmul(weight.transpose()), row, out)
        });
        layers.collect()
    }

    /// Returns the gradient of the input through the weights.
    fn through_weights(&self, dys: &[Tensor<2>]) -> Tensor<2> {
        let layers = self
            .rows()
            .zip(dys)
            .map(|((row, out), dy)| dy.clone().matmul(self.weight.clone().narrow(0, row, out)));
        match dys {
            [dy] => dy.clone().matmul(self.weight.clone()),
            [first, ..] if !host::holds(first) => {
                Tensor::cat(dys.to_vec(), 1).matmul(self.weight.clone())
            }
            _ => layers
                .reduce(|sum, it| sum + it)
                .unwrap_or_else(|| unreachable!("a group has a layer")),
        }
    }

    /// Returns the first row of every layer in the weights, and how many it has.
    fn rows(&self) -> impl Iterator<Item = (usize, usize)> {
        self.layers.iter().scan(0, |row, layer| {
            *row += layer.out;
            Some((*row - layer.out, layer.out))
        })
    }

    /// Returns the gradient of the input and adds those of the trained parameters, from those of the outputs.
    pub(crate) fn backward(
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
            let inner = self.inner_of(inner, dinner.len(), b);
            parameter::add(gradients, layer.trained.b, || dy.clone().transpose().matmul(inner));
            dinner.push(dy.clone().matmul(b.clone()).mul_scalar(self.scale));
        }
        for (layer, dy) in self.layers.iter().zip(&dys) {
            let dy = || dy.clone();
            parameter::add(gradients, layer.trained.weight, || dy().transpose().matmul(x.clone()));
            parameter::add(gradients, layer.trained.bias, || dy().cast(DType::F32).sum_dim(0));
        }
        let mut dx = self.through_weights(&dys);
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
