//! Makes small synthetic dumps and looks at what every reader relies on.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use bzip2::read::MultiBzDecoder;
use crossic_tools::{
    error::Error,
    synthetic::make::{self, Request},
};

fn request() -> Request {
    Request {
        n_english: 330,
        n_target: 130,
        target_lang: "th".into(),
        links: 0.8,
        seed: 1,
        paragraphs: 2,
        date: "20240720".into(),
        edits: Some(0.1),
        n_threads: 2,
    }
}

fn made(name: &str, request: &Request) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if out.exists() {
        fs_err::remove_dir_all(&out).unwrap();
    }
    make::make(request, &out, |_| ()).unwrap();
    out
}

/// Returns the bytes of all files below a folder, by path.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for wiki in ["enwiki", "thwiki"] {
        for date in ["20240720", "20240801"] {
            for entry in fs_err::read_dir(folder.join(wiki).join(date)).unwrap() {
                let path = entry.unwrap().path();
                files.insert(
                    path.strip_prefix(folder).unwrap().into(),
                    fs_err::read(&path).unwrap(),
                );
            }
        }
    }
    files
}

/// Returns the texts of the pages of a dump, by page id.
fn texts(folder: &Path, wiki: &str, date: &str) -> BTreeMap<u32, String> {
    let path =
        folder.join(format!("{wiki}/{date}/{wiki}-{date}-pages-articles-multistream.xml.bz2"));
    let mut xml = String::new();
    MultiBzDecoder::new(fs_err::File::open(path).unwrap()).read_to_string(&mut xml).unwrap();
    let mut texts = BTreeMap::new();
    for page in xml.split("<page>").skip(1) {
        let id = page.split("<id>").nth(1).unwrap().split('<').next().unwrap();
        let text = page.split("<text ").nth(1).unwrap().split("</text>").next().unwrap();
        texts.insert(id.parse().unwrap(), text.to_string());
    }
    texts
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let first = contents(&made("two-threads", &request()));
    let second = contents(&made("five-threads", &Request { n_threads: 5, ..request() }));
    assert_eq!(first.len(), 24);
    assert!(first == second);
    let other_seed = contents(&made("other-seed", &Request { seed: 2, ..request() }));
    assert!(first != other_seed);
}

#[test]
fn the_second_dump_differs_in_about_the_share_asked_for() {
    let out = made("edits", &request());
    let (before, after) = (texts(&out, "enwiki", "20240720"), texts(&out, "enwiki", "20240801"));
    assert_eq!(before.len(), 330);
    assert!(before.keys().eq(after.keys()));
    let n_edited = before.iter().filter(|(id, text)| after.get(*id) != Some(*text)).count();
    assert!((20..=55).contains(&n_edited), "{n_edited}");
}

#[test]
fn requests_without_sense_are_refused() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refused");
    for request in [
        Request { date: "20240715".into(), ..request() },
        Request { links: 1.5, ..request() },
        Request { n_target: 0, ..request() },
        Request { target_lang: "../th".into(), ..request() },
        Request { target_lang: "en".into(), ..request() },
        Request { paragraphs: 0, ..request() },
    ] {
        assert!(
            matches!(make::make(&request, &out, |_| ()), Err(Error::Request(_))),
            "{request:?}"
        );
    }
    assert!(!out.exists());
}
