//! Parses the source of a web document: a header of `key: value` lines, a line `---`, then the text.

use std::path::Path;

use crate::{error::Complaint, samples::source_page};

/// A web document as written in the sources.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceDocument {
    /// Address.
    pub url: String,
    /// Time at which it was crawled: `2023-09-21T08:15:00Z`.
    pub date: String,
    /// Name of the crawl: `CC-MAIN-2023-40`.
    pub dump: String,
    /// Code of the language.
    pub language: String,
    /// How sure the language is, from 0 to 1.
    pub language_score: f64,
    /// How much one learns from the text, from 0 to 5.
    pub score: f64,
    /// The text, without white space at its end.
    pub text: String,
}

/// Parses a source, or says everything that is wrong with its header.
pub fn parse(path: &Path, source: &str) -> Result<SourceDocument, Vec<Complaint>> {
    let complain =
        |line: usize, message: String| Complaint { path: path.to_path_buf(), line, message };
    let Some((header, text)) = source_page::split(source) else {
        let message = "a line `---` between header and text is missing".to_owned();
        return Err(vec![complain(source.lines().count().max(1), message)]);
    };
    let mut document = SourceDocument {
        url: String::new(),
        date: String::new(),
        dump: String::new(),
        language: "en".to_owned(),
        language_score: 0.0,
        score: 0.0,
        text: text.trim_end().to_owned(),
    };
    let mut complaints = Vec::new();
    let mut missing = vec!["url", "date", "dump", "language-score", "score"];
    for (index, line) in header.lines().enumerate() {
        let Some((key, value)) = line.split_once(": ") else {
            let message = format!("`{line}` is not of the form `key: value`");
            complaints.push(complain(index + 1, message));
            continue;
        };
        missing.retain(|it| *it != key);
        let number = value.parse::<f64>().ok().filter(|it| it.is_finite());
        match (key, number) {
            ("url", _) => document.url = value.to_owned(),
            ("date", _) => document.date = value.to_owned(),
            ("dump", _) => document.dump = value.to_owned(),
            ("language", _) => document.language = value.to_owned(),
            ("language-score", Some(number)) => document.language_score = number,
            ("score", Some(number)) => document.score = number,
            ("language-score" | "score", None) => {
                complaints.push(complain(index + 1, format!("`{value}` is no number")));
            }
            _ => complaints.push(complain(index + 1, format!("`{key}` is no key"))),
        }
    }
    if !missing.is_empty() {
        complaints.push(complain(1, format!("the header lacks `{}`", missing.join("`, `"))));
    }
    if complaints.is_empty() { Ok(document) } else { Err(complaints) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "url: a\ndate: b\ndump: c\nlanguage-score: 0.9\nscore: 3\n";

    #[test]
    fn a_source_is_header_and_text() {
        let document = parse(Path::new("x"), &format!("{HEADER}---\nOne.\n\nTwo.\n\n")).unwrap();
        assert_eq!((document.url.as_str(), document.score), ("a", 3.0));
        assert_eq!(document.text, "One.\n\nTwo.");
    }

    #[test]
    fn every_complaint_has_its_line() {
        let check = |source: &str, expected: &[&str]| {
            let found: Vec<String> = parse(Path::new("x"), source)
                .unwrap_err()
                .iter()
                .map(Complaint::to_string)
                .collect();
            assert_eq!(found, expected);
        };
        check("url: a\n", &["x:1: a line `---` between header and text is missing"]);
        check(
            &format!("{HEADER}score: high\nsize: 3\nx\n---\n"),
            &[
                "x:6: `high` is no number",
                "x:7: `size` is no key",
                "x:8: `x` is not of the form `key: value`",
            ],
        );
        check(
            "url: a\ndate: b\ndump: c\nscore: 1\n---\n",
            &["x:1: the header lacks `language-score`"],
        );
    }
}
