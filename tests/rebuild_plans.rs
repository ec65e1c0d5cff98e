//! A corpus that is built again by another plan, over other dumps, holds byte for byte what a build
//! from scratch by that plan holds.
//!
//! `CROSSIC_SEQUENCES=100 cargo test --workspace --test rebuild_plans` runs more sequences.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use proptest::prelude::*;

mod common;
mod common_crossic;
mod edited_dumps;
#[path = "../operators/tests/edited_wikis/mod.rs"]
mod edited_wikis;
mod rebuilt;

use edited_dumps::Style;
use edited_wikis::{Shape, histories, seeds};
use rebuilt::{Pipeline, Place, Step, check};

const SHAPE: Shape = Shape { n_wikis: &[3], n_pages: 3..9, n_steps: 2..4, n_edits: 0..4 };

/// A change of the plan.
type Change = fn(&mut Pipeline);

/// What a user may turn, there and back.
const CHANGES: &[(&str, Change, Change)] = &[
    ("tokens", |it| it.tokens = 128, |it| it.tokens = 80),
    ("min-chars", |it| it.min_chars = 60, |it| it.min_chars = 0),
    ("min-tokens", |it| it.min_tokens = 30, |it| it.min_tokens = 0),
    ("max-length-ratio", |it| it.ratio = 4, |it| it.ratio = 0),
    ("links", |it| it.links = "forward", |it| it.links = "union"),
    ("many-to-one", |it| it.many_to_one = "all", |it| it.many_to_one = "best"),
    ("headings", |it| it.headings = "drop", |it| it.headings = "keep"),
    ("buckets", |it| it.buckets = 5, |it| it.buckets = 2),
    ("variant", |it| it.variant = "mix", |it| it.variant = "crossic"),
    ("shuffle", |it| it.shuffled = true, |it| it.shuffled = false),
    ("language", |it| it.n_wikis = 3, |it| it.n_wikis = 2),
    ("searched", |it| it.searched = true, |it| it.searched = false),
    ("sink", |it| it.lines = true, |it| it.lines = false),
];

/// Builds histories, with one of the changes of each step's list at a time.
fn check_changes(n: u64, changes: impl Strategy<Value = Vec<Change>> + Clone, place: Place) {
    seeds(
        n,
        || (histories(&SHAPE), changes.clone()),
        |(history, changes)| {
            let mut pipeline = Pipeline::default();
            let mut changes = changes.into_iter();
            let mut steps = Vec::new();
            for world in history.worlds() {
                let articles = world.clone();
                let style = Style::default();
                let (documents, templates) = (0, 1);
                let step = Step { tables: world, articles, style, pipeline, documents, templates };
                pipeline = step.pipeline.clone();
                if let Some(change) = changes.next() {
                    change(&mut pipeline);
                }
                steps.push(step);
            }
            check(&steps, place)
        },
    );
}

fn there_and_back(name: &str) {
    let (_, there, back) = CHANGES.iter().find(|(it, ..)| *it == name).unwrap();
    check_changes(1, Just(vec![*there, *back, *there]), Place::Workers(1));
}

#[test]
fn other_tokens() {
    there_and_back("tokens");
}

#[test]
fn other_limits_of_pairs() {
    there_and_back("min-chars");
    there_and_back("min-tokens");
}

#[test]
fn other_links() {
    there_and_back("links");
}

#[test]
fn other_headings_of_a_source() {
    there_and_back("headings");
}

#[test]
fn other_buckets() {
    there_and_back("buckets");
}

#[test]
fn a_target_language_comes_and_goes() {
    there_and_back("language");
}

#[test]
fn a_sink_comes_and_goes() {
    there_and_back("sink");
}

#[test]
fn documents_are_searched_or_not() {
    there_and_back("searched");
}

#[test]
fn any_changes_of_the_plan() {
    let turns = CHANGES.iter().flat_map(|(_, there, back)| [*there, *back]).collect::<Vec<_>>();
    let changes = prop::collection::vec(prop::sample::select(turns), 4);
    check_changes(8, changes, Place::Workers(2));
}
