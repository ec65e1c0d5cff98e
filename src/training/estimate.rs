//! How long and how large a training will be, before it starts.

use crossic_trainer::settings::{Init, Method, Precision, Recompute, Sampler, Settings};
use serde::Serialize;

use super::model::Model;

/// Share of a window that the samplers fill, on article-like lengths (method, §3).
const FILL_SPLIT_ALIGNED: f64 = 0.8;
const FILL_BEST_FIT: f64 = 0.98;

/// Bytes of a trained weight: its f32 master, its gradient and AdamW's two moments.
const TRAINED_BYTES: u64 = 16;

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
pub fn estimate(settings: &Settings, model: &Model, tokens: u64) -> Estimate {
    let parameters = model.n_parameters();
    let trained = match settings.method {
        Method::Full => parameters,
        Method::Lora => model.n_adapter_parameters(settings.rank, &settings.targets),
    };
    let precision = settings.precision.unwrap_or(Precision::Bf16);
    let bytes = match precision {
        Precision::F32 => 4,
        Precision::Bf16 => 2,
    };
    let frozen = match settings.method {
        // Every weight is a master, and a copy in the precision of the activations beside it.
        Method::Full if precision == Precision::F32 => 0,
        Method::Full | Method::Lora => parameters * bytes,
    };
    let at_once = tokens * settings.micro_windows as u64;
    // Of a block with hand-written backward passes: the inputs of its linear layers and what the
    // norms, the activation and the attention need again.
    let block = at_once * (6 * model.hidden_size + 3 * model.intermediate_size) * bytes;
    let inputs = model.num_hidden_layers * at_once * model.hidden_size * bytes;
    let chunk = tokens.min(settings.attention_chunk as u64);
    let scores = 3 * 4 * model.num_attention_heads * chunk * at_once;
    let logits = 3 * 4 * at_once.min(settings.loss_chunk as u64) * model.vocab_size;
    let base = frozen + trained * TRAINED_BYTES + scores.max(logits);
    let least = base + inputs + block;
    let most = base + model.num_hidden_layers.max(1) * block;
    let memory = match settings.recompute {
        Recompute::All => (least, least),
        Recompute::None => (most, most),
        Recompute::Auto => (least, least.max(most)),
    };
    Estimate { parameters, trained, tokens, memory }
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

    fn llama() -> Model {
        serde_json::from_str(
            r#"{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
            "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_model_of_8_billion_needs_what_was_worked_out_for_it() {
        let settings = Settings { recompute: Recompute::All, ..Settings::default() };
        let all = estimate(&settings, &llama(), 4096).memory.0;
        // 16.1 GB of weights, 2.7 of adapters, 1.1 of block inputs, 1.6 of logits, one block.
        assert!((21e9..24e9).contains(&(all as f64)), "{all}");
        let none = Settings { recompute: Recompute::None, ..settings.clone() };
        let none = estimate(&none, &llama(), 4096).memory.0;
        // Some 18 GB of activations instead.
        assert!((37e9..40e9).contains(&(none as f64)), "{none}");
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
