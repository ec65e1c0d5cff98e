//! The lists of a mirror, read with suspicion: checksums of a dump, dates of a wiki.

use std::collections::BTreeMap;

use crate::dump::{
    find::{DumpFiles, choose},
    find_names::{Content, Packing, parse},
};

/// A file to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The name, which [`parse`] takes: so it has no separator of paths.
    pub(super) name: String,
    /// Its SHA-1, 40 lower-case hexadecimal digits.
    pub(super) sha1: String,
}

/// What the list of checksums of a dump comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Everything that a build needs, in the order in which it is fetched.
    Complete(Vec<Wanted>),
    /// Some of it is missing, by the ends of the names.
    Incomplete(Vec<&'static str>),
}

/// Reads a list of checksums: a SHA-1 and a name a line.
///
/// Lines about files that are not fetched are passed over, whatever they hold.
///
/// # Errors
///
/// Two lines contradict each other, or the parts of the articles overlap or leave a gap.
pub(super) fn checksums(text: &str, wiki: &str, date: &str) -> Result<Listed, String> {
    let mut sums: BTreeMap<&str, String> = BTreeMap::new();
    for (sha1, name) in text.lines().filter_map(line) {
        if !is_fetched(name, wiki, date) {
            continue;
        }
        if sums.insert(name, sha1.clone()).is_some_and(|before| before != sha1) {
            return Err(format!("names `{name}` twice, with different checksums"));
        }
    }
    let names: Vec<&str> = sums.keys().copied().collect();
    let files = match names.is_empty() {
        true => DumpFiles::default(),
        false => choose(&names, None).map_err(|error| format!("does not add up: {error}"))?,
    };
    let needed = [
        ("page.sql.gz", files.page.is_some()),
        ("langlinks.sql.gz", files.langlinks.is_some()),
        ("redirect.sql.gz", files.redirect.is_some()),
        ("page_props.sql.gz", files.page_props.is_some()),
        ("pages-articles-multistream.xml.bz2", !files.articles.is_empty()),
    ];
    let missing: Vec<&str> = needed.iter().filter(|(_, found)| !found).map(|it| it.0).collect();
    if !missing.is_empty() {
        return Ok(Listed::Incomplete(missing));
    }
    let tables = [files.page, files.langlinks, files.redirect, files.page_props];
    let paths = tables.into_iter().flatten().chain(files.articles).chain(files.indexes);
    let mut wanted = Vec::new();
    for path in paths {
        let name = path.to_string_lossy().into_owned();
        if let Some(sha1) = sums.get(name.as_str()).cloned() {
            wanted.push(Wanted { name, sha1 });
        }
    }
    gap(&wanted).map_or(Ok(Listed::Complete(wanted)), Err)
}

/// Takes a line apart: 40 hexadecimal digits, white space, a name.
fn line(line: &str) -> Option<(String, &str)> {
    let (sha1, name) = line.trim().split_once(char::is_whitespace)?;
    let good = sha1.len() == 40 && sha1.bytes().all(|it| it.is_ascii_hexdigit());
    // A star stands before names whose file was read as bytes.
    let name = name.trim_start().trim_start_matches('*');
    good.then(|| (sha1.to_ascii_lowercase(), name))
}

fn is_fetched(name: &str, wiki: &str, date: &str) -> bool {
    let Some(name) = parse(name).filter(|it| it.wiki == wiki && it.date == date) else {
        return false;
    };
    match name.content {
        Content::Page | Content::Langlinks | Content::Redirect | Content::PageProps => {
            name.packing == Packing::Gzip
        }
        Content::Articles { multistream, .. } => multistream && name.packing == Packing::Bzip2,
        Content::Index { .. } => name.packing == Packing::Bzip2,
    }
}

/// Returns what is wrong if the parts of the articles leave out pages: one may not be listed yet.
fn gap(wanted: &[Wanted]) -> Option<String> {
    let mut next = 1;
    for Wanted { name, .. } in wanted {
        let Some(Content::Articles { part: Some(part), .. }) = parse(name).map(|it| it.content)
        else {
            continue;
        };
        if part.last == u64::MAX {
            return None;
        }
        if part.first != next {
            return Some(format!("has no part of the articles with page {next}"));
        }
        next = part.last.saturating_add(1);
    }
    None
}

/// Returns the dates that the page of a wiki links to, the newest first.
pub(super) fn dates(html: &str) -> Vec<String> {
    let mut dates: Vec<String> = html
        .split("href=")
        .skip(1)
        .filter_map(|rest| {
            let link = rest.trim_start_matches(['"', '\'']).split(['"', '\'', '>', ' ']).next()?;
            let date = link.trim_end_matches('/').rsplit('/').next()?;
            is_date(date).then(|| date.to_owned())
        })
        .collect();
    dates.sort_unstable_by(|left, right| right.cmp(left));
    dates.dedup();
    dates
}

/// Returns whether this is eight digits.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: [&str; 4] = ["langlinks", "page", "page_props", "redirect"];

    /// Returns a list of all tables and these other ends of names.
    fn list(more: &[&str]) -> String {
        let sha1 = "0123456789abcdef0123456789ABCDEF01234567";
        let tables = TABLES.iter().map(|table| format!("{sha1}  thwiki-20240720-{table}.sql.gz\n"));
        let more = more.iter().map(|end| format!("{sha1}  thwiki-20240720-{end}\n"));
        tables.chain(more).collect()
    }

    fn check(text: &str, expected: Result<&[&str], &str>) {
        let listed = checksums(text, "thwiki", "20240720");
        let names = listed.map(|listed| match listed {
            Listed::Complete(wanted) => {
                let end = |it: Wanted| it.name.replace("thwiki-20240720-", "");
                wanted.into_iter().map(end).collect::<Vec<_>>()
            }
            Listed::Incomplete(missing) => missing.iter().map(|it| format!("no {it}")).collect(),
        });
        let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(names, expected.map_err(str::to_owned), "{text}");
    }

    const SQL: [&str; 4] =
        ["page.sql.gz", "langlinks.sql.gz", "redirect.sql.gz", "page_props.sql.gz"];

    fn with_tables<'a>(more: &[&'a str]) -> Vec<&'a str> {
        SQL.into_iter().chain(more.iter().copied()).collect()
    }

    #[test]
    fn one_file_is_taken_before_parts() {
        let whole =
            ["pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2"];
        let parts = [
            "pages-articles-multistream1.xml-p1p9.bz2",
            "pages-articles-multistream2.xml-p10p20.bz2",
            "pages-articles-multistream-index1.txt-p1p9.bz2",
            "pages-articles-multistream-index2.txt-p10p20.bz2",
        ];
        let all = [whole.as_slice(), &parts].concat();
        check(&list(&all), Ok(&with_tables(&whole)));
        check(&list(&parts), Ok(&with_tables(&parts)));
        check(&list(&parts[1..]), Err("has no part of the articles with page 1"));
        check(&list(&parts[..1]), Ok(&with_tables(&parts[..1])));
    }

    #[test]
    fn other_files_are_passed_over() {
        let text = list(&[
            "pages-articles-multistream.xml.bz2",
            "pages-articles.xml.bz2",
            "pages-meta-history1.xml-p1p2.7z",
            "pagelinks.sql.gz",
            "page.sql",
            "page.sql.gz/../../x",
            "../page.sql.gz",
        ]);
        let hostile = "0123456789abcdef0123456789abcdef01234567  ../thwiki-20240720-page.sql.gz\n\
                       0123456789abcdef0123456789abcdef01234567  /etc/thwiki-20240720-page.sql.gz\n\
                       not a line\n\n0123  thwiki-20240720-page.sql.gz\n\
                       ffffffffffffffffffffffffffffffffffffffff  enwiki-20240720-page.sql.gz\n";
        let expected = with_tables(&["pages-articles-multistream.xml.bz2"]);
        check(&format!("{text}{hostile}"), Ok(&expected));
    }

    #[test]
    fn what_is_missing_is_named() {
        check(&list(&[]), Ok(&["no pages-articles-multistream.xml.bz2"]));
        check(
            "",
            Ok(&SQL
                .map(|it| format!("no {it}"))
                .iter()
                .map(String::as_str)
                .chain(["no pages-articles-multistream.xml.bz2"])
                .collect::<Vec<_>>()),
        );
    }

    #[test]
    fn a_contradiction_is_refused() {
        let text = list(&[]).replacen("0123", "3210", 1) + &list(&[]);
        check(
            &text,
            Err("names `thwiki-20240720-langlinks.sql.gz` twice, with different checksums"),
        );
    }

    #[test]
    fn dates_of_an_index_page() {
        let html = "<a href=\"../\">..</a> <a href=\"20240701/\">20240701/</a>\
                    <a href='/enwiki/20240720/'>x</a><a href=\"20240720\">x</a>\
                    <a href=\"latest/\">latest</a><a href=\"2024072/\">x</a>\
                    <a href=20240620/>x</a> 20250101/";
        assert_eq!(dates(html), ["20240720", "20240701", "20240620"]);
        assert_eq!(dates(""), [""; 0]);
    }
}
