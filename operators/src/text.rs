//! The canonical form of a cleaned article: title, blank line, paragraphs with blank lines between.

/// A cleaned article, borrowed from its canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// The title, without line breaks.
    pub title: &'a str,
    body: &'a str,
}

/// What stands between title and paragraphs, in the packs and in the segments (paper, §2.1).
pub const DELIMITER: &str = "\n\n";

impl<'a> Document<'a> {
    /// Splits the canonical form.
    pub fn parse(text: &'a str) -> Document<'a> {
        match text.split_once(DELIMITER) {
            Some((title, body)) => Document { title, body },
            None => Document { title: text, body: "" },
        }
    }

    /// Returns the paragraphs in order.
    pub fn paragraphs(self) -> impl Iterator<Item = &'a str> {
        self.body.split(DELIMITER).filter(|paragraph| !paragraph.is_empty())
    }
}

/// Returns the canonical form of a title and its paragraphs, none of which holds a blank line.
pub fn canonical<S: AsRef<str>>(title: &str, paragraphs: &[S]) -> String {
    let mut text = title.replace(['\n', '\r'], " ");
    for paragraph in paragraphs {
        text.push_str(DELIMITER);
        text.push_str(paragraph.as_ref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_survives_its_canonical_form() {
        let text = canonical("ช้าง", &["One.\nTwo.", "สาม"]);
        let document = Document::parse(&text);
        assert_eq!(document.title, "ช้าง");
        assert_eq!(document.paragraphs().collect::<Vec<_>>(), ["One.\nTwo.", "สาม"]);
    }
}
