//! Cleans the articles of a dump and counts what is left.

use std::{collections::BTreeMap, path::Path};

use crossic_operators::wikitext::{
    Headings, Options, Residue, Site, clean, residue, unknown_templates,
};

use super::pages::Pages;
use crate::error::Error;

/// What was found in the articles of one dump.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The code of the language.
    pub lang: String,
    /// Number of articles.
    pub n_articles: u64,
    /// Bytes of their wikitext.
    pub n_bytes: u64,
    /// Nanoseconds that the processor spent cleaning them.
    pub nanoseconds: u64,
    /// Places in the middle of a sentence where something was dropped.
    pub n_holes: u64,
    /// What markup is left.
    pub residue: Residue,
    /// Templates in lines of text that no table knows: how often each, and an example.
    pub unknown: BTreeMap<String, (u64, String)>,
}

/// What to look at.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Most articles of a dump that are read.
    pub limit: u64,
    /// Whether the redirects between templates in the dump are used, for which it is read twice.
    pub aliases: bool,
    /// Whether templates that no table knows are gathered.
    pub unknown: bool,
}

/// Returns what the cleaner leaves of the articles of a dump.
pub fn measure(path: &Path, request: Request) -> Result<Found, Error> {
    let mut pages = Pages::open(path)?;
    let header = pages.header.clone();
    let mut site = Site::new(&header.lang, &header.namespaces);
    if request.aliases {
        let aliases = aliases(path)?;
        site = site.with_aliases(aliases.iter().map(|(one, two)| (one.as_str(), two.as_str())));
    }
    let options =
        Options { headings: Headings::Glue, lists: true, boilerplate: false, math: false };
    let mut found = Found { lang: header.lang, ..Found::default() };
    while found.n_articles < request.limit {
        let Some(page) = pages.next_page()? else {
            break;
        };
        if page.ns != 0 || page.redirect.is_some() || !page.is_wikitext || page.text.is_empty() {
            continue;
        }
        let start = processor_time();
        let cleaned = clean(&page.text, &site, &options);
        found.nanoseconds += processor_time().saturating_sub(start);
        found.n_articles += 1;
        found.n_bytes += page.text.len() as u64;
        found.n_holes += u64::from(cleaned.n_holes);
        found.residue += residue(&cleaned.paragraphs, &site);
        if request.unknown {
            for template in unknown_templates(&page.text, &site) {
                if template.is_inline {
                    let example = template.example;
                    found.unknown.entry(template.name).or_insert((0, example)).0 += 1;
                }
            }
        }
    }
    Ok(found)
}

/// Returns the redirects between the templates of a dump.
fn aliases(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let mut pages = Pages::open(path)?;
    let mut aliases = Vec::new();
    while let Some(page) = pages.next_page()? {
        if page.ns == 10
            && let Some(target) = page.redirect
        {
            aliases.push((page.title, target));
        }
    }
    Ok(aliases)
}

/// Returns the nanoseconds that this thread has run, zero where the system does not say.
fn processor_time() -> u64 {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
