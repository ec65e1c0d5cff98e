//! Tiny models on disk, for the tests of reading and writing.

use std::{collections::BTreeMap, path::Path};

use crossic_trainer::{
    error::{Error, Result},
    settings::Init,
    weights::{
        config::ModelConfig,
        files::SINGLE,
        header, names,
        source::Weights,
        tensor::{Dtype, RawTensor},
        write::{self, Listed},
    },
};
use serde_json::{Value, json};

/// Returns the configuration of a tiny Llama.
pub(crate) fn llama() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 40, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
        "tie_word_embeddings": false, "bos_token_id": 1, "eos_token_id": [2, 3],
        "max_position_embeddings": 128,
    })
}

/// Returns the configuration of a tiny Qwen2, its head tied.
pub(crate) fn qwen2() -> Value {
    let mut config = llama();
    set(&mut config, "architectures", json!(["Qwen2ForCausalLM"]));
    set(&mut config, "model_type", json!("qwen2"));
    set(&mut config, "tie_word_embeddings", json!(true));
    config
}

/// Sets a key of a table.
pub(crate) fn set(table: &mut Value, key: &str, value: Value) {
    table.as_object_mut().unwrap().insert(key.to_owned(), value);
}

/// Reads a configuration as if it lay in `config.json`.
pub(crate) fn parse(config: &Value) -> Result<ModelConfig> {
    ModelConfig::parse(Path::new("config.json"), config.to_string().as_bytes())
}

/// Writes a random model; files hold at most `max_bytes` of numbers.
pub(crate) fn model(dir: &Path, config: &Value, dtype: Dtype, max_bytes: u64) -> ModelConfig {
    fs_err::create_dir_all(dir).unwrap();
    fs_err::write(dir.join("config.json"), config.to_string()).unwrap();
    let config = ModelConfig::read(dir).unwrap();
    let weights = Weights::open(dir, &config, Init::Random, 7).unwrap();
    let listed: Vec<Listed> = names::expected(&config)
        .into_iter()
        .map(|it| Listed { name: it.name, dtype, shape: it.shape })
        .collect();
    write::write_model(dir, &listed, max_bytes, &mut |it| {
        Ok(weights.tensor(&it.name)?.cast(dtype))
    })
    .unwrap();
    config
}

/// Writes the single file of a model again with other tensors.
pub(crate) fn rewrite(dir: &Path, change: impl FnOnce(&mut BTreeMap<String, RawTensor>)) {
    let path = dir.join(SINGLE);
    let file = fs_err::File::open(&path).unwrap();
    let mut tensors = BTreeMap::new();
    for (name, entry) in header::read(&file).unwrap().tensors {
        let tensor = header::read_tensor(&file, &name, &entry, usize::MAX).unwrap();
        tensors.insert(name, tensor);
    }
    change(&mut tensors);
    let listed: Vec<Listed> = tensors
        .iter()
        .map(|(name, it)| Listed { name: name.clone(), dtype: it.dtype, shape: it.shape.clone() })
        .collect();
    write::write_file(&path, &BTreeMap::new(), &listed, &mut |it| Ok(tensors[&it.name].clone()))
        .unwrap();
}

/// Returns what an error says, hint included.
pub(crate) fn said<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error: Error = result.unwrap_err();
    match error.hint() {
        Some(hint) => format!("{error}; hint: {hint}"),
        None => error.to_string(),
    }
}

/// Asserts that a text holds all of some parts.
#[track_caller]
pub(crate) fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}
