//! Names and shapes of a model's tensors, as Hugging Face has them.

use crate::weights::config::ModelConfig;

/// Name of the embedding.
pub const EMBEDDING: &str = "model.embed_tokens.weight";
/// Name of the norm after the last block.
pub const FINAL_NORM: &str = "model.norm.weight";
/// Name of the head; absent where the model is tied.
pub const HEAD: &str = "lm_head.weight";

/// A tensor that a model has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Hugging Face name.
    pub name: String,
    /// Length of every axis; a linear layer is [out, in].
    pub shape: Vec<usize>,
    /// What it is for, which decides how a random model begins.
    pub role: Role,
}

/// What a tensor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A linear layer or an embedding.
    Matrix,
    /// The weight of a norm.
    Norm,
    /// The bias of a linear layer.
    Bias,
}

/// Returns the name of a tensor of a block, e.g. `layer(0, "mlp.up_proj.weight")`.
pub fn layer(index: usize, rest: &str) -> String {
    format!("model.layers.{index}.{rest}")
}

/// Returns the module of a linear layer within its block, e.g. `self_attn.q_proj`; none for another name.
pub fn linear_module(target: &str) -> Option<&'static str> {
    Some(match target {
        "q_proj" => "self_attn.q_proj",
        "k_proj" => "self_attn.k_proj",
        "v_proj" => "self_attn.v_proj",
        "o_proj" => "self_attn.o_proj",
        "gate_proj" => "mlp.gate_proj",
        "up_proj" => "mlp.up_proj",
        "down_proj" => "mlp.down_proj",
        _ => return None,
    })
}

/// Returns (out, in) of a linear layer of a block by the last part of its name; none for another name.
pub fn linear_shape(config: &ModelConfig, target: &str) -> Option<(usize, usize)> {
    let hidden = config.hidden_size;
    let queries = config.n_heads * config.head_dim;
    let keys = config.n_kv_heads * config.head_dim;
    Some(match target {
        "q_proj" => (queries, hidden),
        "k_proj" | "v_proj" => (keys, hidden),
        "o_proj" => (hidden, queries),
        "gate_proj" | "up_proj" => (config.intermediate_size, hidden),
        "down_proj" => (hidden, config.intermediate_size),
        _ => return None,
    })
}

/// Returns every tensor of a model, in the order in which the model uses them.
pub fn expected(config: &ModelConfig) -> Vec<Expected> {
    let hidden = config.hidden_size;
    let mut all = vec![Expected {
        name: EMBEDDING.to_owned(),
        shape: vec![config.vocab_size, hidden],
        role: Role::Matrix,
    }];
    for index in 0..config.n_layers {
        let mut add = |rest: &str, shape: Vec<usize>, role: Role| {
            all.push(Expected { name: layer(index, rest), shape, role });
        };
        add("input_layernorm.weight", vec![hidden], Role::Norm);
        for target in crate::settings::LINEARS {
            let Some((module, (n_out, n_in))) =
                linear_module(target).zip(linear_shape(config, target))
            else {
                continue;
            };
            add(&format!("{module}.weight"), vec![n_out, n_in], Role::Matrix);
            if config.qkv_bias && matches!(target, "q_proj" | "k_proj" | "v_proj") {
                add(&format!("{module}.bias"), vec![n_out], Role::Bias);
            }
        }
        add("post_attention_layernorm.weight", vec![hidden], Role::Norm);
    }
    all.push(Expected { name: FINAL_NORM.to_owned(), shape: vec![hidden], role: Role::Norm });
    if !config.tied {
        all.push(Expected {
            name: HEAD.to_owned(),
            shape: vec![config.vocab_size, hidden],
            role: Role::Matrix,
        });
    }
    all
}

/// Returns the number of a model's weights.
pub fn n_weights(config: &ModelConfig) -> usize {
    expected(config).iter().map(|it| it.shape.iter().product::<usize>()).sum()
}

/// Returns whether a tensor that no model here needs may lie in a file all the same.
pub fn tolerated(config: &ModelConfig, name: &str) -> bool {
    // Old versions of transformers saved the rotary frequencies, and some tools save a tied head.
    name.ends_with("rotary_emb.inv_freq") || (config.tied && name == HEAD)
}
