//! What is trained: a flat list of named parameters, and their gradients.

use burn::tensor::{DType, Tensor};

/// A trained parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in Hugging Face's layout, such as `model.layers.0.self_attn.q_proj.lora_A.weight`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers end to end, in 32 bits.
    pub value: Tensor<1>,
    /// Whether weight decay applies: to matrices, not to norms and biases.
    pub decay: bool,
}

/// The gradients of the parameters of an engine, in the same order, in 32 bits.
#[derive(Clone, Debug, Default)]
pub struct Gradients(Vec<Option<Tensor<1>>>);

impl Gradients {
    /// Returns gradients of zero for `n` parameters.
    pub fn new(n: usize) -> Gradients {
        Gradients(vec![None; n])
    }

    /// Returns the gradients in the order of the parameters; `None` is zero.
    pub fn into_inner(self) -> Vec<Option<Tensor<1>>> {
        self.0
    }

    /// Returns the gradients in the order of the parameters; `None` is zero.
    pub fn as_slice(&self) -> &[Option<Tensor<1>>] {
        &self.0
    }

    /// Adds to the gradient of a parameter, if it is trained.
    pub(in crate::model) fn add<const D: usize>(
        &mut self,
        parameter: Option<usize>,
        gradient: impl FnOnce() -> Tensor<D>,
    ) {
        let Some(sum) = parameter.and_then(|it| self.0.get_mut(it)) else { return };
        let gradient = gradient();
        let n: usize = gradient.dims().iter().product();
        let gradient = gradient.reshape([n]).cast(DType::F32);
        *sum = Some(match sum.take() {
            Some(sum) => sum + gradient,
            None => gradient,
        });
    }
}
