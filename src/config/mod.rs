//! The pipeline file: text to plan, or every problem of it at once.

mod check;
pub mod issue;
mod overrides;
mod parse;
pub mod plan;
mod train;
pub mod train_keys;

use std::path::Path;

use self::issue::{Issue, Source};
pub use self::plan::Plan;
use self::plan::TrainNode;
use crate::{
    error::{Error, Result},
    retrieval::Searching,
};

/// Reads a pipeline file, applies `--set` overrides, and returns the plan with its sources opened.
///
/// # Errors
///
/// All problems at once, each with its place; or the file cannot be read.
pub fn load(path: &Path, sets: &[String]) -> Result<Plan> {
    from_text(&path.display().to_string(), read(path)?, sets)
}

/// Does so to measure thresholds: those of the file, and its calibrations, which may not be there
/// yet, are not looked at.
///
/// # Errors
///
/// All other problems at once, each with its place; or the file cannot be read.
pub fn load_to_calibrate(path: &Path, sets: &[String]) -> Result<Plan> {
    planned(&path.display().to_string(), read(path)?, sets, Searching::open_to_calibrate)
}

/// Reads a pipeline file, applies `--set` overrides, and returns its training; dumps and tokenizers,
/// which only a build needs, are not looked at.
///
/// # Errors
///
/// All problems of the file at once, each with its place; it asks for no training; or it cannot be read.
pub fn load_training(path: &Path, sets: &[String]) -> Result<TrainNode> {
    let mut source = Source { name: path.display().to_string(), text: read(path)? };
    let mut issues = Vec::new();
    let overrides = overrides::append(&mut source, sets, &mut issues);
    let pipeline = parse::parse(&source, overrides, &mut issues);
    let train = pipeline.and_then(|mut pipeline| {
        let table = pipeline.train.take();
        if table.is_none() && issues.is_empty() {
            issues.push(
                Issue::of_file("the pipeline has no `[train]`")
                    .hint("see `crossic list train`, or take `pipelines/crossic-wiki.toml`"),
            );
        }
        train::check(&table?, &pipeline, &mut issues)
    });
    match (train, issues.is_empty()) {
        (Some(train), true) => Ok(train),
        _ => Err(Error::pipeline(&source, &issues)),
    }
}

fn read(path: &Path) -> Result<String> {
    fs_err::read_to_string(path).map_err(|cause| Error::Usage {
        what: cause.to_string(),
        hint: "give the path of a pipeline file; `pipelines/sample.toml` is one".to_owned(),
    })
}

/// Returns the plan of a pipeline's text; `name` stands for it in messages.
///
/// # Errors
///
/// All problems at once, each with its place.
pub fn from_text(name: &str, text: String, sets: &[String]) -> Result<Plan> {
    planned(name, text, sets, Searching::open)
}

fn planned(name: &str, text: String, sets: &[String], open: check::Open) -> Result<Plan> {
    let mut source = Source { name: name.to_owned(), text };
    let mut issues = Vec::new();
    let overrides = overrides::append(&mut source, sets, &mut issues);
    let pipeline = parse::parse(&source, overrides, &mut issues);
    let plan = pipeline.and_then(|pipeline| check::check(pipeline, open, &mut issues));
    if let (Some(plan), true) = (plan, issues.is_empty()) {
        return Ok(plan);
    }
    Err(Error::pipeline(&source, &issues))
}
