//! The fields of a JSON file of a model, read with checks: files come from strangers, so nothing in them is believed.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Longest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// Returns the object in a file; none if there is no such file.
///
/// # Errors
///
/// The file is too long, cannot be read, or holds no JSON object.
pub fn read_object(path: &Path) -> Result<Option<Map<String, Value>>> {
    read_bytes(path)?.map(|bytes| parse_object(path, &bytes)).transpose()
}

/// Returns the bytes of a small file; none if there is no such file.
///
/// # Errors
///
/// The file is too long or cannot be read.
pub fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs_err::metadata(path) {
        Ok(it) if it.len() <= MAX_BYTES => Ok(Some(fs_err::read(path)?)),
        Ok(it) => {
            let what = format!("has {} bytes, which no model configuration has", it.len());
            Err(Error::file(path, what, ""))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns the object that bytes are; `path` is for messages only.
///
/// # Errors
///
/// The bytes are no JSON object.
pub fn parse_object(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::file(path, format!("is no JSON object: {error}"), "fetch the file again")
    })
}

/// The fields of an object.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    /// The file, for messages.
    pub(crate) path: PathBuf,
    /// The object.
    pub(crate) map: &'a Map<String, Value>,
    /// What can be loaded, for messages.
    pub(crate) supported: &'static str,
}

impl Fields<'_> {
    /// Returns the error about a value that cannot be right.
    pub(crate) fn wrong(&self, what: String) -> Error {
        Error::file(&self.path, what, "fetch the model again, or correct the file")
    }

    /// Returns the error about something that is right but that we do not compute.
    pub(crate) fn unsupported(&self, what: String) -> Error {
        Error::file(&self.path, format!("asks for {what}, which is unsupported"), self.supported)
    }

    /// Returns a field; one that is null counts as missing, as transformers has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|it| !it.is_null())
    }

    /// Returns a field that is true or false; missing is false.
    pub(crate) fn flag(&self, key: &str) -> Result<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(it)) => Ok(*it),
            Some(other) => {
                Err(self.wrong(format!("has {other} for `{key}`, which is true or false")))
            }
        }
    }

    /// Returns a finite number, if there is one.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            None => Ok(None),
            Some(it) => match it.as_f64() {
                Some(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(self.wrong(format!("has {it} for `{key}`, which is a number"))),
            },
        }
    }

    /// Returns a whole number from 1 to `max`, if there is one.
    pub(crate) fn optional_size(&self, key: &str, max: u64) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_u64() {
            Some(number) if (1..=max).contains(&number) => Ok(Some(number as usize)),
            _ => Err(self.wrong(format!(
                "has {value} for `{key}`, which is a whole number from 1 to {max}"
            ))),
        }
    }

    /// Returns a whole number from 1 to `max`.
    pub(crate) fn size(&self, key: &str, max: u64) -> Result<usize> {
        self.optional_size(key, max)?.ok_or_else(|| self.wrong(format!("lacks `{key}`")))
    }

    /// Returns a text, if there is one.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(it)) => Ok(Some(it)),
            Some(other) => Err(self.wrong(format!("has {other} for `{key}`, which is a text"))),
        }
    }

    /// Returns token ids that are written as nothing, one number or a list.
    pub(crate) fn ids(&self, key: &str) -> Result<Vec<u32>> {
        let values = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
        };
        let id = |value: &Value| value.as_u64().and_then(|it| u32::try_from(it).ok());
        values
            .iter()
            .map(|value| {
                id(value).ok_or_else(|| {
                    self.wrong(format!("has {value} for `{key}`, which is a token id"))
                })
            })
            .collect()
    }

    /// Returns the fields of a table, if there is one.
    pub(crate) fn table(&self, key: &str) -> Result<Option<Fields<'_>>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields { map, ..self.clone() })),
            Some(other) => Err(self.wrong(format!("has {other} for `{key}`, which is a table"))),
        }
    }
}
