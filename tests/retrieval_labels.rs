//! What the sample articles get, against labels that were written by hand before anything was searched.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use crossic::{manifest::Manifest, sinks::shard_file::ShardReader, sinks::shards_dir};

mod common_crossic;
use common_crossic::{Folder, repository};

/// What an article got: score in millionths and address, best first.
type Got = Vec<(i32, String)>;

/// Builds, and returns what each article got, by language and English title.
fn found(folder: &Folder) -> BTreeMap<(String, String), Got> {
    folder.build(&[]).done();
    let out = folder.path("out");
    let manifest = Manifest::read(&out).unwrap();
    let mut found: BTreeMap<(String, String), BTreeMap<u32, (i32, String)>> = BTreeMap::new();
    for shard in &manifest.shards {
        for segment in ShardReader::open(&shards_dir(&out).join(&shard.file)).unwrap() {
            let segment = segment.unwrap();
            let retrieval = segment.retrieval.unwrap();
            let target = segment.spans.iter().find(|it| it.url.is_none());
            let document = segment.spans.iter().find_map(|it| it.url.clone());
            let (Some(target), Some(url)) = (target, document) else { continue };
            let article = (target.lang.clone(), retrieval.title);
            let got = found.entry(article).or_default();
            got.insert(retrieval.rank, (segment.score.unwrap(), url));
        }
    }
    found.into_iter().map(|(article, got)| (article, got.into_values().collect())).collect()
}

/// The documents of each article, as the labels have them.
fn labels() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs_err::read_to_string(repository("data-samples/fineweb-edu/labels.tsv")).unwrap();
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [url, article, _, reject] = cells[..] else { panic!("{line}") };
        if article != "-" && reject == "-" {
            labels.entry(article.to_owned()).or_default().insert(url.to_owned());
        }
    }
    labels
}

/// How the documents compare with the labels, at a threshold in millionths.
#[derive(Debug, Default, PartialEq)]
struct Compared {
    /// Labelled documents that were found for their article, of all that have one.
    right: usize,
    labelled: usize,
    /// Documents that articles with a labelled document got.
    got: usize,
    /// Documents that articles without one got: none of them is right.
    stray: usize,
    /// Right documents, of the places that they could have: three an article, or as many as it has.
    places: usize,
}

fn compare(found: &BTreeMap<(String, String), Got>, threshold: i32) -> Compared {
    let labels = labels();
    let mut compared = Compared::default();
    for ((_, title), got) in found {
        let got: Vec<&String> =
            got.iter().filter(|it| threshold <= it.0).map(|(_, url)| url).collect();
        let Some(own) = labels.get(title) else {
            compared.stray += got.len();
            continue;
        };
        compared.right += got.iter().filter(|url| own.contains(**url)).count();
        compared.labelled += own.len();
        compared.got += got.len();
        compared.places += own.len().min(3);
    }
    compared
}

fn folder() -> Folder {
    // Every article gets its three best, however good they are.
    Folder::with_web("min-language-score = 0.65\nmin-score = 0.5", "threshold = 0.0")
}

#[test]
fn lexical_finds_what_the_labels_say() {
    let found = found(&folder());
    assert!(found.values().all(|got| got.len() <= 3 && got.is_sorted_by(|a, b| b.0 <= a.0)));

    // Measured: 57 of 70, .81. The research on XQuAD had .88 for these questions, with paragraphs of
    // encyclopaedic articles in place of web pages; a random document would be right once in 70.
    // The figures are the same on every machine, so the margin is for better keywords only.
    let all = compare(&found, 0);
    assert_eq!(all.places, all.labelled, "no article has more than three");
    assert_eq!(all.labelled, 70);
    assert!(55 <= all.right, "{all:?}");

    // At the threshold that is taken where nobody has measured one, four of five documents are right:
    // measured 44 of 55, with a document that belongs to no article among the wrong ones.
    let folder = folder();
    folder.edit("threshold = 0.0\n", "");
    let note = folder.run(&["check", "pipeline.toml"]).done();
    let words = note.split_once("the threshold ").unwrap().1;
    let usual: f64 = words.split(' ').next().unwrap().parse().unwrap();
    let kept = compare(&found, (usual * 1e6) as i32);
    assert!(42 <= kept.right, "{kept:?}");
    assert!(4 * (kept.got + kept.stray) <= 5 * kept.right + 5, "{kept:?}");
    // What it holds back is mostly wrong.
    let (right, wrong) = (all.right - kept.right, all.got + all.stray - all.right);
    assert!(right < wrong - (kept.got + kept.stray - kept.right), "{all:?} {kept:?}");
}

#[test]
fn comparing_counts_what_it_should() {
    let article = |title: &str| ("th".to_owned(), title.to_owned());
    let labels = labels();
    let (title, own) = labels.first_key_value().unwrap();
    let right = own.first().unwrap().clone();
    let got = vec![(300_000, right), (200_000, "https://elsewhere.example".to_owned())];
    let found = BTreeMap::from([(article(title), got.clone()), (article("No such article"), got)]);
    let expected = |right, got, stray| Compared {
        right,
        got,
        stray,
        labelled: own.len(),
        places: own.len().min(3),
    };
    assert_eq!(compare(&found, 0), expected(1, 2, 2));
    assert_eq!(compare(&found, 250_000), expected(1, 1, 1));
    assert_eq!(compare(&found, 300_001), expected(0, 0, 0));
}
