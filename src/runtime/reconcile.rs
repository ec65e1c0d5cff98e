//! Compares what the article dump says of each wanted page with what the last build knew: only
//! changes go on.
//!
//! Pages are dealt to the workers by their ids. A page that is not found where it should be is
//! gone; one that nobody wants any more is forgotten.

use std::{cmp::Reverse, collections::BTreeMap};

use crossic_operators::{
    flow::Epoch,
    record::{Article, PageId, SourceIndex},
};
use rustc_hash::{FxHashMap, FxHashSet};
use timely::{
    container::CapacityContainerBuilder,
    dataflow::{
        StreamVec,
        channels::pact::Exchange,
        operators::generic::{OutputBuilder, builder_rc::OperatorBuilder},
    },
};

use super::said::Said;
use crate::{
    report::residue::ResidueSums,
    sources::{Finding, Reading},
};

/// A page of a source.
type Page = (SourceIndex, PageId);

/// What comes out.
#[derive(Clone, Debug)]
pub(super) enum Reconciled {
    /// A row of the articles that comes or goes.
    Change(((SourceIndex, (PageId, Article)), Epoch, i32)),
    /// What is known of a wanted page in the end.
    Known(SourceIndex, PageId, Reading),
    /// How many wanted pages came to what, and what is left in their texts.
    Said(Said, i64),
}

/// What is known of a page.
struct Known {
    reading: Reading,
    /// Whether this run has found it.
    found: bool,
}

/// Turns readings into changes; `remembered` must be complete before `findings` come.
pub(super) fn reconcile<'s>(
    remembered: StreamVec<'s, Epoch, (SourceIndex, PageId, Reading)>,
    wanted: StreamVec<'s, Epoch, (Page, Epoch, i32)>,
    findings: StreamVec<'s, Epoch, (SourceIndex, Finding)>,
) -> StreamVec<'s, Epoch, Reconciled> {
    let mut builder = OperatorBuilder::new("Reconcile".to_owned(), findings.scope());
    let mut remembered = builder.new_input(
        remembered,
        Exchange::new(|row: &(SourceIndex, PageId, Reading)| u64::from(row.1)),
    );
    let mut wanted =
        builder.new_input(wanted, Exchange::new(|row: &(Page, Epoch, i32)| u64::from((row.0).1)));
    let mut findings = builder.new_input(
        findings,
        Exchange::new(|(_, finding): &(SourceIndex, Finding)| match finding {
            Finding::Read(page, ..) | Finding::Same(page) => u64::from(*page),
        }),
    );
    let (output, stream) = builder.new_output();
    let mut output =
        OutputBuilder::<Epoch, CapacityContainerBuilder<Vec<Reconciled>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut last = capabilities.pop();
        let mut pages: FxHashMap<Page, Known> = FxHashMap::default();
        let mut net: FxHashMap<Page, i32> = FxHashMap::default();
        move |frontiers| {
            let mut output = output.activate();
            remembered.for_each(|capability, rows| {
                let time = *capability.time();
                let mut session = output.session(&capability);
                for (source, page, reading) in rows.drain(..) {
                    session.give_iterator(change(source, page, reading.article, time, 1));
                    pages.insert((source, page), Known { reading, found: false });
                }
            });
            wanted.for_each(|_, rows| {
                for (page, _, diff) in rows.drain(..) {
                    *net.entry(page).or_default() += diff;
                }
            });
            // The end's capability may not hold back what can be done before: even the scan of
            // what is remembered waits for its epochs to pass by here.
            if let Some(last) = &mut last {
                let lowest = frontiers.iter().filter_map(|it| it.frontier().iter().min().copied());
                if let Some(time) = lowest.min().filter(|time| last.time() < time) {
                    last.downgrade(&time);
                }
            }
            // Findings wait until all that they are compared with is there.
            if frontiers.first().is_none_or(|it| it.frontier().is_empty()) {
                findings.for_each(|capability, rows| {
                    let time = *capability.time();
                    let mut session = output.session(&capability);
                    for (source, finding) in rows.drain(..) {
                        match finding {
                            Finding::Same(page) => {
                                if let Some(known) = pages.get_mut(&(source, page)) {
                                    known.found = true;
                                }
                            }
                            Finding::Read(page, article, stream, residue) => {
                                let article = Some(article);
                                let reading = Reading { article, stream, residue };
                                let before = take_in(&mut pages, (source, page), reading);
                                let Some(before) = before else { continue };
                                session.give_iterator(change(source, page, before, time, -1));
                                session.give_iterator(change(source, page, article, time, 1));
                            }
                        }
                    }
                });
            }
            if !frontiers.iter().all(|it| it.frontier().is_empty()) {
                return;
            }
            let Some(capability) = last.take() else { return };
            let wanted: FxHashSet<Page> =
                net.drain().filter(|(_, n)| 0 < *n).map(|(page, _)| page).collect();
            let time = *capability.time();
            let mut session = output.session(&capability);
            let ended = end(std::mem::take(&mut pages), wanted, time, &mut |it| session.give(it));
            for (said, n) in ended {
                session.give(Reconciled::Said(said, n));
            }
        }
    });
    stream
}

/// Takes a reading in; returns the article it takes the place of where they differ.
fn take_in(
    pages: &mut FxHashMap<Page, Known>,
    page: Page,
    reading: Reading,
) -> Option<Option<Article>> {
    let Some(known) = pages.get_mut(&page) else {
        pages.insert(page, Known { reading, found: true });
        return Some(None);
    };
    // Of several versions of a page in one dump the latest counts.
    if known.found && rank(&reading) <= rank(&known.reading) {
        return None;
    }
    let before = std::mem::replace(known, Known { reading, found: true });
    (before.reading.article != reading.article).then_some(before.reading.article)
}

/// Orders the versions of a page; the stream decides between equal ones, and then what is left in
/// them, so that the order in which they are read does not.
fn rank(reading: &Reading) -> impl Ord + use<> {
    let revision = match reading.article {
        Some(Article::Text(text)) => Some(text.revision),
        _ => None,
    };
    (revision, reading.article, Reverse((reading.stream, reading.residue)))
}

/// Tells what is gone and what is known of each wanted page; returns how many came to what, and
/// what is left in their texts.
fn end(
    pages: FxHashMap<Page, Known>,
    mut wanted: FxHashSet<Page>,
    time: Epoch,
    give: &mut dyn FnMut(Reconciled),
) -> Vec<(Said, i64)> {
    let mut counts = BTreeMap::new();
    let mut left: BTreeMap<SourceIndex, ResidueSums> = BTreeMap::new();
    let mut count = |source: SourceIndex, reading: &Reading| {
        for what in ["read", reading.state()] {
            *counts.entry((source, what)).or_insert(0) += 1;
        }
        if let Some(Article::Text(_)) = reading.article {
            left.entry(source).or_default().add(&reading.residue);
        }
    };
    for ((source, page), known) in pages {
        if known.found && wanted.remove(&(source, page)) {
            count(source, &known.reading);
            give(Reconciled::Known(source, page, known.reading));
            continue;
        }
        change(source, page, known.reading.article, time, -1).for_each(&mut *give);
    }
    for (source, page) in wanted {
        let missing = Reading::default();
        count(source, &missing);
        give(Reconciled::Known(source, page, missing));
    }
    let counts = counts
        .into_iter()
        .map(|((source, what), n)| (Said::Source(source, format!("wanted/{what}")), n));
    let left = left.into_iter().map(|(source, sums)| (Said::Residue(source, Box::new(sums)), 1));
    counts.chain(left).collect()
}

fn change(
    source: SourceIndex,
    page: PageId,
    article: Option<Article>,
    time: Epoch,
    diff: i32,
) -> impl Iterator<Item = Reconciled> {
    article.into_iter().map(move |it| Reconciled::Change(((source, (page, it)), time, diff)))
}
