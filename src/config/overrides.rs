//! `--set key.path=value`: overrides that keep their place in messages.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::issue::{Issue, Source};

/// Appends each override to the text as a line of its own; returns each as a document in which
/// every position is that of the whole text.
///
/// A shell eats quotes, so a value that is not TOML is taken for a string.
pub(super) fn append(source: &mut Source, sets: &[String], issues: &mut Vec<Issue>) -> Vec<String> {
    let mut documents = Vec::new();
    if !sets.is_empty() {
        source.text.push_str("\n# --set\n");
    }
    for set in sets {
        let start = source.text.len();
        // White space in front moves every position to its place in the whole text.
        let padding = " ".repeat(start);
        let as_typed = format!("{padding}{set}");
        let document = match (DeTable::parse(&as_typed), set.split_once('=')) {
            (Err(_), Some((key, value))) => {
                format!("{padding}{key}={}", toml::Value::from(value.trim()))
            }
            _ => as_typed,
        };
        source.text.push_str(document.trim_start());
        source.text.push('\n');
        match DeTable::parse(&document).map(|_| ()) {
            Ok(()) => documents.push(document),
            Err(error) => {
                let span = error.span().unwrap_or(start..start + set.len());
                let span = span.start.min(start + set.len())..span.end.min(start + set.len());
                issues.push(
                    Issue::at(span, error.message()).hint(
                        "write `--set sinks.corpus.dir=out/x`: a dotted key and a TOML value",
                    ),
                );
            }
        }
    }
    documents
}

/// Merges one table into another: tables are descended, values replaced.
pub(super) fn merge<'i>(into: &mut DeTable<'i>, from: DeTable<'i>) {
    for (key, value) in from {
        let Some(old) = into.get_mut(key.get_ref().as_ref()) else {
            into.insert(key, value);
            continue;
        };
        let span = value.span();
        match (old.get_mut(), value.into_inner()) {
            (DeValue::Table(old), DeValue::Table(new)) => merge(old, new),
            (_, value) => *old = Spanned::new(span, value),
        }
    }
}
