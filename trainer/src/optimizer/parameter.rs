//! What is trained: a flat list of vectors on the device.

use burn::tensor::Tensor;

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
