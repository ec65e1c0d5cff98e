//! Edited wikis in one running dataflow: after every step it has said, all in all, what a plain
//! look at the whole wikis says.
//!
//! `CROSSIC_SEQUENCES=5000 cargo test --workspace --test edits` runs more sequences.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub
)]

mod common;
mod edited_wikis;
mod edits_chain;
mod join_twin;
mod pairs_twin;

use std::{collections::BTreeMap, fmt::Debug};

use common::{Changes, Counted, Row, STAGE, add};
use crossic_operators::record::{
    Article, Digest, Langlink, Redirect, SourceIndex, Target, Text, Title,
};
use edited_wikis::{Body, History, Page, Shape, To, World, histories, seeds};
use edits_chain::{Job, Place, Said};
use proptest::prelude::*;

/// The knobs of a chain, and how its rows come.
#[derive(Clone, Debug)]
struct Setup {
    links: &'static str,
    many_to_one: &'static str,
    min_chars: u32,
    ratio: u32,
    seed: u64,
    /// Which steps are over before the next one starts.
    settle: Vec<bool>,
    /// Whether articles come for wanted pages only, as those of a dump do.
    wanted_only: bool,
    /// How many steps the articles are behind the tables: the two are never of one moment.
    lag: usize,
    /// Whether some rows come twice.
    repeated: bool,
    /// Over how many epochs the rows of a step are spread.
    n_epochs: usize,
}

fn setup() -> impl Strategy<Value = Setup> {
    let links = prop::sample::select(&["union", "forward", "reverse", "mutual"][..]);
    let many_to_one = prop::sample::select(&["best", "all"][..]);
    let limits = (prop_oneof![Just(0), 1_u32..30], prop_oneof![Just(0), 1_u32..5]);
    let settle = prop::collection::vec(prop::bool::weighted(0.2), 8);
    let lag = prop_oneof![3 => Just(0), 1 => Just(1_usize)];
    let n_epochs = prop_oneof![5 => Just(1), 1 => 2_usize..4];
    let flags = (settle, any::<bool>(), lag, prop::bool::weighted(0.2), n_epochs);
    (links, many_to_one, limits, 0_u64..3, flags).prop_map(
        |(links, many_to_one, (min_chars, ratio), seed, flags)| {
            let (settle, wanted_only, lag, repeated, n_epochs) = flags;
            Setup {
                links,
                many_to_one,
                min_chars,
                ratio,
                seed,
                settle,
                wanted_only,
                lag,
                repeated,
                n_epochs,
            }
        },
    )
}

fn title(number: u32) -> Digest {
    Digest::of(format!("ช้าง {number}").as_bytes())
}

fn target(to: To) -> Target {
    match to {
        To::Title(number) => Target::Title(title(number)),
        To::Blank => Target::Blank,
        To::Fragment(_) => Target::Fragment,
        To::OtherNamespace(_) => Target::OtherNamespace,
        To::Interwiki(_) => Target::Interwiki,
    }
}

/// Adds the rows of a page in the tables; spellings of a title are one.
fn table_rows(wiki: usize, id: u32, page: &Page, rows: &mut Vec<(usize, Row)>) {
    let redirect = matches!(page.body, Body::Redirect(_));
    if page.namespace == 0 {
        rows.push((wiki, Row::Title(Title { title: title(page.title), page: id, redirect })));
    }
    if let Body::Redirect(Some(to)) = page.body {
        rows.push((wiki, Row::Redirect(Redirect { from: id, target: target(to) })));
    }
    if page.disambiguation {
        rows.push((wiki, Row::Disambiguation(id)));
    }
    rows.extend(page.links.iter().map(|link| {
        let to = link.to as SourceIndex;
        (wiki, Row::Link(Langlink { from: id, to, target: target(link.target) }))
    }));
}

/// Returns what the article dump says of a page.
fn article(page: &Page) -> Article {
    match page.body {
        _ if page.namespace != 0 => Article::OtherNamespace,
        Body::Redirect(_) => Article::Redirect,
        Body::Module => Article::OtherModel,
        Body::Disambiguation => Article::Disambiguation,
        Body::Empty => Article::Empty,
        Body::Text(text) => Article::Text(Text {
            digest: Digest::of(format!("{} {text}", page.title).as_bytes()),
            revision: page.revision,
            n_chars: 1 + text % 29,
            n_paragraphs: 1 + text % 3,
            // What the pairs are does not depend on it.
            links: Digest::of(&page.looks.to_le_bytes()),
        }),
    }
}

/// Returns the rows of the tables of one moment and the articles of another.
fn rows(tables: &World, articles: &World) -> Vec<(usize, Row)> {
    let mut rows = Vec::new();
    for (wiki, number) in tables.0.iter().zip(0..) {
        for (id, page) in &wiki.pages {
            table_rows(number, *id, page, &mut rows);
        }
    }
    for (wiki, number) in articles.0.iter().zip(0..) {
        let pages = wiki.pages.iter();
        rows.extend(pages.map(|(id, page)| (number, Row::Article(*id, article(page)))));
    }
    rows
}

/// Says whether a row is one of those that come twice: about a third, the same in every step.
fn is_repeated((_, row): &(usize, Row)) -> bool {
    Digest::of(format!("{row:?}").as_bytes()).0[0].is_multiple_of(3)
}

/// Returns what makes the rows of one step those of the next.
fn changes(before: &[(usize, Row)], after: &[(usize, Row)]) -> Changes {
    let mut net: BTreeMap<(usize, Row), i32> = BTreeMap::new();
    before.iter().for_each(|row| *net.entry(*row).or_default() -= 1);
    after.iter().for_each(|row| *net.entry(*row).or_default() += 1);
    let net = net.into_iter().filter(|(_, diff)| *diff != 0);
    net.map(|((input, row), diff)| (input, row, diff)).collect()
}

/// The oracle: what the chain should say of all rows.
fn expected(rows: &[(usize, Row)], setup: &Setup) -> Said {
    let join = join_twin::join(rows, setup.links, setup.many_to_one);
    let limits = (setup.min_chars, setup.ratio);
    let (filtered, of_filter) = pairs_twin::filter(&join.pairs, STAGE + 1, limits);
    let (dealt, of_shuffle) = pairs_twin::shuffle(&filtered, STAGE + 2, setup.seed);
    let mut outcomes: Counted<_> = join.outcomes;
    let others = of_filter.into_iter().chain(of_shuffle);
    others.for_each(|(outcome, n)| add(&mut outcomes, outcome, n));
    Said { joined: join.pairs, filtered, dealt, outcomes, wanted: join.wanted }
}

/// Runs a history through one dataflow and compares every state with the oracle's.
fn check(history: &History, setup: &Setup, place: Place) -> Result<(), TestCaseError> {
    let worlds = history.worlds();
    let n_wikis = history.first.0.len();
    let (mut before, mut epochs) = (Vec::new(), Vec::new());
    let (mut settle, mut oracle) = (Vec::new(), Vec::new());
    for (tables, number) in worlds.iter().zip(0_usize..) {
        let mut rows = rows(tables, &worlds[number.saturating_sub(setup.lag)]);
        if setup.repeated {
            let again = rows.clone().into_iter().filter(is_repeated);
            rows.extend(again.collect::<Vec<_>>());
        }
        let said = expected(&rows, setup);
        if setup.wanted_only {
            rows.retain(|(wiki, row)| match row {
                Row::Article(page, _) => said.wanted.contains_key(&(*wiki as SourceIndex, *page)),
                _ => true,
            });
        }
        // Half-way through a step the wikis are torn, and nobody asks what is said of them.
        let changes = changes(&before, &rows);
        for epoch in 0..setup.n_epochs {
            let mine = changes.iter().skip(epoch).step_by(setup.n_epochs);
            epochs.push(mine.copied().collect());
            settle.push(epoch + 1 == setup.n_epochs && setup.settle[number]);
            oracle.push((epoch + 1 == setup.n_epochs).then(|| said.clone()));
        }
        before = rows;
    }
    let knobs = [
        format!(r#"{{ links = "{}", many-to-one = "{}" }}"#, setup.links, setup.many_to_one),
        format!(
            "{{ min-tokens = 0, min-chars = {}, max-length-ratio = {}.0 }}",
            setup.min_chars, setup.ratio
        ),
        format!("{{ seed = {} }}", setup.seed),
    ];
    let job = Job { knobs, n_wikis, epochs, settle: settle.clone() };
    let states = edits_chain::run(&job, place);
    let last = states.len() - 1;
    for ((mut said, oracle), epoch) in states.into_iter().zip(oracle).zip(0..) {
        let Some(mut oracle) = oracle else { continue };
        // Outcomes bear no times of their own: of epochs in flight together only the sum is known.
        if epoch != last && !settle[epoch] {
            (said.outcomes, oracle.outcomes) = Default::default();
        }
        if let Some(difference) = difference(&said, &oracle) {
            return Err(TestCaseError::fail(format!("epoch {epoch} on {place:?}:{difference}")));
        }
    }
    Ok(())
}

/// Returns what was said too much (+) or too little (-), if anything.
fn difference(said: &Said, oracle: &Said) -> Option<String> {
    let lines = [
        differences("joined", &said.joined, &oracle.joined),
        differences("filtered", &said.filtered, &oracle.filtered),
        differences("dealt", &said.dealt, &oracle.dealt),
        differences("wanted", &said.wanted, &oracle.wanted),
        differences("outcome", &said.outcomes, &oracle.outcomes),
    ];
    (said != oracle).then(|| lines.concat())
}

fn differences<R: Ord + Clone + Debug>(
    what: &str,
    said: &Counted<R>,
    oracle: &Counted<R>,
) -> String {
    let mut net = said.clone();
    oracle.iter().for_each(|(row, n)| add(&mut net, row.clone(), -n));
    net.iter().map(|(row, n)| format!("\n  {what} {n:+} {row:?}")).collect()
}

const SMALL: Shape = Shape { n_wikis: &[2, 2, 3], n_pages: 2..13, n_steps: 3..6, n_edits: 1..6 };
const LARGE: Shape = Shape { n_wikis: &[2, 2, 3], n_pages: 12..37, n_steps: 3..5, n_edits: 4..20 };

#[test]
fn small_wikis_on_one_worker() {
    seeds(
        250,
        || (histories(&SMALL), setup()),
        |(history, setup)| check(&history, &setup, Place::Workers(1)),
    );
}

#[test]
fn large_wikis_on_one_worker() {
    seeds(
        50,
        || (histories(&LARGE), setup()),
        |(history, setup)| check(&history, &setup, Place::Workers(1)),
    );
}

#[test]
fn wikis_on_four_workers() {
    seeds(
        30,
        || (histories(&SMALL), setup()),
        |(history, setup)| check(&history, &setup, Place::Workers(4)),
    );
}

#[test]
fn wikis_on_a_mesh() {
    let places = [Place::Mesh(2, 1), Place::Mesh(2, 1), Place::Mesh(2, 2), Place::Mesh(3, 1)];
    let place = || prop::sample::select(places.to_vec());
    seeds(
        40,
        || (histories(&SMALL), setup(), place()),
        |(history, setup, place)| check(&history, &setup, place),
    );
}
