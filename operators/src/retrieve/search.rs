//! Which documents answer an article: one search with the sum of its two vectors, or the two
//! searches of the paper, literally.
//!
//! The score of a document is the mean of its cosines with title and with title and keywords. As
//! products are linear, q1·d + q2·d = (q1 + q2)·d, in integers without any rounding: one search
//! with [`Query::fused`] ranks documents by the mean. The two searches cannot know, from the best K
//! of each alone, whether a document that is in neither list has the better mean; so they ask for
//! more until it is certain.

use std::collections::BTreeSet;

use super::{
    index::{
        Error, Index,
        hit::{Hit, Wanted, best},
    },
    vector::{Query, Vector},
};
use crate::record::Digest;

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
pub struct TwoStep {
    /// The hits, as those of the fused query: products are sums, scores are means.
    pub hits: Vec<Hit>,
    /// Whether no document that was not looked at can be among them; over a graph, as far as the
    /// graph found what is best for each query.
    pub is_complete: bool,
    /// How many hits of each query were looked at.
    pub depth: usize,
}

/// One article's search: its two queries and their sum, and what was found so far.
struct Asked {
    single: [Query; 2],
    fused: Query,
    found: Option<TwoStep>,
}

/// Searches with each of two vectors of every article, its title and its title with keywords, and
/// ranks whatever either finds by the mean of both scores.
///
/// A document that only one search found is neither dropped nor counted as 0: its other product is
/// computed. The hits of an article are asked for again, twice as many, until it is certain that
/// none is missing or `depth` ends.
///
/// # Errors
/// When a query cannot be compared with the vectors of the index.
pub fn two_step(
    index: &dyn Index,
    articles: &[(Vector, Vector)],
    wanted: Wanted,
    depth: Depth,
) -> Result<Vec<TwoStep>, Error> {
    let asked = |(title, full): &(Vector, Vector)| Asked {
        single: [Query::of(title), Query::of(full)],
        fused: Query::fused(title, full),
        found: None,
    };
    let mut all: Vec<Asked> = articles.iter().map(asked).collect();
    let mut n_asked = depth.first.clamp(1, depth.most.max(1));
    loop {
        let is_open =
            |asked: &&mut Asked| !asked.found.as_ref().is_some_and(|found| found.is_complete);
        let mut open: Vec<&mut Asked> = all.iter_mut().filter(is_open).collect();
        let queries: Vec<Query> = open.iter().flat_map(|it| it.single.clone()).collect();
        // Whatever its threshold, the sum of a product that counts and one that does not may count.
        let lists = index.search(&queries, Wanted { top: n_asked, threshold: 0 })?;
        for (asked, lists) in open.iter_mut().zip(lists.as_chunks::<2>().0) {
            asked.found = Some(ranked(index, &asked.fused, lists, wanted, n_asked));
        }
        let is_done = open.iter().all(|it| it.found.as_ref().is_some_and(|it| it.is_complete));
        if is_done || depth.most <= n_asked {
            return Ok(all.into_iter().filter_map(|it| it.found).collect());
        }
        n_asked = n_asked.saturating_mul(2).min(depth.most);
    }
}

/// Ranks the documents of two lists by the product with the sum of their queries.
fn ranked(
    index: &dyn Index,
    fused: &Query,
    lists: &[Vec<Hit>; 2],
    wanted: Wanted,
    n_asked: usize,
) -> TwoStep {
    let shape = index.shape();
    let least = shape.least_product(fused, wanted.threshold).max(1);
    let documents: BTreeSet<Digest> = lists.iter().flatten().map(|hit| hit.document).collect();
    let hits = documents.into_iter().filter_map(|document| {
        let product = index.product(fused, document)?;
        let hit = Hit { document, product, score: shape.score(fused, product) };
        (least <= product).then_some(hit)
    });
    let hits = best(hits, wanted.top);

    // What is in neither list scores at most what the last of each list scores, and at most 0 where
    // a list has ended.
    let last_of = |list: &Vec<Hit>| match list.last() {
        Some(hit) if n_asked <= list.len() => hit.product,
        _ => 0,
    };
    let bound: i64 = lists.iter().map(last_of).sum();
    let last = if hits.len() < wanted.top { None } else { hits.last() };
    // A document unseen could tie and have the lower name, so a tie is not certain.
    let is_beaten = last.is_some_and(|hit| bound < hit.product);
    let is_complete = bound < least || is_beaten || wanted.top == 0;
    TwoStep { hits, is_complete, depth: n_asked }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::retrieve::{
        index::{flat::Flat, shape::Shape, sparse::Postings, vectors::Vectors},
        vector::{Form, Sparse},
    };

    const UNIT: u32 = 16;

    fn document(number: usize) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    /// Few values, so that products tie.
    fn dense() -> impl Strategy<Value = Vector> {
        let numbers = prop::collection::vec(-2..=2_i8, 4);
        numbers.prop_map(|it| Vector::Dense(it.into_iter().map(|it| 4 * it).collect()))
    }

    fn sparse() -> impl Strategy<Value = Vector> {
        let entries = prop::collection::vec((0..8_u32, 3..8_u16), 0..5);
        entries.prop_map(|it| Vector::Sparse(Sparse::new(it)))
    }

    /// An index of either kind, its documents, and two vectors that can be asked for.
    type Input = (Box<dyn Index>, Vec<(Digest, Vector)>, (Vector, Vector));

    fn inputs() -> impl Strategy<Value = Input> {
        let all = prop_oneof![
            (prop::collection::vec(dense(), 0..40), dense(), dense()),
            (prop::collection::vec(sparse(), 0..40), sparse(), sparse()),
        ];
        let is_short = |it: &Vector| 100 * it.square() <= 121 * u64::from(UNIT).pow(2);
        all.prop_filter("queries no longer than unit vectors", move |(_, title, full)| {
            is_short(title) && is_short(full)
        })
        .prop_map(|(vectors, title, full)| {
            let shape = Shape::new(title.form(), UNIT).unwrap();
            let vectors = vectors.into_iter().filter(|it| shape.takes(it));
            let documents: Vec<(Digest, Vector)> =
                vectors.enumerate().map(|(number, it)| (document(number), it)).collect();
            let index: Box<dyn Index> = match title.form() {
                Form::Dense { .. } => Box::new(Flat::new(Vectors::of(shape, &documents).unwrap())),
                Form::Sparse => Box::new(Postings::build(shape, documents.clone()).unwrap()),
            };
            (index, documents, (title, full))
        })
    }

    /// The twin: all documents by the mean of both cosines.
    fn slow(
        documents: &[(Digest, Vector)],
        (title, full): &(Vector, Vector),
        wanted: Wanted,
    ) -> Vec<(Digest, i64)> {
        let mut all: Vec<(i64, Digest)> = documents
            .iter()
            .map(|(document, it)| (-Query::of(title).dot(it) - Query::of(full).dot(it), *document))
            .filter(|(sum, _)| *sum < 0)
            .filter(|(sum, _)| {
                i64::from(wanted.threshold) * 2 * i64::from(UNIT).pow(2) <= -sum * 1_000_000
            })
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(sum, document)| (document, -sum)).take(wanted.top).collect()
    }

    fn products(hits: &[Hit]) -> Vec<(Digest, i64)> {
        hits.iter().map(|hit| (hit.document, hit.product)).collect()
    }

    proptest! {
        #[test]
        fn two_searches_with_enough_candidates_find_what_one_finds(
            (index, documents, article) in inputs(),
            first in 0..12_usize,
            threshold in -200_000..900_000_i32,
            top in 0..5_usize,
        ) {
            let wanted = Wanted { top, threshold };
            let expected = index.search(&[Query::fused(&article.0, &article.1)], wanted).unwrap();
            let depth = Depth { first, most: usize::MAX };
            let twice = [article.clone(), (article.1.clone(), article.0.clone())];
            let found = two_step(&*index, &twice, wanted, depth).unwrap();
            prop_assert_eq!(products(&expected[0]), slow(&documents, &article, wanted));
            prop_assert_eq!(&found[0], &found[1], "the order of the two does not matter");
            prop_assert!(found[0].is_complete);
            prop_assert!(found[0].depth <= 2 * (documents.len() + 12));
            prop_assert_eq!(&found[0].hits, &expected[0]);
        }

        #[test]
        fn what_is_called_complete_is_complete(
            (index, documents, article) in inputs(),
            n_asked in 1..12_usize,
            threshold in -200_000..900_000_i32,
        ) {
            let wanted = Wanted { top: 3, threshold };
            let expected = slow(&documents, &article, wanted);
            let depth = Depth { first: n_asked, most: n_asked };
            let found = two_step(&*index, std::slice::from_ref(&article), wanted, depth).unwrap().remove(0);
            prop_assert_eq!(found.depth, n_asked);
            prop_assert!(!found.is_complete || products(&found.hits) == expected);
            let all = slow(&documents, &article, Wanted { top: usize::MAX, threshold });
            prop_assert!(products(&found.hits).iter().all(|hit| all.contains(hit)));
        }
    }

    #[test]
    fn a_document_that_one_search_misses_keeps_its_whole_score() {
        // The best mean is second in both lists.
        let shape = Shape::new(Form::Dense { dims: 2 }, UNIT).unwrap();
        let rows = [[16, 0], [0, 16], [12, 12]].map(|it| Vector::Dense(it.to_vec()));
        let documents: Vec<(Digest, Vector)> = (0..).map(document).zip(rows).collect();
        let index = Flat::new(Vectors::of(shape, &documents).unwrap());
        let article = (Vector::Dense(vec![16, 0]), Vector::Dense(vec![0, 16]));
        let found = |most| {
            let wanted = Wanted { top: 1, threshold: 1 };
            let article = std::slice::from_ref(&article);
            two_step(&index, article, wanted, Depth { first: 1, most }).unwrap().remove(0)
        };
        let hit = |number, product, score| Hit { document: document(number), product, score };
        let lower = if document(0) < document(1) { 0 } else { 1 };
        let missed = TwoStep { hits: vec![hit(lower, 256, 500_000)], is_complete: false, depth: 1 };
        assert_eq!(found(1), missed);
        let whole = TwoStep { hits: vec![hit(2, 384, 750_000)], is_complete: true, depth: 4 };
        assert_eq!(found(9), whole);
    }
}
