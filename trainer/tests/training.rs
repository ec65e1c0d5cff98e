//! Whole trainings: rows and a model in, a run directory out.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::path::Path;

use crossic_operators::record::Digest;
use crossic_trainer::{
    data::corpus::{CorpusInfo, LanguageSpan, Row, RowKind},
    run::watch::Silence,
    session::{Job, Outcome, device::DeviceName, load, train},
    settings::{Choose, Init, Method, Sampler, Settings},
};
use tempfile::TempDir;

/// The tokenizer of the golden models: 200 ids.
fn tokenizer() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/llama/tokenizer.json")
}

fn info() -> CorpusInfo {
    CorpusInfo {
        digest: "0123456789abcdef0123456789abcdef".to_owned(),
        kind: RowKind::Segments,
        tokens: 48,
        languages: vec!["en".to_owned(), "th".to_owned()],
        tokenizer: tokenizer(),
        vocabulary: 200,
        closing: "[SPLIT]".to_owned(),
        closing_id: 200,
        closing_added: true,
        bos_id: Some(1),
    }
}

/// Rows whose second half repeats the first: something to learn.
fn rows(n: u32) -> Vec<Row> {
    let row = |number: u32| {
        let half = 5 + number % 7;
        let english = (0..half).map(|it| 3 + (number * 31 + it * 17) % 40);
        let mut ids: Vec<u32> = english.clone().chain(english.map(|it| it + 60)).collect();
        ids.push(200);
        let span = |language, start, end| LanguageSpan { language, start, end };
        Row {
            id: Digest::of(&number.to_le_bytes()),
            pair: Digest::of(&[&b"pair"[..], &(number / 2).to_le_bytes()].concat()),
            spans: vec![span(0, 0, half), span(1, half, 2 * half)],
            ids,
        }
    };
    (0..n).map(row).collect()
}

fn settings(dir: &Path) -> Settings {
    Settings {
        model: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/llama"),
        dir: dir.to_owned(),
        rank: 4,
        alpha: 8.0,
        batch_windows: 8,
        micro_windows: 3,
        learning_rate: 5e-3,
        validation: 0.1,
        validate_every: 4,
        checkpoint_every: 3,
        ..Settings::default()
    }
}

fn run(settings: &Settings, stop_after: Option<u64>, threads: usize) -> Outcome {
    let rows = rows(300);
    train(Job {
        settings: settings.clone(),
        info: info(),
        rows: &mut rows.into_iter().map(Ok),
        device: DeviceName::Cpu,
        threads: Some(threads),
        fresh: false,
        stop_after,
        watch: &Silence,
    })
    .unwrap()
}

/// Returns the files of the adapter or model that a run left behind.
fn export(outcome: &Outcome) -> Vec<(String, Vec<u8>)> {
    let dir = outcome.export.clone().unwrap();
    let mut files: Vec<(String, Vec<u8>)> = fs_err::read_dir(dir)
        .unwrap()
        .map(|it| it.unwrap().path())
        .map(|it| {
            (it.file_name().unwrap().to_string_lossy().into_owned(), fs_err::read(it).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_run_learns_validates_and_exports() {
    let dir = TempDir::new().unwrap();
    let outcome = run(&settings(dir.path()), None, 2);
    assert_eq!(outcome.steps, outcome.n_steps);
    assert!(outcome.stopped.is_none());
    let (first, last) = outcome.validations.clone().unwrap();
    assert!(last.eval_loss < first.eval_loss - 0.3, "{} {}", first.eval_loss, last.eval_loss);
    assert!(last.eval_english.unwrap() < first.eval_english.unwrap());
    assert!(last.eval_target.unwrap() < first.eval_target.unwrap());
    let names: Vec<String> = export(&outcome).into_iter().map(|it| it.0).collect();
    let expected = [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_run_in_parts_ends_with_the_bytes_of_one_without_a_break() {
    for (method, sampler) in
        [(Method::Lora, Sampler::SplitAligned), (Method::Full, Sampler::BestFit)]
    {
        let (whole, parts) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let with = |dir: &TempDir| {
            let choose = Choose::Best;
            Settings { method, sampler, choose, learning_rate: 1e-3, ..settings(dir.path()) }
        };
        let expected = run(&with(&whole), None, 1);
        for stop_after in [1, 2, 5, 6] {
            let outcome = run(&with(&parts), Some(stop_after), 2);
            assert_eq!(outcome.steps, stop_after);
            assert!(outcome.stopped.is_some() && outcome.export.is_none());
        }
        let found = run(&with(&parts), None, 2);
        assert_eq!(found.losses, expected.losses);
        assert_eq!(export(&found), export(&expected));
    }
}

#[test]
fn what_was_trained_can_be_merged_and_both_say_the_same() {
    let dir = TempDir::new().unwrap();
    run(&settings(dir.path()), None, 2);
    let merged = dir.path().join("merged");
    load::merge(dir.path(), None, &merged).unwrap();
    let device = burn::tensor::Device::flex();
    let said = [dir.path(), &merged].map(|dir| {
        let loaded = load::load(dir, None, &device, burn::tensor::DType::F32).unwrap();
        assert_eq!(loaded.tokenizer.token_to_id("[SPLIT]"), Some(200));
        let window = crossic_trainer::data::window::Window {
            ids: vec![1, 3, 20, 37, 14],
            positions: (0..5).collect(),
            segments: vec![0; 5],
            learned: vec![false; 5],
            languages: vec![0; 5],
            rows: vec![],
        };
        loaded.engine.logits(&window)
    });
    let [adapter, model] = said;
    let largest = adapter.clone().abs().max().into_scalar::<f32>();
    let off = (adapter - model).abs().max().into_scalar::<f32>();
    // The base is bfloat16, and so is the merged model.
    assert!(off < 2e-2 * largest, "{off} of {largest}");
}

#[test]
fn a_model_drawn_from_a_seed_can_be_loaded_again() {
    let dir = TempDir::new().unwrap();
    let settings = Settings { init: Init::Random, max_steps: Some(2), ..settings(dir.path()) };
    run(&settings, None, 2);
    let base = dir.path().join("base");
    fs_err::create_dir(&base).unwrap();
    fs_err::copy(settings.model.join("config.json"), base.join("config.json")).unwrap();
    let device = burn::tensor::Device::flex();
    load::load(dir.path(), Some(&base), &device, burn::tensor::DType::F32).unwrap();
}

#[test]
fn a_tokenizer_with_more_tokens_than_the_model_has_rows_is_refused() {
    let dir = TempDir::new().unwrap();
    // One token too many, and then the closing one: a row for the last would leave a gap.
    let info = CorpusInfo { vocabulary: 201, closing_id: 201, ..info() };
    let refused = train(Job {
        settings: settings(dir.path()),
        info,
        rows: &mut std::iter::empty(),
        device: DeviceName::Cpu,
        threads: Some(1),
        fresh: false,
        stop_after: None,
        watch: &Silence,
    });
    let error = refused.unwrap_err();
    assert!(error.to_string().contains("embedding has 200 rows"), "{error}");
    assert!(error.hint().unwrap().contains("same tokenizer"));
}
