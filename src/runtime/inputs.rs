//! The input files of a plan: sizes for progress, hashes for the manifest.

use std::path::PathBuf;

use crate::{config::Plan, error::Result, manifest::InputFile, storage};

/// An input file of a source.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) source: String,
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) hash: Option<String>,
}

/// Returns every input file with its size.
pub(super) fn sizes(plan: &Plan) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for node in &plan.sources {
        for path in node.source.files() {
            let size = storage::size(&path)?;
            inputs.push(Input { source: node.name.clone(), path, size, hash: None });
        }
    }
    Ok(inputs)
}

/// Returns the input files of one source as the manifest records them.
pub(super) fn hashes(inputs: &[Input], source: &str) -> Result<Vec<InputFile>> {
    let of_source = inputs.iter().filter(|input| input.source == source);
    of_source
        .map(|input| {
            let name = input.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let hash = match &input.hash {
                Some(hash) => hash.clone(),
                None => storage::hash(&input.path)?,
            };
            Ok(InputFile { name, size: input.size, hash })
        })
        .collect()
}
