//! Gives each target-language article another pair's English article: the paper's random control.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    context::{Context, Measure},
    flow::{Flow, Kind},
    operator::{self, Descriptor, Inputs, Operator},
    record::{Digest, Directions, Identity, Origin, Pair, Side, SourceIndex},
    reject::{Reason, Subject},
};

pub(crate) const OPERATOR: Descriptor = Descriptor {
    name: "shuffle-pairs",
    summary: "Give each target article another pair's English article (random control)",
    reads: "pairs",
    writes: Kind::Pairs,
    keys: &[operator::Key { name: "seed", default: "32", about: "seed of the derangement" }],
    paper: "",
    parse: operator::parse::<Config>,
};

/// The knobs of `shuffle-pairs`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    #[serde(default = "default_seed")]
    seed: u64,
}

fn default_seed() -> u64 {
    32
}

impl Operator for Config {
    fn inputs(&self) -> Inputs {
        Inputs::of(Kind::Pairs, 1, "pairs")
    }

    fn output(&self) -> Kind {
        Kind::Pairs
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        operator::knobs_of(self)
    }

    fn build<'s>(&self, cx: &Context<'s>, inputs: Vec<Flow<'s>>) -> Flow<'s> {
        let seed = self.seed;
        let pairs = differential_dataflow::collection::concatenate(
            cx.scope,
            inputs.into_iter().map(Flow::pairs),
        );
        cx.tally(&pairs, |pair: &Pair| (Measure::PairsIn, pair.target.source, 1));
        // A shift by one needs the whole order of a language, so a language is one group.
        let shuffled = pairs.map(|pair| (pair.target.source, pair)).reduce_named(
            "Derange",
            move |_, pairs, output: &mut Vec<(Place, i32)>| {
                let pairs: Vec<Pair> = pairs.iter().map(|(pair, _)| **pair).collect();
                output.extend(derange(&pairs, seed).into_iter().map(|pair| (pair, 1)));
                output.sort();
            },
        );
        let shuffled = shuffled.map(|(_, pair)| pair);
        cx.reject(
            shuffled
                .clone()
                .flat_map(Place::left)
                .map(|pair| (Subject::from(&pair), Reason::NoPartner)),
        );
        let shuffled = shuffled.flat_map(Place::dealt);
        cx.tally(&shuffled, |pair: &Pair| (Measure::PairsOut, pair.target.source, 1));
        Flow::Pairs(shuffled)
    }
}

/// What became of a target article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// It has got another English side.
    Dealt(Pair),
    /// No English side was free for it: the pair as it came.
    Left(Pair),
}

impl Place {
    fn dealt(self) -> Option<Pair> {
        match self {
            Place::Dealt(pair) => Some(pair),
            Place::Left(_) => None,
        }
    }

    fn left(self) -> Option<Pair> {
        match self {
            Place::Dealt(_) => None,
            Place::Left(pair) => Some(pair),
        }
    }
}

/// The English side of a pair and what goes with it: whether it is an article or a document, and of
/// a document how it was found, for whom ever.
type Dealt = (Side, Origin, Digest);

/// Which article or document a side is, among those of all sources.
fn of(side: &Side) -> (SourceIndex, Identity) {
    (side.source, side.identity())
}

/// Deals the English sides of `pairs` anew so that no target article keeps an English side it is
/// paired with, or gets the same one twice; a pair for which none is left is left alone.
///
/// Pairs are ordered by a keyed hash and the English sides shifted by one, so that an added pair
/// disturbs its neighbours only; where that lands on a related side, the next one that suits both
/// places is swapped in.
fn derange(pairs: &[Pair], seed: u64) -> Vec<Place> {
    let related: BTreeSet<_> =
        pairs.iter().map(|pair| (pair.target.page, of(&pair.english))).collect();
    let mut ordered: Vec<(Digest, Pair)> =
        pairs.iter().map(|pair| (key(pair, seed), *pair)).collect();
    ordered.sort_unstable();
    let targets: Vec<Pair> = ordered.iter().map(|(_, pair)| *pair).collect();
    let mut english: Vec<Dealt> =
        targets.iter().map(|pair| (pair.english, pair.origin, pair.evidence)).collect();
    if !english.is_empty() {
        english.rotate_left(1);
    }
    // How often each target article has got each English side.
    let mut dealt: BTreeMap<_, u32> = BTreeMap::new();
    for (target, side) in targets.iter().zip(&english) {
        *dealt.entry((target.target.page, of(&side.0))).or_default() += 1;
    }
    let place = |target: &Pair, side: &Dealt| (target.target.page, of(&side.0));
    for index in 0..targets.len() {
        let here = place(&targets[index], &english[index]);
        if !related.contains(&here) && dealt.get(&here) == Some(&1) {
            continue;
        }
        let free = |place: &_| !related.contains(place) && !dealt.contains_key(place);
        let partner =
            (1..targets.len()).map(|step| (index + step) % targets.len()).find(|&other| {
                free(&place(&targets[index], &english[other]))
                    && free(&place(&targets[other], &english[index]))
            });
        if let Some(other) = partner {
            for index in [index, other] {
                let place = place(&targets[index], &english[index]);
                match dealt.get_mut(&place) {
                    Some(n) if 1 < *n => *n -= 1,
                    _ => drop(dealt.remove(&place)),
                }
            }
            english.swap(index, other);
            for index in [index, other] {
                *dealt.entry(place(&targets[index], &english[index])).or_default() += 1;
            }
        }
    }
    let mut given = BTreeSet::new();
    targets
        .into_iter()
        .zip(english)
        .map(|(pair, side)| {
            let place = place(&pair, &side);
            let (english, origin, evidence) = side;
            let directions = Directions::default();
            match related.contains(&place) || !given.insert(place) {
                true => Place::Left(pair),
                false => {
                    let target = pair.target;
                    Place::Dealt(Pair { english, origin, evidence, directions, target })
                }
            }
        })
        .collect()
}

fn key(pair: &Pair, seed: u64) -> Digest {
    Digest::of_fields(&[
        &seed.to_le_bytes(),
        &pair.english.identity().bytes(),
        &pair.target.page.to_le_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{PageId, Text};

    fn text(digest: Digest) -> Text {
        Text { digest, revision: 0, n_chars: 1, n_paragraphs: 1, links: Digest::default() }
    }

    fn pair(english: PageId, target: PageId) -> Pair {
        Pair {
            english: Side { source: 0, page: english, text: text(Digest::default()) },
            target: Side { source: 1, page: target, text: text(Digest::default()) },
            origin: Origin::Wiki,
            directions: Directions { forward: true, reverse: true },
            evidence: Digest::default(),
        }
    }

    /// A pair with the document of this number, found for the target.
    fn web(document: u32, target: PageId) -> Pair {
        let digest = Digest::of(&document.to_le_bytes());
        Pair {
            english: Side { source: 2, page: 0, text: text(digest) },
            origin: Origin::Web,
            evidence: Digest::of(format!("{document} for {target}").as_bytes()),
            ..pair(0, target)
        }
    }

    /// What the control may never do, said without regard to how it is done.
    fn check(pairs: &[Pair], dealt: &[Place]) {
        assert_eq!(dealt.len(), pairs.len());
        let mut seen = BTreeSet::new();
        let mut given: Vec<(Digest, Digest)> = Vec::new();
        for dealt in dealt.iter().filter_map(|it| it.dealt()) {
            let same = |it: &&Pair| {
                let (one, other) = (it.english, dealt.english);
                (one.source, one.page, one.text.digest)
                    == (other.source, other.page, other.text.digest)
            };
            let owners: Vec<&Pair> = pairs.iter().filter(same).collect();
            assert!(owners.iter().all(|it| it.target.page != dealt.target.page));
            // What is known of a document stays with it, and an article gets none of it.
            assert!(owners.iter().any(|it| it.evidence == dealt.evidence));
            assert!(owners.iter().all(|it| it.origin == dealt.origin));
            assert!(seen.insert((dealt.target.page, dealt.english)));
            given.push((dealt.english.text.digest, dealt.evidence));
        }
        // Every target stays, dealt or refused, as often as it came.
        let pages = |pairs: &mut dyn Iterator<Item = &Pair>| {
            let mut pages: Vec<PageId> = pairs.map(|it| it.target.page).collect();
            pages.sort_unstable();
            pages
        };
        let out: Vec<Pair> = dealt.iter().filter_map(|it| it.dealt().or(it.left())).collect();
        assert_eq!(pages(&mut out.iter()), pages(&mut pairs.iter()));
        // No document is dealt more often than it was found.
        for evidence in given.iter().map(|it| it.1).filter(|it| *it != Digest::default()) {
            assert_eq!(given.iter().filter(|it| it.1 == evidence).count(), 1);
        }
    }

    proptest! {
        #[test]
        fn no_target_keeps_a_related_side(
            links in proptest::collection::btree_set((1_u32..12, 0_u32..12), 0..40),
            found in proptest::collection::btree_set((0_u32..12, 0_u32..12), 0..40),
            seed in 0_u64..4,
        ) {
            let mut pairs: Vec<Pair> = links.iter().map(|&(en, l)| pair(en, l)).collect();
            check(&pairs, &derange(&pairs, seed));
            let documents: Vec<Pair> = found.iter().map(|&(en, l)| web(en, l)).collect();
            check(&documents, &derange(&documents, seed));
            pairs.extend(documents);
            check(&pairs, &derange(&pairs, seed));
        }

        #[test]
        fn one_side_each_and_all_are_dealt(n in 2_u32..60, seed in 0_u64..4) {
            for make in [pair, web] {
                let pairs: Vec<Pair> = (1..=n).map(|id| make(id, id + 100)).collect();
                let dealt: Vec<Pair> = derange(&pairs, seed).into_iter().filter_map(Place::dealt).collect();
                let all = |pairs: &[Pair]| -> BTreeSet<_> {
                    pairs.iter().map(|pair| (of(&pair.english), pair.evidence)).collect()
                };
                prop_assert_eq!(all(&dealt), all(&pairs));
            }
        }
    }

    #[test]
    fn documents_of_one_article_are_told_apart() {
        // All of them have page 0: were that their identity, everything would be related.
        let pairs: Vec<Pair> = (0..30).map(|id| web(id, id / 3)).collect();
        let dealt = derange(&pairs, 7);
        check(&pairs, &dealt);
        assert!(dealt.iter().all(|it| it.left().is_none()));
    }

    #[test]
    fn a_single_pair_has_no_partner() {
        assert!(derange(&[pair(1, 2)], 0).iter().all(|it| it.dealt().is_none()));
        assert!(derange(&[web(1, 2), web(3, 2)], 0).iter().all(|it| it.dealt().is_none()));
    }
}
