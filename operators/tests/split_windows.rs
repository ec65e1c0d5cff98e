//! The window split over random articles: against a direct transcription of the method where
//! nothing is cut, and against the account of every token where something is.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub
)]

mod segment_reader;
mod small_tokenizers;

use std::{path::PathBuf, sync::Arc};

use crossic_operators::{
    record::{Digest, Identity, Origin},
    reject::Reason,
    segment::{Segment, Span},
    split_windows::{
        Advance, Config, Direction, Oversize, RepeatTitle, Sided, Splitter, Variant, Work, pair_id,
    },
    text::{self, DELIMITER, Document},
    vocabulary::Vocabulary,
};
use proptest::{prelude::*, sample::select};
use segment_reader::{Article, Reader};

/// Where titles leave less room than this for each side, the pair is refused.
const MIN_ROOM: usize = 16;

fn word() -> impl Strategy<Value = &'static str> + Clone {
    select(
        &[
            "the",
            "a",
            "rice",
            "then.",
            "Why?",
            "3.5",
            "No!\nYes",
            "it's",
            "ช้าง",
            "ข้าวสวย",
            "เป็นสัตว์เลี้ยงลูกด้วยนม",
            "水の中で。",
            "そうだ。",
            "月は地球を回る",
            "القمر",
            "هل هو؟",
            "🍚",
            "👩‍👩‍👧‍👦",
            "e\u{301}",
            "(«¿qué?»)",
            "...",
            "0123456789",
        ][..],
    )
}

fn words(n: std::ops::Range<usize>) -> impl Strategy<Value = String> + Clone {
    let glue = select(&[" ", " ", " ", ""][..]);
    prop::collection::vec((word(), glue), n).prop_map(|words| {
        let text: String = words.iter().flat_map(|(word, glue)| [*word, *glue]).collect();
        text.trim().to_owned()
    })
}

fn article() -> impl Strategy<Value = Article> {
    let title = prop_oneof![
        12 => select(&["Rice", "ช้าง", "القمر (فيلم)", "月", "A"][..]).prop_map(str::to_owned),
        1 => words(10..40).prop_map(|title| title.replace('\n', " ")),
        4 => Just(String::new()),
    ];
    let paragraph = prop_oneof![
        2 => Just("a".to_owned()),
        6 => words(1..12),
        2 => words(12..40),
        1 => words(60..200),
    ];
    (title, prop::collection::vec(paragraph, 0..9))
}

fn config() -> impl Strategy<Value = Config> {
    let tokens = prop_oneof![Just(32_usize), 33_usize..100, 100_usize..600];
    let direction = [Direction::EnglishFirst, Direction::TargetFirst, Direction::Mixed];
    let oversize = [Oversize::Sentence, Oversize::Token, Oversize::Truncate, Oversize::Drop];
    let titles = [RepeatTitle::Every, RepeatTitle::First, RepeatTitle::None];
    (
        tokens,
        prop::sample::select(direction.to_vec()),
        prop::sample::select(vec![Advance::Paired, Advance::Each]),
        prop::sample::select(oversize.to_vec()),
        prop::sample::select(titles.to_vec()),
        0_u64..4,
    )
        .prop_map(|(tokens, direction, advance, oversize, repeat_title, seed)| Config {
            tokenizer: PathBuf::new(),
            tokens,
            variant: Variant::Crossic,
            direction,
            seed,
            advance,
            oversize,
            repeat_title,
            split_token: "auto".to_owned(),
            end_token: "auto".to_owned(),
        })
}

fn sided<'a>(lang: &'a str, canonical: &'a str) -> Sided<'a> {
    let document = Document::parse(canonical);
    Sided { lang, wiki: lang, page: 7, revision: 1, document, digest: None }
}

/// Runs `test` on the work of one pair, twice, to see that the second time is the same.
fn check(
    config: &Config,
    vocabulary: &Arc<Vocabulary>,
    articles: [&Article; 2],
    test: impl Fn(&Splitter, &Result<Work, Reason>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let texts = articles.map(|(title, paragraphs)| text::canonical(title, paragraphs));
    let [english, target] = [sided("en", &texts[0]), sided("th", &texts[1])];
    let splitter = Splitter::new(config.clone(), Arc::clone(vocabulary)).expect("a closing token");
    let work = splitter.split(Origin::Wiki, english, target);
    let again = splitter.split(Origin::Wiki, english, target);
    let segments = |work: &Result<Work, Reason>| work.as_ref().ok().map(|it| it.segments.clone());
    prop_assert_eq!(segments(&work), segments(&again));
    test(&splitter, &work)
}

/// The method, word for word: for each k the whole segment is written and counted anew.
///
/// `None` where a paragraph pair fits no segment.
fn transcription(
    vocabulary: &Vocabulary,
    articles: [&Article; 2],
    budget: usize,
    titles: RepeatTitle,
) -> Option<Vec<Vec<u32>>> {
    let mut segments = Vec::new();
    let mut at = [0, 0];
    let n_left = |at: [usize; 2]| [0, 1].map(|side| articles[side].1.len() - at[side]);
    while n_left(at) != [0, 0] {
        let ids_with = |k: usize| {
            let mut texts: Vec<(&str, bool)> = Vec::new();
            for side in [0, 1] {
                let (title, paragraphs) = articles[side];
                if n_left(at)[side] == 0 {
                    continue;
                }
                let wanted = match titles {
                    RepeatTitle::Every => true,
                    RepeatTitle::First => at[side] == 0,
                    RepeatTitle::None => false,
                };
                if wanted && !title.is_empty() {
                    texts.push((title, true));
                }
                let taken = paragraphs.iter().skip(at[side]).take(k);
                texts.extend(taken.map(|paragraph| (paragraph.as_str(), false)));
            }
            let mut ids = Vec::new();
            for (n, (text, title)) in texts.iter().enumerate() {
                let end = if n + 1 == texts.len() { "" } else { DELIMITER };
                let piece = format!("{text}{end}");
                ids.extend(match n == 0 && *title {
                    true => vocabulary.encode(&piece),
                    false => vocabulary.encode_next(&piece),
                });
            }
            ids
        };
        let longest = *n_left(at).iter().max()?;
        let fits = |k: &usize| ids_with(*k).len() < budget;
        let k = (1..=longest).take_while(fits).last()?;
        segments.push(ids_with(k));
        at = [0, 1].map(|side| (at[side] + k).min(articles[side].1.len()));
    }
    Some(segments)
}

/// Says that the spans of a segment follow one another and leave out nothing but the closing token.
fn check_tiling(segment: &Segment) -> Result<(), TestCaseError> {
    let mut at = 0;
    for span in &segment.spans {
        prop_assert_eq!(span.token_start, at);
        prop_assert!(span.token_start + span.title_tokens <= span.token_end);
        at = span.token_end;
    }
    prop_assert_eq!(at as usize + 1, segment.input_ids.len());
    Ok(())
}

fn tokens_of<'a>(segment: &'a Segment, span: &Span) -> &'a [u32] {
    &segment.input_ids[span.token_start as usize..span.token_end as usize]
}

fn check_work(
    config: &Config,
    vocabulary: &Vocabulary,
    articles: [&Article; 2],
    splitter: &Splitter,
    work: &Result<Work, Reason>,
) -> Result<(), TestCaseError> {
    let budget = config.tokens - usize::from(vocabulary.bos().is_some());
    let work = match work {
        Ok(work) => work,
        Err(Reason::AllDropped) => {
            let empty = articles.iter().all(|(_, paragraphs)| paragraphs.is_empty());
            prop_assert!(empty || config.oversize == Oversize::Drop);
            return Ok(());
        }
        Err(reason) => {
            prop_assert_eq!(*reason, Reason::TitlesTooLong);
            let title = |(title, _): &Article| vocabulary.encode(&format!("{title}{DELIMITER}"));
            let n_title_tokens: usize = articles.iter().map(|it| title(it).len()).sum();
            prop_assert!(budget < n_title_tokens + 1 + 2 * MIN_ROOM);
            return Ok(());
        }
    };
    let closing = splitter.closing().id;
    let mut readers = articles.map(Reader::new);
    for (segment, index) in work.segments.iter().zip(0..) {
        prop_assert_eq!(segment.index, index);
        prop_assert!(segment.input_ids.len() <= budget);
        prop_assert_eq!(segment.input_ids.iter().filter(|id| **id == closing).count(), 1);
        prop_assert_eq!(segment.input_ids.last(), Some(&closing));
        check_tiling(segment)?;
        for (span, n) in segment.spans.iter().zip(1..) {
            let reader = &mut readers[usize::from(span.lang != "en")];
            let last = n == segment.spans.len();
            reader.read(config, vocabulary, span, tokens_of(segment, span), last)?;
        }
    }
    // The order of the languages is one for all segments of a pair.
    let orders: Vec<Vec<&str>> = (work.segments.iter())
        .map(|segment| segment.spans.iter().map(|span| span.lang.as_str()).collect::<Vec<_>>())
        .filter(|langs| langs.len() == 2)
        .collect();
    for order in &orders {
        prop_assert_eq!(order, &orders[0]);
        match config.direction {
            Direction::EnglishFirst => prop_assert_eq!(order, &["en", "th"]),
            Direction::TargetFirst => prop_assert_eq!(order, &["th", "en"]),
            Direction::Mixed => {}
        }
    }
    for (reader, counts) in readers.into_iter().zip(work.counts) {
        reader.finish(config, counts)?;
    }
    Ok(())
}

fn tokenizer() -> impl Strategy<Value = &'static (&'static str, Arc<Vocabulary>)> {
    (0..small_tokenizers::ALL.len()).prop_map(|index| &small_tokenizers::ALL[index])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_token_is_accounted_for(
        english in article(),
        target in article(),
        config in config(),
        (_, vocabulary) in tokenizer(),
    ) {
        let articles = [&english, &target];
        check(&config, vocabulary, articles, |splitter, work| {
            check_work(&config, vocabulary, articles, splitter, work)
        })?;
    }

    #[test]
    fn segments_are_those_of_the_method(
        english in article(),
        target in article(),
        config in config(),
        tokens in 100_usize..600,
        (_, vocabulary) in tokenizer(),
    ) {
        let direction = match config.direction {
            Direction::TargetFirst => Direction::TargetFirst,
            _ => Direction::EnglishFirst,
        };
        let config = Config { advance: Advance::Paired, tokens, direction, ..config };
        check(&config, vocabulary, [&english, &target], |splitter, work| {
            let order = match config.direction {
                Direction::TargetFirst => [&target, &english],
                _ => [&english, &target],
            };
            let budget = config.tokens - usize::from(vocabulary.bos().is_some());
            let expected = transcription(vocabulary, order, budget, config.repeat_title);
            let (Some(mut expected), Ok(work)) = (expected, work) else { return Ok(()) };
            expected.iter_mut().for_each(|ids| ids.push(splitter.closing().id));
            let made: Vec<Vec<u32>> =
                work.segments.iter().map(|segment| segment.input_ids.clone()).collect();
            prop_assert_eq!(made, expected);
            Ok(())
        })?;
    }

    #[test]
    fn documents_are_whole(
        english in article(),
        target in article(),
        config in config(),
        mono in any::<bool>(),
        (name, vocabulary) in tokenizer(),
    ) {
        let variant = if mono { Variant::Mono } else { Variant::Mix };
        let config = Config { variant, ..config };
        let articles = [&english, &target];
        let sides = if mono { 1..2 } else { 0..2 };
        check(&config, vocabulary, articles, |splitter, work| {
            prop_assert!(!splitter.closing().added, "{} has an end token", name);
            let written: Vec<usize> =
                sides.clone().filter(|side| !articles[*side].1.is_empty()).collect();
            let Ok(work) = work else {
                prop_assert!(written.is_empty());
                return Ok(());
            };
            prop_assert_eq!(work.segments.len(), written.len());
            for (segment, side) in work.segments.iter().zip(written) {
                prop_assert_eq!(segment.input_ids.last(), Some(&splitter.closing().id));
                check_tiling(segment)?;
                let [span] = segment.spans.as_slice() else { panic!("one span") };
                prop_assert_eq!(span.lang.as_str(), ["en", "th"][side]);
                let mut reader = Reader::new(articles[side]);
                reader.read(&config, vocabulary, span, tokens_of(segment, span), true)?;
                prop_assert_eq!(reader.paragraph, articles[side].1.len());
                reader.finish(&config, work.counts[side])?;
            }
            Ok(())
        })?;
    }
}

/// Splits two articles with the default knobs.
fn segments(tokenizer: &str, tokens: usize, articles: [&Article; 2]) -> Vec<Segment> {
    let (_, vocabulary) =
        small_tokenizers::ALL.iter().find(|(name, _)| *name == tokenizer).expect("a tokenizer");
    let config = Config {
        tokenizer: PathBuf::new(),
        tokens,
        variant: Variant::Crossic,
        direction: Direction::EnglishFirst,
        seed: 0,
        advance: Advance::Paired,
        oversize: Oversize::Sentence,
        repeat_title: RepeatTitle::Every,
        split_token: "auto".to_owned(),
        end_token: "auto".to_owned(),
    };
    let texts = articles.map(|(title, paragraphs)| text::canonical(title, paragraphs));
    let splitter = Splitter::new(config, Arc::clone(vocabulary)).expect("a closing token");
    let [english, target] = [sided("en", &texts[0]), sided("th", &texts[1])];
    splitter.split(Origin::Wiki, english, target).expect("segments").segments
}

#[test]
fn a_beginning_of_text_takes_a_token_of_the_budget() {
    let article = ("A".to_owned(), vec!["z".repeat(30)]);
    let n_segments = |tokens| segments("llama", tokens, [&article, &article]).len();
    let n_tokens = segments("llama", 200, [&article, &article])[0].input_ids.len();
    assert_eq!(n_segments(n_tokens + 1), 1, "a token for the beginning");
    assert_eq!(n_segments(n_tokens), 2, "no token for the beginning");
    let article = ("A".to_owned(), vec!["あ".repeat(10)]);
    let n_tokens = segments("byte-level", 200, [&article, &article])[0].input_ids.len();
    assert_eq!(segments("byte-level", n_tokens, [&article, &article]).len(), 1, "no beginning");
}

#[test]
fn a_mark_that_merges_with_the_delimiter_does_not_keep_it() {
    let article = ("A".to_owned(), vec!["ข้าว..".to_owned()]);
    let (_, vocabulary) = &small_tokenizers::ALL[0];
    // The two full stops are two tokens alone, and one with the delimiter.
    assert!(vocabulary.encode("ข้าว..\n\n").len() < vocabulary.encode("ข้าว..").len());
    let segments = segments("byte-level", 100, [&article, &article]);
    let text = vocabulary.decode(&segments[0].input_ids);
    assert_eq!(text, "A\n\nข้าว..\n\nA\n\nข้าว..<|reserved_special_token_0|>");
}

#[test]
fn a_web_document_gives_its_text_and_nothing_before_it() {
    let web = (String::new(), vec!["First of all.".to_owned(), "Then rice.".to_owned()]);
    let article = ("ช้าง".to_owned(), vec!["ข้าวสวย".to_owned()]);
    let [one] = &segments("byte-level", 200, [&web, &article])[..] else { panic!("one segment") };
    let (_, vocabulary) = &small_tokenizers::ALL[0];
    let text = vocabulary.decode(&one.input_ids);
    let expected = "First of all.\n\nThen rice.\n\nช้าง\n\nข้าวสวย<|reserved_special_token_0|>";
    assert_eq!(text, expected);
    assert_eq!(one.spans[0].title_tokens, 0);
    assert_eq!((one.spans[0].title.as_str(), one.spans[1].title.as_str()), ("", "ช้าง"));
}

#[test]
fn documents_are_told_apart_by_their_texts_and_pages_by_their_ids() {
    let digest = Digest::of;
    let ids: Vec<Digest> = [
        (Origin::Web, ("web", Identity::Text(digest(b"one"))), 5),
        (Origin::Web, ("web", Identity::Text(digest(b"two"))), 5),
        (Origin::Web, ("other", Identity::Text(digest(b"one"))), 5),
        (Origin::Web, ("web", Identity::Text(digest(b"one"))), 6),
        (Origin::Wiki, ("web", Identity::Text(digest(b"one"))), 5),
        (Origin::Web, ("web", Identity::Page(0)), 5),
    ]
    .map(|(origin, english, page)| pair_id(origin, english, ("thwiki", Identity::Page(page))))
    .to_vec();
    let distinct: std::collections::BTreeSet<&Digest> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
    // The identities of pairs of pages are part of what users keep: they stay as they ever were.
    let pages =
        pair_id(Origin::Wiki, ("enwiki", Identity::Page(1007)), ("thwiki", Identity::Page(2007)));
    let fields: [&[u8]; 5] =
        [b"wiki", b"enwiki", &1007_u32.to_le_bytes(), b"thwiki", &2007_u32.to_le_bytes()];
    assert_eq!(pages, Digest::of_fields(&fields));
}
