//! A tensor as a file holds it, and the number formats that the trainer reads.

use half::{bf16, f16};

/// Number formats of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32 bits.
    F32,
    /// IEEE half precision.
    F16,
    /// bfloat16.
    Bf16,
}

impl Dtype {
    /// Returns the bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::Bf16 => 2,
        }
    }

    /// Returns the name in a safetensors header.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::Bf16 => "BF16",
        }
    }
}

/// A tensor as a file holds it: little-endian numbers, the last axis fastest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTensor {
    /// Number format.
    pub dtype: Dtype,
    /// Length of every axis.
    pub shape: Vec<usize>,
    /// The numbers.
    pub bytes: Vec<u8>,
}

impl RawTensor {
    /// Rounds numbers (to nearest, ties to even) into a format.
    pub fn from_f32(dtype: Dtype, shape: Vec<usize>, values: &[f32]) -> RawTensor {
        let bytes = match dtype {
            Dtype::F32 => values.iter().flat_map(|it| it.to_le_bytes()).collect(),
            Dtype::F16 => values.iter().flat_map(|it| f16::from_f32(*it).to_le_bytes()).collect(),
            Dtype::Bf16 => values.iter().flat_map(|it| bf16::from_f32(*it).to_le_bytes()).collect(),
        };
        RawTensor { dtype, shape, bytes }
    }

    /// Returns the numbers; all three formats fit into 32 bits.
    pub fn to_f32(&self) -> Vec<f32> {
        match self.dtype {
            Dtype::F32 => numbers(&self.bytes, f32::from_le_bytes),
            Dtype::F16 => numbers(&self.bytes, |it| f16::from_le_bytes(it).to_f32()),
            Dtype::Bf16 => numbers(&self.bytes, |it| bf16::from_le_bytes(it).to_f32()),
        }
    }

    /// Rounds the numbers into another format.
    pub fn cast(self, dtype: Dtype) -> RawTensor {
        if self.dtype == dtype {
            return self;
        }
        let values = self.to_f32();
        RawTensor::from_f32(dtype, self.shape, &values)
    }

    /// Returns the position of the first number that is infinite or not a number.
    pub fn first_not_finite(&self) -> Option<usize> {
        match self.dtype {
            Dtype::F32 => position(&self.bytes, |it| !f32::from_le_bytes(it).is_finite()),
            Dtype::F16 => position(&self.bytes, |it| !f16::from_le_bytes(it).is_finite()),
            Dtype::Bf16 => position(&self.bytes, |it| !bf16::from_le_bytes(it).is_finite()),
        }
    }
}

fn numbers<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|it| read(*it)).collect()
}

fn position<const N: usize>(bytes: &[u8], is: impl Fn([u8; N]) -> bool) -> Option<usize> {
    bytes.as_chunks::<N>().0.iter().position(|it| is(*it))
}
