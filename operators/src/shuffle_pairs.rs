//! Gives each target-language article another pair's English article: the paper's random control.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    context::{Context, Measure},
    flow::{Flow, Kind},
    operator::{self, Descriptor, Inputs, Operator},
    record::{Digest, Directions, PageId, Pair, Side},
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
            move |_, pairs, output: &mut Vec<((Pair, bool), i32)>| {
                let pairs: Vec<Pair> = pairs.iter().map(|(pair, _)| **pair).collect();
                output.extend(derange(&pairs, seed).into_iter().map(|pair| (pair, 1)));
                output.sort();
            },
        );
        let shuffled = shuffled.map(|(_, pair)| pair);
        cx.reject(
            shuffled
                .clone()
                .filter(|(_, is_dealt)| !is_dealt)
                .map(|(pair, _)| (Subject::from(&pair), Reason::NoPartner)),
        );
        let shuffled = shuffled.filter(|(_, is_dealt)| *is_dealt).map(|(pair, _)| pair);
        cx.tally(&shuffled, |pair: &Pair| (Measure::PairsOut, pair.target.source, 1));
        Flow::Pairs(shuffled)
    }
}

/// Deals the English sides of `pairs` anew so that no target article keeps an English article it
/// is paired with; says of each pair whether it was dealt one.
///
/// Pairs are ordered by a keyed hash and the English sides shifted by one, so that an added pair
/// disturbs its neighbours only; where that lands on a related article, the next free one that
/// suits both places is swapped in.
fn derange(pairs: &[Pair], seed: u64) -> Vec<(Pair, bool)> {
    let related: BTreeSet<(PageId, PageId)> =
        pairs.iter().map(|pair| (pair.target.page, pair.english.page)).collect();
    let mut ordered: Vec<(Digest, Pair)> =
        pairs.iter().map(|pair| (key(pair, seed), *pair)).collect();
    ordered.sort_unstable();
    let targets: Vec<Pair> = ordered.iter().map(|(_, pair)| *pair).collect();
    let mut english: Vec<Side> = targets.iter().map(|pair| pair.english).collect();
    if !english.is_empty() {
        english.rotate_left(1);
    }
    let clash = |target: &Pair, side: &Side| related.contains(&(target.target.page, side.page));
    for index in 0..targets.len() {
        if !clash(&targets[index], &english[index]) {
            continue;
        }
        let partner =
            (1..targets.len()).map(|step| (index + step) % targets.len()).find(|&other| {
                !clash(&targets[index], &english[other]) && !clash(&targets[other], &english[index])
            });
        if let Some(other) = partner {
            english.swap(index, other);
        }
    }
    targets
        .into_iter()
        .zip(english)
        .map(|(pair, english)| match clash(&pair, &english) {
            true => (pair, false),
            false => (Pair { english, directions: Directions::default(), ..pair }, true),
        })
        .collect()
}

fn key(pair: &Pair, seed: u64) -> Digest {
    Digest::of_fields(&[
        &seed.to_le_bytes(),
        &pair.english.page.to_le_bytes(),
        &pair.target.page.to_le_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{Origin, Text};

    fn pair(english: PageId, target: PageId) -> Pair {
        let text = Text {
            digest: Digest::default(),
            revision: 0,
            n_chars: 1,
            n_paragraphs: 1,
            links: Digest::default(),
        };
        Pair {
            english: Side { source: 0, page: english, text },
            target: Side { source: 1, page: target, text },
            origin: Origin::Wiki,
            directions: Directions { forward: true, reverse: true },
            evidence: Digest::default(),
        }
    }

    proptest! {
        #[test]
        fn no_target_keeps_a_related_article(
            links in proptest::collection::btree_set((0_u32..12, 0_u32..12), 0..40),
            seed in 0_u64..4,
        ) {
            let pairs: Vec<Pair> = links.iter().map(|&(en, l)| pair(en, l)).collect();
            let dealt = derange(&pairs, seed);
            prop_assert_eq!(dealt.len(), pairs.len());
            for (dealt, _) in dealt.iter().filter(|(_, is_dealt)| *is_dealt) {
                prop_assert!(!links.contains(&(dealt.english.page, dealt.target.page)));
            }
        }

        #[test]
        fn a_one_to_one_wiki_keeps_every_article(n in 2_u32..60, seed in 0_u64..4) {
            let pairs: Vec<Pair> = (0..n).map(|id| pair(id, id + 100)).collect();
            let dealt = derange(&pairs, seed).into_iter().filter(|(_, is_dealt)| *is_dealt);
            let mut english: Vec<_> = dealt.map(|(pair, _)| pair.english.page).collect();
            english.sort_unstable();
            prop_assert_eq!(english, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_single_pair_has_no_partner() {
        assert!(derange(&[pair(1, 2)], 0).iter().all(|(_, is_dealt)| !is_dealt));
    }
}
