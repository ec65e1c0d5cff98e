//! Stands in for the crate of this name, whose build downloads a compiled LLVM of several hundred megabytes.
//!
//! cubecl-cuda has two compilers: CUDA C++ through NVIDIA's NVRTC, and LLVM. crossic takes the first (feature
//! `cuda-cpp` of cubecl), which also makes the better kernels for recent GPUs, but cubecl-cuda names the types of the
//! second whichever is taken. They are here, so that it compiles; none of them does anything, and asking this compiler
//! for a kernel is an error. Remove the crate, and its line in the root's `Cargo.toml`, once cubecl-cuda depends on
//! LLVM only where it is asked for.

use core::fmt;

use cubecl_core::{Compiler, ir::nvidia::SmArch, prelude::KernelDefinition};
use cubecl_environment::backtrace::BackTrace;
use cubecl_runtime::{compiler::CompilationError, kernel::BufferIOAttr};

use crate::nvptx::ptx_version::PtxVersion;

const MISSING: &str = "crossic is built without cubecl's LLVM compiler; the feature `cuda-cpp` must be on";

/// Code for NVIDIA GPUs.
pub mod nvptx {
    /// Versions of NVIDIA's assembler language.
    pub mod ptx_version {
        use core::fmt;

        /// A version that LLVM would emit: there is none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PtxVersion {}

        impl PtxVersion {
            /// Returns `None`: whatever the driver, nothing is emitted.
            pub fn for_driver(_driver: i32) -> Option<PtxVersion> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {}
            }
        }
    }
}

/// What compilers for several kinds of GPU share.
pub mod shared {
    /// What a GPU can do of what LLVM can express.
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;

        /// Kinds of GPU.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Does nothing: it is called only where LLVM compiles, and then no kernel does.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {}
    }
}

/// What is compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA's GPUs.
    Nvptx,
}

/// A compiler that refuses every kernel.
#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    /// What it would compile for.
    pub target: LlvmTarget,
}

/// Options that nothing reads.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// Kind of processor.
    pub arch: Option<()>,
    /// Kind of GPU.
    pub sm_arch: Option<SmArch>,
    /// Version of the assembler language.
    pub ptx_version: Option<PtxVersion>,
    /// Whether a kernel's parameters lie in the grid's constant memory.
    pub grid_constants: bool,
    /// cubecl-cuda fills in the rest from the default: there must be one.
    pub rest: (),
}

/// A compiled kernel; there never is one.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// Assembler text.
    pub ptx: Vec<core::ffi::c_char>,
    /// Name of the function to start.
    pub entrypoint: String,
    /// LLVM's text.
    pub ir: String,
    /// Bytes of shared memory.
    pub shared_memory_size: usize,
    /// How every buffer is used.
    pub io: Vec<BufferIOAttr>,
}

/// What a compiler makes.
#[derive(Clone, Debug)]
pub enum PlironArtifact {
    /// A kernel for NVIDIA's GPUs.
    NvptxCode(NvptxModule),
    /// A kernel for anything else.
    Other,
}

impl fmt::Display for PlironArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MISSING)
    }
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;

    fn compile(
        &mut self,
        _: KernelDefinition,
        _: &PlironOptions,
    ) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic {
            reason: MISSING.to_owned(),
            backtrace: BackTrace::capture(),
        })
    }

    fn extension(&self) -> &'static str {
        "ll"
    }

    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
