//! The operator `retrieve` against a slow twin: random small wikis whose rows come and go, and a
//! library in memory that answers with documents that share words with the question.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub
)]

mod common;
mod retrieve_twin;

use std::{
    collections::BTreeSet,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use common::{Changes, MemoryTexts, Output, Row, STAGE};
use crossic_operators::{
    context::{Outcome, Resources},
    record::{Article, Digest, Langlink, PageId, Redirect, Target, Text, Title},
    reject::{Reject, Subject},
    retrieve::{library::EncodedFile, links::Links},
    text::canonical,
    wikitext::Wikilink,
};
use proptest::prelude::*;
use retrieve_twin::{Knobs, MemoryLibrary, twin};

/// English and two target languages; the documents come after them.
const N_WIKIS: usize = 3;
const N_EPOCHS: usize = 4;

/// How long a run may take to end; that it ends at all is what counts.
const PATIENCE: Duration = Duration::from_secs(120);

/// Workers, and how many of them make a process.
const PLACES: [(usize, usize); 6] = [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)];

const ENGLISH: [&str; 7] =
    ["Rice", "Wet field", "Honey bee", "Field (land)", "Rice field", "Bee", "Wet season"];
const WORDS: [&str; 8] = ["rice", "wet", "field", "honey", "bee", "land", "season", "market"];

/// Returns a title of a wiki.
fn title(wiki: usize, number: usize) -> String {
    match wiki {
        0 => ENGLISH[number % ENGLISH.len()].to_owned(),
        _ => format!("ข้าว {number}"),
    }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// What an article is, in numbers: page, what it is, text, links, revision.
type Written = (PageId, usize, usize, usize, u64);

/// A row before its texts are made; titles by number.
#[derive(Clone, Debug)]
enum Seed {
    Title(usize, PageId, bool),
    /// From a page to a title of a wiki, or to something else.
    Link(PageId, usize, Option<usize>),
    Redirect(PageId, Option<usize>),
    Disambiguation(PageId),
    Article(Written),
}

fn seed() -> impl Strategy<Value = Seed> {
    let page = || 0_u32..8;
    let number = || 0_usize..7;
    let often = |number| prop::option::weighted(0.9, number);
    prop_oneof![
        8 => (number(), page(), prop::bool::weighted(0.2))
            .prop_map(|(number, page, redirect)| Seed::Title(number, page, redirect)),
        8 => (page(), prop_oneof![9 => Just(0), 1 => 1..N_WIKIS], often(number()))
            .prop_map(|(page, to, number)| Seed::Link(page, to, number)),
        2 => (page(), often(number())).prop_map(|(page, number)| Seed::Redirect(page, number)),
        1 => page().prop_map(Seed::Disambiguation),
        10 => (page(), 0_usize..20, 0_usize..4, 0_usize..6, 0_u64..3).prop_map(Seed::Article),
    ]
}

/// A row of a wiki, the epoch in which it comes, and the one in which it goes.
type Life = (usize, Seed, usize, Option<usize>);

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let epoch = || 0..N_EPOCHS;
    prop::collection::vec(
        (0..N_WIKIS, seed(), epoch(), prop::option::weighted(0.3, epoch())),
        40..160,
    )
}

/// Links by the numbers of their targets, with section and whether they stand in the prose.
type Linked = Vec<(usize, u32, bool)>;

fn links() -> impl Strategy<Value = Vec<Linked>> {
    let link = (0_usize..7, 0_u32..2, prop::bool::weighted(0.7));
    prop::collection::vec(prop::collection::vec(link, 0..9), 5)
}

/// The files of documents, each a list of words.
fn documents() -> impl Strategy<Value = Vec<Vec<Vec<usize>>>> {
    let document = prop::collection::vec(0..WORDS.len(), 1..6);
    prop::collection::vec(prop::collection::vec(document, 0..5), 0..4)
}

fn knobs() -> impl Strategy<Value = Knobs> {
    (any::<bool>(), any::<bool>(), 0_usize..4).prop_map(|(english_lead, by_text, most)| Knobs {
        english_lead,
        by_text,
        most,
    })
}

/// The rows of random wikis, and the texts behind their digests.
struct Wikis {
    texts: MemoryTexts,
    epochs: Vec<Changes>,
    /// The rows that are left at the end.
    rows: Vec<(usize, Row)>,
}

impl Wikis {
    fn new(lives: &[Life], links: &[Linked]) -> Wikis {
        let mut wikis = Wikis {
            texts: MemoryTexts::default(),
            epochs: vec![Vec::new(); N_EPOCHS],
            rows: Vec::new(),
        };
        for (wiki, seed, comes, goes) in lives {
            let row = wikis.row(*wiki, seed, links);
            wikis.epochs[*comes].push((*wiki, row, 1));
            match goes.filter(|goes| comes < goes) {
                Some(goes) => wikis.epochs[goes].push((*wiki, row, -1)),
                None => wikis.rows.push((*wiki, row)),
            }
        }
        wikis
    }

    fn keep(&mut self, text: String) -> Digest {
        let key = digest(&text);
        self.texts.0.insert(key, text);
        key
    }

    fn row(&mut self, wiki: usize, seed: &Seed, links: &[Linked]) -> Row {
        match *seed {
            Seed::Title(number, page, redirect) => {
                Row::Title(Title { title: digest(&title(wiki, number)), page, redirect })
            }
            Seed::Link(from, to, number) => {
                let target = match number {
                    Some(number) => Target::Title(self.keep(title(to, number))),
                    None => Target::Fragment,
                };
                Row::Link(Langlink { from, to: to as u16, target })
            }
            Seed::Redirect(from, number) => {
                let target = match number {
                    Some(number) => Target::Title(digest(&title(wiki, number))),
                    None => Target::Interwiki,
                };
                Row::Redirect(Redirect { from, target })
            }
            Seed::Disambiguation(page) => Row::Disambiguation(page),
            Seed::Article((page, 0, ..)) => Row::Article(page, Article::Redirect),
            Seed::Article((page, 1, ..)) => Row::Article(page, Article::Empty),
            Seed::Article((page, _, text, linked, revision)) => {
                let words = WORDS.iter().cycle().skip(text).take(3 + text).copied();
                let body = format!("ข้าว 1 {}", words.collect::<Vec<_>>().join(" "));
                let text = canonical(&title(wiki, page as usize), &[body]);
                let n_chars = text.chars().count() as u32;
                let links = links.get(linked).map(|it| self.links(wiki, it));
                let text = Text {
                    digest: self.keep(text),
                    revision,
                    n_chars,
                    n_paragraphs: 1,
                    links: links.unwrap_or_default(),
                };
                Row::Article(page, Article::Text(text))
            }
        }
    }

    fn links(&mut self, wiki: usize, linked: &Linked) -> Digest {
        let link = |((number, section, is_prose), place): (&(usize, u32, bool), u32)| Wikilink {
            target: title(wiki, *number),
            label: String::new(),
            section: *section,
            start: 10 * place,
            is_prose: *is_prose,
        };
        let links = linked.iter().zip(0..).map(link).collect();
        self.keep(Links { n_bytes: 100, links }.to_text())
    }
}

/// Returns the texts of the documents of each file.
fn files(documents: &[Vec<Vec<usize>>]) -> Vec<Vec<String>> {
    let text = |words: &Vec<usize>| {
        let words: Vec<&str> = words.iter().map(|word| WORDS[*word]).collect();
        canonical("", &[words.join(" ")])
    };
    documents.iter().map(|file| file.iter().map(text).collect()).collect()
}

/// Runs the operator; fails if it does not end.
fn run(knobs: &Knobs, epochs: &[Changes], resources: &Resources, n_workers: usize) -> Output {
    let (sender, receiver) = mpsc::channel();
    let (knobs, epochs, resources) = (knobs.to_toml(), epochs.to_vec(), resources.clone());
    thread::spawn(move || {
        let n_inputs = N_WIKIS + 1;
        let output = common::run("retrieve", &knobs, n_inputs, &epochs, &resources, n_workers);
        sender.send(output)
    });
    receiver.recv_timeout(PATIENCE).expect("a run ends")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn articles_get_documents(
        lives in lives(),
        links in links(),
        documents in documents(),
        arrivals in prop::collection::vec(0..N_EPOCHS, 4),
        knobs in knobs(),
    ) {
        let wikis = Wikis::new(&lives, &links);
        let files = files(&documents);
        let mut epochs = wikis.epochs;
        for (number, arrival) in (0..files.len() as u32).zip(arrivals) {
            let content = MemoryLibrary::content(number);
            let file = |stage, file| Row::File(EncodedFile { stage, file, content });
            epochs[arrival].push((N_WIKIS, file(STAGE, number), 1));
            // What another operator searches is none of ours.
            epochs[arrival].push((N_WIKIS, file(STAGE + 1, 90 + number), 1));
        }
        let expected = twin(&wikis.rows, N_WIKIS, &wikis.texts, &files, &knobs);
        let texts = Arc::new(wikis.texts);
        for (n_workers, threads) in PLACES {
            let library = Arc::new(MemoryLibrary::new(files.clone(), texts.clone()));
            let resources = Resources {
                texts: library.clone(),
                library: library.clone(),
                threads,
                ..common::no_texts()
            };
            let output = run(&knobs, &epochs, &resources, n_workers);
            prop_assert_eq!(&output, &expected, "{} workers, {} a process", n_workers, threads);
            library.check(&output.pairs)?;
        }

        // Every page with an English name has pairs or one reject, and no other page has any.
        let mut named: BTreeSet<(u16, PageId)> = BTreeSet::new();
        for (wiki, row) in wikis.rows.iter().filter(|(wiki, _)| *wiki != 0) {
            if let Row::Link(Langlink { from, to: 0, target: Target::Title(_) }) = row {
                named.insert((*wiki as u16, *from));
            }
        }
        let paired: BTreeSet<(u16, PageId)> =
            expected.pairs.keys().map(|it| (it.target.source, it.target.page)).collect();
        let mut told: Vec<(u16, PageId)> = paired.into_iter().collect();
        for (outcome, n) in &expected.outcomes {
            if let Outcome::Reject(Reject { subject: Subject::Page { source, page }, .. }) = outcome {
                told.extend((0..*n).map(|_| (*source, *page)));
            }
        }
        told.sort_unstable();
        prop_assert_eq!(told, named.into_iter().collect::<Vec<_>>());
    }
}
