//! The rejects of a corpus that concern one page.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
};

use crossic_operators::reject::Reason;
use serde::Deserialize;

use super::fate::{Key, Refused};
use crate::{
    cli::{corpus::Corpus, page_name::normal},
    error::Result,
    store::StoreError,
};

/// A line of `rejects/*.jsonl`.
#[derive(Debug, Deserialize)]
struct Line {
    stage: String,
    reason: Reason,
    /// Of a link: the source that holds it.
    source: Option<String>,
    /// Of a link: the page that holds it.
    from: Option<u32>,
    /// Of a link: the source it leads to.
    to: Option<String>,
    /// Of a link: what it names.
    title: Option<String>,
    /// Of a pair.
    english: Option<Page>,
    /// Of a pair.
    target: Option<Page>,
}

#[derive(Debug, Deserialize)]
struct Page {
    source: String,
    page: u32,
    document: Option<String>,
}

impl Page {
    fn key(&self) -> Key {
        (self.source.clone(), self.page, self.document.clone())
    }
}

/// A refused link of the page or to it.
pub(super) struct RefusedLink {
    /// The source that holds it.
    pub(super) source: String,
    /// The page that holds it.
    pub(super) from: u32,
    /// The source it leads to.
    pub(super) to: String,
    /// What it names, normalised, fragment and all.
    pub(super) title: String,
    /// Why.
    pub(super) refused: Refused,
}

/// Rejects that concern one page.
#[derive(Default)]
pub(super) struct Rejects {
    /// Links.
    pub(super) links: Vec<RefusedLink>,
    /// Pairs, by the other side.
    pub(super) pairs: Vec<(Key, Refused)>,
    /// Why no document was found for the page.
    pub(super) unanswered: Vec<Refused>,
}

/// Reads the rejects that concern a page, which goes by any of these titles.
pub(super) fn read(corpus: &Corpus, here: &Key, aliases: &BTreeSet<String>) -> Result<Rejects> {
    let mut rejects = Rejects::default();
    let files = corpus.manifest.files.keys();
    for file in files.filter(|it| it.starts_with("rejects/") && it.ends_with(".jsonl")) {
        corpus.fetch(file)?;
        let path = corpus.dir.join(file);
        for (text, row) in BufReader::new(fs_err::File::open(&path)?).lines().zip(0_u64..) {
            let line: Line = serde_json::from_str(&text?).map_err(|cause| StoreError::Row {
                path: path.clone(),
                row,
                what: cause.to_string(),
            })?;
            rejects.take(corpus, line, here, aliases);
        }
    }
    Ok(rejects)
}

impl Rejects {
    fn take(&mut self, corpus: &Corpus, line: Line, here: &Key, aliases: &BTreeSet<String>) {
        let refused = Refused::new(line.stage, line.reason);
        match (line.english, line.target) {
            (Some(english), Some(target)) => {
                for (one, other) in [(&english, &target), (&target, &english)] {
                    if one.key() == *here {
                        self.pairs.push((other.key(), refused.clone()));
                    }
                }
                return;
            }
            (None, Some(target)) if target.key() == *here => {
                self.unanswered.push(refused);
                return;
            }
            _ => {}
        }
        let (Some(source), Some(from), Some(to)) = (line.source, line.from, line.to) else {
            return;
        };
        // A link may name the other wiki by its language.
        let to = corpus.source(&to).map_or(to.clone(), |(name, _)| name.to_owned());
        let title = line.title.unwrap_or_default();
        let leads_here = || to == here.0 && aliases.contains(&article_of(&title));
        if (&source, from) == (&here.0, here.1) || leads_here() {
            let title = normal(&title);
            self.links.push(RefusedLink { source, from, to, title, refused });
        }
    }
}

/// Returns the title that a link names, without the section.
pub(super) fn article_of(title: &str) -> String {
    normal(title.split('#').next().unwrap_or_default())
}
