//! The tables of a snapshot: what the input tables and the article dump said, row by row.
//!
//! The order of the fields is the order of the rows.

use crossic_operators::{record::Digest, wikitext::ArticleResidue};
use polars_arrow::datatypes::{ArrowDataType, Field};

use crate::store::row::{self, BadRow, Cells, Column, Row, field};

/// A row of `page`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageRow {
    /// Page id.
    pub id: u32,
    /// Title, without its namespace.
    pub title: String,
    /// Whether the page is a redirect.
    pub redirect: bool,
    /// Its latest revision.
    pub latest: u64,
}

impl Row for PageRow {
    const TABLE: &'static str = "page";

    fn fields() -> Vec<Field> {
        vec![
            field("id", ArrowDataType::UInt32),
            field("title", ArrowDataType::Utf8),
            field("redirect", ArrowDataType::Boolean),
            field("latest", ArrowDataType::UInt64),
        ]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![
            row::numbers(rows, |row| row.id),
            row::strings(rows, |row| &row.title)?,
            row::bools(rows, |row| row.redirect),
            row::numbers(rows, |row| row.latest),
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(PageRow {
            id: cells.number(0)?,
            title: cells.string(1)?,
            redirect: cells.bool(2)?,
            latest: cells.number(3)?,
        })
    }
}

/// A row of `langlinks`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkRow {
    /// The page that holds the link.
    pub from: u32,
    /// Language code of the wiki it leads to.
    pub lang: String,
    /// The title it names.
    pub title: String,
}

impl Row for LinkRow {
    const TABLE: &'static str = "langlinks";

    fn fields() -> Vec<Field> {
        vec![
            field("from", ArrowDataType::UInt32),
            field("lang", ArrowDataType::Utf8),
            field("title", ArrowDataType::Utf8),
        ]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![
            row::numbers(rows, |row| row.from),
            row::strings(rows, |row| &row.lang)?,
            row::strings(rows, |row| &row.title)?,
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(LinkRow { from: cells.number(0)?, lang: cells.string(1)?, title: cells.string(2)? })
    }
}

/// Column of [`ArticleRow::residue`], which files of layout 3 and before do not have.
const RESIDUE: usize = 8;

/// What became of a page of the article dump.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArticleRow {
    /// Page id.
    pub page: u32,
    /// `text`, or the reason why there is none; `missing` where the dump lacks the page.
    pub state: String,
    /// Digest of the cleaned text; all zeros where there is none.
    pub digest: Digest,
    /// The revision it was read from; 0 where the source has none.
    pub revision: u64,
    /// Characters in title and paragraphs.
    pub n_chars: u32,
    /// Paragraphs.
    pub n_paragraphs: u32,
    /// Key of its links in the packs; all zeros where they are not kept.
    pub links: Digest,
    /// Digest of the compressed stream that holds the page; all zeros where streams are not told apart.
    pub stream: Digest,
    /// What is left in the text of markup and holes; nothing where there is no text.
    pub residue: ArticleResidue,
}

impl Row for ArticleRow {
    const TABLE: &'static str = "articles";

    fn fields() -> Vec<Field> {
        vec![
            field("page", ArrowDataType::UInt32),
            field("state", ArrowDataType::Utf8),
            field("digest", ArrowDataType::Utf8),
            field("revision", ArrowDataType::UInt64),
            field("n_chars", ArrowDataType::UInt32),
            field("n_paragraphs", ArrowDataType::UInt32),
            field("links", ArrowDataType::Utf8),
            field("stream", ArrowDataType::Utf8),
            field("residue", ArrowDataType::Utf8),
        ]
    }

    fn earlier() -> Vec<Vec<Field>> {
        let mut fields = ArticleRow::fields();
        fields.truncate(RESIDUE);
        vec![fields]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![
            row::numbers(rows, |row| row.page),
            row::strings(rows, |row| &row.state)?,
            row::displayed(rows, |row| row.digest)?,
            row::numbers(rows, |row| row.revision),
            row::numbers(rows, |row| row.n_chars),
            row::numbers(rows, |row| row.n_paragraphs),
            row::displayed(rows, |row| row.links)?,
            row::displayed(rows, |row| row.stream)?,
            row::displayed(rows, |row| row.residue)?,
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(ArticleRow {
            page: cells.number(0)?,
            state: cells.string(1)?,
            digest: digest(cells.str(2)?)?,
            revision: cells.number(3)?,
            n_chars: cells.number(4)?,
            n_paragraphs: cells.number(5)?,
            links: digest(cells.str(6)?)?,
            stream: digest(cells.str(7)?)?,
            residue: match cells.has(RESIDUE) {
                true => residue(cells.str(RESIDUE)?)?,
                false => ArticleResidue::default(),
            },
        })
    }
}

/// A row of `redirect`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RedirectRow {
    /// The redirecting page.
    pub from: u32,
    /// Namespace of the page it leads to.
    pub namespace: i32,
    /// Title of the page it leads to.
    pub title: String,
    /// The section it leads to, or nothing.
    pub fragment: String,
    /// Prefix of the wiki it leads to, or nothing.
    pub interwiki: String,
}

impl Row for RedirectRow {
    const TABLE: &'static str = "redirect";

    fn fields() -> Vec<Field> {
        vec![
            field("from", ArrowDataType::UInt32),
            field("namespace", ArrowDataType::Int32),
            field("title", ArrowDataType::Utf8),
            field("fragment", ArrowDataType::Utf8),
            field("interwiki", ArrowDataType::Utf8),
        ]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![
            row::numbers(rows, |row| row.from),
            row::numbers(rows, |row| row.namespace),
            row::strings(rows, |row| &row.title)?,
            row::strings(rows, |row| &row.fragment)?,
            row::strings(rows, |row| &row.interwiki)?,
        ])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(RedirectRow {
            from: cells.number(0)?,
            namespace: cells.number(1)?,
            title: cells.string(2)?,
            fragment: cells.string(3)?,
            interwiki: cells.string(4)?,
        })
    }
}

/// A row of `page_props`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropRow {
    /// Page id.
    pub page: u32,
    /// Name of the property.
    pub name: String,
}

impl Row for PropRow {
    const TABLE: &'static str = "page_props";

    fn fields() -> Vec<Field> {
        vec![field("page", ArrowDataType::UInt32), field("name", ArrowDataType::Utf8)]
    }

    fn columns(rows: &[&Self]) -> Result<Vec<Column>, BadRow> {
        Ok(vec![row::numbers(rows, |row| row.page), row::strings(rows, |row| &row.name)?])
    }

    fn read(cells: Cells<'_>) -> Result<Self, String> {
        Ok(PropRow { page: cells.number(0)?, name: cells.string(1)? })
    }
}

fn residue(text: &str) -> Result<ArticleResidue, String> {
    ArticleResidue::parse(text)
        .ok_or_else(|| format!("`{text}` says not what is left in an article"))
}

/// Returns the digest a cell holds.
pub(crate) fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| format!("`{text}` is not a digest"))
}

#[cfg(test)]
mod tests {
    use crossic_operators::wikitext::Residue;

    use super::*;

    #[test]
    fn rows_of_the_time_before_residue_are_read() {
        let residue = ArticleResidue::new(&Residue { tags: 4, ..Residue::default() }, 3);
        let row = ArticleRow {
            page: 7,
            state: "text".to_owned(),
            digest: Digest::of(b"text"),
            revision: 1,
            n_chars: 2,
            n_paragraphs: 3,
            links: Digest::default(),
            stream: Digest::of(b"stream"),
            residue,
        };
        let mut columns = ArticleRow::columns(&[&row]).unwrap();
        assert_eq!(ArticleRow::read(Cells::new(&columns, 0)), Ok(row.clone()));
        let [earlier] = <[_; 1]>::try_from(ArticleRow::earlier()).unwrap();
        columns.truncate(earlier.len());
        assert_eq!(earlier.last().unwrap().name.as_str(), "stream");
        let without = ArticleRow { residue: ArticleResidue::default(), ..row };
        assert_eq!(ArticleRow::read(Cells::new(&columns, 0)), Ok(without));
    }
}
