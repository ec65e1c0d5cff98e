//! A corpus that is built again over its wikis' next dumps holds, byte for byte, what a build from
//! scratch holds.
//!
//! `CROSSIC_SEQUENCES=500 cargo test --workspace --test rebuild` runs more sequences, and with
//! `-- processes` only those of several processes; `CROSSIC_SEED` repeats what a failure has named.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use crossic_operators::wikitext::{Headings, Options, Site, clean};
use proptest::prelude::*;

mod common;
mod common_crossic;
mod edited_dumps;
#[path = "../operators/tests/edited_wikis/mod.rs"]
mod edited_wikis;
mod rebuilt;

use edited_dumps::{N_TEMPLATES, Style, WIKIS, wikitext};
use edited_wikis::{Body, History, Page, Shape, histories, seeds};
use rebuilt::{Pipeline, Place, Step, check};

const SHAPE: Shape = Shape { n_wikis: &[2, 2, 2, 3], n_pages: 3..9, n_steps: 2..5, n_edits: 1..6 };

/// Of which moment the articles of a dump are, seen from its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Articles {
    Now,
    /// `page_latest` runs ahead of the articles.
    Before,
    /// `page_latest` lags behind the articles.
    After,
}

fn articles() -> impl Strategy<Value = Articles> {
    prop_oneof![4 => Just(Articles::Now), 1 => Just(Articles::Before), 1 => Just(Articles::After)]
}

fn style() -> impl Strategy<Value = Style> {
    let often = prop::bool::weighted(0.85);
    let seldom = prop::bool::weighted(0.15);
    (often, 1_usize..4, 1_usize..3, often, seldom, often).prop_map(
        |(index, n_pages, n_parts, sorted, repeated, latest)| Style {
            index,
            n_pages,
            n_parts,
            sorted,
            repeated,
            latest,
            damage: 0,
        },
    )
}

fn pipeline() -> impl Strategy<Value = Pipeline> {
    let links =
        prop::sample::select(&["union", "union", "union", "forward", "reverse", "mutual"][..]);
    let many_to_one = prop::sample::select(&["best", "all"][..]);
    let variant = prop::sample::select(&["crossic", "crossic", "mix", "mono"][..]);
    // Most limits let most pairs pass: what is refused is soon told.
    let min_chars = prop_oneof![2 => Just(0), 1 => 20_u32..120];
    let limits = (0_u32..2, min_chars, prop_oneof![3 => Just(0), 1 => 4_u32..8]);
    let seldom = || prop::bool::weighted(0.3);
    let flags = (prop::bool::weighted(0.2), seldom(), seldom());
    (links, many_to_one, variant, limits, flags).prop_map(
        |(
            links,
            many_to_one,
            variant,
            (min_tokens, min_chars, ratio),
            (shuffled, lines, searched),
        )| {
            let min_tokens = min_tokens * 12;
            Pipeline {
                links,
                many_to_one,
                variant,
                min_tokens,
                min_chars,
                ratio,
                shuffled,
                lines,
                searched,
                ..Pipeline::default()
            }
        },
    )
}

/// Returns the steps of a history with dumps in one style.
fn steps(history: &History, style: Style, pipeline: &Pipeline) -> Vec<Step> {
    let pipeline = Pipeline { n_wikis: history.first.0.len(), ..pipeline.clone() };
    let worlds = history.worlds().into_iter();
    let step = |(world, number): (edited_wikis::World, u32)| {
        let (articles, pipeline) = (world.clone(), pipeline.clone());
        // Every second step finds the documents as they were.
        let documents = number / 2;
        Step { tables: world, articles, style, pipeline, documents, templates: 1 }
    };
    worlds.zip(0..).map(step).collect()
}

/// Gives every step the articles of another moment.
fn skew(mut steps: Vec<Step>, articles: Articles) -> Vec<Step> {
    let worlds: Vec<_> = steps.iter().map(|step| step.tables.clone()).collect();
    for (step, number) in steps.iter_mut().zip(0_usize..) {
        let moment = match articles {
            Articles::Now => number,
            Articles::Before => number.saturating_sub(1),
            Articles::After => (number + 1).min(worlds.len() - 1),
        };
        step.articles = worlds[moment].clone();
    }
    steps
}

/// Gives every step the templates of an edition, or those of the step before.
fn with_templates(mut steps: Vec<Step>, editions: &[Option<u32>]) -> Vec<Step> {
    let mut last = 1;
    for (step, edition) in steps.iter_mut().zip(editions) {
        last = edition.unwrap_or(last);
        step.templates = last;
    }
    steps
}

fn random_sequences(n: u64, place: Place) {
    let styles = || prop::collection::vec(style(), 8);
    // Seldom: when they change, all articles are cleaned anew.
    let templates = || {
        let edition = prop_oneof![3 => Just(None), 1 => (0..N_TEMPLATES).prop_map(Some)];
        prop::collection::vec(edition, 8)
    };
    let strategy = || (histories(&SHAPE), styles(), templates(), articles(), pipeline());
    seeds(n, strategy, |(history, styles, templates, articles, pipeline)| {
        let mut steps = skew(steps(&history, Style::default(), &pipeline), articles);
        steps = with_templates(steps, &templates);
        steps.iter_mut().zip(styles).for_each(|(step, style)| step.style = style);
        check(&steps, place)
    });
}

#[test]
fn random_edits_on_one_worker() {
    random_sequences(16, Place::Workers(1));
}

#[test]
fn random_edits_on_four_workers() {
    random_sequences(6, Place::Workers(4));
}

#[test]
fn random_edits_in_two_processes() {
    random_sequences(8, Place::Processes(1));
}

#[test]
fn random_edits_in_two_processes_of_two_workers() {
    random_sequences(4, Place::Processes(2));
}

/// Checks that a kind of dump is no worse than any other, over plain histories.
fn every_dump(style: Style, articles: Articles) {
    seeds(
        2,
        || histories(&SHAPE),
        |history| {
            let steps = skew(steps(&history, style, &Pipeline::default()), articles);
            check(&steps, Place::Workers(2))
        },
    );
}

#[test]
fn page_latest_lags_behind_the_articles() {
    every_dump(Style::default(), Articles::After);
}

#[test]
fn page_latest_runs_ahead_of_the_articles() {
    every_dump(Style::default(), Articles::Before);
}

#[test]
fn page_latest_is_unknown() {
    every_dump(Style { latest: false, ..Style::default() }, Articles::Now);
}

#[test]
fn rows_come_in_any_order_and_twice() {
    every_dump(Style { sorted: false, repeated: true, ..Style::default() }, Articles::Now);
}

#[test]
fn articles_come_without_an_index() {
    every_dump(Style { index: false, n_parts: 2, ..Style::default() }, Articles::Now);
}

/// Checks that redirects between templates come, change and go while nothing else happens.
fn templates_alone(place: Place) {
    seeds(
        1,
        || histories(&SHAPE),
        |history| {
            let steps = steps(&history, Style::default(), &Pipeline::default());
            let last = steps.last().cloned().unwrap();
            let steps = (0..2 * N_TEMPLATES)
                .map(|number| Step { templates: number * 3 % N_TEMPLATES, ..last.clone() });
            check(&steps.collect::<Vec<_>>(), place)
        },
    );
}

/// Builds histories whose files are damaged, and damaged otherwise or whole at the next step.
fn damage_comes_and_goes(n: u64, index: bool, place: Place) {
    let numbers = || prop::collection::vec(prop_oneof![Just(0), 1_usize..3000], 8);
    let pipeline = Pipeline { skips: true, ..Pipeline::default() };
    seeds(
        n,
        || (histories(&SHAPE), numbers(), 1_usize..3),
        |(history, numbers, n_parts)| {
            let style = Style { index, n_parts, ..Style::default() };
            let mut steps = steps(&history, style, &pipeline);
            // The last step once more, so that damage also comes and goes where nothing else does.
            let last = steps.last().unwrap().clone();
            steps.extend([last.clone(), last]);
            steps.iter_mut().zip(numbers).for_each(|(step, it)| step.style.damage = it);
            check(&steps, place)
        },
    );
}

#[test]
fn templates_alone_change_on_two_workers() {
    templates_alone(Place::Workers(2));
}

#[test]
fn templates_alone_change_in_two_processes() {
    templates_alone(Place::Processes(1));
}

#[test]
fn damage_of_files_with_an_index_comes_and_goes() {
    damage_comes_and_goes(5, true, Place::Workers(2));
}

#[test]
fn damage_of_files_without_an_index_comes_and_goes() {
    damage_comes_and_goes(3, false, Place::Workers(2));
}

#[test]
fn damage_comes_and_goes_in_two_processes() {
    damage_comes_and_goes(2, true, Place::Processes(1));
}

#[test]
fn two_sinks_are_rebuilt_together() {
    let pipeline = Pipeline { lines: true, ..Pipeline::default() };
    seeds(
        2,
        || histories(&SHAPE),
        |history| check(&steps(&history, Style::default(), &pipeline), Place::Workers(1)),
    );
}

#[test]
fn documents_are_searched_in_every_build() {
    let pipeline = Pipeline { searched: true, ..Pipeline::default() };
    seeds(
        6,
        || histories(&SHAPE),
        |history| check(&steps(&history, Style::default(), &pipeline), Place::Workers(2)),
    );
}

#[test]
fn cosmetic_edits_clean_to_the_same_text() {
    let options =
        Options { headings: Headings::Glue, lists: true, boilerplate: false, math: false };
    for (lang, number) in WIKIS.iter().map(|wiki| wiki.0).zip(0..) {
        let site = Site::new(lang, &[]).with_aliases([("len", "convert")]);
        for text in 0..40 {
            let page = |looks| Page {
                namespace: 0,
                title: 1,
                body: Body::Text(text),
                looks,
                revision: 1,
                disambiguation: false,
                links: Vec::new(),
            };
            let cleaned = |looks| clean(&wikitext(number, &page(looks)), &site, &options);
            // Of equal texts some have holes: what is left is no part of a text.
            assert!(cleaned(0).n_holes < cleaned(1).n_holes, "{lang} {text}");
            let cleaned = |looks| cleaned(looks).paragraphs;
            for looks in 1..12 {
                let same_markup =
                    wikitext(number, &page(looks)) == wikitext(number, &page(looks - 1));
                assert!(!same_markup, "{lang} {text} {looks}");
                assert_eq!(cleaned(looks), cleaned(0), "{lang} {text} {looks}");
            }
            assert_eq!(cleaned(0).len(), (1 + text as usize % 4), "{lang} {text}");
        }
    }
}
