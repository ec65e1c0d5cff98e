//! Writes safetensors files one tensor at a time, so that a model is never in memory as a whole.
//!
//! Every file is written aside in its directory, fsynced and renamed: a name either holds a whole file or nothing new.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    weights::{
        files::{INDEX, SINGLE},
        tensor::{Dtype, RawTensor},
    },
};

/// A tensor that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Name in the file.
    pub name: String,
    /// Number format.
    pub dtype: Dtype,
    /// Length of every axis.
    pub shape: Vec<usize>,
}

impl Listed {
    fn n_bytes(&self) -> u64 {
        self.shape.iter().product::<usize>() as u64 * self.dtype.size() as u64
    }
}

/// Bytes of a file of a large model at most, as transformers had it; one tensor may be larger.
pub const SHARD_BYTES: u64 = 5_000_000_000;

/// Writes a file of tensors; `read` returns each of them, once, when its turn has come.
///
/// # Errors
///
/// Writing fails, `read` fails, or returns a tensor that is not the listed one.
pub fn write_file(
    path: &Path,
    metadata: &BTreeMap<String, String>,
    tensors: &[Listed],
    read: &mut dyn FnMut(&Listed) -> Result<RawTensor>,
) -> Result<()> {
    // Wide numbers first keeps every tensor aligned to its numbers.
    let mut tensors: Vec<&Listed> = tensors.iter().collect();
    tensors.sort_by_key(|it| std::cmp::Reverse(it.dtype.size()));
    let header = header(metadata, &tensors);
    write_aside(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for listed in &tensors {
            let tensor = read(listed)?;
            let same = tensor.dtype == listed.dtype
                && tensor.shape == listed.shape
                && tensor.bytes.len() as u64 == listed.n_bytes();
            if !same {
                return Err(Error::refused(
                    format!(
                        "tensor `{}` changed while `{}` was written",
                        listed.name,
                        path.display()
                    ),
                    "",
                ));
            }
            file.write_all(&tensor.bytes)?;
        }
        Ok(())
    })
}

/// Writes the tensors of a model: one file, or several of at most `max_bytes` with an index.
///
/// # Errors
///
/// As [`write_file`].
pub fn write_model(
    dir: &Path,
    tensors: &[Listed],
    max_bytes: u64,
    read: &mut dyn FnMut(&Listed) -> Result<RawTensor>,
) -> Result<()> {
    let mut shards: Vec<&[Listed]> = Vec::new();
    let mut rest = tensors;
    while !rest.is_empty() {
        let mut n_bytes = 0;
        let fits = rest.iter().take_while(|it| {
            n_bytes += it.n_bytes();
            n_bytes <= max_bytes
        });
        let (shard, after) = rest.split_at(fits.count().max(1));
        shards.push(shard);
        rest = after;
    }
    // transformers refuses files that do not say which framework they are for.
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    if let [only] = shards.as_slice() {
        return write_file(&dir.join(SINGLE), &metadata, only, read);
    }
    let mut files = BTreeMap::new();
    for (number, shard) in shards.iter().enumerate() {
        let name = format!("model-{:05}-of-{:05}.safetensors", number + 1, shards.len());
        write_file(&dir.join(&name), &metadata, shard, read)?;
        files.extend(shard.iter().map(|it| (it.name.clone(), name.clone())));
    }
    let total: u64 = tensors.iter().map(Listed::n_bytes).sum();
    write_json(&dir.join(INDEX), &json!({"metadata": {"total_size": total}, "weight_map": files}))
}

/// Writes a JSON file aside and renames it.
///
/// # Errors
///
/// Writing fails.
pub fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_bytes(path, format!("{value:#}\n").as_bytes())
}

/// Writes a file aside and renames it.
///
/// # Errors
///
/// Writing fails.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write_aside(path, |file| Ok(file.write_all(bytes)?))
}

/// Writes a file aside, with whatever `write` puts into it, and renames it.
fn write_aside(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<fs_err::File>) -> Result<()>,
) -> Result<()> {
    let aside = aside(path);
    let attempt = || {
        let mut file = BufWriter::with_capacity(1 << 20, fs_err::File::create(&aside)?);
        write(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs_err::rename(&aside, path)?;
        sync_directory_of(path)
    };
    let outcome = attempt();
    if outcome.is_err() {
        // A leftover is in nobody's way: the next attempt writes over it.
        fs_err::remove_file(&aside).ok();
    }
    outcome
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".partial");
    path.with_file_name(name)
}

/// Makes the names in the directory of a path last through a power cut.
///
/// # Errors
///
/// The directory cannot be opened or synced.
pub fn sync_directory_of(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    Ok(fs_err::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?)
}

/// Returns the header: names, formats, shapes and ranges, padded so that the numbers are aligned.
fn header(metadata: &BTreeMap<String, String>, tensors: &[&Listed]) -> Vec<u8> {
    let mut all = serde_json::Map::new();
    if !metadata.is_empty() {
        all.insert("__metadata__".to_owned(), json!(metadata));
    }
    let mut start = 0;
    for tensor in tensors {
        let end = start + tensor.n_bytes();
        all.insert(
            tensor.name.clone(),
            json!({"dtype": tensor.dtype.name(), "shape": tensor.shape, "data_offsets": [start, end]}),
        );
        start = end;
    }
    let mut header = Value::Object(all).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    header
}
