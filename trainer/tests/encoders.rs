//! Encoders against transformers: the golden numbers of `golden_encoders/`, whose script says what each is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device};
use crossic_trainer::{
    encoder::{Encoder, Pooling, Settings, Vectors, fingerprint::fingerprint, int8::Scale},
    error::Error,
    session::device::DeviceName,
};
use serde_json::{Value, json};

/// Directories of golden models, with how they pool.
const MODELS: [(&str, Pooling); 3] =
    [("bert", Pooling::Mean), ("xlm-roberta", Pooling::Cls), ("gte", Pooling::Cls)];

/// Largest difference to transformers that a number of a unit vector may have.
const TOLERANCE: f32 = 1e-5;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_encoders").join(name)
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
}

fn texts() -> Vec<String> {
    serde_json::from_value(json_of(&golden("texts.json"))).unwrap()
}

/// Returns ids and vectors that a file expects.
fn expected(path: &Path) -> Vec<(Vec<u32>, Vec<f32>)> {
    let all = json_of(path);
    let pairs = all.as_array().unwrap().iter().map(|it| {
        let ids = serde_json::from_value(it["ids"].clone()).unwrap();
        (ids, serde_json::from_value(it["vector"].clone()).unwrap())
    });
    pairs.collect()
}

fn open(dir: &Path, settings: &Settings) -> Result<Encoder, Error> {
    Encoder::open(dir, settings, DeviceName::Cpu)
}

fn of_batch(batch_tokens: usize) -> Settings {
    Settings { batch_tokens: Some(batch_tokens), ..Settings::default() }
}

/// Returns the largest difference between vectors and what is expected.
fn worst<'a>(found: &Vectors, expected: impl IntoIterator<Item = &'a [f32]>) -> f32 {
    let expected: Vec<&[f32]> = expected.into_iter().collect();
    assert_eq!(found.rows().len(), expected.len());
    let rows = found.rows().zip(expected).map(|(found, expected)| {
        assert_eq!(found.len(), expected.len());
        let pairs = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
        pairs.fold(0f32, |worst, it| if it.is_nan() { f32::INFINITY } else { worst.max(it) })
    });
    rows.fold(0.0, f32::max)
}

#[track_caller]
fn holds(encoder: &Encoder, texts: &[String], expected: &[(Vec<u32>, Vec<f32>)]) {
    for (text, (ids, _)) in texts.iter().zip(expected) {
        assert_eq!(&encoder.tokens(text).unwrap(), ids);
    }
    let found = encoder.encode(texts).unwrap();
    let worst = worst(&found, expected.iter().map(|it| it.1.as_slice()));
    assert!(worst < TOLERANCE, "{worst}");
}

#[test]
fn vectors_are_those_of_transformers() {
    for (name, pooling) in MODELS {
        let encoder = open(&golden(name), &Settings::default()).unwrap();
        assert_eq!(encoder.pooling(), pooling);
        holds(&encoder, &texts(), &expected(&golden(name).join("expected.json")));
    }
}

/// On other devices and in other formats the fused passes are tensor operations; in 64 bits they run on the CPU, too.
#[test]
fn tensor_operations_give_the_same_vectors() {
    for (name, _) in MODELS {
        let settings = Settings::default();
        let encoder =
            Encoder::open_on(&golden(name), &settings, &Device::flex(), DType::F64).unwrap();
        holds(&encoder, &texts(), &expected(&golden(name).join("expected.json")));
    }
}

#[test]
fn the_names_of_transformers_gte_are_read_as_those_of_its_own_code() {
    let dir = tempfile::tempdir().unwrap();
    copy(&golden("gte"), dir.path());
    copy(&golden("gte-stock"), dir.path());
    let encoder = open(dir.path(), &Settings::default()).unwrap();
    holds(&encoder, &texts(), &expected(&golden("gte").join("expected.json")));
}

#[test]
fn batches_and_order_change_nothing() {
    for (name, _) in MODELS {
        let texts = texts();
        let alone = open(&golden(name), &of_batch(1)).unwrap().encode(&texts).unwrap();
        for batch_tokens in [7, 60, 1_000_000] {
            let encoder = open(&golden(name), &of_batch(batch_tokens)).unwrap();
            let found = encoder.encode(&texts).unwrap();
            let worst_found = worst(&found, alone.rows());
            assert!(worst_found < 1e-6, "{name}: {worst_found}");
            let reversed: Vec<&String> = texts.iter().rev().collect();
            let found = encoder.encode(&reversed).unwrap();
            let rows: Vec<&[f32]> = alone.rows().collect();
            assert!(worst(&found, rows.into_iter().rev()) < 1e-6, "{name}");
        }
    }
}

#[test]
fn any_text_has_a_unit_vector() {
    let long = "harbour winter ".repeat(100_000);
    let one_word = "h".repeat(200_000);
    let texts = ["", " ", "\u{301}", "\u{0}\u{feff}", &long, &one_word, "🦀🦀"];
    for (name, _) in MODELS {
        let encoder = open(&golden(name), &Settings::default()).unwrap();
        let found = encoder.encode(&texts).unwrap();
        assert_eq!(found.rows().len(), texts.len());
        for vector in found.rows() {
            let length: f32 = vector.iter().map(|it| it * it).sum();
            assert!((length - 1.0).abs() < 1e-5, "{length}");
        }
        assert_eq!(encoder.tokens(&long).unwrap().len(), encoder.max_tokens());
        assert!(encoder.encode::<&str>(&[]).unwrap().numbers.is_empty());
    }
}

/// Reading the beginning of a text alone must not show in the tokens.
#[test]
fn tokens_of_a_long_text_are_those_of_the_whole_text() {
    for (name, _) in MODELS {
        let path = golden(name).join("tokenizer.json");
        let mut whole = tokenizers::Tokenizer::from_file(path).unwrap();
        whole.with_padding(None).with_truncation(None).unwrap();
        let text = "Мост через реку, boats 3,5 % 地震 ".repeat(500);
        let all = whole.encode(text.as_str(), false).unwrap();
        for max_tokens in [3, 10, 23, 24] {
            let settings = Settings { max_tokens: Some(max_tokens), ..Settings::default() };
            let found = open(&golden(name), &settings).unwrap().tokens(&text).unwrap();
            assert_eq!(found.len(), max_tokens);
            assert_eq!(found[1..max_tokens - 1], all.get_ids()[..max_tokens - 2]);
        }
    }
}

#[test]
fn fewer_dimensions_are_the_first_ones_normalised() {
    let texts = texts();
    let whole = open(&golden("gte"), &Settings::default()).unwrap().encode(&texts).unwrap();
    let settings = Settings { dimensions: Some(8), ..Settings::default() };
    let encoder = open(&golden("gte"), &settings).unwrap();
    assert_eq!(encoder.width(), 8);
    let expected: Vec<Vec<f32>> = whole
        .rows()
        .map(|it| {
            let length = it[..8].iter().map(|it| it * it).sum::<f32>().sqrt();
            it[..8].iter().map(|it| it / length).collect()
        })
        .collect();
    let found = encoder.encode(&texts).unwrap();
    assert!(worst(&found, expected.iter().map(Vec::as_slice)) < 1e-6);
    for dimensions in [0, 33] {
        let settings = Settings { dimensions: Some(dimensions), ..Settings::default() };
        let error = open(&golden("gte"), &settings).unwrap_err();
        assert_eq!(error.hint().unwrap(), "valid are 1 to 32");
    }
}

#[test]
fn fingerprints_tell_files_and_settings_apart() {
    let of = |dir: &Path, settings: &Settings| fingerprint(dir, settings).unwrap();
    let plain = of(&golden("gte"), &Settings::default());
    assert_eq!(plain, of(&golden("gte"), &of_batch(99)));
    let shorter = Settings { max_tokens: Some(9), ..Settings::default() };
    let narrower = Settings { dimensions: Some(9), ..Settings::default() };
    let dir = tempfile::tempdir().unwrap();
    copy(&golden("gte"), dir.path());
    assert_eq!(plain, of(dir.path(), &Settings::default()));
    fs_err::write(dir.path().join("modules.json"), "[]").unwrap();
    let others = [
        of(&golden("gte"), &shorter),
        of(&golden("gte"), &narrower),
        of(&golden("bert"), &Settings::default()),
        of(dir.path(), &Settings::default()),
    ];
    assert!(!others.contains(&plain));
}

#[test]
fn what_is_unsupported_is_named() {
    let refused = |model: &str, change: Value, place: &str| {
        let dir = changed(model, "config.json", change);
        let error = open(dir.path(), &Settings::default()).unwrap_err();
        assert!(error.to_string().contains(place), "{error}");
        assert!(error.hint().is_some(), "{error}");
    };
    refused("bert", json!({"model_type": "mpnet"}), "`mpnet`");
    refused("bert", json!({"model_type": null}), "`none`");
    refused("bert", json!({"hidden_act": "relu"}), "`relu`");
    refused(
        "bert",
        json!({"architectures": ["BertForSequenceClassification"]}),
        "yields no vectors",
    );
    refused("bert", json!({"position_embedding_type": "relative_key"}), "`relative_key`");
    refused("bert", json!({"is_decoder": true}), "`is_decoder`");
    refused("bert", json!({"quantization_config": {"quant_method": "gptq"}}), "`gptq`");
    refused("bert", json!({"num_attention_heads": 5}), "does not divide");
    refused("bert", json!({"hidden_size": 0}), "`hidden_size`");
    refused("bert", json!({"intermediate_size": 64}), "`config.json` asks for [64, 32]");
    refused("bert", json!({"num_hidden_layers": 3}), "lacks 1 of the model's tensors");
    refused("bert", json!({"vocab_size": 7}), "token id");
    refused("bert", json!({"max_position_embeddings": 2}), "leaves 2 tokens");
    refused("gte", json!({"rope_scaling": {"type": "yarn", "factor": 2}}), "`yarn`");
    refused("gte", json!({"rope_scaling": {"type": "ntk"}}), "`factor`");
    refused("gte", json!({"rope_scaling": {"type": "ntk", "factor": 0.1}}), "stretched");
    refused("gte", json!({"logn_attention_scale": true}), "`logn_attention_scale`");
    refused("gte", json!({"layer_norm_type": "rms_norm"}), "`rms_norm`");
    refused("xlm-roberta", json!({"pad_token_id": 40}), "leaves 0 tokens");
}

#[test]
fn missing_and_foreign_files_are_named() {
    for (name, place) in [
        ("config.json", "`does not exist"),
        ("tokenizer.json", "does not exist"),
        ("model.safetensors", "has neither"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        copy(&golden("bert"), dir.path());
        fs_err::remove_file(dir.path().join(name)).unwrap();
        let error = open(dir.path(), &Settings::default()).unwrap_err();
        assert!(error.to_string().contains(place.trim_start_matches('`')), "{error}");
        assert!(error.hint().is_some(), "{error}");
        fs_err::write(dir.path().join(name), "{").unwrap();
        let error = open(dir.path(), &Settings::default()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    // Without special tokens the first token of a text would be its first word.
    let dir = changed("bert", "tokenizer.json", json!({"post_processor": null}));
    let error = open(dir.path(), &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("adds no token at the beginning"), "{error}");
    for (max_tokens, place) in [(2, "too few"), (41, "positions for 40")] {
        let settings = Settings { max_tokens: Some(max_tokens), ..Settings::default() };
        let error = open(&golden("bert"), &settings).unwrap_err();
        assert!(error.to_string().contains(place), "{error}");
    }
}

/// The real all-MiniLM-L6-v2, whose directory `CROSSIC_MINILM` names; without it nothing is known to compare.
#[test]
fn minilm_is_the_published_one() {
    let path = golden("minilm.json");
    let all = json_of(&path);
    let texts: Vec<String> =
        all.as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap().to_owned()).collect();
    let expected = expected(&path);
    // What sentence-transformers is known to say of the first text, from its users' tests.
    let published = [0.067_656_93, 0.063_495_93, 0.048_713_14, 0.079_304_95, 0.037_448_06];
    for (found, published) in expected[0].1.iter().zip(published) {
        assert!((found - published).abs() < 1e-6);
    }
    let Some(dir) = std::env::var_os("CROSSIC_MINILM") else { return };
    let encoder = open(Path::new(&dir), &Settings::default()).unwrap();
    assert_eq!((encoder.width(), encoder.max_tokens()), (384, 256));
    holds(&encoder, &texts, &expected);
    let found = encoder.encode(&texts).unwrap();
    let mut bytes = Vec::new();
    assert_eq!(Scale::of_width(384).quantise(&found.numbers, &mut bytes), 0);
}

/// Copies the files of a directory, and those one folder below.
fn copy(from: &Path, to: &Path) {
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs_err::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else {
            fs_err::copy(&path, &target).unwrap();
        }
    }
}

/// Returns a copy of a golden model with fields of a file changed.
fn changed(model: &str, file: &str, change: Value) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&golden(model), dir.path());
    let path = dir.path().join(file);
    let mut all = json_of(&path);
    for (key, value) in change.as_object().unwrap() {
        all[key] = value.clone();
    }
    fs_err::write(&path, all.to_string()).unwrap();
    dir
}
