//! What computes.

use std::fmt;

use burn::tensor::{DType, Device};

use crate::{
    error::{Error, Result},
    settings::Precision,
};

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU.
    #[default]
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda => "cuda",
        })
    }
}

/// Opens a device.
///
/// # Errors
///
/// There is none of the kind, or this crossic was built without it.
pub fn open(kind: DeviceKind) -> Result<Device> {
    match kind {
        DeviceKind::Cpu => Ok(Device::flex()),
        DeviceKind::Cuda => Err(Error::refused(
            "this crossic was built without CUDA",
            "build it with `cargo build --release --features cuda`",
        )),
    }
}

/// Returns the number format that a device computes in: what is asked for, or its own.
pub fn dtype(kind: DeviceKind, precision: Option<Precision>) -> DType {
    match (precision, kind) {
        (Some(Precision::F32), _) | (None, DeviceKind::Cpu) => DType::F32,
        (Some(Precision::Bf16), _) | (None, DeviceKind::Cuda) => DType::BF16,
    }
}

/// Sets the number of threads that compute on the CPU; only the first call of a process counts.
pub fn use_threads(n: usize) {
    // A pool that exists already, in tests for example, is as good: results do not depend on it.
    let _made = rayon::ThreadPoolBuilder::new().num_threads(n).build_global().is_ok();
}
