//! `crossic diff`: what moved between two corpora, from the inputs to the tokens.
//!
//! Sorted files are read side by side. What is held beside the examples is the ids of changed
//! articles and a few dozen bytes for each pair that only one of the corpora has.

mod changes;
mod facts;
mod inputs;
mod links;
mod pages;
mod pairs;
mod rows;
mod show;
mod top;
mod why;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use self::{
    facts::{Change, Difference, Named},
    pages::{Cursor, Pages},
};
use super::{
    corpus::Corpus,
    output::{print, quoted, write_json},
};
use crate::{
    error::{Error, Result},
    manifest::{self, Manifest},
    sources::WikiInfo,
    store::tables::LinkRow,
};

/// Where a rebuild keeps the corpus that it replaced.
pub(super) const PREVIOUS: &str = "previous";

/// Show what moved between two corpora: pages, links, pairs, segments and tokens
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  crossic diff out/july out/august\n  \
                        crossic diff out/sample --examples 20\n  \
                        crossic diff out/july out/august --json\n\n\
                        This is a report, not a test: the exit code is 0 whether or not the \
                        corpora differ.\nKinds of moves of which there are none are left out.")]
pub(super) struct Args {
    /// The old corpus: its directory or its manifest.json. On its own, a rebuilt corpus, which is
    /// compared with the one it replaced
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The new corpus
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// Show at most this many examples of each kind, the largest first
    #[arg(long, value_name = "N", default_value_t = 5)]
    examples: usize,
    /// Write what moved as one JSON object
    #[arg(long)]
    json: bool,
}

/// A wiki that one of the corpora has, or both.
struct Wiki {
    /// Its name.
    name: String,
    /// Its language.
    lang: String,
    /// Whether it is the English side of pairs.
    english: bool,
    /// Whether it is a collection of web documents.
    documents: bool,
    /// What each corpus says of it.
    info: Change<Option<WikiInfo>>,
    /// Name of its source in each corpus.
    source: Change<Option<String>>,
    /// Ids of its articles whose text changed, in order; `None` if that is not known.
    changed: Option<Vec<u32>>,
}

impl Wiki {
    /// Returns what the newer corpus says of it.
    fn info(&self) -> Option<&WikiInfo> {
        self.info.new.as_ref().or(self.info.old.as_ref())
    }
}

/// Runs `crossic diff`.
///
/// # Errors
///
/// One of the corpora cannot be read, or there is nothing to compare the only one with.
pub(super) fn run(args: &Args) -> Result<()> {
    let corpora = open(args)?;
    let difference = compare(&corpora, args.examples)?;
    print(|out| match args.json {
        true => write_json(out, &difference),
        false => show::show(out, &difference),
    })
}

fn open(args: &Args) -> Result<Change<Corpus>> {
    let one = directory(&args.old);
    let Some(new) = &args.new else {
        let new = Corpus::open(&one)?;
        let previous = one.join(PREVIOUS);
        return match Corpus::find(&previous)? {
            Some(old) => Ok(Change { old, new }),
            None => Err(Error::Directory {
                hint: format!("name two corpora: crossic diff OLD {}", quoted(&one)),
                what: format!("keeps no corpus that it replaced: it has no `{PREVIOUS}`"),
                dir: one,
            }),
        };
    };
    Ok(Change { old: Corpus::open(&one)?, new: Corpus::open(&directory(new))? })
}

/// Returns the directory of a corpus that is named by its directory or by its manifest.
fn directory(path: &Path) -> PathBuf {
    match (path.file_name(), path.parent()) {
        (Some(name), Some(parent)) if name == manifest::FILE_NAME => match parent.as_os_str() {
            empty if empty.is_empty() => PathBuf::from("."),
            _ => parent.to_owned(),
        },
        _ => path.to_owned(),
    }
}

fn compare(corpora: &Change<Corpus>, n_examples: usize) -> Result<Difference> {
    let (old, new) = (&corpora.old.manifest, &corpora.new.manifest);
    let mut wikis = wikis(old, new);
    let mut notes = Vec::new();
    let languages: BTreeSet<String> = wikis.iter().map(|it| it.lang.clone()).collect();
    let mut sources = BTreeMap::new();
    for wiki in &mut wikis {
        let facts = source(corpora, wiki, &languages, n_examples, &mut notes)?;
        let name = wiki.source.new.as_ref().or(wiki.source.old.as_ref());
        let name = name.cloned().unwrap_or_default();
        // Another wiki may have had the name in the old corpus.
        let name = match sources.contains_key(&name) {
            true => format!("{name} ({})", wiki.name),
            false => name,
        };
        sources.insert(name, facts);
    }
    let mut compared = pairs::compare(corpora, &wikis, n_examples)?;
    notes.extend(compared.note.take());
    why::settle(&corpora.new, &mut compared.cases.old, &wikis)?;
    why::settle(&corpora.old, &mut compared.cases.new, &wikis)?;
    let tokens = std::mem::take(&mut compared.tokens);
    let mut difference = Difference {
        moved: false,
        corpora: Change { old: named(&corpora.old), new: named(&corpora.new) },
        knobs: inputs::knobs(old, new),
        sources,
        pairs: compared.finish(&wikis, |case, went| case.words(went, &wikis)),
        tokens,
        total: Change { old: old.totals.tokens, new: new.totals.tokens },
        notes,
    };
    difference.moved = moved(&difference);
    Ok(difference)
}

fn moved(difference: &Difference) -> bool {
    let of_source = |it: &facts::Source| {
        let pages = it.pages.as_ref();
        !it.date.same()
            || !it.files.is_empty()
            || pages.is_some_and(|it| !it.page_moves.is_empty() || !it.article_moves.is_empty())
            || it.links.values().any(|it| !it.moves.is_empty())
    };
    difference.corpora.old.corpus_digest != difference.corpora.new.corpus_digest
        || !difference.knobs.is_empty()
        || difference.sources.values().any(of_source)
        || difference.pairs.values().any(|it| !it.moves.is_empty())
}

fn named(corpus: &Corpus) -> Named {
    Named {
        dir: corpus.place.display().to_string(),
        corpus_digest: corpus.manifest.corpus_digest.clone(),
        crossic: corpus.manifest.crossic.clone(),
        rows: corpus.manifest.rows,
    }
}

/// Returns the wikis of both corpora, sorted by name.
fn wikis(old: &Manifest, new: &Manifest) -> Vec<Wiki> {
    let infos = old.sources.values().chain(new.sources.values());
    let names: BTreeSet<&str> = infos.map(|it| it.info.wiki.as_str()).collect();
    let wikis = names.into_iter().map(|name| {
        let (old_source, new_source) = (old.source_of_wiki(name), new.source_of_wiki(name));
        let lang = new_source.or(old_source).map(|(_, it)| it.info.lang.clone());
        let documents = new_source.or(old_source).is_some_and(|(_, it)| it.documents);
        Wiki {
            name: name.to_owned(),
            lang: lang.unwrap_or_default(),
            english: documents
                || [(old, old_source), (new, new_source)].into_iter().any(|(manifest, source)| {
                    source.is_some_and(|(source, _)| is_english(manifest, source))
                }),
            documents,
            info: Change {
                old: old_source.map(|(_, it)| it.info.clone()),
                new: new_source.map(|(_, it)| it.info.clone()),
            },
            source: Change {
                old: old_source.map(|(source, _)| source.to_owned()),
                new: new_source.map(|(source, _)| source.to_owned()),
            },
            changed: None,
        }
    });
    wikis.collect()
}

/// Returns whether a source is the English side: the first input of an operator that joins wikis.
fn is_english(manifest: &Manifest, source: &str) -> bool {
    let mut operators = manifest.plan.operators.values();
    operators.any(|it| it.inputs.first().is_some_and(|first| first == source))
}

/// Compares one source of both corpora; notes what cannot be compared.
fn source(
    corpora: &Change<Corpus>,
    wiki: &mut Wiki,
    languages: &BTreeSet<String>,
    n_examples: usize,
    notes: &mut Vec<String>,
) -> Result<facts::Source> {
    let infos = Change {
        old: corpora.old.manifest.source_of_wiki(&wiki.name).map(|it| it.1),
        new: corpora.new.manifest.source_of_wiki(&wiki.name).map(|it| it.1),
    };
    let (same_files, files) = inputs::files(infos.old, infos.new);
    let date = |info: &Option<WikiInfo>| info.as_ref().map(|it| it.date.clone());
    let mut facts = facts::Source {
        wiki: wiki.name.clone(),
        date: Change { old: date(&wiki.info.old), new: date(&wiki.info.new) },
        same_files,
        files,
        pages: None,
        links: BTreeMap::new(),
    };
    let (Some(old), Some(new)) = (&wiki.source.old, &wiki.source.new) else {
        let which = if wiki.source.old.is_some() { "old" } else { "new" };
        notes.push(format!("{}: only the {which} corpus has this source", wiki.name));
        return Ok(facts);
    };
    // A collection has neither pages nor links: its files and pairs are all there is.
    if wiki.documents {
        return Ok(facts);
    }
    let (Some(old_info), Some(new_info)) = (&wiki.info.old, &wiki.info.new) else {
        return Ok(facts);
    };
    let (old_pages, new_pages) = (Pages::open(&corpora.old, old)?, Pages::open(&corpora.new, new)?);
    let (Some(old_pages), Some(new_pages)) = (old_pages, new_pages) else {
        notes.push(format!(
            "{}: pages and links are not compared: a corpus keeps no snapshots of them \
             (the first sink of a pipeline does)",
            wiki.name
        ));
        return Ok(facts);
    };
    let info = Change { old: old_info.clone(), new: new_info.clone() };
    let moved = changes::compare(Change { old: old_pages, new: new_pages }, &info, n_examples)?;
    let rows = Change {
        old: Cursor::<LinkRow>::open(&corpora.old, old)?,
        new: Cursor::<LinkRow>::open(&corpora.new, new)?,
    };
    facts.links = links::compare(rows, &info.new, languages, n_examples)?;
    name_pages(&mut facts.links, [(&corpora.old, old), (&corpora.new, new)])?;
    facts.pages = Some(moved.facts);
    wiki.changed = Some(moved.changed);
    Ok(facts)
}

/// Gives the links among the examples the titles of their pages, the newer ones where there are two.
fn name_pages(
    links: &mut BTreeMap<String, facts::Links>,
    corpora: [(&Corpus, &String); 2],
) -> Result<()> {
    let mut examples: Vec<&mut facts::Link> =
        links.values_mut().flat_map(|it| &mut it.moves).flat_map(|it| &mut it.examples).collect();
    let wanted: BTreeSet<u32> = examples.iter().map(|link| link.page).collect();
    for (corpus, source) in corpora {
        let titles = pages::titles(corpus, source, &wanted)?;
        for link in &mut examples {
            link.title = titles.get(&link.page).cloned().or(link.title.take());
        }
    }
    Ok(())
}
