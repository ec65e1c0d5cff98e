//! The device that computes, by the name that a user gives it: whether it is there, and whether it works.
//!
//! What cubecl finds missing while it computes, it panics about; so a GPU is tried before it is used, and what is
//! missing becomes an error that says what to install.

use std::{fmt, str::FromStr};

use burn::tensor::{DType, Device};

use crate::{
    error::{Error, Result},
    memory,
    settings::Precision,
};

#[cfg(feature = "cuda")]
mod cuda;

/// A device by name: `cpu`, `cuda` or `cuda:1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceName {
    /// This machine's processor.
    #[default]
    Cpu,
    /// The NVIDIA GPU of this number, from 0.
    Cuda(u16),
}

impl FromStr for DeviceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<DeviceName> {
        match text {
            "cpu" => Some(DeviceName::Cpu),
            "cuda" => Some(DeviceName::Cuda(0)),
            _ => text.strip_prefix("cuda:").and_then(|it| it.parse().ok()).map(DeviceName::Cuda),
        }
        .ok_or_else(|| {
            let hint = "valid are `cpu`, `cuda` and `cuda:1`, the second GPU of this machine";
            Error::refused(format!("`{text}` names no device"), hint)
        })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceName::Cpu => f.write_str("cpu"),
            DeviceName::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl DeviceName {
    /// Returns the device, ready to compute.
    ///
    /// # Errors
    ///
    /// crossic was built without CUDA, there is no such GPU, or it does not compute; the hint says what to do.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceName::Cpu => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            DeviceName::Cuda(number) => cuda::open(number),
            #[cfg(not(feature = "cuda"))]
            DeviceName::Cuda(_) => Err(Error::refused(
                format!("this crossic was built without CUDA, so there is no device `{self}`"),
                "build it with `cargo build --release --features cuda`; that needs neither CUDA nor a GPU",
            )),
        }
    }

    /// Returns the number format that the device computes fastest in.
    pub fn precision(self) -> Precision {
        match self {
            DeviceName::Cpu => Precision::F32,
            DeviceName::Cuda(_) => Precision::Bf16,
        }
    }

    /// Returns the bytes of memory that may be planned with; `None` where that cannot be told.
    ///
    /// Not all that is free: a processor's memory is others', too, and the pools of a GPU are never quite full.
    pub fn usable_memory(self) -> Option<u64> {
        let share = |free: u64, percent: u64| free / 100 * percent;
        match self {
            DeviceName::Cpu => Some(share(memory::of_machine()?, 70)),
            #[cfg(feature = "cuda")]
            DeviceName::Cuda(number) => Some(share(cuda::free_memory(number)?, 85)),
            #[cfg(not(feature = "cuda"))]
            DeviceName::Cuda(_) => None,
        }
    }
}

/// Returns the number format that a device computes in: what is asked for, or its own.
pub fn dtype(device: DeviceName, precision: Option<Precision>) -> DType {
    match precision.unwrap_or(device.precision()) {
        Precision::F32 => DType::F32,
        Precision::Bf16 => DType::BF16,
    }
}

/// Sets the number of threads that compute on the CPU; only the first call of a process counts.
pub fn use_threads(n: usize) {
    // A pool that exists already, in tests for example, is as good: results do not depend on it.
    let _made = rayon::ThreadPoolBuilder::new().num_threads(n).build_global().is_ok();
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;

    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (text, expected) in [
            ("cpu", DeviceName::Cpu),
            ("cuda", DeviceName::Cuda(0)),
            ("cuda:0", DeviceName::Cuda(0)),
            ("cuda:7", DeviceName::Cuda(7)),
        ] {
            let name: DeviceName = text.parse().unwrap();
            assert_eq!(name, expected);
            assert_eq!(name.to_string().parse::<DeviceName>().unwrap(), expected);
        }
        for text in ["", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cuda:99999", "cuda 0"] {
            let error = text.parse::<DeviceName>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")));
            assert!(error.hint().unwrap().contains("`cuda:1`"));
        }
    }

    #[test]
    fn the_processor_computes() {
        let device = DeviceName::Cpu.open().unwrap();
        assert_eq!(Tensor::<1>::ones([5], &device).sum().into_scalar::<f32>(), 5.0);
    }

    /// True of every machine: of one without GPUs, and of a build without CUDA.
    #[test]
    fn a_missing_gpu_is_an_error_with_a_remedy() {
        let error = DeviceName::Cuda(4321).open().unwrap_err();
        assert!(error.to_string().contains("`cuda:4321`"), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(DeviceName::Cuda(4321).usable_memory(), None);
    }
}
