//! `config.json`: what is read, and what is refused by name.

use std::path::Path;

use crossic_trainer::weights::config::{Architecture, Llama3Scaling, ModelConfig, Rope};
use serde_json::{Value, json};

use crate::fixture::{holds, llama, parse, qwen2, said, set};

/// The directory with the models that transformers wrote.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

fn llama3() -> Value {
    json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    })
}

#[test]
fn old_and_new_keys_of_rotary_embeddings_say_the_same() {
    let mut old = llama();
    set(&mut old, "rope_scaling", llama3());
    let expected = Rope {
        theta: 500_000.0,
        scaling: Some(Llama3Scaling {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 8192,
        }),
    };
    assert_eq!(parse(&old).unwrap().rope, expected);

    let mut new = llama();
    let mut parameters = llama3();
    set(&mut parameters, "rope_theta", json!(500_000));
    set(&mut new, "rope_parameters", parameters);
    set(&mut new, "rope_theta", Value::Null);
    assert_eq!(parse(&new).unwrap().rope, expected);

    let mut plain = llama();
    plain.as_object_mut().unwrap().remove("rope_theta");
    set(&mut plain, "rope_scaling", json!({"type": "default"}));
    assert_eq!(parse(&plain).unwrap().rope, Rope { theta: 10_000.0, scaling: None });
}

#[test]
fn families_differ_in_biases_and_ids_may_be_lists() {
    let config = parse(&llama()).unwrap();
    assert_eq!(
        (config.architecture, config.qkv_bias, config.tied),
        (Architecture::Llama, false, false)
    );
    assert_eq!((config.head_dim, config.n_kv_heads, config.vocab_size), (4, 2, 40));
    assert_eq!((config.bos_id, config.eos_ids.as_slice()), (Some(1), &[2, 3][..]));
    assert_eq!(config.raw, *llama().as_object().unwrap());

    let mut qwen2 = qwen2();
    set(&mut qwen2, "eos_token_id", json!(5));
    set(&mut qwen2, "bos_token_id", Value::Null);
    set(&mut qwen2, "use_sliding_window", json!(false));
    set(&mut qwen2, "sliding_window", json!(4096));
    set(&mut qwen2, "layer_types", json!(["full_attention", "full_attention"]));
    set(&mut qwen2, "head_dim", json!(6));
    let config = parse(&qwen2).unwrap();
    assert_eq!(
        (config.architecture, config.qkv_bias, config.tied),
        (Architecture::Qwen2, true, true)
    );
    assert_eq!((config.bos_id, config.eos_ids.as_slice(), config.head_dim), (None, &[5][..], 6));
}

#[test]
fn what_is_unsupported_is_named() {
    let cases = [
        ("architectures", json!(["MistralForCausalLM"]), "architecture `MistralForCausalLM`"),
        ("model_type", json!("mistral"), "type `mistral`"),
        (
            "architectures",
            json!(["LlamaForSequenceClassification"]),
            "`LlamaForSequenceClassification`",
        ),
        ("hidden_act", json!("gelu"), "the activation `gelu`"),
        ("attention_bias", json!(true), "`attention_bias` = true"),
        ("mlp_bias", json!(true), "`mlp_bias` = true"),
        ("quantization_config", json!({"quant_method": "gptq"}), "quantised weights (`gptq`)"),
        (
            "rope_scaling",
            json!({"type": "yarn", "factor": 4.0}),
            "rotary embeddings of type `yarn`",
        ),
        ("rope_parameters", json!({"rope_type": "linear"}), "rotary embeddings of type `linear`"),
        (
            "layer_types",
            json!(["full_attention", "sliding_attention"]),
            "layers of type \"sliding_attention\"",
        ),
    ];
    for (key, value, expected) in cases {
        let mut config = llama();
        set(&mut config, key, value);
        let error = said(parse(&config));
        holds(&error, &["`config.json` asks for", expected, "is unsupported"]);
        holds(&error, &["supported are LlamaForCausalLM", "Qwen2ForCausalLM", "default or llama3"]);
    }
    let mut config = qwen2();
    set(&mut config, "use_sliding_window", json!(true));
    holds(&said(parse(&config)), &["`use_sliding_window` = true, which is unsupported"]);
}

#[test]
fn numbers_that_cannot_be_right_are_named() {
    let cases = [
        ("hidden_size", json!(0), "has 0 for `hidden_size`"),
        ("hidden_size", json!(18), "`hidden_size` 18 and 4 attention heads, which does not divide"),
        ("num_hidden_layers", json!(-1), "has -1 for `num_hidden_layers`"),
        ("num_hidden_layers", json!(1e9), "has 1000000000.0 for `num_hidden_layers`"),
        ("vocab_size", Value::Null, "lacks `vocab_size`"),
        ("vocab_size", json!(u64::MAX), "`vocab_size`, which is a whole number from 1 to 16777216"),
        ("num_key_value_heads", json!(3), "4 attention heads and 3 key-value heads"),
        ("head_dim", json!(5), "makes heads 5 wide"),
        ("rms_norm_eps", json!("small"), "has \"small\" for `rms_norm_eps`"),
        ("rms_norm_eps", json!(2), "says `rms_norm_eps` 2"),
        ("rope_theta", json!(0.0), "says `rope_theta` 0"),
        ("tie_word_embeddings", json!("no"), "has \"no\" for `tie_word_embeddings`"),
        ("eos_token_id", json!([1, -2]), "has -2 for `eos_token_id`"),
        ("rope_scaling", json!([1]), "has [1] for `rope_scaling`"),
        ("rope_scaling", json!({"rope_type": "llama3"}), "without `factor`"),
    ];
    for (key, value, expected) in cases {
        let mut config = llama();
        set(&mut config, key, value);
        holds(&said(parse(&config)), &["config.json", expected]);
    }
    let mut config = llama();
    let mut scaling = llama3();
    set(&mut scaling, "low_freq_factor", json!(4.0));
    set(&mut config, "rope_scaling", scaling);
    holds(&said(parse(&config)), &["factor 8, low 4, high 4", "0 < low < high"]);
    holds(&said(ModelConfig::parse(Path::new("c"), b"[]")), &["`c` is no JSON object"]);
    let dir = tempfile::tempdir().unwrap();
    holds(
        &said(ModelConfig::read(dir.path())),
        &["config.json` does not exist", "Hugging Face layout"],
    );
}

#[test]
fn models_of_transformers_are_read() {
    use crossic_trainer::weights::{files::WeightFiles, names};
    for (name, architecture) in [("llama", Architecture::Llama), ("qwen2", Architecture::Qwen2)] {
        let dir = Path::new(GOLDEN).join(name);
        let config = ModelConfig::read(&dir).unwrap();
        assert_eq!(config.architecture, architecture);
        let files = WeightFiles::open(&dir, &config).unwrap();
        assert_eq!(files.extra(), Vec::<String>::new());
        for expected in names::expected(&config) {
            assert_eq!(files.finite(&expected.name).unwrap().shape, expected.shape);
        }
    }
}
