//! Saved segments: loaded they search as before, damaged they are refused.

use std::panic::catch_unwind;

use crossic_operators::{
    record::Digest,
    retrieve::{
        index::{
            Error, Index,
            hit::Wanted,
            hnsw::Settings,
            segment::{Kind, Segment, build, load},
            shape::Shape,
        },
        vector::{Form, Query, Sparse, Vector},
    },
};
use proptest::prelude::*;

use crate::clustered_vectors::{Draws, document, numbered, usual_shape};

/// The bytes of the hash at the end.
const HASH: usize = 32;

fn saved(segment: &dyn Segment) -> Vec<u8> {
    let mut bytes = Vec::new();
    segment.save(&mut bytes).unwrap();
    bytes
}

/// Returns some documents in clusters, with copies, for a kind of segment.
fn documents(kind: Kind, seed: u64, n: usize) -> (Shape, Vec<(Digest, Vector)>) {
    let dense = usual_shape(6);
    let mut draws = Draws::new(seed, dense, 5);
    let mut drawn: Vec<Vector> = (0..n).map(|_| draws.vector()).collect();
    drawn.extend(drawn.clone().into_iter().take(n / 4));
    match kind {
        Kind::Flat | Kind::Hnsw(_) => (dense, numbered(&drawn)),
        Kind::Sparse => {
            let shape = Shape::new(Form::Sparse, dense.unit()).unwrap();
            let sparse = |vector: &Vector| {
                let Vector::Dense(values) = vector else { panic!("draws are dense") };
                let terms = values.iter().map(|it| u16::from(it.unsigned_abs()));
                Vector::Sparse(Sparse::new((1000..).zip(terms).collect()))
            };
            (shape, numbered(&drawn.iter().map(sparse).collect::<Vec<_>>()))
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    let poor = Settings { links: 2, effort: 2, breadth: 1 };
    prop::sample::select(vec![
        Kind::Flat,
        Kind::Hnsw(Settings::default()),
        Kind::Hnsw(poor),
        Kind::Sparse,
    ])
}

/// Puts the right hash below changed bytes: what a forger, or a bug, would do.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len().saturating_sub(HASH);
    bytes.truncate(end);
    let hash = blake3::hash(&bytes);
    bytes.extend(hash.as_bytes());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_loaded_segment_is_the_saved_one(
        kind in kinds(),
        seed: u64,
        n in 0..80_usize,
        top in 1..9_usize,
        threshold in 0..900_000_i32,
    ) {
        let (shape, documents) = documents(kind, seed, n);
        let segment = build(kind, shape, documents.clone()).unwrap();
        let bytes = saved(&*segment);
        let mut turned = documents.clone();
        turned.reverse();
        prop_assert!(bytes == saved(&*build(kind, shape, turned).unwrap()), "bytes by content");
        let loaded = load(&bytes).unwrap();
        prop_assert!(bytes == saved(&*loaded));
        let pairs = documents.windows(2);
        let queries: Vec<Query> = pairs.map(|it| Query::fused(&it[0].1, &it[1].1)).collect();
        let wanted = Wanted { top, threshold };
        prop_assert_eq!(loaded.search(&queries, wanted), segment.search(&queries, wanted));
        prop_assert_eq!(loaded.n_documents(), documents.len());
        prop_assert_eq!((loaded.shape(), loaded.n_bytes()), (shape, segment.n_bytes()));
        for (document, vector) in documents {
            prop_assert_eq!(loaded.vector(document), Some(vector));
        }
        prop_assert_eq!(loaded.vector(document(10_000)), None);
    }

    #[test]
    fn a_changed_or_missing_byte_is_found(
        kind in kinds(), seed: u64, n in 0..30_usize, place: usize, change in 1..=255_u8,
    ) {
        let (shape, documents) = documents(kind, seed, n);
        let bytes = saved(&*build(kind, shape, documents).unwrap());
        let place = place % bytes.len();
        let mut changed = bytes.clone();
        changed[place] ^= change;
        for damaged in [&changed, &bytes[..place], &[&bytes[..], &[change]].concat()] {
            let refused = load(damaged).err();
            prop_assert_eq!(refused, Some(Error::Damaged { what: "hash", byte: damaged.len() }));
        }
    }

    #[test]
    fn wrong_numbers_below_a_right_hash_do_no_harm(
        kind in kinds(),
        seed: u64,
        n in 0..30_usize,
        place: usize,
        bytes in prop_oneof![Just(vec![255; 8]), Just(vec![0; 8]), prop::collection::vec(any::<u8>(), 1..9)],
        cut in 0..3_usize,
    ) {
        let (shape, documents) = documents(kind, seed, n);
        let whole = saved(&*build(kind, shape, documents.clone()).unwrap());
        let place = place % (whole.len() - HASH);
        let mut changed = whole;
        match cut {
            0 => drop(changed.drain(place..place + 1)),
            1 => changed.insert(place, bytes[0]),
            _ => changed.iter_mut().skip(place).zip(bytes).for_each(|(old, new)| *old = new),
        }
        let changed = sealed(changed);
        let searched = catch_unwind(|| {
            let Ok(loaded) = load(&changed) else { return };
            let queries: Vec<Query> = documents.iter().map(|(_, it)| Query::of(it)).collect();
            let wanted = Wanted { top: 3, threshold: 0 };
            // Another shape may be what was written; its queries are refused.
            if let Ok(hits) = loaded.search(&queries, wanted) {
                assert_eq!(hits.len(), queries.len());
            }
            for (document, _) in documents {
                loaded.vector(document);
            }
            assert!(saved(&*loaded) == changed, "what is loaded is what was there");
        });
        prop_assert!(searched.is_ok());
    }
}

#[test]
fn other_files_are_refused() {
    for bytes in [&b""[..], b"x", &[0; 100]] {
        assert!(matches!(load(bytes), Err(Error::Damaged { what: "hash", .. })));
    }
    for bytes in [vec![0; HASH], vec![0; 99]] {
        let refused = load(&sealed(bytes)).err();
        assert!(matches!(refused, Some(Error::Damaged { what: "first line", .. })), "{refused:?}");
    }
}
