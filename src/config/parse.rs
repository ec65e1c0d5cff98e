//! The frame of a pipeline file: named tables of sources, operators and sinks.

use std::ops::Range;

use crossic_operators::operator::{self, Operator};
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    issue::{Issue, Source as Text, nearest},
    overrides, train,
};
use crate::{
    sinks::{self, Sink},
    sources::{self, Source},
};

/// Defaults of the paper or ours (method, §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The most defensible literal reading of the paper.
    Paper,
    /// What we would ship.
    Recommended,
}

impl Profile {
    /// Returns the name as the pipeline file writes it.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Paper => "paper",
            Profile::Recommended => "recommended",
        }
    }
}

/// The name of an input, with its place.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

/// A component as the file declares it.
#[derive(Debug)]
pub(super) struct Node<C: ?Sized> {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) span: Range<usize>,
    pub(super) inputs: Vec<Input>,
    pub(super) component: Box<C>,
}

/// A pipeline file, read but not checked as a whole.
pub(super) struct Pipeline {
    pub(super) profile: Profile,
    pub(super) sources: Vec<Node<dyn Source>>,
    pub(super) operators: Vec<Node<dyn Operator>>,
    pub(super) sinks: Vec<Node<dyn Sink>>,
    /// Every name that the file declares, those of components that cannot be read among them.
    pub(super) declared: Vec<String>,
    /// How a model is trained on a corpus of the file.
    pub(super) train: Option<train::Table>,
}

impl Pipeline {
    /// Returns whether a source or an operator has this name.
    pub(super) fn is_component(&self, name: &str) -> bool {
        self.sources.iter().any(|it| it.name == name)
            || self.operators.iter().any(|it| it.name == name)
    }
}

/// Reads the text and its overrides; problems are added to `issues`.
pub(super) fn parse(
    text: &Text,
    overrides: Vec<String>,
    issues: &mut Vec<Issue>,
) -> Option<Pipeline> {
    // The overrides stand at the end of the text as comments would: their lines are not TOML of it.
    let file = text.text.split("\n# --set\n").next().unwrap_or_default();
    let (table, errors) = DeTable::parse_recoverable(file);
    for error in &errors {
        issues.push(Issue::at(error.span().unwrap_or(0..0), error.message()));
    }
    if !errors.is_empty() {
        return None;
    }
    let mut table = table.into_inner();
    for document in &overrides {
        if let Ok(from) = DeTable::parse(document) {
            overrides::merge(&mut table, from.into_inner());
        }
    }
    let profile = take_profile(&mut table, issues);
    let declared = ["sources", "operators", "sinks"]
        .into_iter()
        .filter_map(|section| table.get(section)?.get_ref().as_table())
        .flat_map(|components| components.keys().map(|name| name.get_ref().clone().into_owned()))
        .collect();
    let paper = profile == Profile::Paper;
    let pipeline = Pipeline {
        profile,
        sources: components(&mut table, "sources", sources::ALL, paper, false, issues, |it| {
            (it.name, it.paper, it.parse)
        }),
        operators: components(&mut table, "operators", operator::ALL, paper, true, issues, |it| {
            (it.name, it.paper, it.parse)
        }),
        sinks: components(&mut table, "sinks", sinks::ALL, paper, true, issues, |it| {
            (it.name, "", it.parse)
        }),
        declared,
        train: train::take(&mut table, issues),
    };
    const KNOWN: &[&str] = &["profile", "sources", "operators", "sinks", "train"];
    for (key, _) in table {
        let name = key.get_ref();
        issues.push(unknown("key", name, key.span(), KNOWN));
    }
    Some(pipeline)
}

fn unknown(what: &str, name: &str, span: Range<usize>, known: &[&str]) -> Issue {
    let issue = Issue::at(span, format!("unknown {what} `{name}` (known: {})", known.join(", ")));
    match nearest(name, known.iter().copied()) {
        Some(near) => issue.hint(format!("did you mean `{near}`?")),
        None => issue,
    }
}

fn take_profile(table: &mut DeTable<'_>, issues: &mut Vec<Issue>) -> Profile {
    let Some(value) = table.remove("profile") else { return Profile::Recommended };
    match value.get_ref().as_str() {
        Some("paper") => Profile::Paper,
        Some("recommended") => Profile::Recommended,
        other => {
            let name = other.unwrap_or("not a string");
            issues.push(unknown("profile", name, value.span(), &["paper", "recommended"]));
            Profile::Recommended
        }
    }
}

type Parse<C> = fn(ValueDeserializer<'_>) -> Result<Box<C>, toml::de::Error>;

/// Reads one of the three tables of components.
fn components<C: ?Sized, D>(
    table: &mut DeTable<'_>,
    section: &str,
    all: &'static [D],
    paper: bool,
    has_inputs: bool,
    issues: &mut Vec<Issue>,
    describe: impl Fn(&'static D) -> (&'static str, &'static str, Parse<C>),
) -> Vec<Node<C>> {
    let Some(value) = table.remove(section) else {
        issues.push(Issue::of_file(format!("the pipeline has no `[{section}.NAME]`")));
        return Vec::new();
    };
    let span = value.span();
    let DeValue::Table(components) = value.into_inner() else {
        issues.push(Issue::at(span, format!("`{section}` must be a table of components")));
        return Vec::new();
    };
    let mut nodes = Vec::new();
    for (name, value) in components {
        let place = name.span();
        let span = value.span();
        let name = name.into_inner().into_owned();
        let DeValue::Table(mut table) = value.into_inner() else {
            issues.push(Issue::at(span, format!("`{section}.{name}` must be a table")));
            continue;
        };
        let Some(kind) = table.remove("type") else {
            issues.push(Issue::at(place, format!("`{section}.{name}` has no `type`")));
            continue;
        };
        let known: Vec<&str> = all.iter().map(|it| describe(it).0).collect();
        let found = all.iter().map(&describe).find(|it| kind.get_ref().as_str() == Some(it.0));
        let Some((kind, paper_keys, parse)) = found else {
            let name = kind.get_ref().as_str().unwrap_or("not a string");
            issues.push(unknown("type", name, kind.span(), &known));
            continue;
        };
        let n_issues = issues.len();
        let inputs = match has_inputs {
            true => take_inputs(&mut table, &place, &name, issues),
            false => Vec::new(),
        };
        if paper {
            add_defaults(&mut table, paper_keys);
        }
        let rest = ValueDeserializer::from(Spanned::new(place.clone(), DeValue::Table(table)));
        match parse(rest) {
            Ok(component) if issues.len() == n_issues => {
                nodes.push(Node { name, kind, span: place, inputs, component });
            }
            Ok(_) => {}
            Err(error) => {
                let span = error.span().unwrap_or(place);
                issues.push(key_issue(span, error.message()));
            }
        }
    }
    nodes
}

/// What serde calls types, and what people call them.
const TYPES: &[(&str, &str)] = &[
    ("usize", "a whole number, 0 or more"),
    ("u64", "a whole number, 0 or more"),
    ("u32", "a whole number, 0 or more"),
    ("f64", "a number"),
    ("a sequence", "a list"),
    ("a boolean", "true or false"),
];

/// Turns serde's message about a key into an issue, with the nearest known name as a hint.
pub(super) fn key_issue(span: Range<usize>, message: &str) -> Issue {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let mut plain = message.trim_end().to_owned();
    for (rust, words) in TYPES {
        plain = plain.replace(&format!("expected {rust}"), &format!("expected {words}"));
    }
    let issue = Issue::at(span, plain);
    match (message.starts_with("unknown"), names.split_first()) {
        (true, Some((name, known))) => match nearest(name, known.iter().copied()) {
            Some(near) => issue.hint(format!("did you mean `{near}`?")),
            None => issue,
        },
        _ => issue,
    }
}

fn take_inputs(
    table: &mut DeTable<'_>,
    place: &Range<usize>,
    name: &str,
    issues: &mut Vec<Issue>,
) -> Vec<Input> {
    let Some(value) = table.remove("inputs") else {
        issues.push(
            Issue::at(place.clone(), format!("`{name}` has no `inputs`"))
                .hint("write `inputs = [\"NAME\"]` with the names of other components"),
        );
        return Vec::new();
    };
    let span = value.span();
    match Vec::<Spanned<String>>::deserialize(ValueDeserializer::from(value)) {
        Ok(inputs) => inputs
            .into_iter()
            .map(|input| Input { span: input.span(), name: input.into_inner() })
            .collect(),
        Err(error) => {
            issues.push(key_issue(error.span().unwrap_or(span), error.message()));
            Vec::new()
        }
    }
}

/// Adds the profile's defaults for the keys that the file does not set.
fn add_defaults<'i>(table: &mut DeTable<'i>, defaults: &'static str) {
    let Ok(defaults) = DeTable::parse(defaults) else { return };
    for (key, value) in defaults.into_inner() {
        if table.get(key.get_ref().as_ref()).is_none() {
            table.insert(key, value);
        }
    }
}
