//! Checks of files: each is there, has the hash that the manifest says, and nothing else passes for a shard.

use std::{collections::BTreeSet, path::Path};

use crossic_operators::record::Digest;

use super::check::Check;
use crate::{
    cli::corpus::Corpus,
    error::Result,
    io::hash_file,
    sinks::shards_dir,
    store::{
        StoreError,
        pack::{PackName, Packs},
        tables::ArticleRow,
    },
};

/// Returns the checks of all files that the manifest names.
pub(super) fn check(corpus: &Corpus) -> Vec<Check> {
    let (packs, texts) = packs(corpus);
    let articles = articles(corpus, &texts);
    vec![shards(corpus), strangers(corpus), packs, articles, snapshots(corpus), others(corpus)]
}

fn shards(corpus: &Corpus) -> Check {
    let mut check = Check::new("shard files", "file");
    for shard in &corpus.manifest.shards {
        let path = corpus.manifest.shard_path(&corpus.dir, shard);
        hash(&mut check, &path, &shard.hash);
        if let Ok(metadata) = fs_err::metadata(&path)
            && metadata.len() != shard.bytes
        {
            let (found, expected) = (metadata.len(), shard.bytes);
            check.problem(format!("`{}` has {found} bytes, not {expected}", path.display()));
        }
    }
    check
}

/// Whoever loads `shards/*` would read other files along.
fn strangers(corpus: &Corpus) -> Check {
    let mut check = Check::new("nothing else in shards/", "file");
    let ours: BTreeSet<&str> = corpus.manifest.shards.iter().map(|it| it.file.as_str()).collect();
    let dir = shards_dir(&corpus.dir);
    let names = match corpus.shard_files() {
        Ok(names) => names,
        Err(_) if ours.is_empty() => return check,
        Err(error) => {
            check.problem(error.to_string());
            return check;
        }
    };
    // Half-written files of a build that runs or was killed: no reader takes them for shards.
    for name in names.into_iter().filter(|name| !name.starts_with('.')) {
        let path = dir.join(&name);
        let stranger = !ours.contains(name.as_str()) && !is_sealed(&path, &name);
        check.see(stranger.then_some(|| {
            format!("`{}` is no shard of this corpus: `crossic gc` removes it", path.display())
        }));
    }
    check
}

/// Whether a file bears the hash of its content: a shard of a build that was stopped, which the next
/// build takes up or removes, as does `crossic gc`. It is no damage, and the manifest says which
/// shards are of the corpus.
fn is_sealed(path: &Path, name: &str) -> bool {
    let digits = name.split_once('.').and_then(|(stem, _)| stem.rsplit_once('-'));
    digits.is_some_and(|(_, digits)| {
        16 <= digits.len() && hash_file(path).is_ok_and(|hash| hash.starts_with(digits))
    })
}

/// Reads the packs one by one, so that a damaged one does not hide the others; returns the digests
/// of their texts, too, in order.
fn packs(corpus: &Corpus) -> (Check, Vec<Digest>) {
    let mut check = Check::new("packed texts", "text");
    let dir = corpus.dir.join("packs");
    let mut texts = Vec::new();
    let mut verify = |name: &str| -> Result<u64> {
        let file = name.strip_prefix("packs/").unwrap_or(name);
        let Some(pack) = PackName::parse(file) else {
            return Err(StoreError::damaged(&dir.join(file), "its name is not a pack's").into());
        };
        let pack = Packs::open(&dir, &[pack])?;
        texts.extend(pack.digests());
        Ok(pack.verify()?.n_texts)
    };
    for name in &corpus.manifest.packs {
        match verify(name) {
            Ok(n_texts) => check.n_checked += n_texts,
            Err(error) => check.problem(first_line(&error.to_string())),
        }
    }
    texts.sort_unstable();
    (check, texts)
}

/// Looks for the text of every article, and for its links where they are kept: the next build takes
/// them from the packs. Names of articles are there too, but the rules of their titles are not known.
fn articles(corpus: &Corpus, texts: &[Digest]) -> Check {
    let mut check = Check::new("texts of articles", "text");
    for source in corpus.manifest.sources.keys() {
        let mut look = || -> Result<()> {
            let Some(rows) = corpus.snapshot::<ArticleRow>(source)? else { return Ok(()) };
            for row in rows {
                let row = row?;
                let links = Some(("links", row.links)).filter(|it| it.1 != Digest::default());
                let text = Some(("text", row.digest)).filter(|_| row.state == "text");
                for (what, digest) in text.into_iter().chain(links) {
                    let is_missing = texts.binary_search(&digest).is_err();
                    check.see(is_missing.then_some(|| {
                        format!("no pack holds the {what} of page {} of `{source}`", row.page)
                    }));
                }
            }
            Ok(())
        };
        if let Err(error) = look() {
            check.problem(first_line(&error.to_string()));
        }
    }
    check
}

fn snapshots(corpus: &Corpus) -> Check {
    let mut check = Check::new("snapshot files", "file");
    for snapshot in &corpus.manifest.snapshots {
        hash(&mut check, &corpus.dir.join(&snapshot.file), &snapshot.hash);
    }
    check
}

fn others(corpus: &Corpus) -> Check {
    let mut check = Check::new("other files", "file");
    let manifest = &corpus.manifest;
    hash(&mut check, &corpus.dir.join(&manifest.tokenizer.file), &manifest.tokenizer.hash);
    for (file, expected) in &manifest.files {
        hash(&mut check, &corpus.dir.join(file), expected);
    }
    check
}

fn hash(check: &mut Check, path: &Path, expected: &str) {
    let problem = match hash_file(path) {
        Err(error) => Some(error.to_string()),
        Ok(found) if found == expected => None,
        Ok(found) => Some(format!("`{}` has the hash {found}, not {expected}", path.display())),
    };
    check.see(problem.map(|problem| || problem));
}

/// The hint on the lines below is given once, at the end of the command.
pub(super) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
