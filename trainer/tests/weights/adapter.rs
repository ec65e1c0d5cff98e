//! Adapters on disk, and merged into their base.

use std::{collections::BTreeMap, path::Path};

use crossic_operators::record::Digest;
use crossic_trainer::{
    adapter::{
        merge,
        peft::{self, Adapter, Base, EMBEDDING_ROW, HEAD_ROW, Matrix, TrainedToken},
    },
    settings::{Init, Precision},
    weights::{
        config::ModelConfig,
        files::{SINGLE, WeightFiles},
        names, random,
        source::Weights,
        tensor::{Dtype, RawTensor},
    },
};
use half::bf16;
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::fixture::{holds, llama, model, qwen2, said, set};

/// Returns an adapter of rank 2 with random values, on the given layers.
fn adapter(config: &ModelConfig, digest: Digest, targets: &[&str], token: Option<u32>) -> Adapter {
    let targets: Vec<String> = targets.iter().map(|it| (*it).to_owned()).collect();
    let tensors = peft::expected(config, 2, &targets, token.is_some())
        .into_iter()
        .map(|(name, shape)| {
            let values = random::normal(9, &name, shape[0] * shape[1], 0.5);
            (name, Matrix { shape, values })
        })
        .collect();
    Adapter {
        rank: 2,
        alpha: 3.0,
        dropout: 0.05,
        targets,
        closing: token.map(|id| TrainedToken { id, text: "[SPLIT]".to_owned() }),
        base: Base { name: "models/tiny".to_owned(), digest: Some(digest), seed: None },
        tensors,
    }
}

const ALL: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

fn base(dir: &Path, config: &Value, dtype: Dtype) -> (ModelConfig, Weights, Digest) {
    let config = model(dir, config, dtype, 1 << 30);
    let weights = Weights::open(dir, &config, Init::Pretrained, 0).unwrap();
    let digest = weights.digest(&config).unwrap();
    (config, weights, digest)
}

#[test]
fn an_adapter_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    for config in [llama(), qwen2()] {
        let (config, _, digest) = base(dir.path(), &config, Dtype::F32);
        for (targets, token) in [(&ALL[..], None), (&["q_proj", "v_proj"], Some(40))] {
            let whole = adapter(&config, digest, targets, token);
            whole.write(dir.path(), Precision::F32).unwrap();
            let read = Adapter::read(dir.path()).unwrap();
            assert_eq!(read, whole);
            read.check(&config, "models/tiny", digest).unwrap();

            whole.write(dir.path(), Precision::Bf16).unwrap();
            for (name, matrix) in Adapter::read(dir.path()).unwrap().tensors {
                let rounded = whole.tensors[&name].values.iter().map(|it| bf16::from_f32(*it));
                assert_eq!(matrix.values, rounded.map(bf16::to_f32).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn the_layout_is_that_of_peft() {
    let dir = tempfile::tempdir().unwrap();
    let (config, _, digest) = base(dir.path(), &llama(), Dtype::F32);
    adapter(&config, digest, &["k_proj"], Some(40)).write(dir.path(), Precision::F32).unwrap();
    let bytes = fs_err::read(dir.path().join(peft::TENSORS)).unwrap();
    let tensors: BTreeMap<String, Vec<usize>> = SafeTensors::deserialize(&bytes)
        .unwrap()
        .iter()
        .map(|(name, view)| (name.to_owned(), view.shape().to_vec()))
        .collect();
    // Hidden 16, two key-value heads of 4: what peft 0.21 writes for such a model.
    let layer = "base_model.model.model.layers";
    let expected = BTreeMap::from([
        (format!("{layer}.0.self_attn.k_proj.lora_A.weight"), vec![2, 16]),
        (format!("{layer}.0.self_attn.k_proj.lora_B.weight"), vec![8, 2]),
        (format!("{layer}.1.self_attn.k_proj.lora_A.weight"), vec![2, 16]),
        (format!("{layer}.1.self_attn.k_proj.lora_B.weight"), vec![8, 2]),
        ("base_model.model.lm_head.token_adapter.trainable_tokens_delta".to_owned(), vec![1, 16]),
        (
            "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta".to_owned(),
            vec![1, 16],
        ),
    ]);
    assert_eq!(tensors, expected);
    let config: Value =
        serde_json::from_slice(&fs_err::read(dir.path().join(peft::CONFIG)).unwrap()).unwrap();
    for (key, value) in [
        ("peft_type", json!("LORA")),
        ("task_type", json!("CAUSAL_LM")),
        ("r", json!(2)),
        ("lora_alpha", json!(3)),
        ("lora_dropout", json!(0.05)),
        ("target_modules", json!(["k_proj"])),
        ("bias", json!("none")),
        ("base_model_name_or_path", json!("models/tiny")),
        ("trainable_token_indices", json!({"embed_tokens": [40], "lm_head": [40]})),
    ] {
        assert_eq!(config[key], value, "{key}");
    }
}

#[test]
fn an_adapter_of_another_base_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (config, _, digest) = base(dir.path(), &llama(), Dtype::F32);
    let whole = adapter(&config, digest, &ALL, None);
    let other = Digest::of(b"other");
    let error = said(whole.check(&config, "models/other", other));
    holds(&error, &["trained beside `models/tiny`", &digest.to_string()]);
    holds(&error, &["not beside `models/other`", &other.to_string(), "use the model that"]);

    // Without a digest, as another tool writes it, names and shapes tell.
    let mut foreign = whole.clone();
    foreign.base.digest = None;
    foreign.check(&config, "models/other", other).unwrap();
    let mut larger = config.clone();
    larger.n_layers = 3;
    let error = said(foreign.check(&larger, "models/other", other));
    holds(&error, &["lacks tensor `model.layers.2.self_attn.q_proj.lora_A.weight`"]);
    larger.n_layers = 1;
    let error = said(foreign.check(&larger, "models/other", other));
    holds(&error, &["`model.layers.1.", "no part of an adapter"]);
    let mut wider = config.clone();
    wider.hidden_size = 32;
    let error = said(foreign.check(&wider, "models/other", other));
    holds(&error, &["q_proj.lora_A.weight` with shape [2, 16]", "rank 2 beside", "[2, 32]"]);
    let mut ranked = whole.clone();
    ranked.rank = 4;
    holds(&said(ranked.check(&config, "a", digest)), &["shape [2, 16]", "rank 4", "[4, 16]"]);
    let far = adapter(&config, digest, &["q_proj"], Some(41));
    holds(&said(far.check(&config, "a", digest)), &["token id 41", "has 40 rows"]);
}

#[test]
fn adapters_that_compute_something_else_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (config, _, digest) = base(dir.path(), &llama(), Dtype::F32);
    let whole = adapter(&config, digest, &["q_proj"], None);
    whole.write(dir.path(), Precision::F32).unwrap();
    let path = dir.path().join(peft::CONFIG);
    let plain: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    for (key, value, expected) in [
        ("peft_type", json!("IA3"), "an adapter of type `IA3`"),
        ("bias", json!("all"), "`bias` = \"all\""),
        ("use_dora", json!(true), "`use_dora`, which is unsupported"),
        ("use_rslora", json!(true), "`use_rslora`"),
        ("modules_to_save", json!(["lm_head"]), "`modules_to_save`"),
        ("rank_pattern", json!({"q_proj": 4}), "`rank_pattern`"),
        ("target_modules", json!(["lm_head"]), "names \"lm_head\" in `target_modules`"),
        ("target_modules", json!("all-linear"), "has \"all-linear\" for `target_modules`"),
        ("r", json!(0), "has no rank `r`"),
        ("lora_alpha", Value::Null, "lacks the number `lora_alpha`"),
        ("trainable_token_indices", json!([1, 2]), "trains several tokens"),
    ] {
        let mut changed = plain.clone();
        set(&mut changed, key, value);
        fs_err::write(&path, changed.to_string()).unwrap();
        holds(&said(Adapter::read(dir.path())), &["adapter_config.json", expected]);
    }
    fs_err::write(&path, "{").unwrap();
    holds(&said(Adapter::read(dir.path())), &["adapter_config.json` is no JSON object"]);

    let mut sick = whole.clone();
    sick.tensors.first_entry().unwrap().get_mut().values[3] = f32::NAN;
    sick.write(dir.path(), Precision::F32).unwrap();
    holds(&said(Adapter::read(dir.path())), &["not a number", "layers.0.self_attn.q_proj.lora_A"]);
    let tensors = dir.path().join(peft::TENSORS);
    let bytes = fs_err::read(&tensors).unwrap();
    fs_err::write(&tensors, &bytes[..bytes.len() - 7]).unwrap();
    holds(&said(Adapter::read(dir.path())), &["adapter_model.safetensors` is cut off"]);
}

/// Computes W + alpha/rank · B·A with plain loops in 64 bits.
fn oracle(weight: &RawTensor, a: &Matrix, b: &Matrix, scale: f64) -> Vec<f64> {
    let [rank, n_in] = a.shape;
    let values = weight.to_f32();
    let mut all = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let (row, column) = (index / n_in, index % n_in);
        let product: f64 = (0..rank)
            .map(|k| f64::from(b.values[row * rank + k]) * f64::from(a.values[k * n_in + column]))
            .sum();
        all.push(f64::from(*value) + scale * product);
    }
    all
}

#[test]
fn merged_weights_are_the_sum() {
    for (config, token, dtype) in [
        (llama(), None, Dtype::F32),
        (llama(), Some(40), Dtype::Bf16),
        (qwen2(), Some(40), Dtype::F16),
        (qwen2(), Some(17), Dtype::F32),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (config, weights, digest) = base(dir.path(), &config, dtype);
        let targets: &[&str] = if token.is_none() { &["v_proj", "down_proj"] } else { &ALL };
        let adapter = adapter(&config, digest, targets, token);
        let out = dir.path().join("merged");
        fs_err::create_dir(&out).unwrap();
        merge::write_model(&config, &weights, &adapter, "a", &out).unwrap();

        let merged = ModelConfig::read(&out).unwrap();
        let n_rows = if token == Some(40) { 41 } else { 40 };
        assert_eq!(merged.vocab_size, n_rows);
        let mut raw = config.raw.clone();
        raw.insert("vocab_size".to_owned(), json!(n_rows));
        assert_eq!(merged.raw, raw);
        let files = WeightFiles::open(&out, &merged).unwrap();
        let mut n_changed = 0;
        for name in names::expected(&config).into_iter().map(|it| it.name) {
            let (before, after) = (weights.tensor(&name).unwrap(), files.tensor(&name).unwrap());
            assert_eq!(after.dtype, dtype);
            let module = name.trim_end_matches(".weight");
            let row = match name.as_str() {
                names::EMBEDDING => adapter.tensors.get(EMBEDDING_ROW),
                names::HEAD => adapter.tensors.get(HEAD_ROW),
                _ => None,
            };
            let a = adapter.tensors.get(&format!("{module}.lora_A.weight"));
            if let Some((row, token)) = row.zip(token) {
                n_changed += 1;
                let mut expected = before.to_f32();
                expected.resize(n_rows * config.hidden_size, 0.0);
                let start = token as usize * config.hidden_size;
                expected[start..start + config.hidden_size].copy_from_slice(&row.values);
                assert_eq!(after, RawTensor::from_f32(dtype, after.shape.clone(), &expected));
            } else if let Some(a) = a {
                n_changed += 1;
                let b = &adapter.tensors[&format!("{module}.lora_B.weight")];
                // Half a unit in the last place of the format, and a little for sums in 32 bits.
                let unit = match dtype {
                    Dtype::F32 => 1e-6,
                    Dtype::F16 => 1.0 / 2048.0,
                    Dtype::Bf16 => 1.0 / 256.0,
                };
                for (got, sum) in after.to_f32().iter().zip(oracle(&before, a, b, 1.5)) {
                    let off = (f64::from(*got) - sum).abs();
                    assert!(off <= sum.abs() * unit + 1e-6, "{name}: {got} for {sum}");
                }
            } else {
                assert_eq!(before, after, "{name}");
            }
        }
        let tables = if token.is_none() { 0 } else { 2 - usize::from(config.tied) };
        assert_eq!(n_changed, 2 * targets.len() + tables);
    }
}

#[test]
fn a_merge_beside_another_base_or_out_of_range_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (config, weights, digest) = base(dir.path(), &llama(), Dtype::F16);
    let out = dir.path().join("merged");
    fs_err::create_dir(&out).unwrap();
    let other = adapter(&config, Digest::of(b"other"), &ALL, None);
    let error = said(merge::write_model(&config, &weights, &other, "models/b", &out));
    holds(&error, &["trained beside `models/tiny`", "not beside `models/b`"]);

    let mut huge = adapter(&config, digest, &["q_proj"], None);
    huge.alpha = 1e9;
    let error = said(merge::write_model(&config, &weights, &huge, "models/b", &out));
    holds(&error, &["q_proj.weight` does not fit into F16", "convert the base model"]);
    assert!(!out.join(SINGLE).exists());
}
