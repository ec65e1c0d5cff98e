//! The articles snapshots: what the article dump said of each wanted page.

use std::{path::Path, sync::Mutex};

use crossic_operators::record::{Article, Digest, SourceIndex};

use crate::{
    error::Result,
    sources::{self, Snapshot},
    store::{snapshot::SnapshotWriter, tables::ArticleRow},
};

/// The snapshot writers of all sources of a process.
pub(super) struct Articles(Vec<(String, Mutex<Option<SnapshotWriter<ArticleRow>>>)>);

impl Articles {
    pub(super) fn create<'a>(
        dir: &Path,
        sources: impl IntoIterator<Item = &'a str>,
    ) -> Result<Articles> {
        let writer = |name: &str| {
            let writer = SnapshotWriter::create(dir)?;
            Ok((name.to_owned(), Mutex::new(Some(writer))))
        };
        Ok(Articles(sources.into_iter().map(writer).collect::<Result<_>>()?))
    }

    pub(super) fn push(&self, source: SourceIndex, row: sources::ArticleRow) -> Result<()> {
        let Some((_, writer)) = self.0.get(usize::from(source)) else { return Ok(()) };
        if let Ok(mut writer) = writer.lock()
            && let Some(writer) = &mut *writer
        {
            writer.push(as_row(row))?;
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<Vec<Snapshot>> {
        let mut snapshots = Vec::new();
        for (source, writer) in &self.0 {
            let taken = writer.lock().ok().and_then(|mut writer| writer.take());
            let Some(writer) = taken else { continue };
            let info = writer.finish(&format!("{source}-articles"))?;
            snapshots.push(Snapshot {
                source: source.clone(),
                table: "articles".to_owned(),
                file: format!("snapshots/{}", info.file),
                hash: info.hash,
                rows: info.rows,
            });
        }
        Ok(snapshots)
    }
}

fn as_row((page, article): sources::ArticleRow) -> ArticleRow {
    let nothing = |state: &str| ArticleRow {
        page,
        state: state.to_owned(),
        digest: Digest::default(),
        revision: 0,
        n_chars: 0,
        n_paragraphs: 0,
    };
    match article {
        Article::Text(text) => ArticleRow {
            page,
            state: "text".to_owned(),
            digest: text.digest,
            revision: text.revision,
            n_chars: text.n_chars,
            n_paragraphs: text.n_paragraphs,
        },
        Article::Redirect => nothing("redirect"),
        Article::OtherNamespace => nothing("other-namespace"),
        Article::OtherModel => nothing("other-model"),
        Article::Empty => nothing("empty"),
        Article::Disambiguation => nothing("disambiguation"),
    }
}
