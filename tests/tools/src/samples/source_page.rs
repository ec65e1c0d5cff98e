//! Parses a page source: a header of `key: value` lines, a line `---`, then wikitext.

use std::path::{Path, PathBuf};

use crate::{
    dump::page::{Langlink, Property},
    error::Complaint,
};

/// A page as written in the sources.
#[derive(Clone, Debug)]
pub struct SourcePage {
    /// The file, for complaints.
    pub path: PathBuf,
    /// The page id.
    pub id: u32,
    /// The namespace number.
    pub namespace: i32,
    /// The title with namespace prefix, with spaces.
    pub full_title: String,
    /// The line of the title, for complaints.
    pub title_line: usize,
    /// The revision id.
    pub revision: u64,
    /// The time of the revision.
    pub timestamp: String,
    /// The content model.
    pub model: String,
    /// The rows of langlinks, by language.
    pub langlinks: Vec<Langlink>,
    /// The rows of page_props, by name.
    pub properties: Vec<Property>,
    /// The line of the first line of wikitext, for complaints.
    pub text_line: usize,
    /// The wikitext, without white space at its end.
    pub text: String,
}

/// Splits a source into its header and its text; `None` without a line `---`.
pub fn split(source: &str) -> Option<(&str, &str)> {
    match source.strip_prefix("---\n") {
        Some(text) => Some(("", text)),
        None => source.split_once("\n---\n").or_else(|| Some((source.strip_suffix("\n---")?, ""))),
    }
}

/// Parses a page source, or says everything that is wrong with its header.
pub fn parse(path: &Path, source: &str) -> Result<SourcePage, Vec<Complaint>> {
    let complain =
        |line: usize, message: String| Complaint { path: path.to_path_buf(), line, message };
    if let Some(line) = source.lines().position(|line| line.ends_with('\r')) {
        return Err(vec![complain(line + 1, "the line ends in a carriage return".into())]);
    }
    let Some((header, text)) = split(source) else {
        let message = "a line `---` between header and text is missing".to_string();
        return Err(vec![complain(source.lines().count().max(1), message)]);
    };
    let n_header_lines = header.lines().count();
    let mut complaints = Vec::new();
    let mut page = SourcePage {
        path: path.to_path_buf(),
        id: 0,
        namespace: 0,
        full_title: String::new(),
        title_line: 1,
        revision: 0,
        timestamp: String::new(),
        model: "wikitext".into(),
        langlinks: Vec::new(),
        properties: Vec::new(),
        text_line: n_header_lines + 2,
        text: text.trim_end().to_string(),
    };
    let mut seen: Vec<&str> = Vec::new();
    for (index, line) in header.lines().enumerate() {
        let Some((key, value)) =
            line.split_once(':').map(|(key, value)| (key.trim(), value.trim()))
        else {
            complaints
                .push(complain(index + 1, format!("`{line}` is not of the form `key: value`")));
            continue;
        };
        if !matches!(key, "link" | "prop") && seen.contains(&key) {
            complaints.push(complain(index + 1, format!("`{key}` is stated twice")));
        }
        seen.push(key);
        if key == "title" {
            page.title_line = index + 1;
        }
        if let Err(message) = page.set(key, value) {
            complaints.push(complain(index + 1, message));
        }
    }
    for key in ["id", "title", "revision", "timestamp"] {
        if !seen.contains(&key) {
            complaints
                .push(complain(n_header_lines + 1, format!("`{key}` is missing in the header")));
        }
    }
    if let Some(index) =
        text.chars().position(|found| found.is_control() && !matches!(found, '\n' | '\t'))
    {
        let n_lines = text.chars().take(index).filter(|found| *found == '\n').count();
        complaints
            .push(complain(page.text_line + n_lines, "a control character in the text".into()));
    }
    page.langlinks.sort();
    page.properties.sort();
    if complaints.is_empty() { Ok(page) } else { Err(complaints) }
}

impl SourcePage {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "id" => self.id = whole_number(value)?,
            "revision" => self.revision = whole_number(value)?,
            "ns" => self.namespace = whole_number(value)?,
            "title" => self.full_title = checked_title(value)?,
            "timestamp" => self.timestamp = checked_timestamp(value)?,
            "model" if !value.is_empty() => self.model = value.to_string(),
            "model" => return Err("the model is empty".into()),
            "link" => {
                let (lang, title) = value
                    .split_once('=')
                    .map(|(lang, title)| (lang.trim(), title.trim()))
                    .ok_or_else(|| format!("link `{value}` is not of the form `en=Elephant`"))?;
                let is_code = |found: char| found.is_ascii_lowercase() || found == '-';
                if lang.is_empty() || !lang.chars().all(is_code) {
                    return Err(format!("`{lang}` is not a language code"));
                }
                if title.contains('_') {
                    return Err(format!("link title `{title}` has an underscore, write a space"));
                }
                if self.langlinks.iter().any(|link| link.lang == lang) {
                    return Err(format!("a second link to `{lang}`; a page has at most one"));
                }
                self.langlinks.push(Langlink { lang: lang.into(), title: title.into() });
            }
            "prop" => {
                let (name, value) = value.split_once('=').unwrap_or((value, ""));
                let (name, value) = (name.trim(), value.trim());
                if name.is_empty() || self.properties.iter().any(|known| known.name == name) {
                    return Err(format!("property `{name}` is empty or stated twice"));
                }
                self.properties.push(Property { name: name.into(), value: value.into() });
            }
            _ => {
                return Err(format!(
                    "unknown key `{key}`; the keys are `id`, `ns`, `title`, `revision`, `timestamp`, `model`, \
                     `link`, `prop`"
                ));
            }
        }
        Ok(())
    }
}

fn whole_number<N: std::str::FromStr>(value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{value}` is not a whole number in range"))
}

fn checked_title(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("the title is empty".into());
    }
    if 255 < value.len() {
        return Err(format!("title `{value}` is longer than 255 bytes"));
    }
    match value.chars().find(|found| "_[]{}|#<>".contains(*found)) {
        Some(found) => Err(format!("title `{value}` must not hold `{found}`")),
        None => Ok(value.to_string()),
    }
}

fn checked_timestamp(value: &str) -> Result<String, String> {
    let matches_shape = value.len() == 20
        && value.chars().zip("0000-00-00T00:00:00Z".chars()).all(|(found, shape)| match shape {
            '0' => found.is_ascii_digit(),
            _ => found == shape,
        });
    if matches_shape {
        Ok(value.to_string())
    } else {
        Err(format!("timestamp `{value}` is not of the form `2024-07-03T08:15:00Z`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "id: 2007\ntitle: ช้าง\nrevision: 9912041\ntimestamp: 2024-07-03T08:15:00Z\n";

    fn check(source: &str, expected: &[(usize, &str)]) {
        let complaints = parse(Path::new("x.wiki"), source).expect_err("the page must be refused");
        let found: Vec<_> =
            complaints.iter().map(|found| (found.line, found.message.as_str())).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((line, message), (expected_line, part)) in found.iter().zip(expected) {
            assert_eq!(line, expected_line, "{message}");
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_page_is_read_with_its_links_in_order_of_language() {
        let source = format!(
            "{GOOD}link: es=\nlink: en=Honey bee#Dance\nprop: disambiguation\n---\n'''ช้าง'''\n\n---\nx\n\n"
        );
        let page = parse(Path::new("x.wiki"), &source).unwrap();
        assert_eq!((page.id, page.namespace, page.revision), (2007, 0, 9_912_041));
        assert_eq!(page.text, "'''ช้าง'''\n\n---\nx");
        let links: Vec<_> = page.langlinks.iter().map(|link| (&*link.lang, &*link.title)).collect();
        assert_eq!(links, [("en", "Honey bee#Dance"), ("es", "")]);
        assert_eq!(page.properties[0].name, "disambiguation");
    }

    #[test]
    fn a_page_without_text_is_read() {
        assert_eq!(parse(Path::new("x.wiki"), &format!("{GOOD}---\n")).unwrap().text, "");
        assert_eq!(parse(Path::new("x.wiki"), &format!("{GOOD}---")).unwrap().text, "");
    }

    #[test]
    fn every_slip_is_reported_with_its_line() {
        check("id: 1\n", &[(1, "`---`")]);
        check("id: x\n---\n", &[(1, "`x`"), (2, "`title`"), (2, "`revision`"), (2, "`timestamp`")]);
        check(&format!("{GOOD}titel: x\n---\n"), &[(5, "unknown key `titel`")]);
        check(&format!("{GOOD}link: en\n---\n"), &[(5, "en=Elephant")]);
        check(&format!("{GOOD}link: en=A\nlink: en=B\n---\n"), &[(6, "second link")]);
        check(&format!("{GOOD}id: 3\n---\n"), &[(5, "twice")]);
        check(&format!("{GOOD}---\na\nb\u{7}\n"), &[(7, "control")]);
        check(
            &GOOD.replace("2024-07-03T", "2024-7-3T").replace("0Z\n", "0Z\n---\n"),
            &[(4, "timestamp")],
        );
    }
}
