//! The indexes against slow twins, against each other, and against themselves on other threads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod clustered_vectors;

use std::collections::BTreeSet;

use clustered_vectors::{Draws, document, near_copies, vectors};
use crossic_operators::{
    record::Digest,
    retrieve::index::{
        Error, Hit, Index, Wanted,
        flat::Flat,
        hnsw::{Hnsw, Settings},
        segments::{Segments, merge},
        sparse::{self, Sparse, SparseVector},
        vectors::{Shape, Vector, Vectors},
    },
};
use proptest::prelude::*;

const TOP_3: Wanted = Wanted { top: 3, threshold: 1 };

fn shape(dims: u16) -> Shape {
    Shape::usual(dims).unwrap()
}

/// Returns the rows of vectors as queries.
fn queries(vectors: &Vectors) -> Vec<Vector> {
    vectors.iter().map(|(_, row)| vectors.shape().vector(row.to_vec()).unwrap()).collect()
}

/// The hits by the definition: all scores, sorted.
fn twin(products: impl Iterator<Item = (Digest, i64)>, one: i64, wanted: Wanted) -> Vec<Hit> {
    let mut hits: Vec<(i128, Digest)> = products
        .map(|(document, product)| {
            let twice = i128::from(product) * 2_000_000 + i128::from(one);
            (-twice.div_euclid(2 * i128::from(one)), document)
        })
        .filter(|&(score, _)| i128::from(wanted.threshold.max(1)) <= -score)
        .collect();
    hits.sort_unstable();
    hits.truncate(wanted.top);
    hits.into_iter().map(|(score, document)| Hit { document, score: -score as i32 }).collect()
}

fn dense_twin(vectors: &Vectors, query: &Vector, wanted: Wanted) -> Vec<Hit> {
    let one = i64::from(vectors.shape().scale()).pow(2);
    let product = |row: &[i8]| -> i64 {
        (0..row.len()).map(|i| i64::from(row[i]) * i64::from(query.values()[i])).sum()
    };
    twin(vectors.iter().map(|(document, row)| (document, product(row))), one, wanted)
}

fn sparse_twin(
    documents: &[(Digest, SparseVector)],
    query: &SparseVector,
    wanted: Wanted,
) -> Vec<Hit> {
    let product = |vector: &SparseVector| -> i64 {
        let mut sum = 0;
        for &(term, weight) in vector.terms() {
            for &(other, by) in query.terms() {
                sum += if term == other { i64::from(weight) * i64::from(by) } else { 0 };
            }
        }
        sum
    };
    let products = documents.iter().map(|(document, vector)| (*document, product(vector)));
    twin(products, i64::from(sparse::SCALE).pow(2), wanted)
}

/// Returns which share of the true hits was found; another hit of the same score is as true.
fn recall(found: &[Vec<Hit>], truth: &[Vec<Hit>]) -> f64 {
    let (mut n_found, mut n_true) = (0, 0);
    for (found, truth) in found.iter().zip(truth) {
        let least = truth.last().map_or(i32::MAX, |hit| hit.score);
        n_true += truth.len();
        n_found += found.iter().filter(|hit| least <= hit.score).count().min(truth.len());
    }
    n_found as f64 / n_true as f64
}

fn on_threads<T: Send>(n_threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(work)
}

#[test]
fn the_graph_finds_what_the_flat_search_finds() {
    let mut draws = Draws::new(1, shape(32), 120);
    let vectors = draws.vectors(2_000);
    let queries: Vec<Vector> = (0..500).map(|_| draws.vector()).collect();
    let hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
    let truth = Flat::new(vectors).search(&queries, TOP_3).unwrap();
    let found = hnsw.search(&queries, TOP_3).unwrap();
    let recall = recall(&found, &truth);
    assert!(0.98 <= recall, "recall {recall}");
    assert_eq!(truth.iter().map(Vec::len).sum::<usize>(), 1_500);
}

#[test]
fn copies_are_one_node_and_hide_nothing() {
    let mut draws = Draws::new(2, shape(24), 40);
    let copy = draws.vector();
    let mut drawn = vec![copy.clone(); 200];
    drawn.extend((0..800).map(|_| draws.vector()));
    let vectors = vectors(shape(24), &drawn);
    let hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
    assert_eq!((hnsw.n_documents(), hnsw.n_orphans()), (1_000, 0));
    assert!(hnsw.n_nodes() <= 801);
    no_document_is_lost(&hnsw, vectors.clone());
    let mut copies: Vec<Digest> = (0..200).map(document).collect();
    copies.sort_unstable();
    let wanted = Wanted { top: 5, threshold: 900_000 };
    let hits = hnsw.search(&[copy], wanted).unwrap().remove(0);
    let found: Vec<Digest> = hits.iter().map(|hit| hit.document).collect();
    assert_eq!(found, copies[..5], "the lowest documents of equal ones");
}

#[test]
fn near_copies_hide_nothing() {
    let mut draws = Draws::new(3, shape(24), 40);
    let mut drawn = near_copies(&mut draws, shape(24), 2_000);
    drawn.extend((0..500).map(|_| draws.vector()));
    let vectors = vectors(shape(24), &drawn);
    let hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
    assert_eq!(hnsw.n_orphans(), 0);
    no_document_is_lost(&hnsw, vectors);
}

/// When all candidates are kept, a walk sees every node that the graph leads to.
fn no_document_is_lost(hnsw: &Hnsw, vectors: Vectors) {
    let wanted = Wanted { top: vectors.len(), threshold: 1 };
    let queries: Vec<Vector> = queries(&vectors).into_iter().step_by(400).collect();
    let flat = Flat::new(vectors);
    assert_eq!(hnsw.search(&queries, wanted), flat.search(&queries, wanted));
}

#[test]
fn a_poor_graph_is_mended() {
    let mut draws = Draws::new(4, shape(16), 30);
    let vectors = draws.vectors(600);
    let poor = Settings { links: 2, effort: 1, breadth: 1 };
    let hnsw = Hnsw::build(&vectors, poor).unwrap();
    let queries = queries(&vectors);
    let hits = hnsw.search(&queries, Wanted { top: 1, threshold: 1 }).unwrap();
    let one = f64::from(vectors.shape().scale()).powi(2);
    for (query, hits) in queries.iter().zip(hits) {
        let square: f64 = query.values().iter().map(|&it| f64::from(it) * f64::from(it)).sum();
        assert!(square / one * 1e6 - 1.0 <= f64::from(hits[0].score), "not even itself");
    }
}

#[test]
fn a_graph_is_a_function_of_its_documents() {
    let mut draws = Draws::new(5, shape(16), 30);
    let drawn: Vec<Vector> = (0..600).map(|_| draws.vector()).collect();
    let forth = vectors(shape(16), &drawn);
    let documents: Vec<Digest> = (0..600).rev().map(document).collect();
    let values = drawn.iter().rev().flat_map(Vector::values).copied().collect();
    let back = Vectors::new(shape(16), documents, values).unwrap();
    let build = |vectors| Hnsw::build(vectors, Settings::default()).unwrap().digest();
    let digest = build(&forth);
    assert_eq!(on_threads(1, || build(&forth)), digest);
    assert_eq!(on_threads(4, || build(&back)), digest);
    // Side by side, as segments are built.
    let (left, right) = on_threads(2, || rayon::join(|| build(&forth), || build(&back)));
    assert_eq!((left, right), (digest, digest));
    assert_ne!(build(&vectors(shape(16), &drawn[1..])), digest);
}

/// Another `hnsw_rs`, or another random generator below it, builds other graphs, and segments that
/// are named by content would silently differ: whoever changes it must see this line.
#[test]
fn the_graph_is_the_one_that_this_version_builds() {
    let vectors = Draws::new(6, shape(16), 10).vectors(300);
    let digest = Hnsw::build(&vectors, Settings::default()).unwrap().digest();
    assert_eq!(digest.to_string(), "448d02fdad67a9dc72214962d5b4f827");
}

#[test]
fn threads_change_no_answer() {
    let mut draws = Draws::new(7, shape(16), 30);
    let vectors = draws.vectors(700);
    let queries: Vec<Vector> = (0..90).map(|_| draws.vector()).collect();
    let flat = Flat::new(vectors.clone());
    let hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
    let wanted = Wanted { top: 7, threshold: 300_000 };
    let answers =
        |n| on_threads(n, || (flat.search(&queries, wanted), hnsw.search(&queries, wanted)));
    assert_eq!(answers(1), answers(3));
}

#[test]
fn segments_of_graphs_are_one_search() {
    let mut draws = Draws::new(8, shape(24), 60);
    let drawn: Vec<Vector> = (0..1_200).map(|_| draws.vector()).collect();
    let all = vectors(shape(24), &drawn);
    let rows: Vec<(Digest, &[i8])> = all.iter().collect();
    let segments = rows.chunks(400).map(|rows| {
        let documents = rows.iter().map(|row| row.0).collect();
        let values = rows.iter().flat_map(|row| row.1).copied().collect();
        let vectors = Vectors::new(shape(24), documents, values).unwrap();
        Hnsw::build(&vectors, Settings::default()).unwrap()
    });
    let segments = Segments(segments.collect());
    assert_eq!(segments.n_documents(), 1_200);
    let queries: Vec<Vector> = (0..300).map(|_| draws.vector()).collect();
    let found = segments.search(&queries, TOP_3).unwrap();
    let truth = Flat::new(all).search(&queries, TOP_3).unwrap();
    assert!(0.98 <= recall(&found, &truth));
    // A large segment as a graph, a small one exact.
    let kinds: Vec<Box<dyn Index<Query = Vector>>> =
        vec![Box::new(segments), Box::new(Flat::new(vectors(shape(24), &drawn[..1])))];
    assert_eq!(Segments(kinds).search(&queries, TOP_3).unwrap(), found, "a document counts once");
}

#[test]
fn a_large_flat_index_is_searched_in_parts() {
    let mut draws = Draws::new(9, shape(4), 30);
    let vectors = draws.vectors(20_000);
    let queries: Vec<Vector> = (0..3).map(|_| draws.vector()).collect();
    let wanted = Wanted { top: 40, threshold: 500_000 };
    let expected: Vec<Vec<Hit>> =
        queries.iter().map(|query| dense_twin(&vectors, query, wanted)).collect();
    assert_eq!(Flat::new(vectors).search(&queries, wanted).unwrap(), expected);
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let (two, other) = (Shape::new(2, 100).unwrap(), Shape::new(2, 101).unwrap());
    let unit = |shape: Shape| shape.quantise(&[3.0, 4.0]).unwrap();
    let new = |documents: &[usize], values: &[i8]| {
        let documents = documents.iter().map(|&it| document(it)).collect();
        Vectors::new(two, documents, values.to_vec()).map(|vectors| vectors.len())
    };
    assert_eq!(new(&[1, 2], &[60, 80, 80, 60]), Ok(2));
    assert_eq!(new(&[], &[]), Ok(0));
    assert_eq!(new(&[1], &[1, 2, 3]), Err(Error::Count { n_documents: 1, n_values: 3, dims: 2 }));
    assert_eq!(new(&[1], &[0, 0]), Err(Error::Length { document: document(1) }));
    assert_eq!(new(&[1], &[100, 80]), Err(Error::Length { document: document(1) }));
    let twice = Err(Error::Twice { document: document(5) });
    assert_eq!(new(&[5, 2, 5], &[60, 80, 80, 60, 60, 80]), twice);
    for (dims, scale) in [(0, 100), (5000, 100), (8, 1), (8, 1001)] {
        assert_eq!(Shape::new(dims, scale), Err(Error::Shape { dims, scale }));
    }
    let flat = Flat::new(vectors(two, &[unit(two)]));
    let refused = Error::OtherShape { expected: two, found: other };
    assert_eq!(flat.search(&[unit(other)], TOP_3), Err(refused));
    let empty = vectors(two, &[]);
    let hnsw = Hnsw::build(&empty, Settings::default()).unwrap();
    assert_eq!(hnsw.search(&[unit(two)], TOP_3), Ok(vec![vec![]]));
    assert_eq!(hnsw.search(&[unit(other)], TOP_3), Err(refused));
    for (links, effort, breadth) in [(1, 9, 9), (129, 9, 9), (9, 0, 9), (9, 9, 0), (9, 9, 4097)] {
        let refused = Hnsw::build(&empty, Settings { links, effort, breadth }).unwrap_err();
        assert_eq!(refused, Error::Settings { links, effort, breadth });
    }
    let vector = SparseVector::quantise(vec![(1, 1.0)]).unwrap();
    let twice = Sparse::build(vec![(document(1), vector.clone()), (document(1), vector)]);
    assert_eq!(twice.unwrap_err(), Error::Twice { document: document(1) });
}

#[test]
fn floats_become_unit_vectors_or_nothing() {
    let shape = Shape::new(3, 100).unwrap();
    let check = |values: &[f32], expected: Option<&[i8]>| {
        let vector = shape.quantise(values);
        assert_eq!(vector.as_ref().map(Vector::values), expected, "{values:?}");
    };
    check(&[0.6, 0.0, -0.8], Some(&[60, 0, -80]));
    check(&[6e-30, 0.0, 8e-30], Some(&[60, 0, 80]));
    check(&[3e38, 0.0, 3e38], Some(&[71, 0, 71]));
    check(&[0.0, 0.0, 0.0], None);
    check(&[f32::NAN, 1.0, 0.0], None);
    check(&[f32::INFINITY, 1.0, 0.0], None);
    check(&[1.0, 0.0], None);
    // One component beyond the largest byte: little is left of the length.
    assert_eq!(Shape::new(3, 1000).unwrap().quantise(&[1.0, 0.0, 0.0]), None);

    let terms = |weights: &[(u32, f32)]| {
        SparseVector::quantise(weights.to_vec()).map(|vector| vector.terms().to_vec())
    };
    assert_eq!(terms(&[(9, 4.0), (2, 3.0)]), Some(vec![(2, 30_000), (9, 40_000)]));
    assert_eq!(terms(&[(9, 1.0), (2, 3.0), (9, 3.0)]), Some(vec![(2, 30_000), (9, 40_000)]));
    assert_eq!(terms(&[(9, 1.0), (2, 1e-9)]), Some(vec![(9, 50_000)]));
    for refused in [vec![], vec![(1, 0.0)], vec![(1, -1.0), (2, 2.0)], vec![(1, f32::NAN)]] {
        assert_eq!(terms(&refused), None, "{refused:?}");
    }
}

prop_compose! {
    /// Few dimensions and a coarse scale, so that equal scores are frequent.
    fn some_vectors()(dims in 1_u16..9, scale in 16_u16..60)(
        drawn in prop::collection::vec(prop::collection::vec(-3_i8..=3, usize::from(dims)), 1..60),
        shape in Just(Shape::new(dims, scale).unwrap()),
    ) -> (Shape, Vec<Vector>) {
        let floats = |values: &Vec<i8>| values.iter().map(|&it| f32::from(it)).collect::<Vec<_>>();
        (shape, drawn.iter().filter_map(|values| shape.quantise(&floats(values))).collect())
    }
}

prop_compose! {
    fn some_sparse()(
        drawn in prop::collection::vec(
            prop::collection::vec((0_u32..12, 0_u8..4), 0..6), 1..60)
    ) -> Vec<SparseVector> {
        let weights = |terms: &Vec<(u32, u8)>| {
            terms.iter().map(|&(term, weight)| (term, f32::from(weight))).collect()
        };
        drawn.iter().filter_map(|terms| SparseVector::quantise(weights(terms))).collect()
    }
}

prop_compose! {
    fn some_wanted()(top in 0_usize..12, threshold in -200_000_i32..1_000_000) -> Wanted {
        Wanted { top, threshold }
    }
}

/// Splits documents by a number for each of them.
fn parts<T: Clone>(all: &[T], places: &[usize]) -> Vec<Vec<T>> {
    let mut parts = vec![Vec::new(); 4];
    for (item, place) in all.iter().zip(places.iter().cycle()) {
        parts[place % 4].push(item.clone());
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn flat_is_its_slow_twin(
        (shape, drawn) in some_vectors(),
        wanted in some_wanted(),
        places in prop::collection::vec(0_usize..4, 1..60),
    ) {
        let all = vectors(shape, &drawn);
        let expected: Vec<Vec<Hit>> =
            drawn.iter().map(|query| dense_twin(&all, query, wanted)).collect();
        prop_assert_eq!(Flat::new(all).search(&drawn, wanted).unwrap(), expected.clone());

        let numbered: Vec<(usize, Vector)> = drawn.iter().cloned().enumerate().collect();
        let segments = parts(&numbered, &places).into_iter().map(|part| {
            let documents = part.iter().map(|&(number, _)| document(number)).collect();
            let values = part.iter().flat_map(|(_, vector)| vector.values()).copied().collect();
            Flat::new(Vectors::new(shape, documents, values).unwrap())
        });
        let segments = Segments(segments.collect());
        prop_assert_eq!(segments.search(&drawn, wanted).unwrap(), expected);
    }

    #[test]
    fn a_small_graph_is_exact(
        (shape, drawn) in some_vectors(),
        top in 1_usize..8,
    ) {
        // Fewer nodes than the breadth: a walk that is led everywhere sees all of them.
        let wanted = Wanted { top, threshold: 1 };
        let all = vectors(shape, &drawn);
        let hnsw = Hnsw::build(&all, Settings::default()).unwrap();
        prop_assert_eq!(hnsw.search(&drawn, wanted), Flat::new(all).search(&drawn, wanted));
    }

    #[test]
    fn sparse_is_its_slow_twin(
        drawn in some_sparse(),
        wanted in some_wanted(),
        places in prop::collection::vec(0_usize..4, 1..60),
    ) {
        let all: Vec<(Digest, SparseVector)> =
            drawn.iter().enumerate().map(|(number, it)| (document(number), it.clone())).collect();
        let expected: Vec<Vec<Hit>> =
            drawn.iter().map(|query| sparse_twin(&all, query, wanted)).collect();
        let segments = parts(&all, &places).into_iter().map(|it| Sparse::build(it).unwrap());
        let segments = Segments(segments.collect());
        prop_assert_eq!(segments.search(&drawn, wanted).unwrap(), expected.clone());
        prop_assert_eq!(Sparse::build(all).unwrap().search(&drawn, wanted).unwrap(), expected);
    }

    #[test]
    fn hits_merge_in_any_order(
        drawn in prop::collection::vec((0_usize..9, 1_i32..5), 0..30),
        top in 0_usize..6,
        split in 0_usize..30,
    ) {
        let wanted = Wanted { top, threshold: 1 };
        let hits: Vec<Hit> = drawn
            .iter()
            .map(|&(number, score)| Hit { document: document(number), score })
            .collect();
        let (left, right) = hits.split_at(split.min(hits.len()));
        let merged = |parts: &[&[Hit]]| {
            let mut hits = Vec::new();
            for part in parts {
                merge(&mut hits, part.to_vec(), wanted);
            }
            hits
        };
        let once = merged(&[left, right]);
        prop_assert_eq!(&merged(&[right, left]), &once);
        prop_assert_eq!(&merged(&[left, right, left, &once]), &once);
        let documents: BTreeSet<Digest> = once.iter().map(|hit| hit.document).collect();
        prop_assert_eq!(documents.len(), once.len());
        let n_documents = drawn.iter().map(|it| it.0).collect::<BTreeSet<_>>().len();
        prop_assert_eq!(once.len(), top.min(n_documents));
    }
}
