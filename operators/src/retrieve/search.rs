//! Which documents answer an article: one search with the sum of its two vectors, or the two
//! searches of the paper, literally.
//!
//! The score of a document is the mean of its cosines with title and with title and keywords. As
//! products are linear, q1·d + q2·d = (q1 + q2)·d, in integers without any rounding: one search
//! with the sum ranks documents by the mean. The two searches cannot know, from the best K of
//! each alone, whether a document that is in neither list has the better mean; so they ask for
//! more until it is certain.

use std::collections::BTreeSet;

use super::encoder::vector::{Query, Vector};

/// Least mean cosine of a hit, in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(pub i32);

impl Threshold {
    /// Returns the least sum of the two products of vectors of length `unit` that reaches it.
    pub fn least(self, unit: u32) -> i64 {
        let wanted = i128::from(self.0) * 2 * i128::from(unit).pow(2);
        let whole = wanted.div_euclid(10_000) + i128::from(wanted.rem_euclid(10_000) != 0);
        // 32 bits times 64 bits divided by 13 bits may be beyond 64 bits; no product is.
        i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
    }
}

/// Returns the mean cosine, in millionths, of a sum of the two products.
pub fn millionths(sum: i64, unit: u32) -> i64 {
    let square = (2 * i128::from(unit).pow(2)).max(1);
    i64::try_from(i128::from(sum) * 1_000_000 / square).unwrap_or(i64::MAX)
}

/// A document and its score: a product, or the sum of both.
pub type Scored<D> = (D, i64);

/// Returns the best hits, best first and of equal ones the lower document first, none below
/// `least` and at most `top`; each document counts once.
///
/// Of hits of several segments it may be taken segment by segment, in any order.
pub fn best<D: Ord + Copy>(
    hits: impl IntoIterator<Item = Scored<D>>,
    least: i64,
    top: usize,
) -> Vec<Scored<D>> {
    let mut hits: Vec<Scored<D>> = hits.into_iter().filter(|(_, score)| least <= *score).collect();
    hits.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then(a.cmp(b)));
    hits.dedup_by_key(|(document, _)| *document);
    hits.truncate(top);
    hits
}

/// What is wanted of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Least sum of the two products, see [`Threshold::least`].
    pub least: i64,
    /// Most hits.
    pub top: usize,
}

/// How many hits of each query the two searches look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// How many at first; 10 is enough for nearly all articles.
    pub first: usize,
    /// How many at most. With `first` as large this is the plain procedure of the paper.
    pub most: usize,
}

/// What the two searches found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoStep<D> {
    /// The hits, as [`best`] orders them, with the sums of their products.
    pub hits: Vec<Scored<D>>,
    /// Whether no document that was not looked at can be among them.
    pub is_complete: bool,
    /// How many hits of each query were looked at.
    pub depth: usize,
}

/// Searches with each of two vectors and ranks whatever either finds by the sum of both products.
///
/// `search` returns the best documents of a query, at most as many as asked for, ordered as by
/// [`best`]; fewer only if every other document has a product of 0 or less, as an index of postings
/// does not look at documents without a common word. A sum of 0 or less is never a hit. `product` returns the exact product of a query and a
/// document, for documents that only the other search found: such a one is neither dropped nor
/// counted as 0. The hits are asked for again, twice as many, until it is certain that none is
/// missing or `depth` ends.
pub fn two_step<D: Ord + Copy>(
    (title, full): (&Vector, &Vector),
    wanted: Wanted,
    depth: Depth,
    mut search: impl FnMut(&Query, usize) -> Vec<Scored<D>>,
    product: impl Fn(&Query, D) -> i64,
) -> TwoStep<D> {
    let queries = [Query::of(title), Query::of(full)];
    let mut n_asked = depth.first.clamp(1, depth.most.max(1));
    loop {
        let found = [search(&queries[0], n_asked), search(&queries[1], n_asked)];
        let documents: BTreeSet<D> =
            found.iter().flatten().map(|(document, _)| *document).collect();
        let sum = |document: D| queries.iter().map(|query| product(query, document)).sum();
        let hits = documents.into_iter().map(|document| (document, sum(document)));
        let least = wanted.least.max(1);
        let hits = best(hits, least, wanted.top);

        // What is in neither list scores at most what the last of each list scores, and at most 0
        // where a list has ended.
        let last_of = |list: &Vec<Scored<D>>| match list.last() {
            Some((_, score)) if n_asked <= list.len() => *score,
            _ => 0,
        };
        let bound: i64 = found.iter().map(last_of).sum();
        let last = if hits.len() < wanted.top { None } else { hits.last() };
        // A document unseen could tie and have the lower name, so a tie is not certain.
        let is_beaten = last.is_some_and(|(_, score)| bound < *score);
        let is_complete = bound < least || is_beaten || wanted.top == 0;
        if is_complete || depth.most <= n_asked {
            return TwoStep { hits, is_complete, depth: n_asked };
        }
        n_asked = n_asked.saturating_mul(2).min(depth.most);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::{super::encoder::vector::Sparse, *};

    /// Searches exactly: what an index is to find. Scores below `floor` are left out, as an index
    /// of postings leaves out 0.
    fn flat(documents: &[Vector], query: &Query, n_asked: usize, floor: i64) -> Vec<Scored<usize>> {
        best(documents.iter().map(|it| query.dot(it)).enumerate(), floor, n_asked)
    }

    fn dense() -> impl Strategy<Value = Vector> {
        // Few values, so that scores tie.
        prop::collection::vec(-2..=2_i8, 4).prop_map(Vector::Dense)
    }

    fn sparse() -> impl Strategy<Value = Vector> {
        let entries = prop::collection::vec((0..8_u32, 0..4_u16), 0..5);
        entries.prop_map(|it| Vector::Sparse(Sparse::new(it)))
    }

    fn inputs() -> impl Strategy<Value = (Vec<Vector>, Vector, Vector)> {
        prop_oneof![
            (prop::collection::vec(dense(), 0..40), dense(), dense()),
            (prop::collection::vec(sparse(), 0..40), sparse(), sparse()),
        ]
    }

    proptest! {
        #[test]
        fn two_searches_with_enough_candidates_find_what_one_finds(
            (documents, title, full) in inputs(),
            first in 0..12_usize,
            least in -8..20_i64,
            top in 0..5_usize,
            floor in prop::sample::select(vec![i64::MIN, 0, 1]),
        ) {
            let fused = Query::fused(&title, &full);
            let expected = best(flat(&documents, &fused, usize::MAX, i64::MIN), least.max(1), top);
            let deepest = Cell::new(0);
            let found = two_step(
                (&title, &full),
                Wanted { least, top },
                Depth { first, most: usize::MAX },
                |query, n_asked| {
                    deepest.set(n_asked);
                    flat(&documents, query, n_asked, floor)
                },
                |query, document| query.dot(&documents[document]),
            );
            prop_assert!(found.is_complete);
            prop_assert!(found.depth == deepest.get() && deepest.get() <= 2 * (documents.len() + 12));
            prop_assert_eq!(found.hits, expected);
        }

        #[test]
        fn what_is_called_complete_is_complete(
            (documents, title, full) in inputs(),
            n_asked in 1..12_usize,
            least in -8..20_i64,
            floor in prop::sample::select(vec![i64::MIN, 0, 1]),
        ) {
            let fused = Query::fused(&title, &full);
            let expected = best(flat(&documents, &fused, usize::MAX, i64::MIN), least.max(1), 3);
            let found = two_step(
                (&title, &full),
                Wanted { least, top: 3 },
                Depth { first: n_asked, most: n_asked },
                |query, n_asked| flat(&documents, query, n_asked, floor),
                |query, document| query.dot(&documents[document]),
            );
            prop_assert_eq!(found.depth, n_asked);
            prop_assert!(!found.is_complete || found.hits == expected);
            for (document, score) in found.hits {
                prop_assert_eq!(score, fused.dot(&documents[document]));
            }
        }

        #[test]
        fn hits_may_be_gathered_segment_by_segment(
            hits in prop::collection::vec(0..6_i64, 0..20),
            cut in 0..20_usize,
            least in 0..6_i64,
        ) {
            let hits: Vec<Scored<usize>> = hits.into_iter().enumerate().collect();
            let (left, right) = hits.split_at(cut.min(hits.len()));
            let parts = [right, left].map(|part| best(part.iter().copied(), least, 3));
            let merged = best(parts.into_iter().flatten(), least, 3);
            prop_assert_eq!(merged, best(hits, least, 3));
        }

        #[test]
        fn the_threshold_is_that_of_fractions(tau in -10_000..=10_000_i32, unit in 1..40_000_u32, sum: i32) {
            let mean = f64::from(sum) / 2.0 / f64::from(unit).powi(2);
            let reaches = i128::from(sum) * 10_000 >= 2 * i128::from(tau) * i128::from(unit).pow(2);
            prop_assert_eq!(Threshold(tau).least(unit) <= i64::from(sum), reaches);
            let shown = millionths(sum.into(), unit) as f64;
            prop_assert!((shown - mean * 1e6).abs() <= 1.0);
        }

        #[test]
        fn no_number_overflows(tau: i32, unit: u32, sum: i64) {
            Threshold(tau).least(unit);
            millionths(sum, unit);
        }
    }

    #[test]
    fn a_document_that_one_search_misses_keeps_its_whole_score() {
        // The best mean is second in both lists.
        let documents = [[9, 0], [0, 9], [8, 8]].map(|it| Vector::Dense(it.to_vec()));
        let (title, full) = (Vector::Dense(vec![1, 0]), Vector::Dense(vec![0, 1]));
        let found = |most| {
            two_step(
                (&title, &full),
                Wanted { least: 1, top: 1 },
                Depth { first: 1, most },
                |query, n_asked| flat(&documents, query, n_asked, 0),
                |query, document| query.dot(&documents[document]),
            )
        };
        assert_eq!(found(1), TwoStep { hits: vec![(0, 9)], is_complete: false, depth: 1 });
        assert_eq!(found(9), TwoStep { hits: vec![(2, 16)], is_complete: true, depth: 4 });
    }
}
