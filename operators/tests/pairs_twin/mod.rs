//! The twins of `filter-pairs` (without a tokenizer) and `shuffle-pairs`, over plain lists.

use std::collections::BTreeMap;

use crossic_operators::{
    context::{Measure, Outcome, Tally},
    record::{Digest, Directions, Pair, Side},
    reject::{Reason, Reject, Subject},
};

use crate::common::{Counted, add};

/// The pairs that a stage lets go, and what it says of them and of the others.
pub type Stage = (Counted<Pair>, Counted<Outcome>);

/// Returns what `filter-pairs` should say; a ratio of 0 is no limit.
pub fn filter(pairs: &Counted<Pair>, stage: u16, (min_chars, ratio): (u32, u32)) -> Stage {
    let verdict = |pair: &Pair| {
        let (english, target) = (pair.english.text.n_chars, pair.target.text.n_chars);
        if english < min_chars {
            return Err(Reason::EnglishTooShort);
        }
        if target < min_chars {
            return Err(Reason::TargetTooShort);
        }
        if ratio != 0 && (english > target * ratio || target > english * ratio) {
            return Err(Reason::LengthRatio);
        }
        Ok(*pair)
    };
    said(pairs.iter().map(|(pair, n)| (*pair, verdict(pair), *n)), stage)
}

/// Returns what `shuffle-pairs` should say: in the order of a keyed hash every target article gets
/// the English article of the next pair, and where that is a relative of its own or one that the
/// target article has got already, the two nearest places that can help each other swap.
pub fn shuffle(pairs: &Counted<Pair>, stage: u16, seed: u64) -> Stage {
    let mut by_target: BTreeMap<u16, Vec<Pair>> = BTreeMap::new();
    for pair in pairs.keys() {
        by_target.entry(pair.target.source).or_default().push(*pair);
    }
    let mut dealt = Vec::new();
    for mut pairs in by_target.into_values() {
        pairs.sort_by_key(|pair| {
            let (english, target) = (pair.english.page, pair.target.page);
            let number = |id: u32| id.to_le_bytes();
            Digest::of_fields(&[&seed.to_le_bytes(), &number(english), &number(target)])
        });
        let n = pairs.len();
        let mut given: Vec<Side> = (0..n).map(|place| pairs[(place + 1) % n].english).collect();
        let suits = |place: usize, side: Side| {
            let relatives = pairs.iter().filter(|it| it.target.page == pairs[place].target.page);
            relatives.into_iter().all(|relative| relative.english.page != side.page)
        };
        // At how many of the first places the target article of one place has got a side.
        let has = |given: &[Side], place: usize, side: Side| {
            let same = |it: usize| pairs[it].target.page == pairs[place].target.page;
            (0..given.len()).filter(|it| same(*it) && given[*it].page == side.page).count()
        };
        for place in 0..n {
            if suits(place, given[place]) && has(&given, place, given[place]) == 1 {
                continue;
            }
            for step in 1..n {
                let other = (place + step) % n;
                let free = |place, side| suits(place, side) && has(&given, place, side) == 0;
                if free(place, given[other]) && free(other, given[place]) {
                    given.swap(place, other);
                    break;
                }
            }
        }
        for place in 0..n {
            let pair = pairs[place];
            let is_first = has(&given[..place], place, given[place]) == 0;
            let outcome = match suits(place, given[place]) && is_first {
                true => {
                    Ok(Pair { english: given[place], directions: Directions::default(), ..pair })
                }
                false => Err(Reason::NoPartner),
            };
            dealt.push((pair, outcome, 1));
        }
    }
    let (out, mut outcomes) = said(dealt.into_iter(), stage);
    // A pair that comes several times comes in so often, but is dealt once.
    for (pair, n) in pairs {
        add(&mut outcomes, tally(stage, pair, Measure::PairsIn), n - 1);
    }
    (out, outcomes)
}

fn said(verdicts: impl Iterator<Item = (Pair, Result<Pair, Reason>, i64)>, stage: u16) -> Stage {
    let (mut out, mut outcomes) = Stage::default();
    for (pair, verdict, n) in verdicts {
        add(&mut outcomes, tally(stage, &pair, Measure::PairsIn), n);
        match verdict {
            Ok(changed) => {
                add(&mut out, changed, n);
                add(&mut outcomes, tally(stage, &pair, Measure::PairsOut), n);
            }
            Err(reason) => {
                let subject = Subject::from(&pair);
                add(&mut outcomes, Outcome::Reject(Reject { stage, reason, subject }), n);
            }
        }
    }
    (out, outcomes)
}

fn tally(stage: u16, pair: &Pair, measure: Measure) -> Outcome {
    Outcome::Tally(Tally { stage, target: pair.target.source, measure })
}
