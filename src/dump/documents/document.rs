//! A web document: as a file has it, and as the rest of crossic takes it.

use crossic_operators::{record::Digest, text::canonical};

use super::paragraphs::paragraphs;

/// A row or line of a file, before anything is decided about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Row or line in its file, counted from 1.
    pub place: u64,
    /// What the file calls the document; empty where it has no name for it.
    pub id: String,
    /// Address that the text was read from; empty where the file has none.
    pub url: String,
    /// The text; empty where the file has none.
    pub text: String,
    /// Code of the language, such as `en`.
    pub language: Option<String>,
    /// How sure the language is, from 0 to 1.
    pub language_score: Option<f64>,
    /// How good the text is, in the words of whoever made the collection.
    pub score: Option<f64>,
}

/// A document that can be taken like an article.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WebDocument {
    /// Digest of the file's id, the address and the text: equal only for the same document.
    pub id: Digest,
    /// What the file calls the document, for people.
    pub source_id: String,
    /// Address that the text was read from.
    pub url: String,
    /// The canonical form of an article without a title: it begins with the blank line behind it.
    pub text: String,
    /// Digest of the canonical form, the same for texts that differ in white space around lines only.
    pub digest: Digest,
    /// Paragraphs, one at least in a document that was let through.
    pub n_paragraphs: u32,
}

impl WebDocument {
    /// Makes the document of a row, whatever is in it.
    pub fn new(row: Row) -> WebDocument {
        let paragraphs = paragraphs(&row.text);
        let text = canonical("", &paragraphs);
        let digest = Digest::of(text.as_bytes());
        let id = Digest::of_fields(&[row.id.as_bytes(), row.url.as_bytes(), &digest.bytes()]);
        let n_paragraphs = u32::try_from(paragraphs.len()).unwrap_or(u32::MAX);
        WebDocument { id, source_id: row.id, url: row.url, text, digest, n_paragraphs }
    }
}

#[cfg(test)]
mod tests {
    use crossic_operators::text::Document;

    use super::*;

    fn document(id: &str, url: &str, text: &str) -> WebDocument {
        let (id, url, text) = (id.to_owned(), url.to_owned(), text.to_owned());
        WebDocument::new(Row { id, url, text, ..Row::default() })
    }

    #[test]
    fn a_document_reads_like_an_article_without_a_title() {
        let it = document("a", "b", " One. \nTwo.\r\n\r\nสาม\n");
        let article = Document::parse(&it.text);
        assert_eq!(article.title, "");
        assert_eq!(article.paragraphs().collect::<Vec<_>>(), ["One.", "Two.", "สาม"]);
        assert_eq!(it.n_paragraphs, 3);
    }

    #[test]
    fn the_identity_covers_name_address_and_text() {
        let it = document("a", "b", "One.");
        assert_eq!(it.id, document("a", "b", " One.\n").id);
        for other in [document("x", "b", "One."), document("a", "x", "One.")] {
            assert_ne!(it.id, other.id);
            assert_eq!(it.digest, other.digest);
        }
        assert_ne!(it.id, document("a", "b", "Two.").id);
    }
}
