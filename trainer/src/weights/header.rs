//! The header of a safetensors file: where each tensor lies. Files come from strangers, so nothing in it is believed.

use std::{collections::BTreeMap, path::Path};

use fs_err::os::unix::fs::FileExt;
use safetensors::tensor::Metadata;

use crate::{
    error::{Error, Result},
    weights::tensor::{Dtype, RawTensor},
};

/// Where a tensor lies in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number format; files may hold more than the trainer reads.
    pub dtype: safetensors::Dtype,
    /// Length of every axis.
    pub shape: Vec<usize>,
    /// Byte of the file at which the numbers begin.
    pub start: u64,
    /// Bytes of the numbers; they lie within the file.
    pub n_bytes: usize,
}

impl Entry {
    /// Returns the number format, if it is one that the trainer reads.
    pub fn dtype(&self) -> Option<Dtype> {
        match self.dtype {
            safetensors::Dtype::F32 => Some(Dtype::F32),
            safetensors::Dtype::F16 => Some(Dtype::F16),
            safetensors::Dtype::BF16 => Some(Dtype::Bf16),
            _ => None,
        }
    }
}

/// What the header of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where each tensor lies, by name.
    pub tensors: BTreeMap<String, Entry>,
    /// Texts that whoever wrote the file left in it.
    pub metadata: BTreeMap<String, String>,
}

/// Longest header that is read, the same bound as in safetensors' own reader.
const MAX_HEADER: u64 = 100_000_000;

/// Bytes of the number before the header.
const LENGTH: u64 = 8;

/// Reads the header of a safetensors file.
///
/// # Errors
///
/// The file cannot be read, is shorter or longer than its header says, or has a header that is none.
pub fn read(file: &fs_err::File) -> Result<Header> {
    let path = file.path();
    let n_file_bytes = file.metadata()?.len();
    let mut length = [0; LENGTH as usize];
    if n_file_bytes < LENGTH {
        return Err(broken(path, format!("is no safetensors file: it has {n_file_bytes} bytes")));
    }
    file.read_exact_at(&mut length, 0)?;
    let n_header = u64::from_le_bytes(length);
    if MAX_HEADER < n_header {
        return Err(broken(
            path,
            format!("is no safetensors file: its header has {n_header} bytes"),
        ));
    }
    if n_file_bytes - LENGTH < n_header {
        return Err(broken(
            path,
            format!(
                "is cut off within its header: {n_file_bytes} bytes instead of {n_header} and more"
            ),
        ));
    }
    let mut header = vec![0; n_header as usize];
    file.read_exact_at(&mut header, LENGTH)?;
    // The metadata of safetensors checks itself: ranges follow each other without gaps and agree with the shapes.
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| {
        broken(path, format!("is no safetensors file: its header is damaged: {error}"))
    })?;
    let data = LENGTH + n_header;
    let n_promised = data.saturating_add(metadata.data_len() as u64);
    if n_file_bytes != n_promised {
        let what = if n_file_bytes < n_promised { "cut off" } else { "too long" };
        return Err(broken(
            path,
            format!(
                "is {what}: its header promises {n_promised} bytes, the file has {n_file_bytes}"
            ),
        ));
    }
    let mut tensors = BTreeMap::new();
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let (start, end) = info.data_offsets;
        let entry = Entry {
            dtype: info.dtype,
            shape: info.shape.clone(),
            start: data + start as u64,
            n_bytes: end - start,
        };
        tensors.insert(name, entry);
    }
    let texts = metadata.metadata().iter().flatten();
    Ok(Header { tensors, metadata: texts.map(|(key, text)| (key.clone(), text.clone())).collect() })
}

/// Reads a tensor, at most its first `n_max` numbers; the shape is that of the whole tensor.
///
/// # Errors
///
/// The number format is not one that the trainer reads, or the file cannot be read.
pub fn read_tensor(
    file: &fs_err::File,
    name: &str,
    entry: &Entry,
    n_max: usize,
) -> Result<RawTensor> {
    let Some(dtype) = entry.dtype() else {
        return Err(unsupported(file.path(), name, entry));
    };
    // The range lies within the file, so the file's own size bounds what is allocated.
    let mut bytes = vec![0; entry.n_bytes.min(n_max.saturating_mul(dtype.size()))];
    file.read_exact_at(&mut bytes, entry.start)?;
    Ok(RawTensor { dtype, shape: entry.shape.clone(), bytes })
}

/// Returns the error about a number format that the trainer does not read.
pub fn unsupported(path: &Path, name: &str, entry: &Entry) -> Error {
    Error::file(
        path,
        format!("has tensor `{name}` in number format {}, which is unsupported", entry.dtype),
        "supported are F32, F16 and BF16; quantised models cannot be trained",
    )
}

fn broken(path: &Path, what: String) -> Error {
    Error::file(path, what, "fetch the file again, and compare its checksum with the publisher's")
}
