//! Pairs articles through their language links (paper, §2.1: forward and reverse links, union).

use std::collections::BTreeMap;

use differential_dataflow::{
    operators::arrange::{Arranged, TraceAgent},
    trace::implementations::ValSpine,
};
use serde::{Deserialize, Serialize};

use crate::{
    article::{Sided, latest, text_of},
    context::{Context, Measure},
    flow::{Epoch, Flow, Kind, Rows, Wiki},
    operator::{self, Descriptor, Inputs, Key, Operator},
    record::{
        Article, Digest, Directions, Langlink, Origin, PageId, Pair, Side, SourceIndex, Text,
    },
    reject::{Reason, Subject},
    resolve_titles::{self, Index},
};

pub(crate) const OPERATOR: Descriptor = Descriptor {
    name: "join-langlinks",
    summary: "Pair articles through the language links of their wikis",
    reads: "wiki (English), then one wiki or more",
    writes: Kind::Pairs,
    keys: &[
        Key {
            name: "links",
            default: "\"union\"",
            about: "union, forward (target to English), reverse (English to target) or mutual",
        },
        Key {
            name: "many-to-one",
            default: "\"best\"",
            about: "all, or best: of several pages of a language that pair with one English page keep the mutual, then the longest, then the lowest id",
        },
    ],
    paper: "many-to-one = \"all\"",
    parse: operator::parse::<Config>,
};

/// The knobs of `join-langlinks`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    #[serde(default)]
    links: Links,
    #[serde(default)]
    many_to_one: ManyToOne,
}

/// Which directions of links make a pair.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Links {
    #[default]
    Union,
    Forward,
    Reverse,
    Mutual,
}

impl Links {
    fn admits(self, directions: Directions) -> bool {
        match self {
            Links::Union => true,
            Links::Forward => directions.forward,
            Links::Reverse => directions.reverse,
            Links::Mutual => directions.forward && directions.reverse,
        }
    }
}

/// What becomes of several pages of one language that pair with one English page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum ManyToOne {
    All,
    #[default]
    Best,
}

/// Two linked pages: English first.
type Linked = ((PageId, PageId), Directions);

impl Operator for Config {
    fn inputs(&self) -> Inputs {
        Inputs::of(Kind::Wiki, 2, "the English wiki, then each target wiki")
    }

    fn output(&self) -> Kind {
        Kind::Pairs
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        operator::knobs_of(self)
    }

    fn build<'s>(&self, cx: &Context<'s>, inputs: Vec<Flow<'s>>) -> Flow<'s> {
        let mut wikis = inputs.into_iter().map(Flow::wiki);
        let Some(english) = wikis.next() else { unreachable!("check asks for two wikis") };
        // Arranged once, shared by every target language.
        let english_index = Index::new(&english);
        let english_articles = unique_articles(english.articles.clone());
        let english_disambiguations = english.disambiguations.clone().distinct_core::<i32>();

        let pairs: Vec<Rows<'s, Pair>> = wikis
            .map(|target| {
                let linked = self.linked(cx, &english, &english_index, &target);
                let linked = without_disambiguations(
                    cx,
                    linked,
                    (english.source, english_disambiguations.clone()),
                    (target.source, target.disambiguations.clone().distinct_core::<i32>()),
                );
                let sources = (english.source, target.source);
                cx.want(
                    linked.clone().flat_map(move |((e, t), _)| [(sources.0, e), (sources.1, t)]),
                );
                let target_articles = unique_articles(target.articles.clone());
                let pairs =
                    with_texts(cx, linked, sources, english_articles.clone(), target_articles);
                match self.many_to_one {
                    ManyToOne::All => pairs,
                    ManyToOne::Best => best_of_many(cx, pairs),
                }
            })
            .collect();
        let pairs = differential_dataflow::collection::concatenate(cx.scope, pairs);
        cx.tally(&pairs, |pair: &Pair| (Measure::PairsOut, pair.target.source, 1));
        Flow::Pairs(pairs)
    }
}

impl Config {
    /// Resolves the links of both directions and merges them into distinct pairs of pages.
    fn linked<'s>(
        &self,
        cx: &Context<'s>,
        english: &Wiki<'s>,
        english_index: &Index<'s>,
        target: &Wiki<'s>,
    ) -> Rows<'s, Linked> {
        let (english_source, target_source) = (english.source, target.source);
        let towards = |wiki: &Wiki<'s>, to: SourceIndex| -> Rows<'s, Langlink> {
            wiki.links.clone().filter(move |link| link.to == to)
        };
        let target_index = Index::new(target);
        let forward = resolve_titles::resolve(
            cx,
            (target_source, target_source),
            towards(target, english_source),
            english_index,
        );
        let reverse = resolve_titles::resolve(
            cx,
            (english_source, target_source),
            towards(english, target_source),
            &target_index,
        );
        let both = forward
            .map(|(from, to)| ((to, from), true))
            .concat(reverse.map(|(from, to)| ((from, to), false)));
        cx.tally(&both, move |_| (Measure::LinksResolved, target_source, 1));
        let linked: Rows<'s, Linked> =
            both.reduce_named("Merge directions", |_, directions, output| {
                let has = |which: bool| directions.iter().any(|(forward, _)| **forward == which);
                output.push((Directions { forward: has(true), reverse: has(false) }, 1));
            });
        cx.tally(&linked, move |_| (Measure::PairsLinked, target_source, 1));
        cx.tally(&linked, move |(_, directions)| {
            let measure = match (directions.forward, directions.reverse) {
                (true, true) => Measure::PairsMutual,
                (true, false) => Measure::PairsForward,
                (false, _) => Measure::PairsReverse,
            };
            (measure, target_source, 1)
        });
        let links = self.links;
        cx.try_map(
            linked,
            move |((e, t), _)| pair_subject((english_source, target_source), *e, *t),
            move |linked| match links.admits(linked.1) {
                true => Ok(*linked),
                false => Err(Reason::LinkPolicy),
            },
        )
    }
}

fn pair_subject(sources: (SourceIndex, SourceIndex), english: PageId, target: PageId) -> Subject {
    Subject::Pair { english: (sources.0, english), target: (sources.1, target) }
}

/// Drops pairs whose page is a disambiguation page by `page_props`.
fn without_disambiguations<'s>(
    cx: &Context<'s>,
    linked: Rows<'s, Linked>,
    (english_source, english): (SourceIndex, Rows<'s, PageId>),
    (target_source, target): (SourceIndex, Rows<'s, PageId>),
) -> Rows<'s, Linked> {
    let sources = (english_source, target_source);
    let by_english = linked.clone().map(|((e, t), directions)| (e, (t, directions)));
    let refused = by_english.semijoin(english).map(|(e, (t, directions))| ((e, t), directions));
    cx.reject(
        refused
            .clone()
            .map(move |((e, t), _)| (pair_subject(sources, e, t), Reason::EnglishDisambiguation)),
    );
    let linked = linked.concat(refused.negate()).consolidate();
    let by_target = linked.clone().map(|((e, t), directions)| (t, (e, directions)));
    let refused = by_target.semijoin(target).map(|(t, (e, directions))| ((e, t), directions));
    cx.reject(
        refused
            .clone()
            .map(move |((e, t), _)| (pair_subject(sources, e, t), Reason::TargetDisambiguation)),
    );
    linked.concat(refused.negate()).consolidate()
}

/// Articles by page.
type Articles<'s> = Arranged<'s, TraceAgent<ValSpine<PageId, Article, Epoch, i32>>>;

/// A page's article, once: of several versions of a page in one dump the latest counts.
fn unique_articles<'s>(articles: Rows<'s, (PageId, Article)>) -> Articles<'s> {
    articles
        .reduce_named("Latest revision", move |_, versions, output| {
            if let Some(article) = latest(versions.iter().map(|(it, _)| **it)) {
                output.push((article, 1));
            }
        })
        .arrange_by_key_named("Articles by page")
}

/// Joins both sides' texts, or says which side has none and why.
fn with_texts<'s>(
    cx: &Context<'s>,
    linked: Rows<'s, Linked>,
    sources: (SourceIndex, SourceIndex),
    english: Articles<'s>,
    target: Articles<'s>,
) -> Rows<'s, Pair> {
    let found = linked
        .clone()
        .map(|((e, t), directions)| (e, (t, directions)))
        .join_core(english, |&e, &(t, directions), &article| Some((((e, t), directions), article)));
    let missing = linked.concat(found.clone().map(|(linked, _)| linked).negate()).consolidate();
    cx.reject(
        missing.map(move |((e, t), _)| (pair_subject(sources, e, t), Reason::EnglishMissing)),
    );
    let with_english: Rows<'s, (Linked, Text)> = cx.try_map(
        found,
        move |(((e, t), _), _)| pair_subject(sources, *e, *t),
        |(linked, article)| text_of(*article, Sided::English).map(|text| (*linked, text)),
    );

    let found = with_english
        .clone()
        .map(|(((e, t), directions), text)| (t, (e, directions, text)))
        .join_core(target, |&t, &(e, directions, text), &article| {
            Some(((((e, t), directions), text), article))
        });
    let missing =
        with_english.concat(found.clone().map(|(english, _)| english).negate()).consolidate();
    cx.reject(
        missing.map(move |(((e, t), _), _)| (pair_subject(sources, e, t), Reason::TargetMissing)),
    );
    cx.try_map(
        found,
        move |((((e, t), _), _), _)| pair_subject(sources, *e, *t),
        move |((((e, t), directions), english), article)| {
            let target = text_of(*article, Sided::Target)?;
            Ok(Pair {
                english: Side { source: sources.0, page: *e, text: *english },
                target: Side { source: sources.1, page: *t, text: target },
                origin: Origin::Wiki,
                directions: *directions,
                evidence: Digest::default(),
            })
        },
    )
}

/// Keeps one target page for each English page: mutual first, then the longest, then the lowest id.
fn best_of_many<'s>(cx: &Context<'s>, pairs: Rows<'s, Pair>) -> Rows<'s, Pair> {
    let rank = |pair: &Pair| {
        let mutual = pair.directions.forward && pair.directions.reverse;
        (mutual, pair.target.text.n_chars, std::cmp::Reverse(pair.target.page))
    };
    let judged = pairs.map(|pair| (pair.english.page, pair)).reduce_named(
        "Best of many",
        move |_, pairs, output: &mut Vec<((Pair, bool), i32)>| {
            let best = pairs.iter().map(|(pair, _)| **pair).max_by_key(rank);
            output.extend(pairs.iter().map(|(pair, _)| ((**pair, Some(**pair) == best), 1)));
        },
    );
    cx.try_map(
        judged,
        |(_, (pair, _))| Subject::from(pair),
        |(_, (pair, best))| match best {
            true => Ok(*pair),
            false => Err(Reason::ManyToOne),
        },
    )
}
