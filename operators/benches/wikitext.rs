//! The cleaner: bytes of wikitext a second of the processor, what counting residue adds to its time,
//! and hostile pages of 4 MB.
//!
//! `cargo bench -p crossic-operators --bench wikitext [-- LANG TEXT…]`; without arguments the sample
//! sources, each wiki by itself. Ends with exit code 1 if a hostile page takes over 50 ms a megabyte.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for a terminal, which stops at the first error"
)]

#[path = "../src/wikitext/tests/patterns.rs"]
mod patterns;

use std::{env, fs, hint::black_box, path::Path, process::ExitCode, time::Instant};

use crossic_operators::wikitext::{Headings, Options, Site, clean, residue};

const ROUNDS: usize = 15;
const HOSTILE_BYTES: usize = 4_000_000;
/// Most milliseconds that a megabyte of a hostile page may take.
const MAX_MILLISECONDS: f64 = 50.0;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    match args.split_first() {
        Some((lang, paths)) => {
            let pages = paths.iter().map(|path| fs::read_to_string(path).expect("a text"));
            measure(lang, &pages.collect::<Vec<_>>());
        }
        None => {
            let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-samples/sources");
            for lang in ["en", "es", "th"] {
                let folder = sources.join(format!("{lang}wiki")).join("pages");
                let files = fs::read_dir(folder).expect("the sample sources");
                let read = |path: &Path| fs::read_to_string(path).expect("a page");
                let pages = files.map(|it| read(&it.expect("a page").path()));
                measure(lang, &pages.collect::<Vec<_>>());
            }
        }
    }
    hostile()
}

fn options() -> Options {
    Options { headings: Headings::Glue, lists: true, boilerplate: false, math: false }
}

/// Prints the speed on real pages, the best of the rounds.
fn measure(lang: &str, pages: &[String]) {
    let site = Site::new(lang, &[]);
    let n_bytes: usize = pages.iter().map(String::len).sum();
    let (mut best, mut best_residue) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let cleaned = pages.iter().map(|page| clean(page, &site, &options()));
        let cleaned: Vec<_> = cleaned.collect();
        best = best.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for page in &cleaned {
            black_box(residue(&page.paragraphs, &site));
        }
        best_residue = best_residue.min(start.elapsed().as_secs_f64());
    }
    let (megabytes, share) = (n_bytes as f64 / 1e6, 100.0 * best_residue / best);
    println!(
        "{lang}: {} pages, {megabytes:.2} MB, {:.0} MB/s; counting residue adds {share:.1} %",
        pages.len(),
        megabytes / best
    );
}

/// Prints the slowest hostile pages, the best of two rounds each.
fn hostile() -> ExitCode {
    let site = Site::new("zh", &[]);
    let mut times: Vec<_> = patterns::pages(HOSTILE_BYTES)
        .map(|(name, page)| {
            let seconds = (0..2).map(|_| {
                let start = Instant::now();
                black_box(clean(&page, &site, &options()));
                start.elapsed().as_secs_f64()
            });
            let best = seconds.fold(f64::MAX, f64::min);
            (1e9 * best / page.len() as f64, name)
        })
        .collect();
    times.sort_by(|one, other| other.0.total_cmp(&one.0));
    println!("{} hostile pages of 4 MB, the slowest:", times.len());
    for (milliseconds, name) in times.iter().take(5) {
        println!("{milliseconds:6.1} ms/MB  {name}");
    }
    let is_slow = times.first().is_some_and(|(worst, _)| MAX_MILLISECONDS < *worst);
    if is_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
