//! Which templates no table knows, how often each is used, and how that looks.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use crossic_operators::wikitext::unknown_templates;
use memchr::memmem;
use serde::Serialize;

use super::{
    article::refusal,
    counts::AllCounts,
    input::{InputFile, Wiki},
    pages::{Batch, Reading},
};
use crate::{error::Result, sources::TemplateRedirects};

/// The most names that are kept apart in one language; a dump of English has about a tenth of it.
const MAX_NAMES: usize = 1 << 20;

/// The templates of one language.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Census {
    /// Articles that were looked at.
    pub articles: u64,
    /// Double opening braces of these, wherever they stand: about as many uses of templates.
    pub uses: u64,
    /// Uses of templates that no table knows, where text would be.
    pub unknown: u64,
    /// Of these, those that stand in a line of text.
    pub unknown_inline: u64,
    /// Unknown templates, the most used first.
    pub templates: Vec<Unknown>,
}

/// A template that no table knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// Its name, in lower case.
    pub name: String,
    /// How often it is used.
    pub uses: u64,
    /// How often within a line of text, where a hole would be seen.
    pub inline: u64,
    /// Its first use, in a line of text if there is one.
    pub example: String,
    /// The page of the example.
    pub page: String,
    #[serde(skip)]
    is_inline_example: bool,
}

impl Census {
    /// Returns the share of the uses that the tables know, or that stand where no text would be.
    pub fn known_share(&self) -> f64 {
        1.0 - self.unknown as f64 / self.uses.max(1) as f64
    }
}

/// A page's part of a census: articles, uses, and the unknown ones in the order of the page.
struct Part {
    n_articles: u64,
    n_uses: u64,
    unknown: Vec<Unknown>,
}

/// What was found in one language so far.
#[derive(Default)]
struct Found {
    census: Census,
    names: BTreeMap<String, Unknown>,
    /// From the pages of dumps whose tables are not there.
    redirects: TemplateRedirects,
}

impl Found {
    /// Returns the census without the uses of redirects to templates that a table knows.
    fn sorted(self, wiki: Option<&Wiki>) -> Census {
        let Found { mut census, mut names, redirects } = self;
        if let Some(wiki) = wiki {
            let cleaner = wiki.cleaner_with(&redirects);
            names.retain(|name, unknown| {
                let is_known = cleaner.knows_template(name);
                if is_known {
                    census.unknown -= unknown.uses;
                    census.unknown_inline -= unknown.inline;
                }
                !is_known
            });
        }
        census.templates = names.into_values().collect();
        // The names are in order, and stay so among equals.
        census.templates.sort_by_key(|it| Reverse((it.inline, it.uses)));
        census
    }
}

/// Counts the unknown templates of the articles of files, by language.
///
/// # Errors
///
/// A file cannot be read or is damaged.
pub fn census(
    files: &[InputFile],
    n_jobs: usize,
    limit: Option<u64>,
    heard: &dyn Fn(u64),
) -> Result<BTreeMap<String, Census>> {
    let mut reading = Reading::new(files, n_jobs, false, parts);
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let mut n_left = limit.unwrap_or(u64::MAX);
    while 0 < n_left
        && let Some((lang, (parts, redirects))) = reading.next(heard)?
    {
        let Found { census, names, redirects: known } = found.entry(lang).or_default();
        known.append(redirects);
        for part in parts {
            if n_left == 0 {
                break;
            }
            n_left -= part.n_articles;
            census.articles += part.n_articles;
            census.uses += part.n_uses;
            for unknown in part.unknown {
                census.unknown += 1;
                census.unknown_inline += unknown.inline;
                add(names, unknown);
            }
        }
    }
    reading.finish(&mut AllCounts::default());
    let wiki = |lang: &String| files.iter().map(|it| &*it.wiki).find(|it| it.lang == *lang);
    Ok(found.into_iter().map(|(lang, found)| (lang.clone(), found.sorted(wiki(&lang)))).collect())
}

fn add(names: &mut BTreeMap<String, Unknown>, unknown: Unknown) {
    let is_full = MAX_NAMES <= names.len();
    match names.get_mut(&unknown.name) {
        Some(known) => {
            known.uses += 1;
            known.inline += unknown.inline;
            if unknown.is_inline_example && !known.is_inline_example {
                known.is_inline_example = true;
                (known.example, known.page) = (unknown.example, unknown.page);
            }
        }
        None if is_full => {}
        None => {
            names.insert(unknown.name.clone(), unknown);
        }
    }
}

/// Looks at the pages of a batch, each for itself; templates are looked at only where no tables
/// know their redirects.
fn parts(batch: Batch) -> (Vec<Part>, TemplateRedirects) {
    let wiki = Arc::clone(&batch.wiki);
    let mut redirects = TemplateRedirects::default();
    let parts = batch.map(|page, buffer| {
        if refusal(page).is_some() {
            if wiki.tables.is_none() {
                redirects.page(page);
            }
            return Part { n_articles: 0, n_uses: 0, unknown: Vec::new() };
        }
        let wikitext = page.text(buffer);
        let unknown = unknown_templates(wikitext, &wiki.cleaner).into_iter().map(|it| Unknown {
            name: it.name,
            uses: 1,
            inline: u64::from(it.is_inline),
            example: it.example,
            page: page.title.clone(),
            is_inline_example: it.is_inline,
        });
        Part {
            n_articles: 1,
            n_uses: memmem::find_iter(wikitext.as_bytes(), b"{{").count() as u64,
            unknown: unknown.collect(),
        }
    });
    (parts, redirects)
}
