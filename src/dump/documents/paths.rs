//! Finds files by patterns: `*` for any letters of a name, `?` for one. The result is in order and names no file twice.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use super::error::DocumentsError;
use crate::storage;

/// Returns the files that some paths, patterns and URLs name, in the order of their paths.
///
/// A file whose name really has a `*` in it is found by that name.
/// Fails if a pattern fits no file; whether a path without a pattern is there shows when it is opened.
pub fn expand(patterns: &[PathBuf]) -> Result<Vec<PathBuf>, DocumentsError> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        let text = pattern.to_string_lossy();
        match (storage::is_url(pattern), is_pattern(&text)) {
            // What follows a `?` in a URL is its query.
            (true, _) if text.contains('*') => {
                return Err(DocumentsError::RemotePattern { pattern: pattern.clone() });
            }
            (true, _) | (false, false) => {
                found.insert(pattern.clone());
            }
            (false, true) => {
                let files = matches(pattern)?;
                if files.is_empty() {
                    return Err(DocumentsError::NoMatch { pattern: pattern.clone() });
                }
                found.extend(files);
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// Returns whether a text has a wildcard in it.
fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Returns the files that fit a pattern, going down one name of it after the other.
fn matches(pattern: &Path) -> Result<Vec<PathBuf>, DocumentsError> {
    if pattern.is_file() {
        return Ok(vec![pattern.to_path_buf()]);
    }
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = component.as_os_str().to_string_lossy();
        if !matches!(component, Component::Normal(_)) || !is_pattern(&name) {
            paths.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let mut next = Vec::new();
        for path in paths.iter().filter(|path| path.as_os_str().is_empty() || path.is_dir()) {
            next.extend(entries(path, &name)?);
        }
        paths = next;
    }
    paths.retain(|path| path.is_file());
    Ok(paths)
}

/// Returns the paths of a folder whose names fit. Hidden ones only fit a pattern that begins with a dot.
fn entries(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, DocumentsError> {
    let opened = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let pattern: Vec<char> = pattern.chars().collect();
    let mut found = Vec::new();
    for entry in fs_err::read_dir(opened)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let hidden = name.starts_with('.') && pattern.first() != Some(&'.');
        if !hidden && fits(&pattern, &name.chars().collect::<Vec<_>>()) {
            found.push(folder.join(name));
        }
    }
    Ok(found)
}

/// Returns whether a name fits a pattern. Takes time in proportion to the product of the two at most.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on if the last `*` has to take one letter more.
    let mut again = None;
    while let Some(&letter) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                again = Some((p, n));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == letter => {
                p += 1;
                n += 1;
            }
            _ => match again {
                Some((star, taken)) => {
                    again = Some((star, taken + 1));
                    p = star + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition itself, slow and plain.
    fn fits_by_definition(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=name.len())
                .any(|n| name.get(n..).is_some_and(|name| fits_by_definition(rest, name))),
            (Some(('?', rest)), Some((_, name))) => fits_by_definition(rest, name),
            (Some((a, rest)), Some((b, name))) => a == b && fits_by_definition(rest, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_name_fits_by_the_definition(pattern in "[ab*?]{0,7}", name in "[abก]{0,7}") {
            let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(fits(&pattern, &name), fits_by_definition(&pattern, &name));
        }
    }

    #[test]
    fn files_come_in_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/1.parquet", "a/2.parquet", "a/1.parquet", "a/x.txt", "a/.hidden.parquet"] {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        fs_err::create_dir_all(dir.path().join("a/3.parquet")).unwrap();
        let check = |patterns: &[&str], expected: &[&str]| {
            let patterns: Vec<PathBuf> = patterns.iter().map(|it| dir.path().join(it)).collect();
            let expected: Vec<PathBuf> = expected.iter().map(|it| dir.path().join(it)).collect();
            assert_eq!(expand(&patterns).unwrap(), expected);
        };
        check(&["*/*.parquet"], &["a/1.parquet", "a/2.parquet", "b/1.parquet"]);
        check(&["b/*", "a/?.txt", "b/1.parquet"], &["a/x.txt", "b/1.parquet"]);
        check(&["absent.jsonl"], &["absent.jsonl"]);
        let url = PathBuf::from("https://example.org/1.jsonl?part=2");
        assert_eq!(expand(std::slice::from_ref(&url)).unwrap(), [url]);
        let message = expand(&[dir.path().join("c*/1")]).unwrap_err().to_string();
        assert!(message.contains("c*/1"), "{message}");
        let message = expand(&["https://example.org/*.jsonl".into()]).unwrap_err().to_string();
        assert!(message.contains("local paths only"), "{message}");
    }
}
