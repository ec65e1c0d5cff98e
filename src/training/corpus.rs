//! What the trainer needs to know of a corpus, out of its manifest.

use std::path::Path;

use crossic_trainer::data::corpus::{CorpusInfo, RowKind};

use crate::{
    error::{Error, Result},
    io,
    manifest::{self, Manifest},
    store::StoreError,
};

/// Returns what a corpus is; its shards are not looked at.
///
/// # Errors
///
/// The shards are no Arrow files, or the copy of the tokenizer is missing or another one.
pub fn info(dir: &Path, manifest: &Manifest) -> Result<CorpusInfo> {
    if manifest.shard_format != "arrow" {
        return Err(Error::Directory {
            dir: dir.to_owned(),
            what: "holds a corpus of JSON lines, and training reads Arrow shards".to_owned(),
            hint: "build it again into another directory with `type = \"arrow-shards\"`".to_owned(),
        });
    }
    let info = &manifest.tokenizer;
    let tokenizer = dir.join(&info.file);
    if io::hash_file(&tokenizer)? != info.hash {
        let what = format!("it is not the tokenizer that `{}` names", manifest::FILE_NAME);
        return Err(StoreError::damaged(&tokenizer, what).into());
    }
    Ok(CorpusInfo {
        digest: manifest.corpus_digest.clone(),
        kind: match manifest.rows {
            manifest::RowKind::Segments => RowKind::Segments,
            manifest::RowKind::Documents => RowKind::Documents,
        },
        tokens: usize::try_from(manifest.tokens).unwrap_or(usize::MAX),
        languages: languages(manifest),
        tokenizer,
        vocabulary: info.size,
        closing: info.closing.clone(),
        closing_id: info.closing_id,
        closing_added: info.closing_added,
        bos_id: info.bos_id,
    })
}

/// Returns the languages of a corpus: that of the English side, then the others by their codes.
pub fn languages(manifest: &Manifest) -> Vec<String> {
    let joins = || manifest.plan.operators.values().filter(|it| it.kind == "join-langlinks");
    let english: Vec<&str> = joins()
        .filter_map(|join| manifest.sources.get(join.inputs.first()?))
        .map(|source| source.info.lang.as_str())
        .collect();
    let mut languages: Vec<String> =
        manifest.sources.values().map(|source| source.info.lang.clone()).collect();
    languages.sort_by_key(|lang| (!english.contains(&lang.as_str()), lang.clone()));
    languages.dedup();
    languages
}
