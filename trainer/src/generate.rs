//! What a model says: one token after the other.

use std::path::Path;

use crate::{
    error::{Error, Result},
    train::DeviceKind,
};

/// What to say, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// A run directory, an adapter or a model.
    pub model: &'a Path,
    /// The text that is gone on with.
    pub prompt: &'a str,
    /// Tokens at most.
    pub tokens: usize,
    /// 0 for the likeliest token each time; 1 draws as the model says.
    pub temperature: f64,
    /// Seed of the draws.
    pub seed: u64,
    /// What computes.
    pub device: DeviceKind,
    /// Threads of the CPU; `None` for all cores.
    pub threads: Option<usize>,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Tokens of the prompt.
    pub n_prompt: usize,
    /// Tokens that followed.
    pub n_tokens: usize,
    /// Whether the model ended the text itself.
    pub ended: bool,
}

/// Goes on with a text, and hands over each piece of it as soon as it is text.
///
/// # Errors
///
/// There is no such model, or `piece` fails.
pub fn generate(
    request: &Request<'_>,
    piece: &mut dyn FnMut(&str) -> std::io::Result<()>,
) -> Result<Said> {
    piece("")?;
    Err(Error::refused(format!("no text from `{}` yet", request.model.display()), ""))
}
