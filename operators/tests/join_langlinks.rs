//! The operators of the dataflow against slow twins: `join-langlinks`, `filter-pairs`,
//! `shuffle-pairs`, over random rows that later epochs add, change and take back.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub
)]

mod common;
mod join_twin;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use common::{Changes, MemoryTexts, Output, Row, STAGE};
use crossic_operators::{
    context::{Measure, Outcome, Resources, Tally},
    record::{
        Article, Digest, Directions, Langlink, Origin, PageId, Pair, Redirect, Side, Target, Text,
        Title,
    },
    reject::{Reason, Reject, Subject},
    text,
    vocabulary::Vocabulary,
};
use proptest::prelude::*;

/// English and two target languages.
const N_WIKIS: usize = 3;
const WORKERS: [usize; 3] = [1, 2, 4];

/// A change of the rows that are there.
#[derive(Clone, Debug)]
enum Edit<R> {
    Add(R),
    Repeat(prop::sample::Index),
    Remove(prop::sample::Index),
    Replace(prop::sample::Index, R),
}

/// Returns the signed changes of each epoch, and the rows that are left at the end.
fn apply<R: Copy>(first: Vec<R>, later: Vec<Vec<Edit<R>>>) -> (Vec<Vec<(R, i32)>>, Vec<R>) {
    let mut rows = first;
    let mut epochs = vec![rows.iter().map(|row| (*row, 1)).collect()];
    for edits in later {
        let mut epoch = Vec::new();
        for edit in edits {
            let (old, new) = match edit {
                Edit::Add(new) => (None, Some(new)),
                Edit::Repeat(index) if rows.is_empty() => (Some(index), None),
                Edit::Repeat(index) => (None, Some(rows[index.index(rows.len())])),
                Edit::Remove(index) => (Some(index), None),
                Edit::Replace(index, new) => (Some(index), Some(new)),
            };
            if let Some(index) = old.filter(|_| !rows.is_empty()) {
                epoch.push((rows.swap_remove(index.index(rows.len())), -1));
            }
            if let Some(new) = new {
                rows.push(new);
                epoch.push((new, 1));
            }
        }
        epochs.push(epoch);
    }
    (epochs, rows)
}

fn edits<R: std::fmt::Debug + Clone>(
    row: impl Strategy<Value = R> + Clone,
) -> impl Strategy<Value = Vec<Vec<Edit<R>>>> {
    let index = any::<prop::sample::Index>;
    let edit = prop_oneof![
        2 => row.clone().prop_map(Edit::Add),
        1 => index().prop_map(Edit::Repeat),
        3 => index().prop_map(Edit::Remove),
        2 => (index(), row).prop_map(|(index, row)| Edit::Replace(index, row)),
    ];
    prop::collection::vec(prop::collection::vec(edit, 0..25), 0..4)
}

/// Titles are few, so that links meet pages, and non-Latin, as most are.
fn title(number: u32) -> Digest {
    Digest::of(format!("ช้าง {number}").as_bytes())
}

fn target() -> impl Strategy<Value = Target> + Clone {
    prop_oneof![
        16 => (0_u32..22).prop_map(|number| Target::Title(title(number))),
        1 => Just(Target::Blank),
        1 => Just(Target::Fragment),
        1 => Just(Target::OtherNamespace),
        1 => Just(Target::Interwiki),
    ]
}

fn text_of(revision: u64, n_chars: u32) -> Text {
    let digest = Digest::of(&[revision as u8, n_chars as u8]);
    Text { digest, revision, n_chars, n_paragraphs: 1, links: Digest::default() }
}

fn article() -> impl Strategy<Value = Article> + Clone {
    prop_oneof![
        8 => (0_u64..3, 1_u32..4).prop_map(|(revision, n)| Article::Text(text_of(revision, n))),
        1 => Just(Article::Redirect),
        1 => Just(Article::OtherNamespace),
        1 => Just(Article::OtherModel),
        1 => Just(Article::Empty),
        1 => Just(Article::Disambiguation),
    ]
}

fn row() -> impl Strategy<Value = Row> + Clone {
    let page = || 0_u32..20;
    prop_oneof![
        4 => (0_u32..22, page(), prop::bool::weighted(0.3)).prop_map(|(number, page, redirect)| {
            Row::Title(Title { title: title(number), page, redirect })
        }),
        6 => (page(), 0_u16..3, target())
            .prop_map(|(from, to, target)| Row::Link(Langlink { from, to, target })),
        2 => (page(), target()).prop_map(|(from, target)| Row::Redirect(Redirect { from, target })),
        1 => page().prop_map(Row::Disambiguation),
        3 => (page(), article()).prop_map(|(page, article)| Row::Article(page, article)),
    ]
}

/// What a chain of redirects ends in.
#[derive(Clone, Copy, Debug)]
enum End {
    Article,
    Nowhere,
    Cycle,
    NoRow,
    /// A target that is no title.
    Refused(Target),
}

/// Pages 0 to 9 bear their own titles and are linked with those of the other wikis; from page 10 on
/// there is a chain of redirects, to which page 1 links.
fn wiki(input: usize, articles: &[Article], (length, end): (u32, End)) -> Vec<Row> {
    let mut rows = Vec::new();
    let others: &[u16] = if input == 0 { &[1, 2] } else { &[0] };
    let link =
        |from, to, number| Row::Link(Langlink { from, to, target: Target::Title(title(number)) });
    for (page, article) in (0..10).zip(articles) {
        rows.push(Row::Title(Title { title: title(page), page, redirect: false }));
        rows.push(Row::Article(page, *article));
        for to in others {
            // Of the links from English a part, of those to English two from one page.
            match input {
                0 if page % 3 == 0 => rows.push(link(page, *to, page)),
                0 => {}
                _ => rows.extend([link(page, *to, page), link(page, *to, page / 2)]),
            }
        }
    }
    rows.extend(others.iter().map(|to| link(1, *to, 10)));
    for page in 10..10 + length {
        let last = page + 1 == 10 + length;
        let to = match (last, end) {
            (true, End::Article) => 3,
            (true, End::Nowhere) => 99,
            (true, End::Cycle) => 10,
            (true, End::NoRow | End::Refused(_)) | (false, _) => page + 1,
        };
        rows.push(Row::Title(Title { title: title(page), page, redirect: true }));
        if !(last && matches!(end, End::NoRow)) {
            let target = match end {
                End::Refused(target) if last => target,
                _ => Target::Title(title(to)),
            };
            rows.push(Row::Redirect(Redirect { from: page, target }));
        }
    }
    rows
}

/// The rows of the first epoch: three regular wikis with chains, and random rows beside.
fn wikis() -> impl Strategy<Value = Vec<(usize, Row)>> {
    let refused = [Target::Blank, Target::Fragment, Target::OtherNamespace, Target::Interwiki];
    let end = prop_oneof![
        2 => Just(End::Article),
        1 => Just(End::Nowhere),
        1 => Just(End::Cycle),
        1 => Just(End::NoRow),
        2 => prop::sample::select(refused.to_vec()).prop_map(End::Refused),
    ];
    let articles = prop::collection::vec(article(), 10);
    let regular = prop::collection::vec((articles, (0_u32..=7, end)), N_WIKIS);
    let chance = prop::collection::vec((0..N_WIKIS, row()), 0..80);
    (regular, chance).prop_map(|(regular, chance)| {
        let regular = regular.iter().enumerate().flat_map(|(input, (articles, chain))| {
            wiki(input, articles, *chain).into_iter().map(move |row| (input, row))
        });
        regular.chain(chance).collect()
    })
}

fn changes<R: Copy>(epochs: Vec<Vec<(R, i32)>>, place: impl Fn(R) -> (usize, Row)) -> Vec<Changes> {
    let signed = |(row, diff)| {
        let (input, row) = place(row);
        (input, row, diff)
    };
    epochs.into_iter().map(|epoch| epoch.into_iter().map(signed).collect()).collect()
}

/// Runs the operator on 1, 2 and 4 workers and compares what it says with the twin's answer.
fn check(
    (name, knobs, n_inputs): (&str, &str, usize),
    epochs: &[Changes],
    resources: &Resources,
    expected: &Output,
) -> Result<(), TestCaseError> {
    for n_workers in WORKERS {
        let output = common::run(name, knobs, n_inputs, epochs, resources, n_workers);
        prop_assert_eq!(&output, expected, "{} {} on {} workers", name, knobs, n_workers);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn links_join_as_the_nested_loops_do(
        first in wikis(),
        later in edits((0..N_WIKIS, row())),
        links in prop::sample::select(&["union", "forward", "reverse", "mutual"][..]),
        many_to_one in prop::sample::select(&["all", "best"][..]),
    ) {
        let (epochs, rows) = apply(first, later);
        let knobs = format!(r#"{{ links = "{links}", many-to-one = "{many_to_one}" }}"#);
        let expected = join_twin::join(&rows, links, many_to_one);
        let join = ("join-langlinks", knobs.as_str(), N_WIKIS);
        check(join, &changes(epochs, |row| row), &common::no_texts(), &expected)?;
    }
}

#[test]
fn a_sixth_redirect_is_a_loop() {
    for length in 0..=7_u32 {
        let mut rows: Vec<(usize, Row)> = Vec::new();
        for input in 0..N_WIKIS {
            let rows_of_wiki =
                wiki(input, &[Article::Text(text_of(1, 1)); 10], (length, End::Article));
            rows.extend(rows_of_wiki.into_iter().map(|row| (input, row)));
        }
        let epochs = [rows.iter().map(|(input, row)| (*input, *row, 1)).collect()];
        let knobs = r#"{ many-to-one = "all" }"#;
        let output = common::run("join-langlinks", knobs, N_WIKIS, &epochs, &common::no_texts(), 1);
        assert_eq!(output, join_twin::join(&rows, "union", "all"));
        // The chains end in page 3, to which no other link leads from page 1.
        let n_found = output.pairs.keys().filter(|it| it.target.page == 1 && it.english.page == 3);
        assert_eq!(
            n_found.count(),
            2 * usize::from((1..=5).contains(&length)),
            "{length} redirects"
        );
    }
}

fn sided(source: u16, page: PageId, text: Text) -> Side {
    Side { source, page, text }
}

fn pair(target_source: u16, english: (PageId, Text), target: (PageId, Text)) -> Pair {
    Pair {
        english: sided(0, english.0, english.1),
        target: sided(target_source, target.0, target.1),
        origin: Origin::Wiki,
        directions: Directions { forward: true, reverse: false },
        evidence: Digest::default(),
    }
}

/// A small word tokenizer: a token for each word.
fn words() -> Vocabulary {
    let json = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null,
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"}}"#;
    Vocabulary::from_bytes(json.as_bytes()).expect("a tokenizer")
}

fn article_text() -> impl Strategy<Value = String> + Clone {
    let paragraph = prop::collection::vec(prop_oneof![Just("a"), Just("ข้าวสวย"), Just("🍚")], 1..6);
    prop::collection::vec(paragraph, 0..4).prop_map(|paragraphs| {
        let paragraphs: Vec<String> = paragraphs.iter().map(|words| words.join(" ")).collect();
        text::canonical("ชื่อ a a a", &paragraphs)
    })
}

fn stored(text: &str) -> Text {
    let n_chars = text.replace(text::DELIMITER, "").chars().count() as u32;
    let n_paragraphs = text::Document::parse(text).paragraphs().count() as u32;
    let digest = Digest::of(text.as_bytes());
    Text { digest, revision: 7, n_chars, n_paragraphs, links: Digest::default() }
}

fn tally(target: u16, measure: Measure) -> Outcome {
    Outcome::Tally(Tally { stage: STAGE, target, measure })
}

fn reject(pair: &Pair, reason: Reason) -> Outcome {
    Outcome::Reject(Reject { stage: STAGE, reason, subject: Subject::from(pair) })
}

/// The twin of `filter-pairs`, over whole texts; a ratio of 0 is no limit.
fn filtered(
    pairs: &[Pair],
    texts: &BTreeMap<Digest, String>,
    (min_tokens, min_chars, ratio): (usize, u32, u32),
) -> Output {
    let n_words = |side: &Side| texts[&side.text.digest].split_whitespace().count() - 4;
    let mut output = Output::default();
    for pair in pairs {
        let target = pair.target.source;
        let sides = [pair.english.text.n_chars, pair.target.text.n_chars];
        let (long, short) = (sides[0].max(sides[1]), sides[0].min(sides[1]));
        common::add(&mut output.outcomes, tally(target, Measure::PairsIn), 1);
        let reason = if sides[0] < min_chars {
            Some(Reason::EnglishTooShort)
        } else if sides[1] < min_chars {
            Some(Reason::TargetTooShort)
        } else if ratio != 0 && ratio * short < long {
            Some(Reason::LengthRatio)
        } else if n_words(&pair.english) < min_tokens {
            Some(Reason::EnglishTooShort)
        } else if n_words(&pair.target) < min_tokens {
            Some(Reason::TargetTooShort)
        } else {
            None
        };
        match reason {
            Some(reason) => common::add(&mut output.outcomes, reject(pair, reason), 1),
            None => {
                common::add(&mut output.pairs, *pair, 1);
                common::add(&mut output.outcomes, tally(target, Measure::PairsOut), 1);
            }
        }
    }
    output
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn pairs_are_filtered_as_the_whole_texts_say(
        texts in prop::collection::vec(article_text(), 12),
        first in prop::collection::vec((0_u16..2, 0_u32..12, 0_u32..12), 0..30),
        later in edits((0_u16..2, 0_u32..12, 0_u32..12)),
        (min_tokens, min_chars, ratio) in (0_usize..12, 0_u32..40, prop_oneof![Just(0), 1_u32..4]),
    ) {
        let made = |(input, english, target): (u16, u32, u32)| {
            let of = |page: u32| (page, stored(&texts[page as usize]));
            (usize::from(input), Row::Pair(pair(1 + input, of(english), of(target))))
        };
        let (epochs, rows) = apply(first, later);
        let pairs: Vec<Pair> = rows.into_iter().filter_map(|row| match made(row).1 {
            Row::Pair(pair) => Some(pair),
            _ => None,
        }).collect();
        let texts: BTreeMap<Digest, String> =
            texts.iter().map(|text| (Digest::of(text.as_bytes()), text.clone())).collect();
        let expected = filtered(&pairs, &texts, (min_tokens, min_chars, ratio));
        let path = PathBuf::from("words.json");
        let resources = Resources {
            texts: Arc::new(MemoryTexts(texts.clone())),
            vocabularies: [(path, Arc::new(words()))].into(),
            ..common::no_texts()
        };
        let knobs = format!(
            r#"{{ tokenizer = "words.json", min-tokens = {min_tokens}, min-chars = {min_chars},
               max-length-ratio = {ratio}.0 }}"#
        ).replace('\n', " ");
        check(("filter-pairs", &knobs, 2), &changes(epochs, made), &resources, &expected)?;
    }

    #[test]
    fn shuffled_pairs_are_a_derangement(
        first in prop::collection::btree_set((0_u16..2, 1_u32..15, 0_u32..14), 0..40),
        later in edits((0_u16..2, 1_u32..15, 0_u32..14)),
        seed in 0_u64..3,
    ) {
        let made = |(input, english, target): (u16, u32, u32)| {
            let text = text_of(1, 1);
            (usize::from(input), Row::Pair(pair(1 + input, (english, text), (target, text))))
        };
        let (epochs, rows) = apply(first.into_iter().collect(), later);
        let epochs = changes(epochs, made);
        let knobs = format!("{{ seed = {seed} }}");
        let resources = common::no_texts();
        // A build from nothing is the twin of a build in steps.
        let at_once: Changes =
            rows.iter().map(|row| made(*row)).map(|(input, row)| (input, row, 1)).collect();
        let output = common::run("shuffle-pairs", &knobs, 2, &[at_once], &resources, 1);
        check(("shuffle-pairs", &knobs, 2), &epochs, &resources, &output)?;

        // The same pair may have come twice; it is dealt once.
        let pairs: std::collections::BTreeSet<(u16, u32, u32)> = rows.into_iter().collect();
        for input in 0..2 {
            let mine = pairs.iter().filter(|(it, _, _)| *it == input);
            let mut before: Vec<u32> = mine.clone().map(|(_, english, _)| *english).collect();
            let mut targets: Vec<u32> = mine.map(|(_, _, target)| *target).collect();
            let mut after = Vec::new();
            for (dealt, n) in output.pairs.iter().filter(|(it, _)| it.target.source == 1 + input) {
                let (english, target) = (dealt.english.page, dealt.target.page);
                prop_assert!(!pairs.contains(&(input, english, target)), "{} kept", target);
                prop_assert_eq!(dealt.directions, Directions::default());
                after.extend((0..*n).map(|_| english));
                for _ in 0..*n {
                    let place = targets.iter().position(|it| *it == target);
                    targets.swap_remove(place.expect("a target of the input"));
                }
            }
            // What is left over was refused, once a pair.
            let refused: i64 = output.outcomes.iter().map(|(outcome, n)| match outcome {
                Outcome::Reject(Reject { reason: Reason::NoPartner, subject, .. }) => {
                    let Subject::Pair { target, .. } = subject else { return 0 };
                    if target.0 == 1 + input { *n } else { 0 }
                }
                _ => 0,
            }).sum();
            prop_assert_eq!(refused as usize, targets.len());
            before.sort_unstable();
            after.sort_unstable();
            if refused == 0 {
                prop_assert_eq!(before, after);
            } else {
                for english in after {
                    let place = before.iter().position(|it| *it == english);
                    before.swap_remove(place.expect("an English article of the input"));
                }
            }
        }
    }
}
