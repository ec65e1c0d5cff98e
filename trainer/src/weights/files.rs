//! The safetensors files of a Hugging Face directory, one or many, read with positioned reads, a tensor at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    error::{Error, Result},
    weights::{
        config::ModelConfig,
        header, names,
        tensor::{Dtype, RawTensor},
    },
};

/// File name of the weights where one file holds them all.
pub const SINGLE: &str = "model.safetensors";
/// File name of the list of files where there are several.
pub const INDEX: &str = "model.safetensors.index.json";

/// The weights of a model, every tensor that it needs found and of the right shape.
#[derive(Debug)]
pub struct WeightFiles {
    dir: PathBuf,
    files: Vec<fs_err::File>,
    tensors: BTreeMap<String, Place>,
    extra: Vec<String>,
}

/// Which file holds a tensor, and where.
#[derive(Debug)]
struct Place {
    file: usize,
    entry: header::Entry,
}

impl WeightFiles {
    /// Opens the weights of a directory and checks that all tensors of the model are there.
    ///
    /// # Errors
    ///
    /// A file is missing, damaged or cut off; a tensor is missing, has another shape, or a number format that the
    /// trainer does not read; the index names a file outside of the directory.
    pub fn open(dir: &Path, config: &ModelConfig) -> Result<WeightFiles> {
        let mut files = WeightFiles::list(dir)?;
        files.check(config)?;
        Ok(files)
    }

    /// Reads a tensor.
    ///
    /// # Errors
    ///
    /// There is no such tensor, or its file cannot be read.
    pub fn tensor(&self, name: &str) -> Result<RawTensor> {
        self.beginning(name, usize::MAX)
    }

    /// Reads a tensor, at most its first `n_max` numbers; the shape is that of the whole tensor.
    ///
    /// # Errors
    ///
    /// As [`WeightFiles::tensor`].
    pub fn beginning(&self, name: &str, n_max: usize) -> Result<RawTensor> {
        let (place, file) = self
            .tensors
            .get(name)
            .and_then(|place| Some((place, self.files.get(place.file)?)))
            .ok_or_else(|| self.missing(&[name.to_owned()]))?;
        header::read_tensor(file, name, &place.entry, n_max)
    }

    /// Reads a tensor and refuses one with a number that is infinite or not a number.
    ///
    /// # Errors
    ///
    /// As [`WeightFiles::tensor`], or a number is not finite; the message names the tensor.
    pub fn finite(&self, name: &str) -> Result<RawTensor> {
        let tensor = self.tensor(name)?;
        match tensor.first_not_finite() {
            None => Ok(tensor),
            Some(position) => Err(Error::file(
                self.path(name),
                format!(
                    "holds a number that is infinite or not a number: tensor `{name}`, element {position} of \
                     {:?}",
                    tensor.shape
                ),
                "fetch the file again; if the publisher's checksum is the same, the model cannot be trained",
            )),
        }
    }

    /// Returns the names of tensors that the model does not use, in order.
    pub fn extra(&self) -> &[String] {
        &self.extra
    }

    /// Returns the number format and the shape of a tensor.
    pub fn info(&self, name: &str) -> Option<(Dtype, &[usize])> {
        let entry = &self.tensors.get(name)?.entry;
        Some((entry.dtype()?, &entry.shape))
    }

    /// Returns the files, in the order of their names.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(fs_err::File::path)
    }

    /// Returns the file of a tensor, or the directory where no file has it.
    pub fn path(&self, name: &str) -> &Path {
        self.tensors
            .get(name)
            .and_then(|place| self.files.get(place.file))
            .map_or(&self.dir, |file| file.path())
    }

    /// Opens the weights of a directory and notes what each file holds; which tensors a model needs is not checked.
    ///
    /// # Errors
    ///
    /// A file is missing, damaged or cut off; the index names a file outside of the directory.
    pub fn list(dir: &Path) -> Result<WeightFiles> {
        let mut all = WeightFiles {
            dir: dir.to_owned(),
            files: Vec::new(),
            tensors: BTreeMap::new(),
            extra: Vec::new(),
        };
        let single = dir.join(SINGLE);
        let index = dir.join(INDEX);
        if fs_err::exists(&single)? {
            let file = fs_err::File::open(&single)?;
            all.add(file, |_| true)?;
        } else if fs_err::exists(&index)? {
            for (name, tensors) in read_index(&index)? {
                let path = dir.join(&name);
                let file = fs_err::File::open(&path).map_err(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => Error::file(
                        &path,
                        format!("does not exist, but `{INDEX}` names it"),
                        "fetch the missing file of the model",
                    ),
                    _ => error.into(),
                })?;
                all.add(file, |tensor| tensors.contains(tensor))?;
            }
        } else {
            return Err(Error::file(
                dir,
                format!("has neither `{SINGLE}` nor `{INDEX}`"),
                "weights are read in the safetensors format only; `init = \"random\"` needs none",
            ));
        }
        Ok(all)
    }

    /// Adds the tensors of a file that belong to it.
    fn add(&mut self, file: fs_err::File, belongs: impl Fn(&str) -> bool) -> Result<()> {
        let number = self.files.len();
        for (name, entry) in header::read(&file)?.tensors {
            if belongs(&name) {
                self.tensors.insert(name, Place { file: number, entry });
            }
        }
        self.files.push(file);
        Ok(())
    }

    fn check(&mut self, config: &ModelConfig) -> Result<()> {
        let expected = names::expected(config);
        let missing: Vec<String> = expected
            .iter()
            .filter(|it| !self.tensors.contains_key(&it.name))
            .map(|it| it.name.clone())
            .collect();
        if !missing.is_empty() {
            return Err(self.missing(&missing));
        }
        for tensor in &expected {
            let Some(Place { entry, .. }) = self.tensors.get(&tensor.name) else { continue };
            if entry.shape != tensor.shape {
                return Err(Error::file(
                    self.path(&tensor.name),
                    format!(
                        "has tensor `{}` with shape {:?}, but `config.json` asks for {:?}",
                        tensor.name, entry.shape, tensor.shape
                    ),
                    "config.json and weights are of different models: fetch both again",
                ));
            }
            if entry.dtype().is_none() {
                return Err(header::unsupported(self.path(&tensor.name), &tensor.name, entry));
            }
        }
        let known: BTreeSet<&str> = expected.iter().map(|it| it.name.as_str()).collect();
        self.extra = self
            .tensors
            .keys()
            .filter(|name| !known.contains(name.as_str()) && !names::tolerated(config, name))
            .cloned()
            .collect();
        Ok(())
    }

    /// Returns the error about tensors that no file has.
    pub(crate) fn missing(&self, names: &[String]) -> Error {
        let shown: Vec<String> = names.iter().take(3).map(|it| format!("`{it}`")).collect();
        let more = match names.len() {
            0..=3 => String::new(),
            n => format!(" and {} more", n - 3),
        };
        let hint = match names {
            [only] if only == names::HEAD => {
                "fetch the model again; if its head is the embedding, config.json needs \
                 `\"tie_word_embeddings\": true`"
            }
            [first, ..]
                if first.strip_prefix("model.").is_some_and(|it| self.tensors.contains_key(it)) =>
            {
                "the tensors lack the prefix `model.`: this is a model without its head; fetch the one for causal \
                 language modelling"
            }
            _ => "fetch the model again: all files of the same version",
        };
        Error::file(
            &self.dir,
            format!("lacks {} of the model's tensors: {}{more}", names.len(), shown.join(", ")),
            hint,
        )
    }
}

/// The list of files of a large model.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Longest index that is read.
const MAX_INDEX: u64 = 100_000_000;
/// Most files of a model.
const MAX_FILES: usize = 2048;

/// Returns the tensors of every file that an index names.
fn read_index(path: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let hint = "fetch the file again";
    if MAX_INDEX < fs_err::metadata(path)?.len() {
        return Err(Error::file(path, format!("is longer than {MAX_INDEX} bytes"), hint));
    }
    let index: Index = serde_json::from_slice(&fs_err::read(path)?)
        .map_err(|error| Error::file(path, format!("is no index of weights: {error}"), hint))?;
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (tensor, file) in index.weight_map {
        // A name with a separator could lead out of the directory, to any file of this machine.
        if !is_plain_name(&file) {
            return Err(Error::file(
                path,
                format!(
                    "names the file {file:?} for `{tensor}`, which is not a file name in its directory"
                ),
                "do not use this model: no tool writes such an index",
            ));
        }
        files.entry(file).or_default().insert(tensor);
    }
    if MAX_FILES < files.len() {
        return Err(Error::file(path, format!("names more than {MAX_FILES} files"), hint));
    }
    Ok(files)
}

fn is_plain_name(name: &str) -> bool {
    name.ends_with(".safetensors")
        && !name.starts_with('.')
        && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.'))
}
