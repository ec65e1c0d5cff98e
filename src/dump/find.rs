//! Finds the files of one dump in a folder, local or behind a URL, by their standard names.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    dump::{
        error::{DumpError, DumpErrorKind, Position},
        find_names::{Content, Name, Packing, Part, parse},
    },
    storage,
};

/// The files of one dump of one wiki.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DumpFiles {
    /// The wiki, as `enwiki`.
    pub wiki: String,
    /// The date of the dump, or the word in its place.
    pub date: String,
    /// The page table.
    pub page: Option<PathBuf>,
    /// The table of links to other languages.
    pub langlinks: Option<PathBuf>,
    /// The table of redirects.
    pub redirect: Option<PathBuf>,
    /// The table of page properties.
    pub page_props: Option<PathBuf>,
    /// The pages XML: one file, or parts in the order of their page numbers.
    pub articles: Vec<PathBuf>,
    /// The indexes of the multistream files, in the same order.
    pub indexes: Vec<PathBuf>,
}

/// Finds the one dump in `folder`, or the one of `wanted`: a wiki (`enwiki`) or a wiki and a date
/// (`enwiki-20240720`).
///
/// Multistream XML is taken before other XML, a single file before parts, .gz before .bz2 before
/// plain. Fails if there is no dump, if there are several to choose from, or if parts overlap.
pub fn find_dump(folder: &Path, wanted: Option<&str>) -> Result<DumpFiles, DumpError> {
    let file_names = storage::file_names(folder).map_err(|cause| {
        let kind = DumpErrorKind::Io { doing: "list the folder", at: Position::default(), cause };
        DumpError { path: folder.to_owned(), kind }
    })?;
    let names = file_names.iter().map(String::as_str).collect::<Vec<_>>();
    let refuse = |kind| DumpError { path: folder.to_owned(), kind };
    let mut files = choose(&names, wanted).map_err(refuse)?;
    let tables =
        [&mut files.page, &mut files.langlinks, &mut files.redirect, &mut files.page_props];
    for path in tables.into_iter().flatten().chain(&mut files.articles).chain(&mut files.indexes) {
        *path = folder.join(&path);
    }
    Ok(files)
}

/// Chooses among file names; the paths that it returns are only names.
pub(crate) fn choose(
    file_names: &[&str],
    wanted: Option<&str>,
) -> Result<DumpFiles, DumpErrorKind> {
    let all: Vec<(&str, Name<'_>)> =
        file_names.iter().filter_map(|name| Some((*name, parse(name)?))).collect();
    let label = |name: &Name<'_>| format!("{}-{}", name.wiki, name.date);
    let labels: BTreeSet<String> = all.iter().map(|(_, name)| label(name)).collect();
    if labels.is_empty() {
        return Err(DumpErrorKind::NoDump);
    }
    let is_wanted = |label: &&String| match wanted {
        None => true,
        Some(wanted) => {
            *label == wanted || label.split_once('-').is_some_and(|(wiki, _)| wiki == wanted)
        }
    };
    let chosen: Vec<&String> = labels.iter().filter(is_wanted).collect();
    let chosen = match (chosen.as_slice(), wanted) {
        ([one], _) => *one,
        ([], Some(wanted)) => {
            let found = labels.into_iter().collect();
            return Err(DumpErrorKind::NoSuchDump { wanted: wanted.to_owned(), found });
        }
        (several, _) => {
            let found = several.iter().map(|label| (*label).clone()).collect();
            return Err(DumpErrorKind::SeveralDumps { found });
        }
    };
    let ours: Vec<&(&str, Name<'_>)> =
        all.iter().filter(|(_, name)| label(name) == *chosen).collect();
    let table = |content| {
        let candidates = ours.iter().filter(|(_, name)| name.content == content);
        candidates.min_by_key(|(_, name)| name.packing).map(|(name, _)| PathBuf::from(name))
    };
    let articles = ours.iter().filter_map(|(file, name)| match name.content {
        Content::Articles { multistream, part } => {
            Some(Candidate { group: Reverse(multistream), part, packing: name.packing, file })
        }
        _ => None,
    });
    let indexes = ours.iter().filter_map(|(file, name)| match name.content {
        Content::Index { part } => {
            Some(Candidate { group: Reverse(true), part, packing: name.packing, file })
        }
        _ => None,
    });
    let (wiki, date) = chosen.split_once('-').unwrap_or((chosen, ""));
    Ok(DumpFiles {
        wiki: wiki.to_owned(),
        date: date.to_owned(),
        page: table(Content::Page),
        langlinks: table(Content::Langlinks),
        redirect: table(Content::Redirect),
        page_props: table(Content::PageProps),
        articles: parts(articles.collect())?,
        indexes: parts(indexes.collect())?,
    })
}

/// A file that may be taken; the order is the order of preference, then of page numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate<'a> {
    group: Reverse<bool>,
    // `None`, the whole file, is less than any part.
    part: Option<Part>,
    packing: Packing,
    file: &'a str,
}

/// Returns the best group of files: one whole file, or all parts of one kind once.
fn parts(mut candidates: Vec<Candidate<'_>>) -> Result<Vec<PathBuf>, DumpErrorKind> {
    candidates.sort_unstable();
    let Some(best) = candidates.first().copied() else {
        return Ok(Vec::new());
    };
    candidates.retain(|candidate| {
        candidate.group == best.group && candidate.part.is_some() == best.part.is_some()
    });
    candidates.dedup_by_key(|candidate| candidate.part);
    let mut previous: Option<(Part, &str)> = None;
    for candidate in &candidates {
        let Some(part) = candidate.part.filter(|part| part.last != u64::MAX) else {
            continue;
        };
        if let Some((before, file)) = previous.filter(|(before, _)| part.first <= before.last) {
            debug_assert!(before.first <= part.first, "candidates are sorted");
            let (first, second) = (file.to_owned(), candidate.file.to_owned());
            return Err(DumpErrorKind::OverlappingParts { first, second });
        }
        previous = Some((part, candidate.file));
    }
    Ok(candidates.iter().map(|candidate| PathBuf::from(candidate.file)).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{DumpFiles, choose};

    fn check(names: &[&str], wanted: Option<&str>, expected: Result<&[&str], &str>) {
        let outcome = choose(names, wanted);
        let outcome = outcome.map(flat).map_err(|kind| kind.to_string());
        let expected = expected.map(|files| files.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(outcome, expected.map_err(str::to_owned), "{names:?}");
    }

    fn flat(files: DumpFiles) -> Vec<PathBuf> {
        let tables = [files.page, files.langlinks, files.redirect, files.page_props];
        let parts = files.articles.into_iter().chain(files.indexes);
        tables.into_iter().flatten().chain(parts).collect()
    }

    #[test]
    fn one_dump() {
        check(
            &[
                "thwiki-1-langlinks.sql.gz",
                "thwiki-1-page.sql",
                "thwiki-1-page.sql.gz",
                "thwiki-1-pages-articles-multistream-index.txt.bz2",
                "thwiki-1-pages-articles-multistream.xml.bz2",
                "thwiki-1-pages-articles.xml.bz2",
                "thwiki-1-pagelinks.sql.gz",
                "notes.txt",
            ],
            None,
            Ok(&[
                "thwiki-1-page.sql.gz",
                "thwiki-1-langlinks.sql.gz",
                "thwiki-1-pages-articles-multistream.xml.bz2",
                "thwiki-1-pages-articles-multistream-index.txt.bz2",
            ]),
        );
    }

    #[test]
    fn parts_are_ordered_by_page_number() {
        check(
            &[
                "a-1-pages-articles1.xml-p1p9.bz2",
                "a-1-pages-articles10.xml-p100p900.bz2",
                "a-1-pages-articles2.xml-p10p99.bz2",
                "a-1-pages-articles2.xml-p10p99",
            ],
            None,
            Ok(&[
                "a-1-pages-articles1.xml-p1p9.bz2",
                "a-1-pages-articles2.xml-p10p99.bz2",
                "a-1-pages-articles10.xml-p100p900.bz2",
            ]),
        );
        check(
            &["a-1-pages-articles1.xml-p1p9.bz2", "a-1-pages-articles2.xml-p9p99.bz2"],
            None,
            Err("the parts `a-1-pages-articles1.xml-p1p9.bz2` and \
                 `a-1-pages-articles2.xml-p9p99.bz2` overlap"),
        );
    }

    #[test]
    fn a_whole_file_is_taken_before_parts() {
        check(
            &["a-1-pages-articles1.xml-p1p9.bz2", "a-1-pages-articles.xml.gz"],
            None,
            Ok(&["a-1-pages-articles.xml.gz"]),
        );
    }

    #[test]
    fn several_dumps_need_a_choice() {
        let names = ["a-1-page.sql", "a-2-page.sql", "b-1-page.sql"];
        check(&names, Some("b"), Ok(&["b-1-page.sql"]));
        check(&names, Some("a-2"), Ok(&["a-2-page.sql"]));
        let three = "files of several dumps in this folder: `a-1`, `a-2`, `b-1`";
        check(&names, None, Err(three));
        check(&names, Some("a"), Err("files of several dumps in this folder: `a-1`, `a-2`"));
        check(&names, Some("c"), Err("no files of `c` in this folder; it has `a-1`, `a-2`, `b-1`"));
        check(&["x.txt"], None, Err("no dump files in this folder"));
    }
}
