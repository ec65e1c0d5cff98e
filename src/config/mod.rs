//! The pipeline file: text to plan, or every problem of it at once.

mod check;
pub mod issue;
mod overrides;
mod parse;
pub mod plan;

use std::path::Path;

use self::issue::Source;
pub use self::plan::Plan;
use crate::error::{Error, Result};

/// Reads a pipeline file, applies `--set` overrides, and returns the plan with its sources opened.
///
/// # Errors
///
/// All problems at once, each with its place; or the file cannot be read.
pub fn load(path: &Path, sets: &[String]) -> Result<Plan> {
    let name = path.display().to_string();
    let text = fs_err::read_to_string(path).map_err(|cause| Error::Usage {
        what: cause.to_string(),
        hint: "give the path of a pipeline file; `pipelines/sample.toml` is one".to_owned(),
    })?;
    from_text(&name, text, sets)
}

/// Returns the plan of a pipeline's text; `name` stands for it in messages.
///
/// # Errors
///
/// All problems at once, each with its place.
pub fn from_text(name: &str, text: String, sets: &[String]) -> Result<Plan> {
    let mut source = Source { name: name.to_owned(), text };
    let mut issues = Vec::new();
    let overrides = overrides::append(&mut source, sets, &mut issues);
    let pipeline = parse::parse(&source, overrides, &mut issues);
    let plan = pipeline.and_then(|pipeline| check::check(pipeline, &mut issues));
    if let (Some(plan), true) = (plan, issues.is_empty()) {
        return Ok(plan);
    }
    Err(Error::pipeline(&source, &issues))
}
