//! Reads the SQL tables of a dump: page, langlinks, redirect, page_props
//! (<https://www.mediawiki.org/wiki/Manual:Database_layout>).

use std::{path::Path, sync::Arc};

use crossic_operators::record::{Langlink, Redirect, Target, Title};

use super::{LinkNumbers, Snapshot, SourceContext, SourceCounts, TableRow, Task, TitleRules};
use crate::{
    clock::{self, Activity},
    dump::{find::DumpFiles, sql},
    error::Result,
    store::{
        row::Row,
        snapshot::SnapshotWriter,
        tables::{LinkRow, PageRow, PropRow, RedirectRow},
    },
};

/// Returns one task for each table that the dump has.
pub(super) fn tasks(
    source: &str,
    files: &DumpFiles,
    rules: Arc<TitleRules>,
    cx: &SourceContext,
) -> Result<Vec<Box<dyn Task<TableRow>>>> {
    let mut tasks: Vec<Box<dyn Task<TableRow>>> = Vec::new();
    if let Some(path) = &files.langlinks {
        // A handful of languages: comparing bytes beats looking a text up, row after row.
        let languages: Vec<_> = cx
            .languages
            .iter()
            .filter(|(_, (to, _))| *to != cx.index)
            .map(|(lang, (to, rules))| (lang.clone(), *to, Arc::clone(rules)))
            .collect();
        tasks.push(TableTask::start(
            source,
            cx,
            path,
            "langlinks",
            LANGLINKS,
            move |row, buffer| {
                let lang = row.raw(1).unwrap_or_default();
                let known = languages.iter().find(|it| it.0.as_bytes() == lang);
                let Some((lang, to, rules)) = known else { return Read::Skip("other-language") };
                let Some(from) = id(row.number(0)) else { return Read::Skip("malformed") };
                let title = text(row, 2, buffer);
                let link = Langlink { from, to: *to, target: rules.target(&title) };
                Read::Keep(LinkRow { from, lang: lang.clone(), title }, TableRow::Langlink(link))
            },
        )?);
    }
    if let Some(path) = &files.page {
        let rules = Arc::clone(&rules);
        tasks.push(TableTask::start(source, cx, path, "page", PAGE, move |row, buffer| {
            if row.number(1) != Some(0) {
                return Read::Skip("other-namespace");
            }
            let Some(page) = id(row.number(0)) else { return Read::Skip("malformed") };
            let title = rules.normalise(&text(row, 2, buffer));
            let redirect = row.number(3) == Some(1);
            let latest = row.number(4).unwrap_or(0);
            let record = Title { title: rules.digest(&title), page, redirect };
            Read::Keep(PageRow { id: page, title, redirect, latest }, TableRow::Title(record))
        })?);
    }
    if let Some(path) = &files.redirect {
        let rules = Arc::clone(&rules);
        tasks.push(TableTask::start(
            source,
            cx,
            path,
            "redirect",
            REDIRECT,
            move |row, buffer| {
                let Some(from) = id(row.number(0)) else { return Read::Skip("malformed") };
                let namespace = row.signed(1).unwrap_or(0) as i32;
                let title = text(row, 2, buffer);
                let interwiki = text(row, 3, buffer);
                let fragment = text(row, 4, buffer);
                let target = if !interwiki.is_empty() {
                    Target::Interwiki
                } else if namespace != 0 {
                    Target::OtherNamespace
                } else if !fragment.is_empty() {
                    Target::Fragment
                } else if title.is_empty() {
                    Target::Blank
                } else {
                    Target::Title(rules.digest(&title))
                };
                Read::Keep(
                    RedirectRow { from, namespace, title, fragment, interwiki },
                    TableRow::Redirect(Redirect { from, target }),
                )
            },
        )?);
    }
    if let Some(path) = &files.page_props {
        tasks.push(TableTask::start(source, cx, path, "page_props", PROPS, move |row, _| {
            if row.raw(1) != Some(b"disambiguation") {
                return Read::Skip("other-property");
            }
            let Some(page) = id(row.number(0)) else { return Read::Skip("malformed") };
            let name = "disambiguation".to_owned();
            Read::Keep(PropRow { page, name }, TableRow::Disambiguation(page))
        })?);
    }
    Ok(tasks)
}

/// Counts the links of a dump into each of some languages.
pub(super) fn count_links(files: &DumpFiles, languages: &[String]) -> Result<LinkNumbers> {
    let mut numbers: LinkNumbers = languages.iter().map(|lang| (lang.clone(), 0)).collect();
    let Some(path) = &files.langlinks else { return Ok(numbers) };
    let mut table = sql::Table::open(path, "langlinks", &["ll_lang"])?;
    while let Some(row) = table.next_row()? {
        let lang = row.raw(0).unwrap_or_default();
        if let Some((_, n)) = numbers.iter_mut().find(|(known, _)| known.as_bytes() == lang) {
            *n += 1;
        }
    }
    Ok(numbers)
}

const PAGE: &[&str] =
    &["page_id", "page_namespace", "page_title", "page_is_redirect", "page_latest?"];
const LANGLINKS: &[&str] = &["ll_from", "ll_lang", "ll_title"];
const REDIRECT: &[&str] = &["rd_from", "rd_namespace", "rd_title", "rd_interwiki?", "rd_fragment?"];
const PROPS: &[&str] = &["pp_page", "pp_propname"];

fn id(number: Option<u64>) -> Option<u32> {
    u32::try_from(number?).ok()
}

fn text(row: &sql::Row<'_>, field: usize, buffer: &mut Vec<u8>) -> String {
    String::from_utf8_lossy(row.text(field, buffer).unwrap_or_default()).into_owned()
}

/// What becomes of a row of a table.
enum Read<S> {
    /// It is counted under a reason.
    Skip(&'static str),
    /// It goes into the snapshot and the dataflow.
    Keep(S, TableRow),
}

/// Reads one table of one dump.
struct TableTask<S, F> {
    source: String,
    name: &'static str,
    table: sql::Table,
    read: F,
    snapshot: Option<SnapshotWriter<S>>,
    finished: Option<Snapshot>,
    counts: SourceCounts,
    buffer: Vec<u8>,
}

impl<S, F> TableTask<S, F>
where
    S: Row + Ord + Send + 'static,
    F: FnMut(&sql::Row<'_>, &mut Vec<u8>) -> Read<S> + Send + 'static,
{
    fn start(
        source: &str,
        cx: &SourceContext,
        path: &Path,
        name: &'static str,
        columns: &[&str],
        read: F,
    ) -> Result<Box<dyn Task<TableRow>>> {
        Ok(Box::new(TableTask {
            source: source.to_owned(),
            name,
            table: sql::Table::open(path, name, columns)?,
            read,
            snapshot: Some(SnapshotWriter::create(&cx.store.snapshots_dir())?),
            finished: None,
            counts: SourceCounts::new(),
            buffer: Vec::new(),
        }))
    }

    fn count(counts: &mut SourceCounts, table: &str, what: &str, n: u64) {
        *counts.entry(format!("{table}/{what}")).or_insert(0) += n;
    }
}

impl<S, F> Task<TableRow> for TableTask<S, F>
where
    S: Row + Ord + Send + 'static,
    F: FnMut(&sql::Row<'_>, &mut Vec<u8>) -> Read<S> + Send + 'static,
{
    fn step(
        &mut self,
        budget: usize,
        _wanted: &super::Wanted,
        rows: &mut Vec<TableRow>,
    ) -> Result<bool> {
        let _clock = clock::start(Activity::Tables);
        let start = self.table.position().text;
        let (mut n_read, mut n_kept, mut skips) = (0, 0, [("", 0_u64); 4]);
        let more = loop {
            let Some(row) = self.table.next_row()? else { break false };
            n_read += 1;
            match (self.read)(&row, &mut self.buffer) {
                Read::Skip(reason) => {
                    let slot = skips.iter_mut().find(|it| it.0 == reason || it.0.is_empty());
                    if let Some(slot) = slot {
                        *slot = (reason, slot.1 + 1);
                    }
                }
                Read::Keep(kept, record) => {
                    n_kept += 1;
                    rows.push(record);
                    if let Some(snapshot) = &mut self.snapshot {
                        snapshot.push(kept)?;
                    }
                }
            }
            // The position costs a little, so it is asked for now and then.
            if n_read % 256 == 0 && (budget as u64) < self.table.position().text - start {
                break true;
            }
        };
        Self::count(&mut self.counts, self.name, "read", n_read);
        Self::count(&mut self.counts, self.name, "kept", n_kept);
        for (reason, n) in skips.into_iter().filter(|(reason, _)| !reason.is_empty()) {
            Self::count(&mut self.counts, self.name, reason, n);
        }
        if !more && let Some(snapshot) = self.snapshot.take() {
            let malformed = self.table.malformed();
            Self::count(&mut self.counts, self.name, "read", malformed);
            Self::count(&mut self.counts, self.name, "malformed", malformed);
            let info = snapshot.finish(&format!("{}-{}", self.source, self.name))?;
            self.finished = Some(Snapshot {
                source: self.source.clone(),
                table: self.name.to_owned(),
                file: format!("snapshots/{}", info.file),
                hash: info.hash,
                rows: info.rows,
            });
        }
        Ok(more)
    }

    fn bytes_read(&self) -> u64 {
        self.table.bytes_read()
    }

    fn counts(&mut self) -> SourceCounts {
        std::mem::take(&mut self.counts)
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        self.finished.take()
    }
}
