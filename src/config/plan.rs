//! A pipeline that can run: components in order, every knob resolved, every vocabulary loaded.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crossic_operators::{operator::Operator, record::Digest, vocabulary::Vocabulary};
use crossic_trainer::settings::Settings;
use serde::{Deserialize, Serialize};

use super::parse::Profile;
use crate::{retrieval::Searching, sinks::Sink, sources::Source};

/// A source of the plan; its position is its `SourceIndex`.
#[derive(Debug)]
pub struct SourceNode {
    /// Its name in the file.
    pub name: String,
    /// Its `type`.
    pub kind: &'static str,
    /// The source, opened.
    pub source: Box<dyn Source>,
}

/// An operator of the plan.
#[derive(Debug)]
pub struct OperatorNode {
    /// Its name in the file.
    pub name: String,
    /// Its `type`.
    pub kind: &'static str,
    /// Position among the operators sorted by name: its stage in rejects and tallies.
    pub stage: u16,
    /// Names of its inputs.
    pub inputs: Vec<String>,
    /// The operator.
    pub operator: Box<dyn Operator>,
}

/// A sink of the plan.
#[derive(Debug)]
pub struct SinkNode {
    /// Its name in the file.
    pub name: String,
    /// Its `type`.
    pub kind: &'static str,
    /// Name of the windows it takes.
    pub input: String,
    /// The sink.
    pub sink: Arc<dyn Sink>,
}

/// The training of a pipeline. No corpus depends on it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainNode {
    /// The keys of `[train]`.
    pub settings: Settings,
    /// Name of the sink whose corpus is learned.
    pub sink: String,
    /// The directory of that corpus as the user wrote it, a URL or a path.
    pub place: PathBuf,
}

/// A pipeline that can run.
#[derive(Debug)]
pub struct Plan {
    /// The path of the pipeline file as the user gave it.
    pub name: String,
    /// Whose defaults it takes.
    pub profile: Profile,
    /// Sources sorted by name.
    pub sources: Vec<SourceNode>,
    /// Operators, each after its inputs.
    pub operators: Vec<OperatorNode>,
    /// Sinks sorted by name.
    pub sinks: Vec<SinkNode>,
    /// Vocabularies by the path that the file gives.
    pub vocabularies: BTreeMap<PathBuf, Arc<Vocabulary>>,
    /// Encoders and thresholds of the operators that search documents, by their names.
    pub searching: BTreeMap<String, Arc<Searching>>,
    /// How a model is trained, if the file says so.
    pub train: Option<TrainNode>,
}

/// A component with its resolved knobs, as the manifest records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Names of its inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Every knob with its resolved value.
    pub knobs: BTreeMap<String, serde_json::Value>,
}

/// The resolved plan, as the manifest records it: it decides every byte of a corpus but its inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Whose defaults it takes.
    pub profile: String,
    /// Sources by name.
    pub sources: BTreeMap<String, Component>,
    /// Operators by name.
    pub operators: BTreeMap<String, Component>,
    /// The sink.
    pub sink: Component,
    /// Digests of the tokenizers by the name of the operator that uses them.
    pub tokenizers: BTreeMap<String, String>,
}

impl Resolved {
    /// Returns the digest of the plan.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

impl Plan {
    /// Returns the resolved plan of one sink: only the components that feed it.
    pub fn resolved(&self, sink: &SinkNode) -> Resolved {
        let mut needed = vec![sink.input.clone()];
        for operator in self.operators.iter().rev() {
            if needed.contains(&operator.name) {
                needed.extend(operator.inputs.iter().cloned());
            }
        }
        let component = |kind: &str, inputs: &[String], knobs| Component {
            kind: kind.to_owned(),
            inputs: inputs.to_vec(),
            knobs,
        };
        let operators = || self.operators.iter().filter(|it| needed.contains(&it.name));
        Resolved {
            profile: self.profile.name().to_owned(),
            sources: self
                .sources
                .iter()
                .filter(|it| needed.contains(&it.name))
                .map(|it| (it.name.clone(), self.resolved_source(it)))
                .collect(),
            operators: operators()
                .map(|it| {
                    (it.name.clone(), component(it.kind, &it.inputs, self.operator_knobs(it)))
                })
                .collect(),
            sink: component(sink.kind, std::slice::from_ref(&sink.input), sink.sink.knobs()),
            tokenizers: operators()
                .filter_map(|it| {
                    let vocabulary = self.vocabularies.get(it.operator.tokenizer()?)?;
                    Some((it.name.clone(), vocabulary.digest().to_string()))
                })
                .collect(),
        }
    }

    /// Returns a source as the manifest records it.
    pub fn resolved_source(&self, node: &SourceNode) -> Component {
        let mut knobs = node.source.knobs();
        let info = node.source.info();
        knobs.insert("wiki".to_owned(), info.wiki.clone().into());
        knobs.insert("lang".to_owned(), info.lang.clone().into());
        // A wiki whose links were not kept is read again when somebody asks for them.
        if self.keeps_links(&node.name) {
            knobs.insert("links".to_owned(), true.into());
        }
        Component { kind: node.kind.to_owned(), inputs: Vec::new(), knobs }
    }

    /// Returns the operators that search documents for the articles of a source, or with its links.
    fn searching<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a OperatorNode> {
        self.operators.iter().filter(move |it| {
            it.operator.retrieval().is_some() && it.inputs.iter().any(|input| input == source)
        })
    }

    /// Returns whether some operator asks for the links of a source's articles.
    pub fn keeps_links(&self, source: &str) -> bool {
        self.searching(source).any(|it| {
            let is_english = it.inputs.first().is_some_and(|english| english == source);
            let is_last = it.inputs.last().is_some_and(|documents| documents == source);
            !is_last && (!is_english || it.operator.retrieval().is_some_and(|it| it.english_lead))
        })
    }

    /// Returns the language whose names of a source's articles some operator asks for: English, as
    /// its first input has it.
    pub fn names_of(&self, source: &str) -> Option<String> {
        let operator = self.searching(source).find(|it| {
            let inner = it.inputs.len().saturating_sub(1);
            it.inputs.get(1..inner).is_some_and(|targets| targets.iter().any(|it| it == source))
        })?;
        let english = self.sources.iter().find(|it| Some(&it.name) == operator.inputs.first())?;
        Some(english.source.info().lang.clone())
    }

    /// Returns the knobs of an operator as the manifest records them. A path says where a tokenizer
    /// or an encoder lies, its digest which one it is: only that is part of a plan.
    fn operator_knobs(&self, node: &OperatorNode) -> BTreeMap<String, serde_json::Value> {
        let mut knobs = node.operator.knobs();
        knobs.remove("tokenizer");
        if let Some(searching) = self.searching.get(&node.name) {
            knobs.remove("model");
            knobs.remove("calibration");
            let digest = searching.encoder.digest().to_string();
            knobs.insert("encoder-digest".to_owned(), digest.into());
            let threshold = serde_json::to_value(&searching.threshold).unwrap_or_default();
            knobs.insert("threshold".to_owned(), threshold);
        }
        knobs
    }

    /// Returns what a user should know before the plan runs.
    pub fn warnings(&self) -> Vec<String> {
        let warning = |(name, it): (&String, &Arc<Searching>)| {
            it.warning().map(|warning| format!("`{name}`: {warning}"))
        };
        self.searching.iter().filter_map(warning).collect()
    }

    /// Returns the operator that writes the windows of a sink.
    pub fn windows_of(&self, sink: &SinkNode) -> Option<&OperatorNode> {
        self.operators.iter().find(|it| it.name == sink.input)
    }

    /// Returns the name of the operator at a stage.
    pub fn stage_name(&self, stage: u16) -> &str {
        self.operators.iter().find(|it| it.stage == stage).map_or("?", |it| &it.name)
    }
}

/// Returns the bucket of a pair: a fixed hash of its identity.
pub fn bucket_of(pair: Digest, buckets: u32) -> u32 {
    (pair.0[1] % u64::from(buckets.max(1))) as u32
}
