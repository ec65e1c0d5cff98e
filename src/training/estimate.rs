//! How long and how large a training will be, before it starts.

use crossic_trainer::{
    adapter::peft,
    memory::Load,
    settings::{Init, Method, Precision, Recompute, Sampler, Settings},
    weights::{config::ModelConfig, names},
};
use serde::Serialize;

/// Share of a window that the samplers fill, on article-like lengths (method, §3).
const FILL_SPLIT_ALIGNED: f64 = 0.8;
const FILL_BEST_FIT: f64 = 0.98;

/// An estimate of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Weights of the model.
    pub parameters: u64,
    /// Weights that are trained.
    pub trained: u64,
    /// N of the windows.
    pub tokens: u64,
    /// Bytes, at least and at most: as `recompute` says, or from all blocks to none.
    pub memory: (u64, u64),
}

/// An estimate of the steps of a training over a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Steps {
    /// Tokens that are learned from in all epochs.
    pub tokens: u64,
    /// Windows of an epoch.
    pub windows: u64,
    /// Optimizer steps.
    pub steps: u64,
}

/// Returns what a training will need, on a GPU if the precision is left to the device; `tokens` is N of the windows.
pub fn estimate(settings: &Settings, config: &ModelConfig, tokens: u64) -> Estimate {
    let n_weights = names::n_weights(config);
    let n_trained = match settings.method {
        Method::Full => n_weights,
        Method::Lora => n_of_adapters(config, settings.rank, &settings.targets),
    };
    let load = Load {
        config,
        settings,
        precision: settings.precision.unwrap_or(Precision::Bf16),
        windows: settings.micro_windows,
        tokens: tokens as usize,
        n_trained,
    };
    let (least, most) = (load.total_bytes(0), load.total_bytes(config.n_layers));
    let memory = match settings.recompute {
        Recompute::All => (least, least),
        Recompute::None => (most, most),
        Recompute::Auto => (least, most),
    };
    Estimate { parameters: n_weights as u64, trained: n_trained as u64, tokens, memory }
}

/// Returns the number of weights of adapters on these layers.
fn n_of_adapters(config: &ModelConfig, rank: usize, targets: &[String]) -> usize {
    let matrices = peft::expected(config, rank, targets, false);
    matrices.iter().map(|(_, [rows, columns])| rows * columns).sum()
}

/// Returns how many steps a corpus of so many tokens will take, with windows of `tokens` tokens.
pub fn steps(settings: &Settings, corpus_tokens: u64, tokens: u64) -> Steps {
    let learned = corpus_tokens as f64 * (1.0 - settings.validation);
    let fill = match settings.sampler {
        Sampler::SplitAligned => FILL_SPLIT_ALIGNED,
        Sampler::BestFit => FILL_BEST_FIT,
        Sampler::ConcatChop => 1.0,
    };
    let windows = (learned / (fill * tokens.max(1) as f64)).ceil();
    let an_epoch = match settings.batch_tokens {
        Some(batch) => (learned / batch.max(1) as f64).ceil(),
        None => (windows / settings.batch_windows.max(1) as f64).ceil(),
    };
    let all = (an_epoch * f64::from(settings.epochs)) as u64;
    let steps = settings.max_steps.map_or(all, |most| most.min(all));
    let share = steps as f64 / (all.max(1) as f64);
    Steps {
        tokens: (learned * f64::from(settings.epochs) * share) as u64,
        windows: windows as u64,
        steps,
    }
}

/// Returns how the weights come to be, for people.
pub fn method_of(settings: &Settings) -> String {
    let from = match settings.init {
        Init::Pretrained => "",
        Init::Random => " from random weights",
    };
    match settings.method {
        Method::Full => format!("every weight{from}"),
        Method::Lora => {
            format!("adapters of rank {}, alpha {}{from}", settings.rank, settings.alpha)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> ModelConfig {
        ModelConfig::parse("config.json".as_ref(), json.as_bytes()).unwrap()
    }

    fn llama() -> ModelConfig {
        config(
            r#"{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
            "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256}"#,
        )
    }

    #[test]
    fn published_models_have_their_published_sizes() {
        let qwen = config(
            r#"{"model_type":"qwen2","hidden_size":1536,"intermediate_size":8960,"num_hidden_layers":28,
            "num_attention_heads":12,"num_key_value_heads":2,"vocab_size":151936,"tie_word_embeddings":true}"#,
        );
        let settings = Settings::default();
        let of = |config: &ModelConfig| {
            let it = estimate(&settings, config, 4096);
            (it.parameters, it.trained)
        };
        assert_eq!(of(&qwen), (1_543_714_304, 73_859_072));
        assert_eq!(of(&llama()), (8_030_261_248, 167_772_160));
    }

    #[test]
    fn a_model_of_8_billion_needs_what_was_worked_out_for_it() {
        let settings = Settings { recompute: Recompute::All, ..Settings::default() };
        let all = estimate(&settings, &llama(), 4096).memory.0;
        // 16.1 GB of weights, 0.7 of adapters, 2.7 of what their steps take, 1.1 of block inputs, and 3 to 6 for one
        // block and its scores.
        assert!((23.5e9..26.6e9).contains(&(all as f64)), "{all}");
        let none = Settings { recompute: Recompute::None, ..settings.clone() };
        let none = estimate(&none, &llama(), 4096).memory.0;
        // Of each of 32 blocks and 4,096 tokens, in 16 bits: queries, keys, values and what attention makes of them, the
        // stream between the halves, gate and up, and 448 numbers of adapters: 43,456 a token.
        let kept = 32 * 4096 * 43_456 * 2;
        assert!((kept..kept + kept / 50).contains(&(none - all)), "{none}");
        let auto = Settings { recompute: Recompute::Auto, ..settings };
        assert_eq!(estimate(&auto, &llama(), 4096).memory, (all, none));
    }

    #[test]
    fn steps_follow_the_sampler_the_batch_and_the_bounds() {
        let settings = Settings { validation: 0.0, ..Settings::default() };
        let corpus = 128 * 4096 * 10;
        let chop = Settings { sampler: Sampler::ConcatChop, ..settings.clone() };
        assert_eq!(steps(&chop, corpus, 4096), Steps { tokens: corpus, windows: 1280, steps: 10 });
        assert_eq!(steps(&settings, corpus, 4096).steps, 13);
        let bounded = Settings { epochs: 3, max_steps: Some(15), ..chop.clone() };
        assert_eq!(steps(&bounded, corpus, 4096).steps, 15);
        assert_eq!(steps(&bounded, corpus, 4096).tokens, corpus * 3 / 2);
        let by_tokens = Settings { batch_tokens: Some(4096), ..chop };
        assert_eq!(steps(&by_tokens, corpus, 4096).steps, 1280);
    }
}
