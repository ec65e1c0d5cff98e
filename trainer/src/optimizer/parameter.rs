//! What is trained: a flat list of vectors on the device.

use burn::tensor::{DType, Tensor};

/// A trained parameter. Its value is kept in 32 bits whatever the model computes in.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name in the layout of Hugging Face.
    pub name: String,
    /// Shape that the flat value has in the model.
    pub shape: Vec<usize>,
    /// The numbers, f32, `[product of shape]`.
    pub value: Tensor<1>,
    /// Whether weight decay pulls on it.
    pub decay: bool,
}

/// The gradient of every parameter, in their order, each f32 of the parameter's length; `None` where nothing
/// depended on the parameter.
pub type Gradients = Vec<Option<Tensor<1>>>;

/// Adds to the gradient of a parameter, if there is such a parameter; `gradient` is called only then.
pub(crate) fn add<const D: usize>(
    gradients: &mut [Option<Tensor<1>>],
    parameter: Option<usize>,
    gradient: impl FnOnce() -> Tensor<D>,
) {
    let Some(sum) = parameter.and_then(|it| gradients.get_mut(it)) else { return };
    let gradient = gradient();
    let n: usize = gradient.dims().iter().product();
    let gradient = gradient.reshape([n]).cast(DType::F32);
    *sum = Some(match sum.take() {
        Some(sum) => sum + gradient,
        None => gradient,
    });
}
