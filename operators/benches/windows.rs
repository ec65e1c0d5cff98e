//! Window building against raw tokenisation of the same texts, in turn, on one core.
//!
//! `cargo bench -p crossic-operators --bench windows [-- TOKENIZER [TEXT…]]`; without arguments the
//! sample tokenizer and the sample sources.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for a terminal, which stops at the first error"
)]

use std::{env, fs, hint::black_box, path::Path, sync::Arc, time::Instant};

use crossic_operators::{
    operator,
    record::Origin,
    split_windows::{Config, Sided, Splitter},
    text::Document,
    vocabulary::Vocabulary,
};

const ROUNDS: usize = 7;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let args: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let (tokenizer, paths) = match args.split_first() {
        Some((tokenizer, texts)) => (tokenizer.clone(), texts.to_vec()),
        None => {
            let tokenizer = root.join("data-samples/tokenizer.json");
            let mut paths = Vec::new();
            for wiki in ["enwiki", "thwiki", "eswiki"] {
                let pages = root.join("data-samples/sources").join(wiki).join("pages");
                let pages = fs::read_dir(pages).expect("the sample sources");
                paths.extend(pages.map(|it| it.expect("a page").path().display().to_string()));
            }
            (tokenizer.display().to_string(), paths)
        }
    };
    let bytes = fs::read(&tokenizer).expect("a tokenizer");
    let vocabulary = Arc::new(Vocabulary::from_bytes(&bytes).expect("a tokenizer"));
    let mut paths = paths;
    paths.sort();
    let texts: Vec<String> = paths
        .iter()
        .map(|path| format!("Title\n\n{}", fs::read_to_string(path).expect("a text")))
        .collect();
    let n_bytes: usize = texts.iter().map(String::len).sum();

    let config: Config = toml::from_str(&format!("tokenizer = {tokenizer:?}")).expect("a config");
    let splitter = Splitter::new(config, Arc::clone(&vocabulary)).expect("a closing token");
    assert!(operator::ALL.iter().any(|it| it.name == "split-windows"));

    let (mut raw_times, mut split_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for text in &texts {
            black_box(vocabulary.encode(text));
        }
        raw_times.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for pair in texts.chunks(2) {
            if let [english, target] = pair {
                let english = sided("en", english);
                black_box(splitter.split(Origin::Wiki, english, sided("th", target)).is_ok());
            }
        }
        split_times.push(start.elapsed().as_secs_f64());
    }
    let ratios: Vec<f64> =
        raw_times.iter().zip(&split_times).map(|(raw, split)| raw / split).collect();
    let rate = |times: &[f64]| n_bytes as f64 / median(times) / 1e6;
    println!("texts: {} of {:.1} MB", texts.len(), n_bytes as f64 / 1e6);
    println!("raw tokenisation: {:.2} MB/s", rate(&raw_times));
    println!("window building:  {:.2} MB/s", rate(&split_times));
    println!("ratio: {:.3} (median of {ROUNDS} pairs)", median(&ratios));
}

fn sided<'a>(lang: &'a str, text: &'a str) -> Sided<'a> {
    Sided { lang, wiki: lang, page: 1, revision: 1, document: Document::parse(text), digest: None }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
