//! Documents from JSON lines: an object a line with the key `text`, and those of Fineweb-edu where they are there.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, de::IgnoredAny};

use super::{document::Row, error::DocumentsError, lines::Lines};

/// The most keys that a message lists.
const MAX_SHOWN_KEYS: usize = 20;

/// What is read of a line; other keys are left alone.
#[derive(Deserialize)]
struct Line {
    text: Option<String>,
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    language_score: Option<f64>,
    #[serde(default)]
    score: Option<f64>,
}

/// The id of a document: some collections count them.
#[derive(Deserialize)]
#[serde(try_from = "serde_json::Value")]
struct Id(String);

impl TryFrom<serde_json::Value> for Id {
    type Error = &'static str;

    fn try_from(value: serde_json::Value) -> Result<Id, &'static str> {
        match value {
            serde_json::Value::String(text) => Ok(Id(text)),
            serde_json::Value::Number(number) => Ok(Id(number.to_string())),
            _ => Err("`id` is neither a string nor a number"),
        }
    }
}

/// A file of JSON lines, read in order.
pub(super) struct JsonLines {
    lines: Lines,
    line: Vec<u8>,
}

impl JsonLines {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<JsonLines, DocumentsError> {
        Ok(JsonLines { lines: Lines::open(path)?, line: Vec::new() })
    }

    /// Appends documents until they hold about `n_bytes`; returns whether there are more.
    pub(super) fn next_rows(
        &mut self,
        n_bytes: usize,
        rows: &mut Vec<Row>,
    ) -> Result<bool, DocumentsError> {
        let mut spent = 0;
        while spent < n_bytes {
            if !self.lines.next(&mut self.line)? {
                return Ok(false);
            }
            // Blank lines count as well, or a file of nothing else would never come to an end of its step.
            spent += self.line.len() + 1;
            let line = self.line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&self.line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            rows.push(self.row(line)?);
        }
        Ok(true)
    }

    /// Returns how many bytes of the file are taken.
    pub(super) fn n_bytes_read(&self) -> u64 {
        self.lines.n_bytes_read()
    }

    fn row(&self, line: &[u8]) -> Result<Row, DocumentsError> {
        // The library would take a list as the values of the keys in their order.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(self.bad(1, "this is no JSON object".to_owned()));
        }
        let found: Line = serde_json::from_slice(line).map_err(|error| {
            // The library counts lines too, but it only ever saw this one.
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default();
            self.bad(error.column(), what.to_owned())
        })?;
        let text = match found.text {
            Some(text) => text,
            None => {
                self.require_text(line)?;
                String::new()
            }
        };
        let id = found.id.map(|id| id.0).unwrap_or_default();
        // Some collections name a document by its address and have it nowhere else.
        let named = || id.starts_with("http").then(|| id.clone());
        Ok(Row {
            place: self.lines.n_lines(),
            url: found.url.or_else(named).unwrap_or_default(),
            id,
            text,
            language: found.language,
            language_score: found.language_score,
            score: found.score,
        })
    }

    /// Fails unless an object has the key `text`: null says that a page was empty, but a whole file without the key is another kind of file.
    fn require_text(&self, line: &[u8]) -> Result<(), DocumentsError> {
        let keys: BTreeMap<String, IgnoredAny> = serde_json::from_slice(line).unwrap_or_default();
        if keys.contains_key("text") {
            return Ok(());
        }
        let shown = keys.keys().take(MAX_SHOWN_KEYS).map(|key| format!("`{key}`"));
        let shown: Vec<String> = shown.collect();
        let shown = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
        Err(self.bad(1, format!("there is no key `text`; there is {shown}")))
    }

    fn bad(&self, byte: usize, what: String) -> DocumentsError {
        let path = self.lines.path().to_path_buf();
        DocumentsError::BadLine { path, line: self.lines.n_lines(), byte, what }
    }
}
