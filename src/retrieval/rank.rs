//! The candidates of several files as one list, and the documents that are taken of it.

use std::cmp::Reverse;

use crossic_operators::retrieve::{library::Found, near::are_near};

use super::rows::Candidate;

/// A candidate, and the position of the file that holds it.
pub(super) type Placed = (Candidate, u32);

/// Adds the candidates that a question has in another file; the best `top` texts stay, best first.
///
/// Of equal texts the one with the lowest id stays. Files may come in any order.
pub(super) fn merge(all: &mut Vec<Placed>, more: impl Iterator<Item = Placed>, top: usize) {
    all.extend(more);
    all.sort_unstable_by_key(|(it, file)| (Reverse(it.product), it.text, it.id, *file));
    // Equal texts have equal products, so they stand side by side.
    all.dedup_by_key(|(it, _)| it.text);
    all.truncate(top);
}

/// Returns the documents that are taken of merged candidates: at most `top`, and of nearly equal
/// ones only the best if `skip_near`.
pub(super) fn best(candidates: Vec<Placed>, top: usize, skip_near: bool) -> Vec<Found> {
    let mut taken: Vec<Placed> = Vec::new();
    for (candidate, file) in candidates {
        if top <= taken.len() {
            break;
        }
        let is_near = taken.iter().any(|(it, _)| are_near(it.near, candidate.near));
        if !(skip_near && is_near) {
            taken.push((candidate, file));
        }
    }
    let found = |(it, file): Placed| {
        let [score, title_score, full_score] = it.scores;
        Found { file, text: it.text, score, title_score, full_score }
    };
    taken.into_iter().map(found).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crossic_operators::record::Digest;
    use proptest::prelude::*;

    use super::*;

    /// A text, the copy of it that a file has, and that file.
    fn placed((text, copy, file): (u8, u8, u32)) -> Placed {
        let candidate = Candidate {
            // A function of the text, with ties between texts.
            product: i64::from(text % 5),
            text: Digest::of(&[text]),
            id: u64::from(copy),
            near: if text < 4 { 0 } else { Digest::of(&[text]).0[0] },
            scores: [i32::from(text % 5), 0, 0],
        };
        (candidate, file)
    }

    proptest! {
        #[test]
        fn files_may_come_in_any_order(
            rows in prop::collection::vec((0_u8..12, 0_u8..3, 0_u32..4), 0..40),
            cut in 0_usize..40,
            top in 1_usize..8,
        ) {
            // The twin: the lowest id of each text, then one sorted list of all.
            let mut lowest: BTreeMap<Digest, Placed> = BTreeMap::new();
            for row in rows.iter().map(|it| placed(*it)) {
                let known = lowest.entry(row.0.text).or_insert(row);
                if (row.0.id, row.1) < (known.0.id, known.1) {
                    *known = row;
                }
            }
            let mut expected: Vec<Placed> = lowest.into_values().collect();
            expected.sort_by_key(|(it, _)| (Reverse(it.product), it.text));
            expected.truncate(top);
            let (first, second) = rows.split_at(cut.min(rows.len()));
            for parts in [[first, second], [second, first]] {
                let mut all = Vec::new();
                for part in parts {
                    merge(&mut all, part.iter().map(|it| placed(*it)), top);
                }
                prop_assert_eq!(&all, &expected);
            }
        }

        #[test]
        fn of_nearly_equal_texts_the_best_is_taken(
            rows in prop::collection::vec((0_u8..12, 0_u8..1, 0_u32..1), 0..20),
            top in 0_usize..6,
        ) {
            let mut all = Vec::new();
            merge(&mut all, rows.iter().map(|it| placed(*it)), usize::MAX);
            let near = |it: &&Found| (0..4).any(|text| Digest::of(&[text]) == it.text);
            let every = best(all.clone(), usize::MAX, false);
            prop_assert_eq!(every.len(), all.len());
            let some = best(all, top, true);
            prop_assert!(some.len() <= top && some.iter().filter(near).count() <= 1);
            let first = every.iter().find(near).filter(|_| some.iter().any(|it| near(&it)));
            prop_assert_eq!(some.iter().find(near), first);
            let expected = every.iter().filter(|it| !near(it) || Some(*it) == every.iter().find(near));
            prop_assert_eq!(some.iter().collect::<Vec<_>>(), expected.take(top).collect::<Vec<_>>());
        }
    }
}
