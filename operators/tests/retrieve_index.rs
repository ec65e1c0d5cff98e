//! The indexes against slow twins, against each other, and against themselves on other threads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod clustered_vectors;
mod saved_segments;

use std::collections::BTreeSet;

use clustered_vectors::{
    Draws, document, near_copies, numbered, quantised, usual_shape as shape, vectors,
};
use crossic_operators::{
    record::Digest,
    retrieve::{
        encoder::{Encoder, Role, frequencies::Frequencies, lexical::Lexical},
        index::{
            Error, Index,
            flat::Flat,
            hit::{Hit, Wanted, best},
            hnsw::{Hnsw, Settings},
            segment::{Kind, Segment, build},
            segments::Segments,
            shape::Shape,
            sparse::Postings,
            vectors::Vectors,
        },
        vector::{Form, Query, Sparse, Vector},
    },
};
use proptest::prelude::*;

const TOP_3: Wanted = Wanted { top: 3, threshold: 1 };

fn queries(drawn: &[Vector]) -> Vec<Query> {
    drawn.iter().map(Query::of).collect()
}

/// Returns queries, and fused ones: each vector with the next one.
fn all_queries(drawn: &[Vector]) -> Vec<Query> {
    let fused = drawn.windows(2).map(|pair| Query::fused(&pair[0], &pair[1]));
    drawn.iter().map(Query::of).chain(fused).collect()
}

/// Returns the product of two vectors by the definition.
fn product(left: &Vector, right: &Vector) -> i64 {
    match (left, right) {
        (Vector::Dense(left), Vector::Dense(right)) => {
            (0..left.len()).map(|i| i64::from(left[i]) * i64::from(right[i])).sum()
        }
        (Vector::Sparse(left), Vector::Sparse(right)) => {
            let pairs = left.entries().flat_map(|one| right.entries().map(move |two| (one, two)));
            let equal = pairs.filter(|(one, two)| one.0 == two.0);
            equal.map(|(one, two)| i64::from(one.1) * i64::from(two.1)).sum()
        }
        _ => panic!("two kinds"),
    }
}

/// The hits by the definition: the mean of the cosines with some vectors, for all documents, sorted.
fn twin(
    unit: u32,
    documents: &[(Digest, Vector)],
    asked: &[Vector],
    Wanted { top, threshold }: Wanted,
) -> Vec<Hit> {
    let one = i128::from(unit).pow(2) * asked.len() as i128;
    let mut hits: Vec<(i64, Digest)> = documents
        .iter()
        .map(|(document, it)| (-asked.iter().map(|one| product(one, it)).sum::<i64>(), *document))
        .filter(|(sum, _)| *sum < 0)
        .filter(|(sum, _)| i128::from(threshold) * one <= i128::from(-sum) * 1_000_000)
        .collect();
    hits.sort_unstable();
    hits.truncate(top);
    let score = |product: i64| (i128::from(product) * 1_000_000).div_euclid(one) as i32;
    let hit = |(sum, document): (i64, Digest)| Hit { document, product: -sum, score: score(-sum) };
    hits.into_iter().map(hit).collect()
}

/// The twin for all of [`all_queries`].
fn twins(unit: u32, drawn: &[Vector], asked: &[Vector], wanted: Wanted) -> Vec<Vec<Hit>> {
    let documents = numbered(drawn);
    let asked = asked.chunks(1).chain(asked.windows(2));
    asked.map(|asked| twin(unit, &documents, asked, wanted)).collect()
}

/// Returns which share of the true hits was found; another hit of the same score is as true.
fn recall(found: &[Vec<Hit>], truth: &[Vec<Hit>]) -> f64 {
    let (mut n_found, mut n_true) = (0, 0);
    for (found, truth) in found.iter().zip(truth) {
        let least = truth.last().map_or(i64::MAX, |hit| hit.product);
        n_true += truth.len();
        n_found += found.iter().filter(|hit| least <= hit.product).count().min(truth.len());
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
    let asked: Vec<Vector> = (0..500).map(|_| draws.vector()).collect();
    let queries = all_queries(&asked);
    let hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
    let truth = Flat::new(vectors).search(&queries, TOP_3).unwrap();
    let found = hnsw.search(&queries, TOP_3).unwrap();
    let recall = recall(&found, &truth);
    assert!(0.98 <= recall, "recall {recall}");
    assert_eq!(truth.iter().map(Vec::len).sum::<usize>(), 3 * queries.len());
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
    no_document_is_lost(&hnsw, vectors, &drawn);
    let mut copies: Vec<Digest> = (0..200).map(document).collect();
    copies.sort_unstable();
    let wanted = Wanted { top: 5, threshold: 900_000 };
    let hits = hnsw.search(&[Query::of(&copy)], wanted).unwrap().remove(0);
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
    no_document_is_lost(&hnsw, vectors, &drawn);
}

/// When all candidates are kept, a walk sees every node that the graph leads to.
fn no_document_is_lost(hnsw: &Hnsw, vectors: Vectors, drawn: &[Vector]) {
    let wanted = Wanted { top: vectors.len(), threshold: 1 };
    let queries: Vec<Query> = drawn.iter().step_by(400).map(Query::of).collect();
    let flat = Flat::new(vectors);
    assert_eq!(hnsw.search(&queries, wanted), flat.search(&queries, wanted));
}

#[test]
fn a_poor_graph_is_mended() {
    let mut draws = Draws::new(4, shape(16), 30);
    let drawn: Vec<Vector> = (0..600).map(|_| draws.vector()).collect();
    let poor = Settings { links: 2, effort: 1, breadth: 1 };
    let hnsw = Hnsw::build(&vectors(shape(16), &drawn), poor).unwrap();
    let found = hnsw.search(&queries(&drawn), Wanted { top: 1, threshold: 1 }).unwrap();
    for (vector, hits) in drawn.iter().zip(found) {
        assert!(product(vector, vector) <= hits[0].product, "not even itself");
    }
}

fn saved(segment: &dyn Segment) -> Vec<u8> {
    let mut bytes = Vec::new();
    segment.save(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_graph_is_a_function_of_its_documents() {
    let mut draws = Draws::new(5, shape(16), 30);
    let drawn: Vec<Vector> = (0..600).map(|_| draws.vector()).collect();
    let forth = vectors(shape(16), &drawn);
    let mut turned = numbered(&drawn);
    turned.reverse();
    let back = Vectors::of(shape(16), &turned).unwrap();
    let build = |vectors| saved(&Hnsw::build(vectors, Settings::default()).unwrap());
    let bytes = build(&forth);
    assert!(on_threads(1, || build(&forth)) == bytes);
    assert!(on_threads(4, || build(&back)) == bytes);
    // Side by side, as segments are built.
    let (left, right) = on_threads(2, || rayon::join(|| build(&forth), || build(&back)));
    assert!(left == bytes && right == bytes);
    assert!(build(&vectors(shape(16), &drawn[1..])) != bytes);
}

/// Another `hnsw_rs`, or another random generator below it, builds other graphs, and segments that
/// are named by content would silently differ: whoever changes it must see this line.
#[test]
fn the_graph_is_the_one_that_this_version_builds() {
    let vectors = Draws::new(6, shape(16), 10).vectors(300);
    let hnsw = Hnsw::build(&vectors, Settings::default()).unwrap();
    assert_eq!(Digest::of(&saved(&hnsw)).to_string(), "fa0dd73130a9313f45aa2aa2362a803e");
}

#[test]
fn threads_change_no_answer() {
    let mut draws = Draws::new(7, shape(16), 30);
    let vectors = draws.vectors(700);
    let asked: Vec<Vector> = (0..90).map(|_| draws.vector()).collect();
    let queries = all_queries(&asked);
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
    let documents = numbered(&drawn);
    let kind = Kind::Hnsw(Settings::default());
    let segment = |part: &[(Digest, Vector)]| build(kind, shape(24), part.to_vec()).unwrap();
    let segments = documents.chunks(400).map(segment).collect();
    let segments = Segments::new(shape(24), segments).unwrap();
    assert_eq!(segments.n_documents(), 1_200);
    let asked: Vec<Vector> = (0..300).map(|_| draws.vector()).collect();
    let found = segments.search(&queries(&asked), TOP_3).unwrap();
    let truth = Flat::new(vectors(shape(24), &drawn)).search(&queries(&asked), TOP_3).unwrap();
    assert!(0.98 <= recall(&found, &truth));
    let query = Query::fused(&asked[0], &asked[1]);
    for (document, vector) in &documents[390..410] {
        let expected = product(&asked[0], vector) + product(&asked[1], vector);
        assert_eq!(segments.product(&query, *document), Some(expected));
        assert_eq!(segments.vector(*document).as_ref(), Some(vector));
    }
    assert_eq!(segments.product(&query, document(1_200)), None);
    // A large segment as a graph, a small one exact.
    let flat = Flat::new(vectors(shape(24), &drawn[..1]));
    let kinds: Vec<Box<dyn Index>> = vec![Box::new(segments), Box::new(flat)];
    let kinds = Segments::new(shape(24), kinds).unwrap();
    assert_eq!(kinds.search(&queries(&asked), TOP_3).unwrap(), found, "a document counts once");
}

#[test]
fn a_large_flat_index_is_searched_in_parts() {
    let mut draws = Draws::new(9, shape(4), 30);
    let drawn: Vec<Vector> = (0..20_000).map(|_| draws.vector()).collect();
    let asked: Vec<Vector> = (0..3).map(|_| draws.vector()).collect();
    let wanted = Wanted { top: 40, threshold: 500_000 };
    let expected = twins(shape(4).unit(), &drawn, &asked, wanted);
    let flat = Flat::new(vectors(shape(4), &drawn));
    assert_eq!(flat.search(&all_queries(&asked), wanted).unwrap(), expected);
}

#[test]
fn what_an_encoder_returns_can_be_searched() {
    let texts = [
        "The elephant is the largest land animal.",
        "ช้างเป็นสัตว์เลี้ยงลูกด้วยนม and an elephant is a mammal",
        "The moon goes round the Earth.",
    ];
    let mut frequencies = Frequencies::default();
    let counting = Lexical::new(400, 20, Frequencies::default());
    texts.iter().for_each(|text| frequencies.add(&counting.document(text)));
    let encoder = Lexical::new(400, 20, frequencies);
    let documents = numbered(&encoder.encode(Role::Document, &texts));
    let asked = encoder.encode(Role::Question, &["Elephant", "Elephant, mammal, ช้าง"]);
    let shape = Shape::new(documents[0].1.form(), encoder.unit()).unwrap();
    let index = build(Kind::Sparse, shape, documents.clone()).unwrap();
    let hits = index.search(&[Query::fused(&asked[0], &asked[1])], TOP_3).unwrap().remove(0);
    assert_eq!(hits, twin(encoder.unit(), &documents, &asked, TOP_3));
    let found: Vec<Digest> = hits.iter().map(|hit| hit.document).collect();
    assert_eq!(found, [document(1), document(0)]);
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let form = Form::Dense { dims: 2 };
    let (two, sparse) = (Shape::new(form, 100).unwrap(), Shape::new(Form::Sparse, 100).unwrap());
    let unit = Vector::Dense(vec![60, 80]);
    let new = |documents: &[usize], values: &[i8]| {
        let documents = documents.iter().map(|&it| document(it)).collect();
        Vectors::new(two, documents, values.to_vec()).map(|vectors| vectors.len())
    };
    assert_eq!(new(&[1, 2], &[60, 80, 80, 60]), Ok(2));
    assert_eq!(new(&[], &[]), Ok(0));
    assert_eq!(new(&[1], &[1, 2, 3]), Err(Error::Count { n_documents: 1, n_values: 3, dims: 2 }));
    assert_eq!(new(&[1], &[0, 0]), Err(Error::Length { document: document(1) }));
    assert_eq!(new(&[1], &[100, 80]), Err(Error::Length { document: document(1) }));
    let twice = Error::Twice { document: document(5) };
    assert_eq!(new(&[5, 2, 5], &[60, 80, 80, 60, 60, 80]), Err(twice));
    for (dims, unit) in [(0, 100), (1 << 17, 100), (8, 1), (8, (1 << 14) + 1)] {
        let form = Form::Dense { dims };
        assert_eq!(Shape::new(form, unit), Err(Error::Shape { form, unit }));
    }
    let term = |weight| Vector::Sparse(Sparse::new(vec![(1, weight)]));
    let documents = |vectors: &[Vector]| numbered(vectors);
    let kinds = [Kind::Flat, Kind::Hnsw(Settings::default()), Kind::Sparse];
    for (kind, shape, mine, other) in [
        (kinds[0], two, &unit, term(100)),
        (kinds[1], two, &unit, term(100)),
        (kinds[2], sparse, &term(100), unit.clone()),
    ] {
        let made = |vectors: &[Vector]| build(kind, shape, documents(vectors)).err();
        let (expected, found) = (mine.form(), other.form());
        let refused = Error::OtherForm { expected, found };
        assert_eq!(made(&[mine.clone(), other.clone()]), Some(refused));
        let twice = [(document(5), mine.clone()), (document(5), mine.clone())];
        let twice = build(kind, shape, twice.to_vec()).err();
        assert_eq!(twice, Some(Error::Twice { document: document(5) }));
        let empty = build(kind, shape, vec![]).unwrap();
        assert_eq!(empty.search(&[Query::of(mine)], TOP_3), Ok(vec![vec![]]));
        assert_eq!(empty.search(&[Query::of(&other)], TOP_3), Err(refused));
        assert_eq!(empty.product(&Query::of(mine), document(5)), None);
        let long = if shape == two { Vector::Dense(vec![127, 9]) } else { term(111) };
        let long = [Query::of(&long)];
        assert_eq!(empty.search(&long, TOP_3), Err(Error::LongQuery { unit: 100 }));
    }
    let longer = Shape::new(form, 101).unwrap();
    let flat = Flat::new(vectors(two, std::slice::from_ref(&unit)));
    let refused = Segments::new(longer, vec![flat]).unwrap_err();
    assert_eq!(refused, Error::OtherShape { expected: longer, found: two });
    let empty = vectors(two, &[]);
    for (links, effort, breadth) in [(1, 9, 9), (129, 9, 9), (9, 0, 9), (9, 9, 0), (9, 9, 4097)] {
        let refused = Hnsw::build(&empty, Settings { links, effort, breadth }).unwrap_err();
        assert_eq!(refused, Error::Settings { links, effort, breadth });
    }
}

prop_compose! {
    /// Few dimensions and a coarse scale, so that equal scores are frequent.
    fn some_vectors()(dims in 1_usize..9, unit in 16_u32..60)(
        drawn in prop::collection::vec(prop::collection::vec(-3_i8..=3, dims), 1..60),
        shape in Just(Shape::new(Form::Dense { dims }, unit).unwrap()),
    ) -> (Shape, Vec<Vector>) {
        let floats = |values: &Vec<i8>| values.iter().map(|&it| f32::from(it)).collect::<Vec<_>>();
        (shape, drawn.iter().filter_map(|values| quantised(shape, &floats(values))).collect())
    }
}

prop_compose! {
    fn some_sparse()(
        drawn in prop::collection::vec(
            prop::collection::vec((0_u32..12, 0_u16..40), 0..6), 1..60)
    ) -> (Shape, Vec<Vector>) {
        let shape = Shape::new(Form::Sparse, 40).unwrap();
        let vectors = drawn.into_iter().map(|terms| Vector::Sparse(Sparse::new(terms)));
        (shape, vectors.filter(|vector| shape.takes(vector)).collect())
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
    fn exact_indexes_are_their_slow_twins(
        (shape, drawn) in prop_oneof![some_vectors(), some_sparse()],
        wanted in some_wanted(),
        places in prop::collection::vec(0_usize..4, 1..60),
    ) {
        let index = |documents: Vec<(Digest, Vector)>| -> Box<dyn Index> {
            match shape.form() {
                Form::Dense { .. } => Box::new(Flat::new(Vectors::of(shape, &documents).unwrap())),
                Form::Sparse => Box::new(Postings::build(shape, documents).unwrap()),
            }
        };
        let expected = twins(shape.unit(), &drawn, &drawn, wanted);
        let queries = all_queries(&drawn);
        let all = numbered(&drawn);
        let whole = index(all.clone());
        prop_assert_eq!(&whole.search(&queries, wanted).unwrap(), &expected);
        for (query, hits) in queries.iter().zip(&expected) {
            for hit in hits {
                prop_assert_eq!(whole.product(query, hit.document), Some(hit.product));
            }
        }
        let segments = parts(&all, &places).into_iter().map(index).collect();
        let segments = Segments::new(shape, segments).unwrap();
        prop_assert_eq!(segments.search(&queries, wanted).unwrap(), expected);
    }

    #[test]
    fn a_small_graph_is_exact((shape, drawn) in some_vectors(), top in 1_usize..8) {
        // Fewer nodes than the breadth: a walk that is led everywhere sees all of them.
        let wanted = Wanted { top, threshold: 1 };
        let all = vectors(shape, &drawn);
        let hnsw = Hnsw::build(&all, Settings::default()).unwrap();
        let queries = all_queries(&drawn);
        for (document, vector) in numbered(&drawn) {
            prop_assert_eq!(hnsw.vector(document), Some(vector));
        }
        prop_assert_eq!(hnsw.search(&queries, wanted), Flat::new(all).search(&queries, wanted));
    }

    #[test]
    fn hits_merge_in_any_order(
        drawn in prop::collection::vec((0_usize..9, 1_i64..5), 0..30),
        top in 0_usize..6,
        split in 0_usize..30,
    ) {
        let hits: Vec<Hit> = drawn
            .iter()
            .map(|&(number, product)| Hit { document: document(number), product, score: 0 })
            .collect();
        let (left, right) = hits.split_at(split.min(hits.len()));
        let merged = |parts: &[&[Hit]]| {
            let mut hits = Vec::new();
            for part in parts {
                hits = best(hits.into_iter().chain(part.iter().copied()), top);
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
