//! Tensors that lie in this process's memory, as plain numbers and back.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// Returns whether a tensor lies in memory as 32-bit numbers.
pub(crate) fn holds<const D: usize>(x: &Tensor<D>) -> bool {
    runs(&x.device(), x.dtype())
}

/// Returns whether tensors of a device and a number format lie in memory as 32-bit numbers.
pub(crate) fn runs(device: &Device, dtype: DType) -> bool {
    dtype == DType::F32 && *device == Device::flex()
}

/// Returns the numbers of a tensor, the last dimension fastest; a tensor that nobody else holds is not copied.
pub(crate) fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_into_vec::<f32>().unwrap_or_else(|_| unreachable!("32-bit numbers in memory"))
}

/// Makes a tensor of numbers, without a copy.
pub(crate) fn tensor<const D: usize>(numbers: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers, shape), (&Device::flex(), DType::F32))
}
