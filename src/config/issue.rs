//! A problem of a pipeline file, shown with line, column, caret, and what to do about it.

use std::ops::Range;

use codespan_reporting::{
    diagnostic::{Diagnostic, Label},
    files::SimpleFile,
    term,
};

/// One problem of a pipeline file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What is wrong, lower case, without a full stop.
    pub message: String,
    /// Where, in bytes of the text; `None` for the file as a whole.
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Issue {
    /// Returns an issue at a place.
    pub fn at(span: Range<usize>, message: impl Into<String>) -> Issue {
        Issue { message: message.into(), span: Some(span), hint: None }
    }

    /// Returns an issue of the file as a whole.
    pub fn of_file(message: impl Into<String>) -> Issue {
        Issue { message: message.into(), span: None, hint: None }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Issue {
        self.hint = Some(hint.into());
        self
    }
}

/// The text of a pipeline file with its `--set` overrides appended, so that every problem has a
/// place.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user gave it.
    pub name: String,
    /// The file, then one line for each override.
    pub text: String,
}

/// Returns all issues as a terminal shows them, in the order of their places.
pub fn render(source: &Source, issues: &[Issue]) -> String {
    let file = SimpleFile::new(source.name.as_str(), source.text.as_str());
    let mut issues: Vec<&Issue> = issues.iter().collect();
    issues.sort_by_key(|issue| issue.span.as_ref().map_or(0, |span| span.start));
    let mut text = String::new();
    for issue in issues {
        text.push_str(render_one(&file, issue).trim_end());
        text.push_str("\n\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn render_one(file: &SimpleFile<&str, &str>, issue: &Issue) -> String {
    let mut diagnostic = Diagnostic::error().with_message(&issue.message);
    if let Some(span) = &issue.span {
        diagnostic = diagnostic.with_labels(vec![Label::primary((), span.clone())]);
    }
    if let Some(hint) = &issue.hint {
        diagnostic = diagnostic.with_notes(vec![format!("hint: {hint}")]);
    }
    let mut text = Vec::new();
    let config = term::Config { chars: term::Chars::ascii(), ..term::Config::default() };
    match term::emit(&mut text, &config, file, &diagnostic) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => format!("error: {}\n", issue.message),
    }
}

/// Returns the known name nearest to `name`, if one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min()
        .map(|(_, known)| known)
}
