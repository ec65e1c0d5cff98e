//! The `[train]` table: its keys, and whether they fit each other and the corpus that they name.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Component, Path, PathBuf},
};

use crossic_operators::split_windows::{self, Variant};
use crossic_trainer::settings::{Choose, LINEARS, LossOn, Sampler, Settings};
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    issue::{Issue, nearest},
    parse::{Node, Pipeline, key_issue},
    plan::TrainNode,
};
use crate::{sinks::Sink, storage::is_url};

/// The type of sink whose shards can be learned.
const SHARDS: &str = "arrow-shards";

/// Most tokens of a window; that of a segment is the same.
const MAX_TOKENS: usize = 1 << 20;

/// A `[train]` table, read but not checked as a whole.
pub(super) struct Table {
    settings: Settings,
    /// Where the table stands.
    place: Range<usize>,
    /// Where the values of its keys stand.
    values: BTreeMap<String, Range<usize>>,
}

/// Takes `[train]` out of a pipeline, each of its keys by itself, so that all that are wrong are told.
pub(super) fn take(table: &mut DeTable<'_>, issues: &mut Vec<Issue>) -> Option<Table> {
    let (key, value) = table.remove_entry("train")?;
    let place = key.span();
    let span = value.span();
    let DeValue::Table(keys) = value.into_inner() else {
        issues.push(
            Issue::at(span, "`train` must be a table").hint("write `[train]` and its keys below"),
        );
        return None;
    };
    let n_issues = issues.len();
    let known = keys_by_name();
    let mut values = BTreeMap::new();
    for (key, value) in &keys {
        let name = key.get_ref().as_ref();
        if !known.contains(name) {
            let issue = Issue::at(key.span(), format!("unknown key `{name}` of `train`"));
            issues.push(issue.hint(match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "run `crossic list train` to see its keys".to_owned(),
            }));
            continue;
        }
        values.insert(name.to_owned(), value.span());
        let mut one = DeTable::new();
        one.insert(key.clone(), value.clone());
        if let Err(error) = read(one, place.clone()) {
            issues.push(key_issue(error.span().unwrap_or(value.span()), error.message()));
        }
    }
    let required = [
        ("model", "name the directory of a base model: `config.json`, weights and tokenizer"),
        ("dir", "name the run directory, for checkpoints, metrics and the adapter"),
    ];
    for (name, hint) in required {
        if !keys.contains_key(name) {
            issues.push(Issue::at(place.clone(), format!("`train` has no `{name}`")).hint(hint));
        }
    }
    if issues.len() != n_issues {
        return None;
    }
    match read(keys, place.clone()) {
        Ok(settings) => Some(Table { settings, place, values }),
        Err(error) => {
            issues.push(key_issue(error.span().unwrap_or(place), error.message()));
            None
        }
    }
}

fn read(keys: DeTable<'_>, place: Range<usize>) -> Result<Settings, toml::de::Error> {
    Settings::deserialize(ValueDeserializer::from(Spanned::new(place, DeValue::Table(keys))))
}

/// Returns the names of all keys, those without a default among them.
fn keys_by_name() -> BTreeSet<String> {
    match serde_json::to_value(Settings::default()) {
        Ok(serde_json::Value::Object(map)) => map.into_iter().map(|(name, _)| name).collect(),
        _ => unreachable!("settings are a plain struct"),
    }
}

/// Returns the training of a pipeline, unless something is wrong with it.
pub(super) fn check(
    table: &Table,
    pipeline: &Pipeline,
    issues: &mut Vec<Issue>,
) -> Option<TrainNode> {
    let n_issues = issues.len();
    check_ranges(table, issues);
    check_targets(table, issues);
    check_directories(table, &pipeline.sinks, issues);
    let sink = find_sink(table, pipeline, issues);
    if let Some(sink) = sink {
        check_rows(table, pipeline, sink, issues);
    }
    match (sink, issues.len() == n_issues) {
        (Some(sink), true) => Some(TrainNode {
            settings: table.settings.clone(),
            sink: sink.name.clone(),
            place: sink.component.place().to_owned(),
        }),
        _ => None,
    }
}

impl Table {
    /// Returns an issue at the value of a key, or at the table where the key is left to its default.
    fn at(&self, key: &str, message: impl Into<String>) -> Issue {
        let span = self.values.get(key).unwrap_or(&self.place);
        Issue::at(span.clone(), message)
    }

    fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }
}

/// A number of `[train]`, whether it is allowed, and what is.
type Bound = (&'static str, f64, bool, &'static str);

fn check_ranges(table: &Table, issues: &mut Vec<Issue>) {
    let it = &table.settings;
    let count = |key, n: u64| -> Bound { (key, n as f64, 0 < n, "at least 1") };
    let share = |key, x: f64| -> Bound { (key, x, (0.0..1.0).contains(&x), "from 0 to below 1") };
    let positive = |key, x: f64| -> Bound { (key, x, 0.0 < x && x.is_finite(), "above 0") };
    let some = |key, n: Option<u64>| n.map(|n| count(key, n));
    let bounds = [
        count("rank", it.rank as u64),
        positive("alpha", it.alpha),
        share("dropout", it.dropout),
        count("batch-windows", it.batch_windows as u64),
        count("micro-windows", it.micro_windows as u64),
        count("epochs", it.epochs.into()),
        positive("learning-rate", it.learning_rate),
        ("warmup-ratio", it.warmup_ratio, (0.0..=1.0).contains(&it.warmup_ratio), "from 0 to 1"),
        share("beta1", it.beta1),
        share("beta2", it.beta2),
        positive("epsilon", it.epsilon),
        ("weight-decay", it.weight_decay, is_size(it.weight_decay), "at least 0"),
        ("clip", it.clip, is_size(it.clip), "at least 0; 0 is no limit"),
        share("validation", it.validation),
        count("validation-windows", it.validation_windows as u64),
        count("keep-checkpoints", it.keep_checkpoints as u64),
        count("attention-chunk", it.attention_chunk as u64),
        count("loss-chunk", it.loss_chunk as u64),
    ];
    let options = [
        some("batch-tokens", it.batch_tokens.map(|n| n as u64)),
        some("max-steps", it.max_steps),
        it.tokens.map(|n| ("tokens", n as f64, (1..=MAX_TOKENS).contains(&n), "from 1 to 1048576")),
    ];
    for (key, value, allowed, range) in bounds.into_iter().chain(options.into_iter().flatten()) {
        if !allowed {
            issues.push(table.at(key, format!("`{key}` is {value}, but must be {range}")));
        }
    }
    if table.has("batch-windows") && table.has("batch-tokens") {
        let message = "`batch-windows` and `batch-tokens` both say how large a step is";
        issues.push(table.at("batch-tokens", message).hint("leave one of them out"));
    }
    if it.batch_tokens.is_none() && (1..it.micro_windows).contains(&it.batch_windows) {
        issues.push(
            table
                .at(
                    "micro-windows",
                    format!(
                        "`micro-windows` is {}, but a step has {} windows",
                        it.micro_windows, it.batch_windows
                    ),
                )
                .hint("it is how many of the `batch-windows` go through the model at once"),
        );
    }
    check_validation(table, issues);
}

fn check_validation(table: &Table, issues: &mut Vec<Issue>) {
    let it = &table.settings;
    let needs = [
        ("choose", it.choose == Choose::Best, "`choose = \"best\"`"),
        ("patience", it.patience != 0, "`patience`"),
    ];
    for (key, asked, what) in needs {
        if asked && it.validation == 0.0 {
            let message = format!("{what} needs validations, but `validation` is 0");
            issues.push(table.at(key, message).hint("set `validation = 0.001`"));
        }
    }
    if it.patience != 0 && it.validate_every == 0 {
        let message = "`patience` counts validations, but `validate-every = 0` asks for one only";
        issues.push(table.at("patience", message).hint("set `validate-every = 100`"));
    }
}

fn is_size(value: f64) -> bool {
    0.0 <= value && value.is_finite()
}

fn check_targets(table: &Table, issues: &mut Vec<Issue>) {
    let targets = &table.settings.targets;
    if targets.is_empty() {
        let known = LINEARS.join(", ");
        let message = format!("`targets` names no layer (known: {known})");
        issues.push(table.at("targets", message).hint("leave it out for all of them"));
    }
    let mut seen = BTreeSet::new();
    for target in targets {
        if !LINEARS.contains(&target.as_str()) {
            let known = LINEARS.join(", ");
            let message = format!("no linear layer is named `{target}` (known: {known})");
            let issue = table.at("targets", message);
            issues.push(match nearest(target, LINEARS) {
                Some(near) => issue.hint(format!("did you mean `{near}`?")),
                None => issue,
            });
        } else if !seen.insert(target) {
            issues.push(table.at("targets", format!("`{target}` stands twice")));
        }
    }
}

/// The run directory is nobody else's: a build removes from a corpus what it does not know.
fn check_directories(table: &Table, sinks: &[Node<dyn Sink>], issues: &mut Vec<Issue>) {
    let (model, dir) = (&table.settings.model, &table.settings.dir);
    for (key, path) in [("model", model), ("dir", dir)] {
        if path.as_os_str().is_empty() {
            issues.push(table.at(key, format!("`{key}` is empty")));
        } else if is_url(path) {
            let message = format!("`{}` is not a local directory", path.display());
            issues.push(table.at(key, message).hint(match key {
                "model" => "download the model and give the directory that holds it",
                _ => "training keeps its checkpoints on a disk of this machine",
            }));
        }
    }
    let run = plain(dir);
    if run.as_os_str().is_empty() {
        return;
    }
    if run == plain(model) {
        let message = format!("`dir` is the directory of the model, `{}`", dir.display());
        issues.push(table.at("dir", message).hint("give the run a directory of its own"));
    }
    for node in sinks {
        let corpus = plain(node.component.dir());
        if run.starts_with(&corpus) || corpus.starts_with(&run) {
            let message = match run == corpus {
                true => format!("`dir` is that of sink `{}`", node.name),
                false => format!("`dir` and that of sink `{}` lie within each other", node.name),
            };
            issues.push(table.at("dir", message).hint("give the run a directory of its own"));
        }
    }
}

/// Returns a path without its `.` parts.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|it| *it != Component::CurDir).collect()
}

/// Returns the sink whose corpus is learned.
fn find_sink<'p>(
    table: &Table,
    pipeline: &'p Pipeline,
    issues: &mut Vec<Issue>,
) -> Option<&'p Node<dyn Sink>> {
    let sinks = &pipeline.sinks;
    let names: Vec<&str> = sinks.iter().map(|it| it.name.as_str()).collect();
    let found = match (&table.settings.corpus, sinks.as_slice()) {
        (Some(name), _) => {
            let found = sinks.iter().find(|it| it.name == *name);
            if found.is_none() && pipeline.is_component(name) {
                issues.push(table.at("corpus", format!("`{name}` is not a sink")));
            } else if found.is_none() && !pipeline.declared.contains(name) {
                // Of a sink that is there, but cannot be read, everything is told already.
                let message = format!("no sink is named `{name}` (known: {})", names.join(", "));
                let issue = table.at("corpus", message);
                issues.push(match nearest(name, names) {
                    Some(near) => issue.hint(format!("did you mean `{near}`?")),
                    None => issue,
                });
            }
            found?
        }
        (None, [sink]) => sink,
        (None, []) => return None, // A pipeline without sinks has an issue of its own.
        (None, _) => {
            let message =
                format!("`train` does not say which corpus it learns: {}", names.join(", "));
            let issue = Issue::at(table.place.clone(), message);
            issues.push(issue.hint("write `corpus = \"NAME\"` with the name of a sink"));
            return None;
        }
    };
    if found.kind != SHARDS {
        let message = format!(
            "`train` learns from sinks of type `{SHARDS}`, but `{}` is `{}`",
            found.name, found.kind
        );
        issues.push(
            table.at("corpus", message).hint(format!("add a sink with `type = \"{SHARDS}\"`")),
        );
        return None;
    }
    Some(found)
}

/// Checks what depends on the rows of the corpus: segments of at most N tokens, or documents.
fn check_rows(table: &Table, pipeline: &Pipeline, sink: &Node<dyn Sink>, issues: &mut Vec<Issue>) {
    let input = sink.inputs.first().map(|it| it.name.as_str());
    let windows = pipeline.operators.iter().find(|it| Some(it.name.as_str()) == input);
    let config = windows.and_then(|node| {
        let knobs = serde_json::to_value(node.component.knobs()).ok()?;
        serde_json::from_value::<split_windows::Config>(knobs).ok()
    });
    let Some(config) = config else { return };
    let it = &table.settings;
    let documents = config.variant != Variant::Crossic;
    if documents && it.sampler != Sampler::ConcatChop {
        let message = format!(
            "sampler `{}` makes windows of whole segments, but the rows of `{}` are documents",
            it.sampler.name(),
            sink.name
        );
        issues.push(table.at("sampler", message).hint("write `sampler = \"concat-chop\"`"));
    }
    if config.variant == Variant::Mono && it.loss_on == LossOn::English {
        let message = format!("`loss-on = \"english\"` leaves nothing to learn of `{}`", sink.name);
        issues.push(table.at("loss-on", message).hint("its rows are in the target language only"));
    }
    if let Some(tokens) = it.tokens
        && !documents
        && it.sampler != Sampler::ConcatChop
        && (1..config.tokens).contains(&tokens)
    {
        let message = format!(
            "`tokens` is {tokens}, but segments of `{}` have up to {} tokens",
            sink.name, config.tokens
        );
        issues.push(table.at("tokens", message).hint(
            "leave it out to take that of the corpus, or lower `tokens` of the window operator",
        ));
    }
}
