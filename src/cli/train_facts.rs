//! What `crossic check` and `crossic plan` say of a `[train]`: the model, sizes, steps.

use crossic_trainer::{settings::Settings, weights::config::ModelConfig};
use serde_json::json;

use super::corpus::Corpus;
use crate::{
    config::{Plan, plan::TrainNode},
    error::Result,
    report::numbers::thousands,
    training::{
        estimate::{self, Estimate, Steps},
        model,
    },
};

/// What is known of a training before it starts.
pub(super) struct TrainFacts<'a> {
    node: &'a TrainNode,
    /// `None` if the model is not there yet.
    estimate: Option<Estimate>,
    /// Tokens of the corpus and what they come to; `None` before the build, or where nobody looked.
    steps: Option<(u64, Steps)>,
    /// N of the windows.
    tokens: u64,
    notes: Vec<String>,
}

impl TrainFacts<'_> {
    /// Looks at the model of a plan's `[train]`.
    ///
    /// # Errors
    ///
    /// There is a model, but it cannot be trained, or not on this corpus.
    pub(super) fn of(plan: &Plan) -> Result<Option<TrainFacts<'_>>> {
        let Some(node) = &plan.train else { return Ok(None) };
        let settings = &node.settings;
        let mut notes = Vec::new();
        let tokens = window_tokens(settings, plan, node);
        let model = match model::find(&settings.model)? {
            None => {
                notes.push(format!(
                    "the model `{}` is not there yet: a build does not need it, a training does; {}",
                    settings.model.display(),
                    model::download(&settings.model)
                ));
                None
            }
            Some(model) => {
                check_tokenizers(settings, plan, node, &model)?;
                notes.extend(too_long(&model, tokens));
                // Files that are still missing; a build needs none of them.
                if let Err(error) = model::require(settings) {
                    notes.push(error.to_string());
                }
                Some(model)
            }
        };
        let estimate = model.map(|model| estimate::estimate(settings, &model, tokens));
        Ok(Some(TrainFacts { node, estimate, steps: None, tokens, notes }))
    }

    /// Looks at the corpus, which may lie in a bucket, for the number of steps.
    ///
    /// # Errors
    ///
    /// There is a corpus, but its manifest cannot be read.
    pub(super) fn with_steps(mut self) -> Result<Self> {
        self.steps = Corpus::find(&self.node.place)?.map(|corpus| {
            let n_tokens = corpus.manifest.totals.tokens;
            (n_tokens, estimate::steps(&self.node.settings, n_tokens, self.tokens))
        });
        Ok(self)
    }

    /// Returns lines of a label and a text each, for people.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let settings = &self.node.settings;
        let mut lines = vec![
            ("learns", format!("{}: {}", self.node.sink, self.node.place.display())),
            ("writes", settings.dir.display().to_string()),
            ("model", format!("{}, {}", settings.model.display(), estimate::method_of(settings))),
        ];
        if let Some(it) = &self.estimate {
            let share = 100.0 * it.trained as f64 / it.parameters.max(1) as f64;
            lines.push((
                "size",
                format!(
                    "{} weights, {} trained ({share:.2} %)",
                    thousands(it.parameters),
                    thousands(it.trained)
                ),
            ));
            let (least, most) = it.memory;
            let bytes = |n| indicatif::HumanBytes(n).to_string();
            let device = if settings.precision.is_none() { "on a GPU, " } else { "" };
            lines.push((
                "memory",
                match least == most {
                    true => format!("{device}about {}", bytes(least)),
                    false => format!(
                        "{device}about {} with every block computed twice, {} with none",
                        bytes(least),
                        bytes(most)
                    ),
                },
            ));
        }
        lines.push((
            "steps",
            match &self.steps {
                None => "known once the corpus is built".to_owned(),
                Some((n_tokens, it)) => format!(
                    "about {} of {}, over {} tokens in about {} windows",
                    thousands(it.steps),
                    step_size(settings),
                    thousands(*n_tokens),
                    thousands(it.windows)
                ),
            },
        ));
        lines.extend(self.notes.iter().map(|note| ("note", note.clone())));
        lines
    }

    /// Returns what `crossic check` says: one line, and what a user should know.
    pub(super) fn summary(&self) -> (String, &[String]) {
        let size = self.estimate.as_ref().map_or(String::new(), |it| {
            format!(
                " ({} of {} weights are trained)",
                thousands(it.trained),
                thousands(it.parameters)
            )
        });
        let settings = &self.node.settings;
        let line = format!(
            "train: `{}` learns `{}`{size} -> {}",
            settings.model.display(),
            self.node.sink,
            settings.dir.display()
        );
        (line, &self.notes)
    }

    /// Returns the same for programs.
    pub(super) fn json(&self) -> serde_json::Value {
        json!({
            "corpus": self.node.sink,
            "settings": self.node.settings,
            "estimate": self.estimate.as_ref().map(|it| json!({
                "parameters": it.parameters,
                "trained": it.trained,
                "tokens": it.tokens,
                "memory_bytes_at_least": it.memory.0,
                "memory_bytes_at_most": it.memory.1,
            })),
            "steps": self.steps.as_ref().map(|(_, steps)| steps),
            "notes": self.notes,
        })
    }
}

fn step_size(settings: &Settings) -> String {
    match settings.batch_tokens {
        Some(tokens) => format!("{} tokens", thousands(tokens as u64)),
        None => match settings.batch_windows {
            1 => "1 window".to_owned(),
            n => format!("{} windows", thousands(n as u64)),
        },
    }
}

/// Returns N of the windows: that of `[train]`, or of the operator that makes the corpus.
fn window_tokens(settings: &Settings, plan: &Plan, node: &TrainNode) -> u64 {
    let of_corpus = || {
        let sink = plan.sinks.iter().find(|it| it.name == node.sink)?;
        plan.windows_of(sink)?.operator.knobs().get("tokens")?.as_u64()
    };
    settings.tokens.map(|n| n as u64).or_else(of_corpus).unwrap_or(0)
}

/// Compares the model with the tokenizer that the pipeline names for the corpus.
fn check_tokenizers(
    settings: &Settings,
    plan: &Plan,
    node: &TrainNode,
    model: &ModelConfig,
) -> Result<()> {
    let sink = plan.sinks.iter().find(|it| it.name == node.sink);
    let windows = sink.and_then(|sink| plan.windows_of(sink));
    let Some(path) = windows.and_then(|it| it.operator.tokenizer()) else { return Ok(()) };
    let Some(vocabulary) = plan.vocabularies.get(path) else { return Ok(()) };
    model::check_vocabulary(model, &settings.model, vocabulary.size(), path)?;
    model::check_tokenizer(&settings.model, path)
}

fn too_long(model: &ModelConfig, tokens: u64) -> Option<String> {
    let most = Some(model.max_position_embeddings as u64).filter(|most| *most < tokens)?;
    Some(format!(
        "windows have up to {} tokens, but the model was made for {}",
        thousands(tokens),
        thousands(most)
    ))
}
