//! Reads the SQL tables of a dump: page, langlinks, redirect, page_props
//! (<https://www.mediawiki.org/wiki/Manual:Database_layout>).

use std::sync::Arc;

use crossic_operators::record::{Langlink, Redirect, Target, Title};

use super::{
    LinkNumbers, SourceContext, TableRow, Tasks, TitleRules,
    names::Names,
    table_task::{Aside, Read, add},
};
use crate::{
    dump::{find::DumpFiles, sql},
    error::Result,
    store::tables::{LinkRow, PageRow, PropRow, RedirectRow},
};

/// Adds the tasks of each table that the dump has.
pub(super) fn add_tasks(
    tasks: &mut Tasks,
    source: &str,
    files: &DumpFiles,
    rules: Arc<TitleRules>,
    cx: &SourceContext,
) -> Result<()> {
    let of = (source, cx);
    if let Some(path) = &files.langlinks {
        // A handful of languages: comparing bytes beats looking a text up, row after row.
        let languages: Vec<_> = cx
            .languages
            .iter()
            .filter(|(_, (to, _))| *to != cx.index)
            .map(|(lang, (to, rules))| (lang.clone(), *to, Arc::clone(rules)))
            .collect();
        let codes: Vec<String> = languages.iter().map(|(lang, ..)| lang.clone()).collect();
        let record = move |row: &LinkRow| {
            let (_, to, rules) = languages.iter().find(|it| it.0 == row.lang)?;
            let target = rules.target(&row.title);
            Some(TableRow::Langlink(Langlink { from: row.from, to: *to, target }))
        };
        let names = Names::new(cx).map(|it| Box::new(it) as Box<dyn Aside<LinkRow>>);
        add(tasks, of, (path, LANGLINKS), Arc::new(record), names, move |row, buffer| {
            let lang = row.raw(1).unwrap_or_default();
            let known = codes.iter().find(|it| it.as_bytes() == lang);
            let Some(lang) = known else { return Read::Skip("other-language") };
            let Some(from) = id(row.number(0)) else { return Read::Skip("malformed") };
            Read::Keep(LinkRow { from, lang: lang.clone(), title: text(row, 2, buffer) })
        })?;
    }
    if let Some(path) = &files.page {
        let of_title = Arc::clone(&rules);
        let record = move |row: &PageRow| {
            let title = of_title.digest(&row.title);
            Some(TableRow::Title(Title { title, page: row.id, redirect: row.redirect }))
        };
        let rules = Arc::clone(&rules);
        add(tasks, of, (path, PAGE), Arc::new(record), None, move |row, buffer| {
            if row.number(1) != Some(0) {
                return Read::Skip("other-namespace");
            }
            let Some(id) = id(row.number(0)) else { return Read::Skip("malformed") };
            let title = rules.normalise(&text(row, 2, buffer));
            let redirect = row.number(3) == Some(1);
            Read::Keep(PageRow { id, title, redirect, latest: row.number(4).unwrap_or(0) })
        })?;
    }
    if let Some(path) = &files.redirect {
        let rules = Arc::clone(&rules);
        let record = move |row: &RedirectRow| {
            let target = if !row.interwiki.is_empty() {
                Target::Interwiki
            } else if row.namespace != 0 {
                Target::OtherNamespace
            } else if !row.fragment.is_empty() {
                Target::Fragment
            } else if row.title.is_empty() {
                Target::Blank
            } else {
                Target::Title(rules.digest(&row.title))
            };
            Some(TableRow::Redirect(Redirect { from: row.from, target }))
        };
        add(tasks, of, (path, REDIRECT), Arc::new(record), None, move |row, buffer| {
            let Some(from) = id(row.number(0)) else { return Read::Skip("malformed") };
            Read::Keep(RedirectRow {
                from,
                namespace: row.signed(1).unwrap_or(0) as i32,
                title: text(row, 2, buffer),
                interwiki: text(row, 3, buffer),
                fragment: text(row, 4, buffer),
            })
        })?;
    }
    if let Some(path) = &files.page_props {
        let record = |row: &PropRow| Some(TableRow::Disambiguation(row.page));
        add(tasks, of, (path, PROPS), Arc::new(record), None, move |row, _| {
            if row.raw(1) != Some(b"disambiguation") {
                return Read::Skip("other-property");
            }
            let Some(page) = id(row.number(0)) else { return Read::Skip("malformed") };
            Read::Keep(PropRow { page, name: "disambiguation".to_owned() })
        })?;
    }
    Ok(())
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
