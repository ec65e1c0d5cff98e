//! A table of vectors by token, as model2vec writes it: plain numbers of a Hugging Face directory.

use std::path::Path;

use super::{load, tokens};
use crate::{
    error::{Error, Result},
    weights::files::WeightFiles,
};

/// What a table of vectors is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The bytes of `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// Rows end to end (the tensor `embeddings`).
    pub rows: Vec<f32>,
    /// Numbers of a row.
    pub width: usize,
    /// What each token counts (the tensor `weights`), if the directory says.
    pub weights: Option<Vec<f32>>,
}

impl Table {
    /// Reads the table of a directory.
    ///
    /// # Errors
    ///
    /// A file is missing or damaged, or the tensor `embeddings` is no table.
    pub fn open(dir: &Path) -> Result<Table> {
        let files = load::open(dir)?;
        let shape = files.info("embeddings").map(|(_, shape)| shape.to_vec());
        let Some(&[_, width]) = shape.as_deref() else {
            return Err(Error::file(
                dir,
                "its weights have no tensor `embeddings` of rows and columns",
                "a table of model2vec is meant: for a sentence encoder set `encoder = \"bert\"`",
            ));
        };
        let tokenizer = fs_err::read(dir.join(tokens::FILE))?;
        Ok(Table {
            tokenizer,
            rows: numbers(&files, "embeddings")?.unwrap_or_default(),
            width,
            weights: numbers(&files, "weights")?,
        })
    }
}

/// Returns the numbers of a tensor, or `None` if there is no such tensor.
fn numbers(files: &WeightFiles, name: &str) -> Result<Option<Vec<f32>>> {
    match files.info(name) {
        None => Ok(None),
        Some(_) => Ok(Some(files.finite(name)?.to_f32())),
    }
}
