//! The model card: `README.md` of an adapter or a merged model, as the Hugging Face Hub reads it.

use std::{fmt::Write, path::Path};

use crate::{
    data::corpus::{CorpusInfo, RowKind},
    settings::{Attention, Init, LossOn, Method, Precision, Settings},
};

/// File name of the card.
pub const FILE: &str = "README.md";

/// What a card tells.
#[derive(Clone, Debug)]
pub struct Card<'a> {
    /// How the model was trained.
    pub settings: &'a Settings,
    /// What it was trained on.
    pub corpus: &'a CorpusInfo,
    /// What lies beside the card.
    pub artifact: Artifact,
    /// Optimizer steps.
    pub n_steps: u64,
    /// Tokens that the loss counted.
    pub n_tokens: u64,
    /// Training loss of the last step.
    pub loss: Option<f64>,
    /// Validation losses, in nats a token, by what they were measured on.
    pub validation: Vec<(String, f64)>,
    /// Version of crossic.
    pub version: &'a str,
}

/// What a card lies beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// An adapter that needs its base.
    Adapter,
    /// A model of its own.
    Model,
}

/// Returns the card; equal inputs have equal cards.
pub fn card(card: &Card<'_>) -> String {
    let mut text = String::new();
    let parts: &[fn(&mut String, &Card<'_>) -> std::fmt::Result] =
        &[header, summary, training, result, load, rights];
    for part in parts {
        if part(&mut text, card).is_err() {
            unreachable!("writing to a string does not fail");
        }
    }
    text
}

/// Returns a directory's name as others may know it: `organisation/name`, or its last part, never a path of the machine.
pub fn public_name(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|it| it.to_string_lossy()).collect();
    match parts.as_slice() {
        [organisation, name] if path.is_relative() && !organisation.starts_with('.') => {
            format!("{organisation}/{name}")
        }
        [.., name] => name.clone().into_owned(),
        [] => String::new(),
    }
}

/// The metadata of the Hub (<https://huggingface.co/docs/hub/model-cards>).
fn header(text: &mut String, card: &Card<'_>) -> std::fmt::Result {
    let (library, relation) = match card.artifact {
        Artifact::Adapter => ("peft", "adapter"),
        Artifact::Model => ("transformers", "finetune"),
    };
    writeln!(text, "---")?;
    if card.settings.init == Init::Pretrained {
        writeln!(text, "base_model: {}", yaml(&public_name(&card.settings.model)))?;
        writeln!(text, "base_model_relation: {relation}")?;
    }
    writeln!(text, "library_name: {library}\npipeline_tag: text-generation\nlanguage:")?;
    for language in &card.corpus.languages {
        writeln!(text, "  - {}", yaml(language))?;
    }
    writeln!(text, "license: other\nlicense_name: that-of-the-base-model")?;
    writeln!(
        text,
        "tags:\n  - cross-lingual\n  - continued-pre-training\n  - wikipedia\n  - crossic"
    )?;
    if card.settings.method == Method::Lora {
        writeln!(text, "  - lora")?;
    }
    writeln!(text, "---\n")
}

/// Returns a YAML string. All are quoted: bare, the code of Norwegian would be a truth value.
fn yaml(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| unreachable!("a string is always JSON"))
}

fn summary(text: &mut String, card: &Card<'_>) -> std::fmt::Result {
    let languages = card.corpus.languages.join(", ");
    let base = public_name(&card.settings.model);
    writeln!(text, "# {base}, continued on {languages}\n")?;
    let what = match (card.artifact, card.settings.method) {
        (Artifact::Adapter, _) => "LoRA adapters for",
        (Artifact::Model, Method::Lora) => "A merge of LoRA adapters into",
        (Artifact::Model, Method::Full) => "All weights of",
    };
    let begun = match card.settings.init {
        Init::Pretrained => "",
        Init::Random => " (begun from random weights: an experiment)",
    };
    writeln!(
        text,
        "{what} `{base}`{begun}, trained by crossic {} on articles of Wikipedia about one subject in two languages, \
         after the CrossIC-PT recipe ([arXiv 2504.20484](https://arxiv.org/abs/2504.20484)).\n",
        card.version
    )
}

fn training(text: &mut String, card: &Card<'_>) -> std::fmt::Result {
    let Card { settings, corpus, .. } = card;
    let rows = match corpus.kind {
        RowKind::Segments => "segments of paragraphs",
        RowKind::Documents => "whole documents",
    };
    writeln!(text, "## How it was trained\n\n| | |\n|---|---|")?;
    writeln!(text, "| corpus | {rows}, digest `{}` |", corpus.digest)?;
    writeln!(text, "| closing token | `{}` (id {}) |", corpus.closing, corpus.closing_id)?;
    writeln!(text, "| optimizer steps | {} |", card.n_steps)?;
    writeln!(text, "| tokens learned | {} |", card.n_tokens)?;
    writeln!(text, "| tokens of a window | {} |", settings.tokens.unwrap_or(corpus.tokens))?;
    match settings.batch_tokens {
        Some(n_tokens) => writeln!(text, "| tokens of a step | {n_tokens} |")?,
        None => writeln!(text, "| windows of a step | {} |", settings.batch_windows)?,
    }
    writeln!(text, "| sampler | {}, seed {} |", settings.sampler.name(), settings.seed)?;
    let attention = match settings.attention {
        Attention::Causal => "across the segments of a window",
        Attention::Segment => "within a segment",
    };
    writeln!(text, "| attention | {attention} |")?;
    if settings.loss_on != LossOn::All {
        writeln!(text, "| loss | {} tokens only |", settings.loss_on.name())?;
    }
    if settings.method == Method::Lora {
        writeln!(
            text,
            "| LoRA | rank {}, alpha {}, dropout {}, on {} |",
            settings.rank,
            settings.alpha,
            settings.dropout,
            settings.targets.join(", ")
        )?;
    }
    writeln!(
        text,
        "| AdamW | learning rate {}, betas {} and {}, weight decay {}, clipped at {} |",
        settings.learning_rate,
        settings.beta1,
        settings.beta2,
        settings.weight_decay,
        settings.clip
    )?;
    writeln!(
        text,
        "| schedule | {}, warm-up {} of all steps |",
        settings.schedule.name(),
        settings.warmup_ratio
    )?;
    writeln!(
        text,
        "| precision | {} |\n",
        settings.precision.map_or("that of the device", Precision::name)
    )
}

fn result(text: &mut String, card: &Card<'_>) -> std::fmt::Result {
    if card.loss.is_none() && card.validation.is_empty() {
        return Ok(());
    }
    writeln!(text, "## Losses\n\n| measured on | nats a token | perplexity |\n|---|---|---|")?;
    let training = card.loss.map(|loss| ("training, last step".to_owned(), loss));
    for (name, loss) in training.iter().chain(&card.validation) {
        writeln!(text, "| {name} | {loss:.4} | {:.2} |", loss.exp())?;
    }
    writeln!(text)
}

fn load(text: &mut String, card: &Card<'_>) -> std::fmt::Result {
    writeln!(text, "## How to load it\n\n```python")?;
    let base = yaml(&public_name(&card.settings.model));
    match card.artifact {
        Artifact::Adapter => {
            writeln!(text, "from peft import PeftModel")?;
            writeln!(text, "from transformers import AutoModelForCausalLM, AutoTokenizer\n")?;
            writeln!(text, "tokenizer = AutoTokenizer.from_pretrained(\"DIRECTORY\")")?;
            writeln!(text, "base = AutoModelForCausalLM.from_pretrained({base}, dtype=\"auto\")")?;
            if card.corpus.closing_added {
                writeln!(text, "# The closing token may be one row more than the base has.")?;
                writeln!(
                    text,
                    "n_rows = max(base.get_input_embeddings().num_embeddings, {})",
                    card.corpus.closing_id + 1
                )?;
                writeln!(text, "base.resize_token_embeddings(n_rows, mean_resizing=False)")?;
            }
            writeln!(text, "model = PeftModel.from_pretrained(base, \"DIRECTORY\")")?;
        }
        Artifact::Model => {
            writeln!(text, "from transformers import AutoModelForCausalLM, AutoTokenizer\n")?;
            writeln!(text, "tokenizer = AutoTokenizer.from_pretrained(\"DIRECTORY\")")?;
            writeln!(
                text,
                "model = AutoModelForCausalLM.from_pretrained(\"DIRECTORY\", dtype=\"auto\")"
            )?;
        }
    }
    writeln!(text, "```\n")?;
    if card.artifact == Artifact::Adapter && card.corpus.closing_added {
        writeln!(
            text,
            "The row of the closing token needs a PEFT that knows `trainable_token_indices` (0.15 or later; checked with 0.21).\n"
        )?;
    }
    Ok(())
}

fn rights(text: &mut String, card: &Card<'_>) -> std::fmt::Result {
    let base = public_name(&card.settings.model);
    writeln!(text, "## Rights and limits\n")?;
    writeln!(text, "The licence of `{base}` holds for what is derived from it.")?;
    writeln!(
        text,
        "The texts are by the authors of Wikipedia, under \
         [CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/); whoever passes on texts of the corpus \
         names them and keeps that licence."
    )?;
    writeln!(
        text,
        "The model has seen more of these languages, and is no safer and no more truthful than its base."
    )
}
