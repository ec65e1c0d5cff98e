//! Takes the standard names of dump files apart.

/// A file name that follows the standard, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// The wiki, as `enwiki`.
    pub(crate) wiki: &'a str,
    /// The date of the dump, or the word in its place.
    pub(crate) date: &'a str,
    /// What is in the file.
    pub(crate) content: Content,
    /// How it is packed, better ones first.
    pub(crate) packing: Packing,
}

/// What a dump file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Page,
    Langlinks,
    Redirect,
    PageProps,
    /// Pages XML.
    Articles {
        multistream: bool,
        part: Option<Part>,
    },
    /// The index of a multistream file.
    Index {
        part: Option<Part>,
    },
}

/// Which of the parts of a pages file this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    /// The lowest page number in it, 0 if the name does not say.
    pub(crate) first: u64,
    /// The highest page number in it, `u64::MAX` if the name does not say.
    pub(crate) last: u64,
    /// The number of the part.
    pub(crate) number: u64,
}

/// How a file is packed by its name; the order is the order of preference.
///
/// Packed files come first because they carry checksums, gzip before bzip2 because it is faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Packing {
    Gzip,
    Bzip2,
    Plain,
}

/// Takes a name apart; returns `None` for files that are no part of a dump we read.
pub(crate) fn parse(name: &str) -> Option<Name<'_>> {
    let (name, packing) = match name.rsplit_once('.') {
        Some((name, "gz")) => (name, Packing::Gzip),
        Some((name, "bz2")) => (name, Packing::Bzip2),
        _ => (name, Packing::Plain),
    };
    let (wiki, name) = name.split_once('-')?;
    let (date, name) = name.split_once('-')?;
    let is_word = |word: &str, extra: &[u8]| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || extra.contains(&byte);
        !word.is_empty() && word.bytes().all(good)
    };
    if !is_word(wiki, b"_") || !is_word(date, b"_") {
        return None;
    }
    let content = match name {
        "page.sql" => Content::Page,
        "langlinks.sql" => Content::Langlinks,
        "redirect.sql" => Content::Redirect,
        "page_props.sql" => Content::PageProps,
        _ => {
            let name = name.strip_prefix("pages-articles")?;
            match name.strip_prefix("-multistream") {
                None => Content::Articles { multistream: false, part: part(name, ".xml")? },
                Some(name) => match name.strip_prefix("-index") {
                    None => Content::Articles { multistream: true, part: part(name, ".xml")? },
                    Some(name) => Content::Index { part: part(name, ".txt")? },
                },
            }
        }
    };
    Some(Name { wiki, date, content, packing })
}

/// Takes apart what follows the kind of a file, as `1.xml-p1p41242`; `.xml` alone is no part.
fn part(name: &str, extension: &str) -> Option<Option<Part>> {
    let (number, range) = name.split_once(extension)?;
    if number.is_empty() && range.is_empty() {
        return Some(None);
    }
    let number = if number.is_empty() { 0 } else { digits(number)? };
    let (first, last) = match range {
        "" => (0, u64::MAX),
        _ => {
            let (first, last) = range.strip_prefix("-p")?.split_once('p')?;
            (digits(first)?, digits(last)?)
        }
    };
    Some(Some(Part { first, last, number }))
}

fn digits(text: &str) -> Option<u64> {
    // Parsing alone would take a sign as well.
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Content, Name, Packing, Part, parse};

    #[test]
    fn standard_names() {
        let articles = |multistream, part| Content::Articles { multistream, part };
        let part = |number, first, last| Some(Part { first, last, number });
        for (name, wiki, date, content, packing) in [
            ("enwiki-20240720-page.sql.gz", "enwiki", "20240720", Content::Page, Packing::Gzip),
            ("jawiki-derived-page.sql", "jawiki", "derived", Content::Page, Packing::Plain),
            (
                "zh_min_nanwiki-latest-page_props.sql.bz2",
                "zh_min_nanwiki",
                "latest",
                Content::PageProps,
                Packing::Bzip2,
            ),
            (
                "enwiki-20240720-pages-articles.xml.bz2",
                "enwiki",
                "20240720",
                articles(false, None),
                Packing::Bzip2,
            ),
            (
                "enwiki-20240720-pages-articles1.xml-p1p41242.bz2",
                "enwiki",
                "20240720",
                articles(false, part(1, 1, 41242)),
                Packing::Bzip2,
            ),
            (
                "enwiki-20240720-pages-articles-multistream27.xml-p7p9",
                "enwiki",
                "20240720",
                articles(true, part(27, 7, 9)),
                Packing::Plain,
            ),
            (
                "enwiki-20240720-pages-articles-multistream3.xml.bz2",
                "enwiki",
                "20240720",
                articles(true, part(3, 0, u64::MAX)),
                Packing::Bzip2,
            ),
            (
                "enwiki-20240720-pages-articles-multistream-index1.txt-p1p41242.bz2",
                "enwiki",
                "20240720",
                Content::Index { part: part(1, 1, 41242) },
                Packing::Bzip2,
            ),
        ] {
            assert_eq!(parse(name), Some(Name { wiki, date, content, packing }), "{name}");
        }
    }

    #[test]
    fn other_names() {
        for name in [
            "",
            "README.md",
            "enwiki-page.sql.gz",
            "enwiki-20240720-page.sql.gz.part",
            "enwiki-20240720-pagelinks.sql.gz",
            "enwiki-20240720-pages-articles.xml.bz2.tmp",
            "enwiki-20240720-pages-articles1.xml-p1.bz2",
            "enwiki-20240720-pages-articles+1.xml-p1p2.bz2",
            "enwiki-20240720-pages-meta-current.xml.bz2",
            "enwiki-20240720-pages-articles-multistream-index.xml",
            "-20240720-page.sql",
            "ไทย-x-page.sql",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
