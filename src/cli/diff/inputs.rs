//! What went into two corpora: knobs of the plan and input files.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::{Change, File};
use crate::{
    config::plan::Resolved,
    manifest::{Manifest, SourceInfo},
};

/// Returns the knobs that differ, by dotted key; `None` where a plan has no such knob.
pub(super) fn knobs(old: &Manifest, new: &Manifest) -> BTreeMap<String, Change<Option<Value>>> {
    differing(&flat(&old.plan), &flat(&new.plan))
}

fn flat(plan: &Resolved) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut open = vec![(String::new(), serde_json::to_value(plan).unwrap_or_default())];
    while let Some((key, value)) = open.pop() {
        match value {
            Value::Object(fields) => open.extend(fields.into_iter().map(|(name, value)| {
                // As `--set` has them: the table of knobs has no name in a pipeline file.
                let dotted = match (key.as_str(), name.as_str()) {
                    (_, "knobs") => key.clone(),
                    ("", _) => name,
                    _ => format!("{key}.{name}"),
                };
                (dotted, value)
            })),
            value => {
                all.insert(key, value);
            }
        }
    }
    all
}

/// Returns the names of both maps whose values differ.
fn differing<T: Clone + PartialEq>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
) -> BTreeMap<String, Change<Option<T>>> {
    let names = old.keys().chain(new.keys());
    let changes = names.map(|name| {
        let change = Change { old: old.get(name).cloned(), new: new.get(name).cloned() };
        (name.clone(), change)
    });
    changes.filter(|(_, change)| !change.same()).collect()
}

/// Returns how many input files of a source are the same, and those that differ.
pub(super) fn files(
    old: Option<&SourceInfo>,
    new: Option<&SourceInfo>,
) -> (u64, BTreeMap<String, Change<Option<File>>>) {
    let (old, new) = (old.map(named).unwrap_or_default(), new.map(named).unwrap_or_default());
    let same = new.iter().filter(|(name, file)| old.get(*name) == Some(*file)).count();
    (same as u64, differing(&old, &new))
}

/// Returns the files of a source by their names without the date.
fn named(source: &SourceInfo) -> BTreeMap<String, File> {
    let date = source.info.date.as_str();
    let files = source.files.iter().map(|it| {
        let name = match date {
            "" => it.name.clone(),
            date => it.name.replace(date, "DATE"),
        };
        (name, File { bytes: it.size, hash: it.hash.clone() })
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_once() {
        let map = |entries: &[(&str, u32)]| -> BTreeMap<String, u32> {
            entries.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
        };
        let found = differing(&map(&[("a", 1), ("b", 2), ("c", 3)]), &map(&[("b", 2), ("c", 4)]));
        let change = |old, new| Change { old, new };
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), change(Some(1), None)), ("c".to_owned(), change(Some(3), Some(4)))]
        );
    }
}
