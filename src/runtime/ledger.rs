//! Adds up what was said into the ledger: in = out + rejected, line by line.

use std::collections::BTreeMap;

use crossic_operators::{
    context::{Measure, Tally},
    flow::Kind,
    record::SourceIndex,
    reject::{Reject, Subject},
};

use super::{
    bucket::{Bucket, SideCounts},
    said::Heard,
};
use crate::{
    config::{Plan, plan::SinkNode},
    report::{
        LinkCounts,
        ledger::Line,
        residue::{LanguageResidue, ResidueSums},
    },
};

/// Returns the target-language source that a reject concerns.
fn target_of(reject: &Reject, english: SourceIndex) -> SourceIndex {
    match reject.subject {
        Subject::Link { source, to, .. } => {
            if source == english {
                to
            } else {
                source
            }
        }
        Subject::Pair { target, .. } | Subject::Web { target, .. } => target.0,
        Subject::Page { source, .. } => source,
    }
}

/// Counts rejects of one stage and one target by reason; links and pairs apart.
fn reasons(
    heard: &Heard,
    stage: u16,
    target: SourceIndex,
    english: SourceIndex,
    links: bool,
) -> BTreeMap<&'static str, u64> {
    let mut reasons = BTreeMap::new();
    for (reject, n) in &heard.rejects {
        let is_link = matches!(reject.subject, Subject::Link { .. });
        if reject.stage == stage && is_link == links && target_of(reject, english) == target {
            *reasons.entry(reject.reason.name()).or_insert(0) += *n as u64;
        }
    }
    reasons
}

/// Returns the ledger of one sink.
pub(super) fn ledger(
    plan: &Plan,
    sink: &SinkNode,
    heard: &Heard,
    buckets: &[&Bucket],
) -> Vec<Line> {
    let mut lines = source_lines(plan, heard);
    let lang = |source: SourceIndex| {
        plan.sources.get(usize::from(source)).map_or("?", |node| &node.source.info().lang)
    };
    for node in &plan.operators {
        let tally = |target: SourceIndex, measure: Measure| {
            let tally = Tally { stage: node.stage, target, measure };
            heard.tallies.get(&tally).map_or(0, |n| *n as u64)
        };
        let english = english_of(plan, &node.inputs);
        for target in (0..plan.sources.len() as SourceIndex).filter(|it| *it != english) {
            let pair_rejects = reasons(heard, node.stage, target, english, false);
            match (node.operator.inputs().kind, node.operator.output()) {
                (Kind::Wiki, Kind::Pairs) if node.operator.retrieval().is_some() => {
                    let answered =
                        [("pages with documents", tally(target, Measure::PagesAnswered))];
                    lines.push(Line::new(
                        &node.name,
                        format!("pages ({})", lang(target)),
                        tally(target, Measure::PagesIn),
                        answered.into_iter().chain(pair_rejects),
                    ));
                }
                (Kind::Wiki, Kind::Pairs) => {
                    let link_rejects = reasons(heard, node.stage, target, english, true);
                    let links_in = tally(target, Measure::LinksIn);
                    let resolved = [("resolved", tally(target, Measure::LinksResolved))];
                    lines.push(Line::new(
                        &node.name,
                        format!("links ({})", lang(target)),
                        links_in,
                        resolved.into_iter().chain(link_rejects),
                    ));
                    let linked = tally(target, Measure::PairsLinked);
                    lines.push(Line::new(
                        &node.name,
                        format!("linked pairs by direction ({})", lang(target)),
                        linked,
                        [
                            ("forward", tally(target, Measure::PairsForward)),
                            ("reverse", tally(target, Measure::PairsReverse)),
                            ("mutual", tally(target, Measure::PairsMutual)),
                        ],
                    ));
                    let out = [("pairs", tally(target, Measure::PairsOut))];
                    lines.push(Line::new(
                        &node.name,
                        format!("linked pairs ({})", lang(target)),
                        linked,
                        out.into_iter().chain(pair_rejects),
                    ));
                }
                (_, Kind::Pairs) => {
                    let out = [("pairs", tally(target, Measure::PairsOut))];
                    lines.push(Line::new(
                        &node.name,
                        format!("pairs ({})", lang(target)),
                        tally(target, Measure::PairsIn),
                        out.into_iter().chain(pair_rejects),
                    ));
                }
                _ if node.name == sink.input => {
                    lines.push(window_line(buckets, &node.name, lang(target), target, {
                        tally(target, Measure::PairsIn)
                    }));
                }
                _ => {}
            }
        }
    }
    lines.retain(|line| line.incoming != 0 || !line.out.is_empty());
    lines.extend(side_lines(buckets, sink, &|source| name_of(plan, source)));
    lines
}

/// The English source of a join is its first input; other operators have none.
fn english_of(plan: &Plan, inputs: &[String]) -> SourceIndex {
    let first = inputs.first();
    let position = plan.sources.iter().position(|node| Some(&node.name) == first);
    position.map_or(SourceIndex::MAX, |index| index as SourceIndex)
}

/// What the texts of a source are called: by their language, but those of a collection of documents,
/// which may be of the language of a wiki, by its name.
fn name_of(plan: &Plan, source: SourceIndex) -> &str {
    let Some(node) = plan.sources.get(usize::from(source)) else { return "?" };
    let info = node.source.info();
    match node.source.writes() {
        Kind::Documents => &info.wiki,
        _ => &info.lang,
    }
}

fn source_lines(plan: &Plan, heard: &Heard) -> Vec<Line> {
    let mut lines = Vec::new();
    for (node, source) in plan.sources.iter().zip(0..) {
        let mut groups: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for ((of, what), n) in &heard.sources {
            if *of == source
                && let Some((group, what)) = what.split_once('/')
            {
                groups.entry(group).or_default().insert(what, *n as u64);
            }
        }
        for (group, mut counts) in groups {
            let read = counts.remove("read").unwrap_or(0);
            let what = match group {
                "wanted" => "wanted pages".to_owned(),
                _ => format!("rows of `{group}`"),
            };
            lines.push(Line::new(&node.name, what, read, counts));
        }
    }
    lines
}

fn window_line(
    buckets: &[&Bucket],
    stage: &str,
    lang: &str,
    target: SourceIndex,
    incoming: u64,
) -> Line {
    let mut out: Vec<(&str, u64)> = Vec::new();
    for bucket in buckets {
        out.push(("in rows", bucket.pairs_out.get(&target).copied().unwrap_or(0)));
        for reject in &bucket.rejects {
            if target_of(reject, SourceIndex::MAX) == target {
                out.push((reject.reason.name(), 1));
            }
        }
    }
    Line::new(stage, format!("pairs ({lang})"), incoming, out)
}

fn side_lines<'a>(
    buckets: &[&Bucket],
    sink: &SinkNode,
    name: &impl Fn(SourceIndex) -> &'a str,
) -> Vec<Line> {
    let mut sums: BTreeMap<SourceIndex, SideCounts> = BTreeMap::new();
    for bucket in buckets {
        for (source, counts) in &bucket.counts {
            sums.entry(*source).or_default().merge(counts);
        }
    }
    let mut lines = Vec::new();
    for (source, it) in sums {
        lines.push(Line::new(
            &sink.input,
            format!("paragraphs ({})", name(source)),
            it.paragraphs_in,
            [("in rows", it.paragraphs_out), ("dropped", it.paragraphs_dropped)],
        ));
        lines.push(Line::new(
            &sink.input,
            format!("tokens of text ({})", name(source)),
            it.tokens_in,
            [("in rows", it.tokens_out), ("dropped", it.tokens_dropped)],
        ));
    }
    lines
}

/// Returns linked pairs by direction for each target language.
pub(super) fn links(plan: &Plan, heard: &Heard) -> BTreeMap<String, LinkCounts> {
    let mut links: BTreeMap<String, LinkCounts> = BTreeMap::new();
    for (tally, n) in &heard.tallies {
        let Some(node) = plan.sources.get(usize::from(tally.target)) else { continue };
        // Pairs with documents have no links to count: a language of no other pairs is left out.
        let counts_links = !matches!(
            tally.measure,
            Measure::PagesIn | Measure::PagesAnswered | Measure::PairsIn | Measure::PairsOut
        );
        if !counts_links {
            continue;
        }
        let counts = links.entry(node.source.info().lang.clone()).or_default();
        match tally.measure {
            Measure::PairsForward => counts.forward += *n as u64,
            Measure::PairsReverse => counts.reverse += *n as u64,
            Measure::PairsMutual => counts.mutual += *n as u64,
            _ => {}
        }
    }
    links
}

/// Returns what is left in the articles of each language.
pub(super) fn residue(plan: &Plan, heard: &Heard) -> BTreeMap<String, LanguageResidue> {
    let mut sums: BTreeMap<&str, ResidueSums> = BTreeMap::new();
    for (source, of_source) in &heard.residue {
        let Some(node) = plan.sources.get(usize::from(*source)) else { continue };
        sums.entry(&node.source.info().lang).or_default().merge(of_source);
    }
    sums.into_iter().map(|(lang, sums)| (lang.to_owned(), sums.finish())).collect()
}
