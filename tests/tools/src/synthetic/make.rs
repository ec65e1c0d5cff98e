//! Makes the dumps of a pair of synthetic wikis.

use std::{io, path::Path};

use crate::{
    dump::{
        batch::Batch,
        files::{DumpFiles, Totals},
        page::Page,
    },
    error::Error,
    random::Random,
    synthetic::{
        article::Recipe,
        edition::{Date, Edition},
        language::{Language, N_TITLES},
        ordered,
        page::{Maker, Side},
        pairs::Pairs,
        plan::WikiPlan,
    },
};

/// How many pages a stream holds, as in Wikimedia's dumps.
const PAGES_PER_STREAM: u64 = 100;

/// What to make.
#[derive(Clone, Debug)]
pub struct Request {
    /// The number of pages of the English wiki.
    pub n_english: u64,
    /// The number of pages of the other wiki.
    pub n_target: u64,
    /// The language of the other wiki.
    pub target_lang: String,
    /// The share of articles of the other wiki with a link, 0 to 1.
    pub links: f64,
    /// The seed.
    pub seed: u64,
    /// The median number of paragraphs of an article.
    pub paragraphs: u64,
    /// The date of the (first) dump.
    pub date: String,
    /// The share of pages edited between the dumps, 0 to 1; without it there is only one dump.
    pub edits: Option<f64>,
    /// How many threads make pages.
    pub n_threads: usize,
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// The database name of the wiki.
    pub wiki: String,
    /// The date of the dump.
    pub date: String,
    /// How much it holds.
    pub totals: Totals,
}

/// Makes the dumps below `out`; calls `report` after each.
pub fn make(request: &Request, out: &Path, mut report: impl FnMut(&Made)) -> Result<(), Error> {
    let date = Date::parse(&request.date)?;
    check(request)?;
    let english_plan =
        WikiPlan::new(Random::new(request.seed, "english", 0).bits(), request.n_english);
    let target_plan =
        WikiPlan::new(Random::new(request.seed, "target", 0).bits(), request.n_target);
    let english_language = Language::new("en", request.seed);
    let target_language = Language::new(&request.target_lang, request.seed);
    let pairs = Pairs::new(
        request.seed,
        request.links,
        english_plan.n_articles(),
        target_plan.n_articles(),
    );
    let maker = |side| {
        let (plan, language, other_plan, other_language) = match side {
            Side::English => (&english_plan, &english_language, &target_plan, &target_language),
            Side::Target => (&target_plan, &target_language, &english_plan, &english_language),
        };
        let recipe = Recipe { plan, language, paragraphs: request.paragraphs };
        Maker { side, recipe, other_plan, other_language, pairs: &pairs, date }
    };
    let mut editions = vec![(date, Edition::First)];
    editions.extend(request.edits.map(|edits| (date.next(), Edition::Second { edits })));
    for (date, edition) in editions {
        for side in [Side::English, Side::Target] {
            let maker = maker(side);
            let totals = make_dump(&maker, edition, &date.compact(), out, request.n_threads)?;
            let wiki = maker.recipe.language.site().wiki;
            report(&Made { wiki, date: date.compact(), totals });
        }
    }
    Ok(())
}

fn check(request: &Request) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::Request(message));
    // Titles beyond the pages are needed for links that dangle.
    let most = N_TITLES / 2;
    for n_pages in [request.n_english, request.n_target] {
        if n_pages < 1 || most < n_pages {
            return refuse(format!(
                "a wiki of {n_pages} pages cannot be made; ask for 1 to {most}"
            ));
        }
    }
    for share in [request.links, request.edits.unwrap_or(0.0)] {
        if !(0.0..=1.0).contains(&share) {
            return refuse(format!("{share} is not a share; ask for 0 to 1"));
        }
    }
    if !(1..=200).contains(&request.paragraphs) {
        return refuse(format!(
            "{} paragraphs are not possible; ask for 1 to 200",
            request.paragraphs
        ));
    }
    let lang = &request.target_lang;
    let is_code = |found: char| found.is_ascii_lowercase() || found == '-';
    if lang.is_empty() || lang == "en" || !lang.chars().all(is_code) {
        return refuse(format!("`{lang}` is not the code of a target language, such as `th`"));
    }
    Ok(())
}

fn make_dump(
    maker: &Maker<'_>,
    edition: Edition,
    date: &str,
    out: &Path,
    n_threads: usize,
) -> Result<Totals, Error> {
    let site = maker.recipe.language.site();
    let n_pages = maker.recipe.plan.n_pages;
    let mut files = DumpFiles::create(out, &site, date)?;
    ordered::for_each(
        n_pages.div_ceil(PAGES_PER_STREAM),
        n_threads,
        |number| -> io::Result<Batch> {
            let first = number * PAGES_PER_STREAM;
            let last = n_pages.min(first + PAGES_PER_STREAM);
            let pages: Vec<Page> =
                (first..last).map(|ordinal| maker.page(ordinal, edition)).collect();
            Batch::encode(&site, &pages)
        },
        |batch| files.write(&batch),
    )?;
    Ok(files.finish()?)
}
