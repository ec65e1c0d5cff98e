//! The graph against the exact search, on the same vectors: build, recall, queries a second, memory.
//!
//! `cargo bench -p crossic-operators --bench retrieve [-- VECTORS QUERIES DIMENSIONS [DIRECTORY]]`.
//! Into a directory it writes vectors and queries, for `peers/faiss_hnsw.py` to do the same.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for a terminal, which stops at the first error"
)]

use std::{env, fs, path::Path, time::Instant};

use crossic_operators::retrieve::{
    index::{
        Index,
        flat::Flat,
        hit::{Hit, Wanted},
        hnsw::{Hnsw, Settings},
        segment::{Segment, load},
        segments::Segments,
        vectors::Vectors,
    },
    vector::{Query, Vector},
};

#[path = "../tests/clustered_vectors/mod.rs"]
mod clustered_vectors;

use clustered_vectors::{Draws, near_copies, usual_shape};

const TOP_3: Wanted = Wanted { top: 3, threshold: 1 };
const BREADTHS: [u16; 7] = [8, 16, 32, 48, 64, 128, 256];
const N_SEGMENTS: usize = 4;

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let number = |place: usize, usual: usize| {
        args.get(place).map_or(usual, |it| it.parse().expect("a number"))
    };
    let (n_vectors, n_queries) = (number(0, 20_000), number(1, 2_000));
    let shape = usual_shape(number(2, 256));
    let mut draws = Draws::new(1, shape, 3_000);
    let vectors = draws.vectors(n_vectors);
    let asked: Vec<Vector> = (0..n_queries).map(|_| draws.vector()).collect();
    let queries: Vec<Query> = asked.iter().map(Query::of).collect();
    let threads = rayon::current_num_threads();
    println!("{n_vectors} vectors, {n_queries} queries, {shape}, {threads} threads");
    if let Some(dir) = args.get(3) {
        write(Path::new(dir), &vectors, &asked);
    }

    let start = Instant::now();
    let flat = Flat::new(vectors.clone());
    let before = processor_seconds(start);
    let truth = flat.search(&queries, TOP_3).expect("one shape");
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "flat: {:.0} queries/s, {:.0} per processor second",
        n_queries as f64 / seconds,
        n_queries as f64 / (processor_seconds(start) - before).max(0.01)
    );
    let scores = |rank: usize| -> f64 {
        let scores = truth.iter().filter_map(|hits| hits.get(rank));
        scores.map(|hit| f64::from(hit.score)).sum::<f64>() / n_queries as f64 / 1e6
    };
    println!("mean score of the first {:.3}, of the third {:.3}", scores(0), scores(2));

    let start = Instant::now();
    let before = processor_seconds(start);
    let hnsw = Hnsw::build(&vectors, Settings::default()).expect("settings");
    println!(
        "hnsw: built in {:.1} s, {:.1} processor seconds, {} orphans, {:.0} bytes/vector",
        start.elapsed().as_secs_f64(),
        processor_seconds(start) - before,
        hnsw.n_orphans(),
        hnsw.n_bytes() as f64 / n_vectors as f64,
    );
    let start = Instant::now();
    let mut bytes = Vec::new();
    hnsw.save(&mut bytes).expect("memory");
    let saving = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let loaded = load(&bytes).expect("a segment");
    let loading = start.elapsed().as_secs_f64();
    let size = bytes.len() as f64 / loaded.n_documents().max(1) as f64;
    println!("saved in {saving:.2} s, {size:.0} bytes/vector, loaded in {loading:.2} s");
    for breadth in BREADTHS {
        report(&hnsw.clone().with_breadth(breadth).expect("a breadth"), breadth, &queries, &truth);
    }

    let copy = draws.vector();
    let mut drawn = vec![copy; 200];
    drawn.extend(near_copies(&mut draws, shape, 2_000));
    drawn.extend((0..10_000).map(|_| draws.vector()));
    let dense = clustered_vectors::vectors(shape, &drawn);
    let graph = Hnsw::build(&dense, Settings::default()).expect("settings");
    let wanted = Wanted { top: dense.len(), threshold: 1 };
    let some: Vec<Query> = drawn.iter().take(300).map(Query::of).collect();
    let same = graph.search(&some, wanted) == Flat::new(dense).search(&some, wanted);
    println!(
        "10,000 vectors, 200 copies of one, 2,000 near copies: {} orphans; every document found: {same}",
        graph.n_orphans()
    );

    let rows: Vec<_> = vectors.iter().collect();
    let start = Instant::now();
    let segments: Vec<Hnsw> = std::thread::scope(|scope| {
        let parts = rows.chunks(n_vectors.div_ceil(N_SEGMENTS)).map(|rows| {
            scope.spawn(move || {
                let documents = rows.iter().map(|row| row.0).collect();
                let values = rows.iter().flat_map(|row| row.1).copied().collect();
                let vectors = Vectors::new(shape, documents, values).expect("vectors");
                Hnsw::build(&vectors, Settings::default()).expect("settings")
            })
        });
        let parts: Vec<_> = parts.collect();
        parts.into_iter().map(|part| part.join().unwrap()).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{N_SEGMENTS} segments: built in {seconds:.1} s, side by side");
    let segments = Segments::new(shape, segments).expect("one shape");
    report(&segments, Settings::default().breadth, &queries, &truth);
}

/// Returns the processor seconds of all threads so far, to a hundredth; on a busy machine these can be
/// compared, and wall seconds cannot. Without Linux they are wall seconds.
fn processor_seconds(start: Instant) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program is in brackets; user and system ticks are the 12th and 13th behind it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    match fields.map(|it| it.parse::<f64>().unwrap_or_default() / 100.0).sum() {
        0.0 => start.elapsed().as_secs_f64(),
        seconds => seconds,
    }
}

/// Prints recall, queries a second on all threads, and queries a processor second on one.
fn report(index: &dyn Index, breadth: u16, queries: &[Query], truth: &[Vec<Hit>]) {
    let start = Instant::now();
    let found = index.search(queries, TOP_3).expect("one shape");
    let all = queries.len() as f64 / start.elapsed().as_secs_f64();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let before = processor_seconds(start);
    assert!(pool.install(|| index.search(queries, TOP_3)).expect("one shape") == found);
    let one = queries.len() as f64 / (processor_seconds(start) - before).max(0.01);
    let n_found: usize = found
        .iter()
        .zip(truth)
        .map(|(found, truth)| {
            let least = truth.last().map_or(0, |hit| hit.product);
            found.iter().filter(|hit| least <= hit.product).count()
        })
        .sum();
    let recall = n_found as f64 / truth.iter().map(Vec::len).sum::<usize>() as f64;
    println!(
        "  breadth {breadth:3}: recall@3 {recall:.4}, {all:.0} queries/s, {one:.0} per processor second"
    );
}

/// Writes shape, vectors and queries as raw bytes.
fn write(dir: &Path, vectors: &Vectors, asked: &[Vector]) {
    let bytes = |values: &[i8]| values.iter().map(|it| it.cast_unsigned()).collect::<Vec<u8>>();
    let rows: Vec<u8> = vectors.iter().flat_map(|(_, row)| bytes(row)).collect();
    let queries = asked.iter().map(|it| match it {
        Vector::Dense(values) => bytes(values),
        Vector::Sparse(_) => Vec::new(),
    });
    let queries: Vec<u8> = queries.flatten().collect();
    fs::write(dir.join("vectors.i8"), rows).expect("a directory that can be written");
    fs::write(dir.join("queries.i8"), queries).expect("a directory that can be written");
    let shape = format!("{} {}\n", vectors.shape().dims(), vectors.shape().unit());
    fs::write(dir.join("shape.txt"), shape).expect("a directory that can be written");
}
