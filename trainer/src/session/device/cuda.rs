//! NVIDIA GPUs: finds one, and makes sure that kernels can be compiled for it and run on it.
//!
//! Kernels are compiled while crossic runs, by NVIDIA's NVRTC, which needs CUDA's headers. cubecl meets a missing
//! library or header with a panic in the middle of a run; here each is tried beforehand.

use std::{
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use burn::tensor::{DType, Device, DeviceType, Tensor};
use cubecl::cuda::install;
use cudarc::{
    driver::{CudaContext, DriverError},
    nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts},
};

use crate::error::{Error, Result};

/// Uses the headers that cubecl's kernels use.
const KERNEL: &str = "\
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>
extern \"C\" __global__ void first(__nv_bfloat16 *x) { x[0] = __float2bfloat16(1.0f); }
";

/// Returns the GPU of a number, after a computation on it.
///
/// # Errors
///
/// There is no such GPU; NVRTC or CUDA's headers are missing or fit neither each other nor the driver; the GPU fails.
pub(super) fn open(number: u16) -> Result<Device> {
    let n = quiet(|| Device::enumerate(DeviceType::Cuda).into_vec().len()).map_err(failed)?;
    if n == 0 {
        return Err(Error::refused(
            format!("there is no NVIDIA GPU, so no device `cuda:{number}`"),
            "`nvidia-smi` shows whether the driver is installed and which GPUs it sees; \
             `CUDA_VISIBLE_DEVICES` can hide them; `--device cpu` trains without one",
        ));
    }
    if n <= usize::from(number) {
        return Err(Error::refused(
            format!("there is no device `cuda:{number}`"),
            format!("GPUs are counted from `cuda:0`, and the last one here is `cuda:{}`", n - 1),
        ));
    }
    try_kernel(number, &headers()?)?;
    let device = Device::cuda(usize::from(number));
    let ones = || Tensor::<1>::ones([5], &device).cast(DType::BF16);
    match quiet(|| ones().sum().cast(DType::F32).into_scalar::<f32>()).map_err(failed)? {
        5.0 => Ok(device),
        sum => Err(failed(format!("five ones add up to {sum} there"))),
    }
}

/// Returns the bytes of a GPU's memory that no program uses.
pub(super) fn free_memory(number: u16) -> Option<u64> {
    let free = || {
        let (free, _) = CudaContext::new(usize::from(number)).ok()?.mem_get_info().ok()?;
        u64::try_from(free).ok()
    };
    quiet(free).ok().flatten()
}

/// Returns the folder of CUDA's headers, where cubecl looks for it.
fn headers() -> Result<PathBuf> {
    let hint = "install the CUDA toolkit, 12.8 or 13; `CUDA_PATH` names its folder, which holds \
                `include/cuda_bf16.h`, where it is not `/usr/local/cuda`";
    let Some(path) = install::cuda_path() else {
        return Err(Error::refused(
            "CUDA's headers are nowhere, so no kernel can be compiled",
            hint,
        ));
    };
    match path.join("include/cuda_bf16.h").is_file() {
        true => Ok(path.join("include")),
        false => Err(Error::file(&path, "holds no `include/cuda_bf16.h`", hint)),
    }
}

/// Compiles a kernel as cubecl does, and hands it to the driver.
fn try_kernel(number: u16, headers: &Path) -> Result<()> {
    let (context, (major, minor)) = quiet(|| context(number)).map_err(failed)?.map_err(refused)?;
    let ptx = compile(headers, major, minor)?;
    quiet(|| context.load_module(ptx)).map_err(failed)?.map(drop).map_err(|error| {
        Error::refused(
            format!("the driver refuses what NVRTC compiles: {error}"),
            "the toolkit may be newer than the driver: `nvidia-smi` shows the newest CUDA that it runs",
        )
    })
}

/// A GPU, and its compute capability.
type Context = (Arc<CudaContext>, (i32, i32));

fn context(number: u16) -> std::result::Result<Context, DriverError> {
    let context = CudaContext::new(usize::from(number))?;
    let capability = context.compute_capability()?;
    Ok((context, capability))
}

fn compile(headers: &Path, major: i32, minor: i32) -> Result<Ptx> {
    // Only such code may use all of what GPUs from Hopper on can do.
    let suffix = if 9 <= major { "a" } else { "" };
    let include = |path: &Path| format!("--include-path={}", path.display());
    let options = CompileOptions {
        options: vec![
            format!("--gpu-architecture=sm_{major}{minor}{suffix}"),
            include(headers),
            include(&headers.join("cccl")),
        ],
        ..CompileOptions::default()
    };
    let compiled = quiet(|| compile_ptx_with_opts(KERNEL, options)).map_err(|_| {
        Error::refused(
            "NVRTC, CUDA's compiler, is not among the shared libraries",
            "install the CUDA toolkit, 12.8 or 13; `LD_LIBRARY_PATH` names the folder of `libnvrtc.so` where the \
             system does not know it",
        )
    })?;
    compiled.map_err(|error| {
        let log = match &error {
            CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
            _ => error.to_string(),
        };
        let first = log.lines().find(|it| it.contains("error")).unwrap_or(&log);
        Error::refused(
            format!("NVRTC cannot compile for sm_{major}{minor}: {}", first.trim()),
            "NVRTC and the headers must be of one CUDA toolkit, 12.8 or 13, that knows this GPU",
        )
    })
}

fn refused(error: DriverError) -> Error {
    failed(error.to_string())
}

fn failed(reason: String) -> Error {
    let hint = "`nvidia-smi` shows the state of the GPU; `--device cpu` trains without it";
    Error::refused(format!("the GPU does not compute: {reason}"), hint)
}

/// Returns what `work` returns, or the message of its panic, which is not printed.
///
/// The libraries below panic where a shared library or a function of it is missing. While `work` runs, panics of other
/// threads are not printed either: devices are opened before there are others.
fn quiet<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    static HOOK: Mutex<()> = Mutex::new(());
    let lock = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    // Whatever a panic leaves half done is not looked at again.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    drop(lock);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.and_then(|it| it.lines().find(|it| !it.trim().is_empty()))
            .unwrap_or("its library failed")
            .trim()
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_first_line() {
        assert_eq!(quiet(|| 5), Ok(5));
        assert_eq!(
            quiet(|| panic!("\n  no such library\n  at all")),
            Err::<(), _>("no such library".into())
        );
        assert_eq!(quiet(|| panic!("{}", 5)), Err::<(), _>("5".into()));
    }
}
