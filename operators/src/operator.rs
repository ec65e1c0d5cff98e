//! What an operator is, and the list of all of them.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::de::DeserializeOwned;
use toml::de::{Error, ValueDeserializer};

use crate::{
    context::Context,
    filter_pairs,
    flow::{Flow, Kind},
    join_langlinks, retrieve, shuffle_pairs, split_windows,
    vocabulary::Vocabulary,
};

/// The inputs an operator takes: so many flows of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// What each of them carries.
    pub kind: Kind,
    /// The fewest, the last one included.
    pub min: usize,
    /// What the last input carries, where that is something else.
    pub last: Option<Kind>,
    /// What the inputs are, in the order of the file, for messages and `crossic list`.
    pub what: &'static str,
}

impl Inputs {
    /// Returns inputs of one kind.
    pub const fn of(kind: Kind, min: usize, what: &'static str) -> Inputs {
        Inputs { kind, min, last: None, what }
    }
}

/// A stage of a pipeline: flows in, a flow out.
pub trait Operator: fmt::Debug + Send + Sync {
    /// Returns what the stage reads.
    fn inputs(&self) -> Inputs;

    /// Returns what the stage writes.
    fn output(&self) -> Kind;

    /// Returns the tokenizer file the stage needs.
    fn tokenizer(&self) -> Option<&Path> {
        None
    }

    /// Returns how the stage searches documents, if it does.
    fn retrieval(&self) -> Option<&retrieve::Config> {
        None
    }

    /// Returns what is wrong with the knobs taken together.
    fn misfit(&self) -> Option<String> {
        None
    }

    /// Returns what is wrong with the knobs given the stage's vocabulary, and what to do about it.
    fn problem(&self, _vocabulary: &Vocabulary) -> Option<String> {
        None
    }

    /// Returns every knob with its resolved value, for the manifest.
    fn knobs(&self) -> BTreeMap<String, serde_json::Value>;

    /// Adds the stage to the dataflow.
    fn build<'s>(&self, cx: &Context<'s>, inputs: Vec<Flow<'s>>) -> Flow<'s>;
}

/// A key of a component, for `crossic list`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key as the pipeline file writes it.
    pub name: &'static str,
    /// Its default, written as TOML; empty where it is required.
    pub default: &'static str,
    /// What it does, units included.
    pub about: &'static str,
}

/// An operator as the pipeline file and `crossic list` know it.
pub struct Descriptor {
    /// The `type` of the pipeline file.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What it reads, for `crossic list`.
    pub reads: &'static str,
    /// What it writes.
    pub writes: Kind,
    /// Its keys.
    pub keys: &'static [Key],
    /// Keys whose defaults differ under `profile = "paper"`, as a TOML table.
    pub paper: &'static str,
    /// Reads the component's table.
    pub parse: fn(ValueDeserializer<'_>) -> Result<Box<dyn Operator>, Error>,
}

/// Reads the table of an operator into its config.
pub fn parse<C: Operator + DeserializeOwned + 'static>(
    value: ValueDeserializer<'_>,
) -> Result<Box<dyn Operator>, Error> {
    Ok(Box::new(C::deserialize(value)?))
}

/// Every operator, in alphabetical order.
pub const ALL: &[Descriptor] = &[
    filter_pairs::OPERATOR,
    join_langlinks::OPERATOR,
    retrieve::OPERATOR,
    shuffle_pairs::OPERATOR,
    split_windows::OPERATOR,
];

/// Returns the fields of a serialisable config as knobs.
pub(crate) fn knobs_of(config: &impl serde::Serialize) -> BTreeMap<String, serde_json::Value> {
    match serde_json::to_value(config) {
        Ok(serde_json::Value::Object(map)) => map.into_iter().collect(),
        _ => unreachable!("a config is a plain struct"),
    }
}
