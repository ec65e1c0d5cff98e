//! A corpus as the trainer takes it: what it is, its rows, and those that came since another one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{collections::BTreeSet, path::Path};

use crossic::{
    manifest::Manifest,
    sinks::shard_file::{ShardReader, ShardWriter},
    training::{
        corpus,
        rows::{Rows, Wanted},
        since,
    },
};
use crossic_operators::{record::Digest, segment::Segment};
use crossic_trainer::data::corpus::{CorpusInfo, Row, RowKind};

mod common_crossic;
use common_crossic::{Folder, repository};

fn built() -> Folder {
    let folder = Folder::new();
    folder.build(&[]).done();
    folder
}

fn opened(dir: &Path) -> (Manifest, CorpusInfo) {
    let manifest = Manifest::read(dir).unwrap();
    let info = corpus::info(dir, &manifest).unwrap();
    (manifest, info)
}

fn rows(dir: &Path, wanted: Wanted) -> Vec<Row> {
    let (manifest, info) = opened(dir);
    Rows::new(dir, &manifest, &info, wanted).map(Result::unwrap).collect()
}

/// Returns the segments of a corpus, read shard by shard in the order of their names.
fn segments(dir: &Path) -> Vec<Segment> {
    let mut files: Vec<_> = fs_err::read_dir(dir.join("shards"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "arrow"))
        .collect();
    files.sort();
    files.iter().flat_map(|path| ShardReader::open(path).unwrap()).map(Result::unwrap).collect()
}

fn ids(rows: &[Row]) -> BTreeSet<Digest> {
    rows.iter().map(|row| row.id).collect()
}

/// Builds the corpus again from the dumps of the next month.
fn rebuild(folder: &Folder) {
    for wiki in ["enwiki", "thwiki"] {
        fs_err::remove_dir_all(folder.path("dumps").join(wiki)).unwrap();
        fs_err::create_dir_all(folder.path("dumps").join(wiki)).unwrap();
        let from = repository("data-samples").join(wiki).join("20240801");
        for entry in fs_err::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = folder.path("dumps").join(wiki).join(entry.file_name());
            fs_err::copy(entry.path(), to).unwrap();
        }
    }
    folder.build(&[]).done();
}

#[test]
fn a_corpus_is_what_its_manifest_says() {
    let folder = built();
    let (manifest, info) = opened(&folder.path("out"));
    assert_eq!(info.languages, ["en", "th"]);
    assert_eq!((info.kind, info.tokens), (RowKind::Segments, 1024));
    assert_eq!((info.vocabulary, info.closing_id, info.closing_added), (8000, 7999, false));
    assert_eq!(info.digest, manifest.corpus_digest);
    assert_eq!(fs_err::read(&info.tokenizer).unwrap(), folder.read("tokenizer.json"));
    // Another tokenizer under that name is found out.
    fs_err::write(&info.tokenizer, b"{}").unwrap();
    let error = corpus::info(&folder.path("out"), &manifest).unwrap_err();
    assert!(error.to_string().contains("is not the tokenizer"), "{error}");
}

#[test]
fn rows_are_those_of_the_shards_in_order() {
    let folder = built();
    let dir = folder.path("out");
    let (found, expected) = (rows(&dir, Wanted::All), segments(&dir));
    assert_eq!(found.len() as u64, Manifest::read(&dir).unwrap().totals.rows);
    assert_eq!(found.len(), expected.len());
    for (row, segment) in found.iter().zip(&expected) {
        assert_eq!((row.id, row.pair, &row.ids), (segment.id, segment.pair, &segment.input_ids));
        for (span, of) in row.spans.iter().zip(&segment.spans) {
            assert_eq!((span.start, span.end), (of.token_start, of.token_end));
            assert_eq!(["en", "th"][usize::from(span.language)], of.lang);
        }
    }
}

#[test]
fn rows_that_came_are_told_from_the_delta_and_from_the_shards_alike() {
    let folder = built();
    let dir = folder.path("out");
    let before = ids(&rows(&dir, Wanted::All));
    folder.write("kept/manifest.json", &folder.read("out/manifest.json"));
    rebuild(&folder);
    let after = ids(&rows(&dir, Wanted::All));
    let expected: BTreeSet<Digest> = after.difference(&before).copied().collect();
    assert!(!expected.is_empty() && expected.len() < after.len());

    let (manifest, _) = opened(&dir);
    let came = |manifest: &Manifest, since: &Path| {
        let wanted = since::since(&dir, manifest, since).unwrap().wanted;
        (matches!(wanted, Wanted::Only(_)), ids(&rows(&dir, wanted)))
    };
    // The last build began with that corpus: its delta says what came.
    for since in ["out/previous", "out/previous/manifest.json", "kept/manifest.json"] {
        assert_eq!(came(&manifest, &folder.path(since)), (true, expected.clone()), "{since}");
    }
    // A corpus of another origin, as after a build in between: its shards say it.
    let orphan = Manifest { parent: None, delta: None, ..manifest.clone() };
    for since in ["out/previous", "kept/manifest.json"] {
        assert_eq!(came(&orphan, &folder.path(since)), (false, expected.clone()), "{since}");
    }
    // Nothing tells it once they are gone.
    fs_err::remove_dir_all(folder.path("out/previous")).unwrap();
    let error = since::since(&dir, &orphan, &folder.path("kept/manifest.json")).unwrap_err();
    assert!(error.to_string().contains("does not hold the rows"), "{error}");
    assert_eq!(error.exit_code(), 1);
    // The same corpus has nothing new.
    let error = since::since(&dir, &manifest, &dir).unwrap_err();
    assert!(error.to_string().contains("no row came"), "{error}");
    for name in ["nowhere", "pipeline.toml"] {
        let error = since::since(&dir, &manifest, &folder.path(name)).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}

#[test]
fn a_delta_that_names_rows_which_are_not_there_is_an_error() {
    let folder = built();
    let dir = folder.path("out");
    let (manifest, info) = opened(&dir);
    let wanted = Wanted::Only([Digest([1, 2])].into_iter().collect());
    let mut rows = Rows::new(&dir, &manifest, &info, wanted);
    let error = rows.next().unwrap().unwrap_err();
    assert!(error.to_string().contains("0 of the 1 rows"), "{error}");
    assert!(rows.next().is_none());
}

#[test]
fn a_corpus_of_json_lines_is_refused() {
    let folder = Folder::new();
    folder.edit("arrow-shards", "jsonl");
    folder.build(&[]).done();
    let dir = folder.path("out");
    let error = corpus::info(&dir, &Manifest::read(&dir).unwrap()).unwrap_err();
    assert!(error.to_string().contains("JSON lines"), "{error}");
    assert!(error.hint().unwrap().contains("arrow-shards"));
}

#[test]
fn rows_that_cannot_be_right_are_refused_with_their_place() {
    let folder = built();
    let dir = folder.path("out");
    let (manifest, info) = opened(&dir);
    let good = segments(&dir).remove(0);
    let with = |change: &dyn Fn(&mut Segment)| {
        let mut bad = good.clone();
        change(&mut bad);
        let mut writer = ShardWriter::create(&dir.join("shards")).unwrap();
        writer.push(&good).unwrap();
        writer.push(&bad).unwrap();
        let shard = writer.finish(0).unwrap();
        let mut manifest = manifest.clone();
        manifest.shards.truncate(1);
        manifest.shards[0].file = shard.file.clone();
        let mut rows = Rows::new(&dir, &manifest, &info, Wanted::All);
        assert_eq!(rows.next().unwrap().unwrap().id, good.id);
        let error = rows.next().unwrap().unwrap_err();
        assert!(rows.next().is_none());
        let text = error.to_string();
        assert!(text.contains(&shard.file) && text.contains("bad row 1"), "{text}");
        (text, error.hint().unwrap())
    };
    let (text, hint) = with(&|row| row.input_ids[0] = 8000);
    assert!(text.contains("token 8000, but the tokenizer has 8,000 ids"), "{text}");
    assert!(hint.contains("another tokenizer"), "{hint}");
    let (text, _) = with(&|row| *row.input_ids.last_mut().unwrap() = 7);
    assert!(text.contains("does not end in token 7999"), "{text}");
    let (text, _) = with(&|row| row.spans[0].lang = "tlh".to_owned());
    assert!(text.contains("`tlh`"), "{text}");
    let (text, _) = with(&|row| row.spans.reverse());
    assert!(text.contains("do not lie in order"), "{text}");
}

#[test]
fn a_damaged_shard_ends_the_rows() {
    let folder = built();
    let dir = folder.path("out");
    let (manifest, info) = opened(&dir);
    let path = manifest.shard_path(&dir, &manifest.shards[1]);
    let mut bytes = fs_err::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&path, bytes).unwrap();
    let first = manifest.shards[0].rows as usize;
    let mut rows = Rows::new(&dir, &manifest, &info, Wanted::All).skip(first);
    let error = rows.next().unwrap().unwrap_err();
    assert!(error.to_string().contains(&manifest.shards[1].file), "{error}");
    assert!(rows.next().is_none());
}
