//! An adapter and its base model as one model.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A merged model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Its directory.
    pub dir: PathBuf,
    /// Tensors that an adapter changed.
    pub n_merged: usize,
    /// Tensors in all.
    pub n_tensors: usize,
    /// Bytes of the weights.
    pub n_bytes: u64,
}

/// Merges the adapter of a run, or an adapter directory, into its base model and writes it to `out`.
///
/// # Errors
///
/// There is no adapter, its base model is not there or another one, or `out` holds something.
pub fn merge(from: &Path, out: &Path) -> Result<Merged> {
    Err(Error::refused(
        format!("no merge of `{}` into `{}` yet", from.display(), out.display()),
        "",
    ))
}
