//! One file of documents in memory, ready to be searched.

use std::path::Path;

use crossic_operators::{
    record::Digest,
    retrieve::{
        EncoderKind, IndexKind, Mode,
        index::{
            Index,
            hit::{Hit, Wanted},
            segment,
        },
        search::{Depth, two_step},
        vector::{Query, Vector},
    },
};

use super::{
    encoder::Searching,
    record::Record,
    rows::{Candidate, DocumentRow, unpack},
    usage,
};
use crate::{
    error::Result,
    store::{StoreError, memos, snapshot},
};

/// Documents from which on a graph is worth building.
const MANY: usize = 100_000;

/// Candidates that two searches look at first, and at most.
const DEPTH: Depth = Depth { first: 10, most: 4096 };

/// Returns how so many documents are searched.
pub(super) fn kind(searching: &Searching, n_documents: usize) -> Result<segment::Kind> {
    let config = &searching.config;
    Ok(match (config.encoder, config.index) {
        (EncoderKind::Lexical, IndexKind::Hnsw) => {
            let hint = "leave `index` out: postings are searched exactly";
            return Err(usage("`encoder = \"lexical\"` has no graph".to_owned(), hint));
        }
        (EncoderKind::Lexical, _) => segment::Kind::Sparse,
        (_, IndexKind::Hnsw) => segment::Kind::Hnsw(config.graph()),
        (_, IndexKind::Auto) if MANY <= n_documents => segment::Kind::Hnsw(config.graph()),
        _ => segment::Kind::Flat,
    })
}

/// Reads the documents of a file, one a text, with their vectors.
pub(super) fn documents(path: &Path) -> Result<Vec<(DocumentRow, Vector)>> {
    let mut documents: Vec<(DocumentRow, Vector)> = Vec::new();
    for_each(path, |row, vector| documents.push((row, vector)))?;
    Ok(documents)
}

/// Calls `take` with every document of a file, one a text, the one with the lowest id.
pub(super) fn for_each(path: &Path, mut take: impl FnMut(DocumentRow, Vector)) -> Result<()> {
    let damaged = || StoreError::damaged(path, "a text has no vector");
    let mut rows = snapshot::rows::<DocumentRow>(path)?.peekable();
    while let Some(row) = rows.next() {
        let mut row = row?;
        while let Some(next) =
            rows.next_if(|next| next.as_ref().is_ok_and(|next| next.text == row.text))
        {
            let next = next?;
            if row.vector.is_empty() && !next.vector.is_empty() {
                (row.vector, row.near) = (next.vector, next.near);
            }
        }
        let vector = unpack(&row.vector).ok_or_else(damaged)?;
        row.vector = Vec::new();
        take(row, vector);
    }
    Ok(())
}

/// A file of documents that can be searched.
#[derive(Debug)]
pub(super) struct Segment {
    index: Box<dyn segment::Segment>,
    /// Of each document, in order: digest of its text, first half of its id, fingerprint.
    documents: Vec<(Digest, u64, u64)>,
}

impl Segment {
    /// Loads the segment of a record.
    pub(super) fn load(dir: &Path, record: &Record, searching: &Searching) -> Result<Segment> {
        let folder = dir.join(memos::FOLDER);
        let path = folder.join(&record.documents);
        let is_graph = record.graph.is_some();
        let mut documents = Vec::new();
        let mut vectors = Vec::new();
        for_each(&path, |row, vector| {
            documents.push((row.text, row.id.0[0], row.near));
            if !is_graph {
                vectors.push((row.text, vector));
            }
        })?;
        let damaged = |cause: crossic_operators::retrieve::index::Error| {
            StoreError::damaged(&path, cause.to_string())
        };
        let index = match &record.graph {
            Some(graph) => segment::load(&fs_err::read(folder.join(graph))?).map_err(damaged)?,
            None => {
                let kind = kind(searching, vectors.len())?;
                segment::build(kind, searching.encoder.shape()?, vectors).map_err(damaged)?
            }
        };
        Ok(Segment { index, documents })
    }

    /// Returns about how many bytes it takes.
    pub(super) fn n_bytes(&self) -> usize {
        self.index.n_bytes() + self.documents.len() * size_of::<(Digest, u64, u64)>()
    }

    /// Returns the candidates of each question, best first.
    pub(super) fn search(
        &self,
        questions: &[(Vector, Vector)],
        mode: Mode,
        wanted: Wanted,
    ) -> Result<Vec<Vec<Candidate>>> {
        let other = |cause: crossic_operators::retrieve::index::Error| {
            usage(cause.to_string(), "this is a bug of crossic: please report it")
        };
        let found: Vec<Vec<Hit>> = match mode {
            Mode::Fused => {
                let queries: Vec<Query> =
                    questions.iter().map(|(title, full)| Query::fused(title, full)).collect();
                self.index.search(&queries, wanted).map_err(other)?
            }
            Mode::TwoStep => {
                let found = two_step(&*self.index, questions, wanted, DEPTH).map_err(other)?;
                found.into_iter().map(|it| it.hits).collect()
            }
        };
        Ok(questions.iter().zip(found).map(|(it, hits)| self.candidates(it, hits)).collect())
    }

    fn candidates(&self, (title, full): &(Vector, Vector), hits: Vec<Hit>) -> Vec<Candidate> {
        let (title, full) = (Query::of(title), Query::of(full));
        let shape = self.index.shape();
        let score = |query: &Query, document: Digest| {
            let product = self.index.product(query, document).unwrap_or_default();
            shape.score(query, product)
        };
        hits.into_iter()
            .filter_map(|hit| {
                let at = self.documents.binary_search_by_key(&hit.document, |it| it.0).ok()?;
                let (text, id, near) = *self.documents.get(at)?;
                let scores = [hit.score, score(&title, text), score(&full, text)];
                Some(Candidate { product: hit.product, text, id, near, scores })
            })
            .collect()
    }
}
