//! `crossic list`: every component, what it reads and writes, and its keys; the keys of `[train]`.

use std::{collections::BTreeMap, io::Write};

use crossic_operators::operator::{self, Key};
use serde::Serialize;

use super::output::{print, write_json};
use crate::{
    config::{issue::nearest, train_keys},
    error::{Error, Result},
    sinks, sources,
};

/// The table of a pipeline file that is no component.
const TRAIN: &str = "train";

/// Columns of a line of text.
const WIDTH: usize = 100;

/// List sources, operators and sinks, and every key of each; `train` for those of a training
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  crossic list\n  crossic list split-windows\n  crossic list train"
)]
pub(super) struct Args {
    /// Show this type of component only
    #[arg(value_name = "TYPE")]
    kind: Option<String>,
    /// Write the components as JSON
    #[arg(long)]
    json: bool,
}

/// A component as this command shows it.
#[derive(Clone, Debug, Serialize)]
struct Shown {
    /// The table of the pipeline file: `sources`, `operators`, `sinks` or `train`.
    section: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    summary: &'static str,
    reads: &'static str,
    writes: &'static str,
    keys: Vec<ShownKey>,
}

/// A key as this command shows it.
#[derive(Clone, Debug, Serialize)]
struct ShownKey {
    name: &'static str,
    /// As TOML; `None` if the key is required or has no value unless it is set.
    default: Option<&'static str>,
    /// The default under `profile = "paper"`, where it differs.
    paper: Option<String>,
    about: &'static str,
}

/// Runs `crossic list`.
///
/// # Errors
///
/// There is no such type.
pub(super) fn run(args: &Args) -> Result<()> {
    let all = all();
    let shown: Vec<Shown> = match &args.kind {
        None => all,
        Some(kind) => {
            let found: Vec<Shown> = all.iter().filter(|it| it.kind == kind).cloned().collect();
            match found.is_empty() {
                true => return Err(unknown(kind, &all)),
                false => found,
            }
        }
    };
    print(|out| match args.json {
        true => write_json(out, &shown),
        false => show(out, &shown),
    })
}

fn unknown(kind: &str, all: &[Shown]) -> Error {
    let known: Vec<&str> = all.iter().map(|it| it.kind).collect();
    Error::Usage {
        what: format!("no component is of type `{kind}` (known: {})", known.join(", ")),
        hint: match nearest(kind, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "run `crossic list` to see them all".to_owned(),
        },
    }
}

fn all() -> Vec<Shown> {
    let sources = sources::ALL.iter().map(|it| Shown {
        section: "sources",
        kind: it.name,
        summary: it.summary,
        reads: "files",
        writes: it.writes.name(),
        keys: keys(it.keys, it.paper),
    });
    let operators = operator::ALL.iter().map(|it| Shown {
        section: "operators",
        kind: it.name,
        summary: it.summary,
        reads: it.reads,
        writes: it.writes.name(),
        keys: keys(it.keys, it.paper),
    });
    let sinks = sinks::ALL.iter().map(|it| Shown {
        section: "sinks",
        kind: it.name,
        summary: it.summary,
        reads: "windows",
        writes: "files",
        keys: keys(it.keys, ""),
    });
    let train = Shown {
        section: TRAIN,
        kind: TRAIN,
        summary: "Continue the pre-training of a model on the corpus of a sink",
        reads: "a model and the corpus of a sink",
        writes: "a run directory",
        keys: keys(train_keys::KEYS, ""),
    };
    sources.chain(operators).chain(sinks).chain([train]).collect()
}

fn keys(keys: &'static [Key], paper: &str) -> Vec<ShownKey> {
    let paper: BTreeMap<String, toml::Value> = toml::from_str(paper).unwrap_or_default();
    let shown = keys.iter().map(|key| ShownKey {
        name: key.name,
        default: Some(key.default).filter(|default| !default.is_empty()),
        paper: paper.get(key.name).map(toml::Value::to_string),
        about: key.about,
    });
    shown.collect()
}

fn show(out: &mut dyn Write, components: &[Shown]) -> Result<()> {
    let keys = || components.iter().flat_map(|it| &it.keys);
    let names = keys().map(|key| key.name.chars().count()).max().unwrap_or_default();
    let defaults = keys().map(|key| default(key).chars().count()).max().unwrap_or_default();
    let mut section = "";
    for component in components {
        if component.section != section {
            section = component.section;
            match section {
                TRAIN => writeln!(out, "[{section}]")?,
                _ => writeln!(out, "[{section}.NAME]\n")?,
            }
        }
        if section != TRAIN {
            writeln!(out, "type = \"{}\"", component.kind)?;
        }
        writeln!(out, "  {}", component.summary)?;
        writeln!(out, "  reads {}, writes {}", component.reads, component.writes)?;
        if !["sources", TRAIN].contains(&component.section) {
            writeln!(out, "  inputs = [\"NAME\", …] names the components that it reads")?;
        }
        for key in &component.keys {
            let default = default(key);
            let margin = names + defaults + 8;
            let mut lines = wrapped(&about(key), WIDTH.saturating_sub(margin)).into_iter();
            let first = lines.next().unwrap_or_default();
            writeln!(out, "    {:names$}  {default:defaults$}  {first}", key.name)?;
            for line in lines {
                writeln!(out, "{:margin$}{line}", "")?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn default(key: &ShownKey) -> &str {
    key.default.unwrap_or("(none)")
}

fn about(key: &ShownKey) -> String {
    match &key.paper {
        Some(paper) => format!("{}; profile \"paper\": {paper}", key.about),
        None => key.about.to_owned(),
    }
}

/// Breaks a text at spaces into lines of at most `width` characters, longer words excepted.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_is_shown_with_every_key() {
        let all = all();
        let mut text = Vec::new();
        show(&mut text, &all).unwrap();
        let text = String::from_utf8(text).unwrap();
        for component in &all {
            let head = match component.section {
                TRAIN => "[train]".to_owned(),
                _ => format!("type = \"{}\"", component.kind),
            };
            assert!(text.contains(&head));
            assert!(component.keys.iter().all(|key| text.contains(key.name)));
        }
        assert!(text.lines().all(|line| line.trim_end() == line));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH + 20), "{text}");
    }

    #[test]
    fn a_misspelt_type_is_a_question() {
        let error = unknown("split-window", &all());
        assert_eq!(error.hint().unwrap(), "did you mean `split-windows`?");
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn defaults_of_the_paper_are_named() {
        const KEYS: &[Key] = &[Key { name: "links", default: "\"union\"", about: "directions" }];
        let shown = keys(KEYS, "links = \"all\"");
        assert_eq!(about(shown.first().unwrap()), "directions; profile \"paper\": \"all\"");
        assert_eq!(about(keys(KEYS, "").first().unwrap()), "directions");
    }

    #[test]
    fn words_are_not_broken() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("extraordinary", 7), ["extraordinary"]);
    }
}
