//! Checks a pipeline as a whole: names, kinds, cycles, dead ends, files.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use crossic_operators::{
    flow::Kind,
    operator::{Inputs, Operator},
    retrieve::Config,
    vocabulary::Vocabulary,
};

use super::{
    issue::{Issue, nearest},
    parse::{Node, Pipeline},
    plan::{OperatorNode, Plan, SinkNode, SourceNode},
    train,
};
use crate::{error::Result, retrieval::Searching, storage::place::Place};

/// Opens what an operator searches with.
pub(super) type Open = fn(&Config) -> Result<Searching>;

/// Returns the plan, unless something is wrong.
pub(super) fn check(mut pipeline: Pipeline, open: Open, issues: &mut Vec<Issue>) -> Option<Plan> {
    // Of a pipeline that cannot be read to its end nobody knows what leads nowhere.
    let is_whole = issues.is_empty();
    let kinds = kinds(&pipeline, issues);
    let n_components = pipeline.sources.len() + pipeline.operators.len() + pipeline.sinks.len();
    if kinds.len() < n_components {
        return None; // Where a name stands for two things, nothing else can be told.
    }
    let declared = &pipeline.declared;
    for node in &pipeline.operators {
        check_inputs(node, node.component.inputs(), (&kinds, declared), issues);
        if let Some(message) = node.component.misfit() {
            issues.push(Issue::at(node.span.clone(), message));
        }
    }
    for node in &pipeline.sinks {
        let windows = Inputs::of(Kind::Windows, 1, "windows");
        check_inputs(node, windows, (&kinds, declared), issues);
        if 1 < node.inputs.len() {
            let span = node.span.clone();
            issues.push(
                Issue::at(span, format!("sink `{}` takes one input", node.name))
                    .hint("give the window operator several inputs instead"),
            );
        }
        if let Some(message) = node.component.misfit() {
            issues.push(Issue::at(node.span.clone(), message));
        }
    }
    check_directories(&pipeline.sinks, issues);
    let table = pipeline.train.take();
    let train = table.and_then(|table| train::check(&table, &pipeline, issues));
    if is_whole {
        check_ends(&pipeline, issues);
    }
    let vocabularies = vocabularies(&pipeline.operators, issues);
    let searching = searching(&pipeline.operators, open, issues);
    open_sources(&mut pipeline.sources, issues);
    check_languages(&pipeline, issues);
    check_collections(&pipeline, issues);
    let order = topological(&pipeline.operators, issues);
    if !issues.is_empty() {
        return None;
    }

    let mut stages: Vec<String> = pipeline.operators.iter().map(|it| it.name.clone()).collect();
    stages.sort();
    let mut operators: BTreeMap<usize, Node<dyn Operator>> =
        pipeline.operators.into_iter().enumerate().collect();
    let mut sources: Vec<SourceNode> = pipeline
        .sources
        .into_iter()
        .map(|it| SourceNode { name: it.name, kind: it.kind, source: it.component })
        .collect();
    sources.sort_by(|left, right| left.name.cmp(&right.name));
    let mut sinks: Vec<SinkNode> = pipeline
        .sinks
        .into_iter()
        .filter_map(|it| {
            let input = it.inputs.into_iter().next()?.name;
            Some(SinkNode { name: it.name, kind: it.kind, input, sink: Arc::from(it.component) })
        })
        .collect();
    sinks.sort_by(|left, right| left.name.cmp(&right.name));
    Some(Plan {
        name: String::new(),
        profile: pipeline.profile,
        sources,
        operators: order
            .into_iter()
            .filter_map(|index| operators.remove(&index))
            .map(|it| OperatorNode {
                stage: stages.iter().position(|name| *name == it.name).unwrap_or(0) as u16,
                name: it.name,
                kind: it.kind,
                inputs: it.inputs.into_iter().map(|input| input.name).collect(),
                operator: it.component,
            })
            .collect(),
        sinks,
        vocabularies,
        searching,
        train,
    })
}

/// What each named component writes; a name may stand for one thing only.
fn kinds(pipeline: &Pipeline, issues: &mut Vec<Issue>) -> BTreeMap<String, Option<Kind>> {
    let sources =
        pipeline.sources.iter().map(|it| (&it.name, it.span.clone(), Some(it.component.writes())));
    let operators = pipeline
        .operators
        .iter()
        .map(|it| (&it.name, it.span.clone(), Some(it.component.output())));
    let sinks = pipeline.sinks.iter().map(|it| (&it.name, it.span.clone(), None));
    let mut kinds = BTreeMap::new();
    for (name, span, kind) in sources.chain(operators).chain(sinks) {
        if kinds.insert(name.clone(), kind).is_some() {
            issues.push(
                Issue::at(span, format!("two components are named `{name}`"))
                    .hint("sources, operators and sinks share their names"),
            );
        }
    }
    kinds
}

fn check_inputs<C: ?Sized>(
    node: &Node<C>,
    wants: Inputs,
    (kinds, declared): (&BTreeMap<String, Option<Kind>>, &[String]),
    issues: &mut Vec<Issue>,
) {
    let mut seen = BTreeSet::new();
    for (number, input) in node.inputs.iter().enumerate() {
        let wanted = match wants.last {
            Some(last) if number + 1 == node.inputs.len() => last,
            _ => wants.kind,
        };
        let Some(kind) = kinds.get(&input.name) else {
            if declared.contains(&input.name) {
                continue; // It is there, and what is wrong with it is told already.
            }
            let known: Vec<&str> = kinds
                .iter()
                .filter(|(_, kind)| kind.is_some())
                .map(|(it, _)| it.as_str())
                .collect();
            let message =
                format!("no component is named `{}` (known: {})", input.name, known.join(", "));
            let issue = Issue::at(input.span.clone(), message);
            issues.push(match nearest(&input.name, known) {
                Some(near) => issue.hint(format!("did you mean `{near}`?")),
                None => issue,
            });
            continue;
        };
        if !seen.insert(&input.name) {
            issues.push(Issue::at(input.span.clone(), format!("`{}` stands twice", input.name)));
        }
        match kind {
            Some(kind) if *kind == wanted => {}
            Some(kind) => {
                let message = format!(
                    "`{}` reads {}, but `{}` writes {}",
                    node.name,
                    wanted.name(),
                    input.name,
                    kind.name()
                );
                let issue = Issue::at(input.span.clone(), message);
                issues.push(match wants.last {
                    Some(_) => issue.hint(format!("its inputs are {}", wants.what)),
                    None => issue,
                });
            }
            None => issues.push(Issue::at(
                input.span.clone(),
                format!("`{}` is a sink and writes nothing to read", input.name),
            )),
        }
    }
    if node.inputs.len() < wants.min {
        issues.push(
            Issue::at(
                node.span.clone(),
                format!(
                    "`{}` needs at least {} {}, but has {}",
                    node.name,
                    wants.min,
                    if wants.min == 1 { "input" } else { "inputs" },
                    node.inputs.len()
                ),
            )
            .hint(format!("its inputs are {}", wants.what)),
        );
    }
}

fn check_directories(sinks: &[Node<dyn crate::sinks::Sink>], issues: &mut Vec<Issue>) {
    let mut directories = BTreeSet::new();
    for node in sinks {
        match Place::parse(node.component.place()) {
            Ok(Place::Remote(url)) if url.scheme().is_web() => {
                let message = format!("`{url}` can only be read");
                let issue = Issue::at(node.span.clone(), message);
                issues.push(issue.hint("give a local directory, `s3://bucket/folder` or `gs://…`"));
            }
            Ok(_) => {}
            Err(error) => issues.push(Issue::at(node.span.clone(), error.to_string())),
        }
        if !directories.insert(node.component.dir().to_owned()) {
            let message = format!("two sinks write to `{}`", node.component.place().display());
            issues.push(Issue::at(node.span.clone(), message));
        }
    }
}

/// Every source and operator must lead somewhere.
fn check_ends(pipeline: &Pipeline, issues: &mut Vec<Issue>) {
    let operators = pipeline.operators.iter().map(|it| &it.inputs);
    let sinks = pipeline.sinks.iter().map(|it| &it.inputs);
    let read: BTreeSet<&str> =
        operators.chain(sinks).flatten().map(|input| input.name.as_str()).collect();
    let sources = pipeline.sources.iter().map(|it| (&it.name, &it.span));
    let operators = pipeline.operators.iter().map(|it| (&it.name, &it.span));
    for (name, span) in sources.chain(operators) {
        if !read.contains(name.as_str()) {
            issues.push(
                Issue::at(span.clone(), format!("nothing reads `{name}`"))
                    .hint("name it in the `inputs` of another component, or remove it"),
            );
        }
    }
}

fn vocabularies(
    operators: &[Node<dyn Operator>],
    issues: &mut Vec<Issue>,
) -> BTreeMap<PathBuf, Arc<Vocabulary>> {
    let mut vocabularies: BTreeMap<PathBuf, Arc<Vocabulary>> = BTreeMap::new();
    for node in operators {
        let Some(path) = node.component.tokenizer() else { continue };
        if !vocabularies.contains_key(path) {
            let hint = "give the path of a Hugging Face `tokenizer.json`";
            let bytes = match fs_err::read(path) {
                Ok(bytes) => bytes,
                Err(cause) => {
                    issues.push(Issue::at(node.span.clone(), cause.to_string()).hint(hint));
                    continue;
                }
            };
            match Vocabulary::from_bytes(&bytes) {
                Ok(vocabulary) => {
                    vocabularies.insert(path.to_owned(), Arc::new(vocabulary));
                }
                Err(cause) => {
                    let message = format!("`{}`: {cause}", path.display());
                    issues.push(Issue::at(node.span.clone(), message).hint(hint));
                    continue;
                }
            }
        }
        if let Some(vocabulary) = vocabularies.get(path)
            && let Some(problem) = node.component.problem(vocabulary)
        {
            issues.push(Issue::at(node.span.clone(), problem));
        }
    }
    vocabularies
}

/// Opens the encoders of the operators that search documents.
fn searching(
    operators: &[Node<dyn Operator>],
    open: Open,
    issues: &mut Vec<Issue>,
) -> BTreeMap<String, Arc<Searching>> {
    let mut all = BTreeMap::new();
    for node in operators {
        let fits = node.component.misfit().is_none();
        let Some(config) = node.component.retrieval().filter(|_| fits) else { continue };
        match open(config) {
            Ok(searching) => drop(all.insert(node.name.clone(), Arc::new(searching))),
            Err(error) => {
                let issue = Issue::at(node.span.clone(), with_causes(&error));
                issues.push(match error.hint() {
                    Some(hint) => issue.hint(hint),
                    None => issue,
                });
            }
        }
    }
    all
}

fn open_sources(sources: &mut [Node<dyn crate::sources::Source>], issues: &mut Vec<Issue>) {
    for node in sources {
        if let Err(error) = node.component.open() {
            let issue = Issue::at(node.span.clone(), with_causes(&error));
            issues.push(match error.hint() {
                Some(hint) => issue.hint(hint),
                None => issue,
            });
        }
    }
}

/// Returns an error's message with those of its causes that it does not tell itself.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

/// A collection of documents may not be named like a wiki or another collection: provenance goes
/// by these names.
fn check_collections(pipeline: &Pipeline, issues: &mut Vec<Issue>) {
    if !issues.is_empty() {
        return;
    }
    let mut names = BTreeMap::new();
    for node in &pipeline.sources {
        let name = &node.component.info().wiki;
        let Some(other) = names.insert(name.clone(), node.name.clone()) else { continue };
        issues.push(
            Issue::at(
                node.span.clone(),
                format!("`{other}` and `{}` are both `{name}`", node.name),
            )
            .hint("give documents another `name`"),
        );
    }
}

/// Two sources of one language would share links: which of them is meant could not be told.
fn check_languages(pipeline: &Pipeline, issues: &mut Vec<Issue>) {
    if !issues.is_empty() {
        return;
    }
    let mut languages = BTreeMap::new();
    for node in pipeline.sources.iter().filter(|it| it.component.writes() == Kind::Wiki) {
        let lang = &node.component.info().lang;
        if let Some(other) = languages.insert(lang.clone(), node.name.clone()) {
            issues.push(Issue::at(
                node.span.clone(),
                format!("`{other}` and `{}` are both of language `{lang}`", node.name),
            ));
        }
    }
}

/// Returns the operators' positions, each after its inputs, ties by name.
fn topological(operators: &[Node<dyn Operator>], issues: &mut Vec<Issue>) -> Vec<usize> {
    let names: BTreeSet<&str> = operators.iter().map(|it| it.name.as_str()).collect();
    let mut open: BTreeMap<&str, usize> =
        operators.iter().zip(0..).map(|(node, index)| (node.name.as_str(), index)).collect();
    let mut order = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while !open.is_empty() {
        let ready = open.iter().find(|(_, index)| {
            operators.get(**index).is_some_and(|node| {
                node.inputs.iter().all(|input| {
                    !names.contains(input.name.as_str()) || done.contains(input.name.as_str())
                })
            })
        });
        let Some((&name, &index)) = ready else {
            let stuck: Vec<&str> = open.keys().copied().collect();
            let span = open.values().next().and_then(|index| operators.get(*index));
            let message = format!("operators read each other in a circle: {}", stuck.join(", "));
            issues.push(Issue::at(span.map_or(0..0, |node| node.span.clone()), message));
            return Vec::new();
        };
        open.remove(name);
        done.insert(name);
        order.push(index);
    }
    order
}
