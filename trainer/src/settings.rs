//! The `[train]` table of a pipeline file: how a model is trained.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a model is trained; every key with its default (method, §8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Settings {
    /// Directory of the base model in the Hugging Face layout; `config.json` is enough for `init = "random"`.
    pub model: PathBuf,
    /// Where the weights come from: the directory, or a seeded draw.
    pub init: Init,
    /// Run directory: checkpoints, metrics, the adapter.
    pub dir: PathBuf,
    /// Name of the sink whose corpus is learned; may be left out where the file has one sink.
    pub corpus: Option<String>,
    /// What is trained: low-rank adapters, or every weight.
    pub method: Method,
    /// Rank of the adapters.
    pub rank: usize,
    /// Numerator of the adapters' scale `alpha / rank`.
    pub alpha: f64,
    /// Share of an adapter's inputs that is zeroed in training.
    pub dropout: f64,
    /// Linear layers that get an adapter, by the last part of their name.
    pub targets: Vec<String>,
    /// How rows become windows.
    pub sampler: Sampler,
    /// N: tokens of a window at most; the corpus's own N where it is left out.
    pub tokens: Option<usize>,
    /// Whether tokens of a window see the segments before their own.
    pub attention: Attention,
    /// Which tokens are learned.
    pub loss_on: LossOn,
    /// Whether the closing [SPLIT] of a segment is learned.
    pub split_loss: bool,
    /// Whether rows are shuffled before they are packed.
    pub shuffle: bool,
    /// Windows of an optimizer step; see `batch-tokens`.
    pub batch_windows: usize,
    /// Tokens of an optimizer step at least, instead of a number of windows.
    pub batch_tokens: Option<usize>,
    /// Windows that go through the model at once.
    pub micro_windows: usize,
    /// Passes over the corpus.
    pub epochs: u32,
    /// Steps at most, whatever `epochs` says.
    pub max_steps: Option<u64>,
    /// Highest learning rate. Not stated by the paper.
    pub learning_rate: f64,
    /// Share of all steps in which the learning rate rises from 0.
    pub warmup_ratio: f64,
    /// How the learning rate falls afterwards.
    pub schedule: Schedule,
    /// AdamW's decay of the first moment.
    pub beta1: f64,
    /// AdamW's decay of the second moment.
    pub beta2: f64,
    /// AdamW's term against division by zero.
    pub epsilon: f64,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// Highest norm of all gradients together; 0 for no limit.
    pub clip: f64,
    /// Seed of shuffling, dropout and random weights.
    pub seed: u64,
    /// Share of the pairs that is held back for validation.
    pub validation: f64,
    /// Seed of that choice.
    pub validation_seed: u64,
    /// Steps between validations; 0 for one at the end only.
    pub validate_every: u64,
    /// Windows of a validation at most.
    pub validation_windows: usize,
    /// Steps between checkpoints; 0 for one at the end only.
    pub checkpoint_every: u64,
    /// Checkpoints that are kept, the best one not counted.
    pub keep_checkpoints: usize,
    /// Which checkpoint becomes the adapter.
    pub choose: Choose,
    /// Validations without a lower loss after which training ends; 0 for never.
    pub patience: u32,
    /// Numbers of the activations and of the frozen weights; 16 bits on a GPU and 32 on a CPU where it is left out.
    pub precision: Option<Precision>,
    /// Blocks whose activations are computed again in the backward pass.
    pub recompute: Recompute,
    /// Queries of an attention chunk.
    pub attention_chunk: usize,
    /// Tokens of a chunk of the loss.
    pub loss_chunk: usize,
    /// Number format of the exported adapter.
    pub export_precision: Precision,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            model: PathBuf::new(),
            init: Init::Pretrained,
            dir: PathBuf::new(),
            corpus: None,
            method: Method::Lora,
            rank: 64,
            alpha: 128.0,
            dropout: 0.05,
            targets: LINEARS.iter().map(|it| (*it).to_owned()).collect(),
            sampler: Sampler::SplitAligned,
            tokens: None,
            attention: Attention::Causal,
            loss_on: LossOn::All,
            split_loss: true,
            shuffle: true,
            batch_windows: 128,
            batch_tokens: None,
            micro_windows: 1,
            epochs: 1,
            max_steps: None,
            learning_rate: 1e-4,
            warmup_ratio: 0.05,
            schedule: Schedule::Cosine,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip: 1.0,
            seed: 32,
            validation: 0.001,
            validation_seed: 32,
            validate_every: 100,
            validation_windows: 256,
            checkpoint_every: 100,
            keep_checkpoints: 2,
            choose: Choose::Last,
            patience: 0,
            precision: None,
            recompute: Recompute::Auto,
            attention_chunk: 512,
            loss_chunk: 1024,
            export_precision: Precision::F32,
        }
    }
}

/// The linear layers of a block, in the order of Hugging Face.
pub const LINEARS: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Returns the value as a pipeline file writes it.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

choice! {
    /// Where the weights of the base model come from.
    Init {
        /// The safetensors files beside `config.json`.
        Pretrained = "pretrained",
        /// A normal draw with deviation 0.02, for experiments from scratch.
        Random = "random",
    }
}
choice! {
    /// What is trained.
    Method {
        /// Low-rank adapters beside frozen weights.
        Lora = "lora",
        /// Every weight.
        Full = "full",
    }
}
choice! {
    /// How rows become windows (method, §3).
    Sampler {
        /// The next segments that fit whole: the paper's.
        SplitAligned = "split-aligned",
        /// Whole segments, each into the fullest window of a bounded buffer that it fits.
        BestFit = "best-fit",
        /// The stream of tokens cut every N: the ablation, and the only one for documents.
        ConcatChop = "concat-chop",
    }
}
choice! {
    /// What a token may attend to.
    Attention {
        /// Every token before it in the window.
        Causal = "causal",
        /// Tokens before it of its own segment; positions start anew with each.
        Segment = "segment",
    }
}
choice! {
    /// Which tokens are learned.
    LossOn {
        /// All.
        All = "all",
        /// Those of the target language.
        Target = "target",
        /// Those of English.
        English = "english",
    }
}
choice! {
    /// How the learning rate falls after warm-up.
    Schedule {
        /// Half a cosine, to 0.
        Cosine = "cosine",
        /// A straight line, to 0.
        Linear = "linear",
        /// Not at all.
        Constant = "constant",
    }
}
choice! {
    /// Which checkpoint becomes the adapter.
    Choose {
        /// The last one: the paper's choice for 7 and 8 billion parameters.
        Last = "last",
        /// The one with the lowest validation loss.
        Best = "best",
    }
}
choice! {
    /// Number formats.
    Precision {
        /// 32 bits.
        F32 = "f32",
        /// bfloat16.
        Bf16 = "bf16",
    }
}
choice! {
    /// Blocks whose activations are computed again in the backward pass.
    Recompute {
        /// As many as memory asks for.
        Auto = "auto",
        /// No block: fastest.
        None = "none",
        /// Every block: least memory.
        All = "all",
    }
}
