//! Plain text from dumps, without a pipeline: pages in, cleaned articles out in the order of the
//! dump, whatever the number of threads.

pub mod article;
pub mod census;
pub mod counts;
pub mod input;
pub mod output;
mod pages;
mod parquet;

use std::sync::Arc;

use crossic_operators::wikitext::Options;

use self::{
    article::{Outcome, outcome},
    counts::AllCounts,
    input::InputFile,
    output::{Output, Rendered},
    pages::{Batch, Reading},
};
use crate::error::Result;

/// What to extract, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the cleaner keeps.
    pub options: Options,
    /// How many threads decode, and how many clean.
    pub n_jobs: usize,
    /// The most articles to write.
    pub limit: Option<u64>,
    /// Whether damaged blocks of bzip2 files are passed over.
    pub skip_damaged: bool,
}

/// Extracts the articles of the files in their order, and returns what was counted, by language.
///
/// `heard` is told of every step how many bytes of the files have been read. Articles before a
/// damaged place are written before the error comes.
///
/// # Errors
///
/// A file cannot be read or is damaged, or the output cannot be written.
pub fn extract(
    files: &[InputFile],
    settings: &Settings,
    output: &mut Output<'_>,
    heard: &dyn Fn(u64),
) -> Result<AllCounts> {
    let mut counts = AllCounts::default();
    let limit = settings.limit.unwrap_or(u64::MAX);
    let options = settings.options.clone();
    let render = output.render();
    let clean = move |batch: Batch| -> Vec<(u64, Outcome<Rendered>)> {
        let wiki = Arc::clone(&batch.wiki);
        let one = |n_bytes, outcome: Outcome<_>| (n_bytes, outcome.map(render));
        batch.map(|page, buffer| {
            one(page.text_raw.len() as u64, outcome(page, buffer, &wiki, &options))
        })
    };
    let mut reading = Reading::new(files, settings.n_jobs, settings.skip_damaged, clean);
    let mut n_articles = 0;
    while n_articles < limit
        && let Some((lang, outcomes)) = reading.next(heard)?
    {
        let counts = counts.of(&lang);
        for (n_bytes, outcome) in outcomes {
            counts.add(n_bytes, &outcome);
            let Outcome::Article(article, _) = outcome else { continue };
            output.push(article)?;
            n_articles += 1;
            if n_articles == limit {
                break;
            }
        }
    }
    reading.finish(&mut counts);
    Ok(counts)
}
