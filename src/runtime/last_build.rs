//! The build that a directory holds, and what of it serves the next one.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{bucket::Record, inputs::Input};
use crate::{
    config::{
        Plan,
        plan::{SinkNode, SourceNode},
    },
    error::Result,
    manifest::Manifest,
    sources::Before,
    storage,
    store::memos,
};

/// The last build of one corpus directory; empty where there is none.
#[derive(Debug, Default)]
pub(super) struct LastBuild {
    pub(super) dir: PathBuf,
    pub(super) manifest: Option<Manifest>,
}

impl LastBuild {
    /// Reads the manifest of a corpus directory.
    pub(super) fn find(dir: &Path) -> Result<LastBuild> {
        Ok(LastBuild { dir: dir.to_owned(), manifest: Manifest::find(dir)? })
    }

    /// Returns the manifest if its snapshots and memos can be read.
    fn readable(&self) -> Option<&Manifest> {
        self.manifest.as_ref().filter(|it| it.is_of_this_layout())
    }

    /// Returns what each source of a plan may take from the last build; `note` hears of what may
    /// surprise.
    pub(super) fn sources(
        &self,
        plan: &Plan,
        inputs: &mut [Input],
        note: &dyn Fn(&str),
    ) -> Result<Vec<Arc<Before>>> {
        plan.sources
            .iter()
            .map(|node| {
                let Some(last) = self.readable() else { return Ok(Arc::default()) };
                let Some(source) = last.plan.sources.get(&node.name) else {
                    return Ok(Arc::default());
                };
                if last
                    .sources
                    .get(&node.name)
                    .is_none_or(|it| it.info.wiki != node.source.info().wiki)
                {
                    return Ok(Arc::default());
                }
                // Another version may clean differently, and so may other knobs.
                let same_knobs = last.crossic == env!("CARGO_PKG_VERSION")
                    && *source == plan.resolved_source(node);
                let same_cleaning = same_knobs && {
                    let before = last.sources.get(&node.name).map(|it| &it.template_aliases);
                    before == Some(&self.template_aliases(node, inputs)?)
                };
                if same_knobs && !same_cleaning {
                    note(&format!(
                        "source `{}`: other redirects between its templates: its articles are cleaned anew",
                        node.name
                    ));
                }
                let same_files = same_cleaning
                    && same_files(last, &node.name, &node.source.article_files(), inputs)?;
                Ok(Arc::new(Before::new(
                    &self.dir,
                    &last.snapshots,
                    &node.name,
                    same_cleaning,
                    same_files,
                )))
            })
            .collect()
    }

    /// Returns the digest of what the redirects between the templates of a source change; the
    /// tables are read only if they are not those of the last build.
    pub(super) fn template_aliases(
        &self,
        node: &SourceNode,
        inputs: &mut [Input],
    ) -> Result<Option<String>> {
        let last = self.readable().filter(|it| it.crossic == env!("CARGO_PKG_VERSION"));
        let known = last.and_then(|last| {
            let known = last.sources.get(&node.name)?;
            (known.info.wiki == node.source.info().wiki).then_some((last, known))
        });
        if let Some((last, known)) = known
            && let Some(tables) = node.source.template_tables()
            && same_files(
                last,
                &node.name,
                &[tables.page.clone(), tables.redirect.clone()],
                inputs,
            )?
        {
            return Ok(known.template_aliases.clone());
        }
        Ok(node.source.template_aliases()?.map(|digest| digest.to_string()))
    }

    /// Returns the records of the buckets that a sink may take rows from.
    pub(super) fn buckets(&self, sink: &SinkNode) -> BTreeMap<u32, Record> {
        let Some(last) = self.readable() else { return BTreeMap::new() };
        if last.shard_format != sink.sink.format() || last.plan.sink.knobs != sink.sink.knobs() {
            return BTreeMap::new();
        }
        let records = last.memos.iter().filter(|it| it.ends_with("-record.json"));
        records
            .filter_map(|file| Record::read(&self.dir.join(memos::FOLDER).join(file)))
            .map(|record| (record.number, record))
            .collect()
    }

    /// Says what of another plan has to be done again; nothing if the plan is the same.
    pub(super) fn changes(&self, plan: &Plan, sink: &SinkNode) -> Vec<String> {
        let Some(last) = &self.manifest else { return Vec::new() };
        let now = plan.resolved(sink);
        if last.plan_digest == now.digest().to_string()
            && last.crossic == env!("CARGO_PKG_VERSION")
            && last.is_of_this_layout()
        {
            return Vec::new();
        }
        let mut changes = Vec::new();
        if !last.is_of_this_layout() {
            changes.push(
                "the last corpus has another layout of files: everything is done again".to_owned(),
            );
        } else if last.crossic != env!("CARGO_PKG_VERSION") {
            changes.push(format!(
                "crossic {} built the last corpus: everything is done again",
                last.crossic
            ));
        }
        for (name, source) in &now.sources {
            match last.plan.sources.get(name) {
                None => changes.push(format!("source `{name}` is new: its articles are read")),
                Some(before) if before != source => {
                    changes
                        .push(format!("source `{name}` has changed: its articles are read again"));
                }
                Some(_) => {}
            }
        }
        let windows = plan.windows_of(sink).map(|node| node.name.as_str());
        for (name, operator) in &now.operators {
            let same = last.plan.operators.get(name) == Some(operator)
                && last.plan.tokenizers.get(name) == now.tokenizers.get(name);
            if same {
                continue;
            }
            changes.push(match windows == Some(name) {
                true => format!("`{name}` has changed: every pair is split again, texts are kept"),
                false => format!("`{name}` has changed: pairs are chosen again, texts are kept"),
            });
        }
        if last.plan.sink != now.sink {
            changes.push("the sink has changed: every shard is written again".to_owned());
        }
        changes
    }
}

/// Returns whether these files are, byte for byte, among those of a source at the last build.
fn same_files(
    last: &Manifest,
    source: &str,
    paths: &[PathBuf],
    inputs: &mut [Input],
) -> Result<bool> {
    let Some(known) = last.sources.get(source) else { return Ok(false) };
    for path in paths {
        let Some(input) = inputs.iter_mut().find(|it| it.source == source && it.path == *path)
        else {
            return Ok(false);
        };
        // Hashing a file means reading it, which is only worth it if the size is right.
        let Some(file) = known.files.iter().find(|it| it.size == input.size) else {
            return Ok(false);
        };
        let hash = match &input.hash {
            Some(hash) => hash.clone(),
            None => input.hash.insert(storage::hash(path)?).clone(),
        };
        if hash != file.hash {
            return Ok(false);
        }
    }
    Ok(!paths.is_empty())
}
