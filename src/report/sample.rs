//! A small manifest and report for the tests of what is written about a corpus.

use crossic_operators::wikitext::{ArticleResidue, Residue};
use serde_json::json;

use super::{Report, ledger::Line, residue::ResidueSums, statistics::Statistics};
use crate::manifest::Manifest;

/// Returns the manifest of a made-up corpus of English and Norwegian.
pub(crate) fn manifest() -> Manifest {
    let source = |wiki: &str, lang: &str| {
        json!({
            "wiki": {
                "wiki": wiki, "lang": lang, "date": "20240720",
                "base": format!("https://{lang}.wikipedia.org/wiki/Main_Page"),
            },
            "files": [{"name": "pages.xml.bz2", "size": 10, "hash": "00"}],
        })
    };
    let value = json!({
        "format": 1,
        "crossic": "0.1.0",
        "plan_digest": "00",
        "corpus_digest": "0123456789abcdef0123456789abcdef",
        "plan": {
            "profile": "recommended",
            "sources": {"en": {"type": "wikipedia-dump", "knobs": {}}},
            "operators": {
                "windows": {
                    "type": "split-windows",
                    "inputs": ["pairs"],
                    "knobs": {"tokens": 4096, "split-token": "a|b"},
                },
            },
            "sink": {"type": "arrow-shards", "inputs": ["windows"], "knobs": {"buckets": 8}},
            "tokenizers": {},
        },
        "rows": "segments",
        "shard_format": "arrow",
        "tokens": 4096,
        "tokenizer": {
            "file": "tokenizer.json", "hash": "00", "size": 1000, "closing": "[SPLIT]",
            "closing_id": 1000, "closing_added": true, "bos_id": null,
        },
        "sources": {"en": source("enwiki", "en"), "no": source("nowiki", "no")},
        "shards": [
            {"bucket": 0, "file": "00000-ab.arrow", "hash": "ab", "rows": 1234, "tokens": 5, "bytes": 6},
        ],
        "packs": [],
        "snapshots": [],
        "files": {},
        "totals": {"pairs": 700, "rows": 1234, "tokens": 4_000_000},
        "parent": null,
    });
    serde_json::from_value(value).unwrap()
}

/// Returns a report to go with it, with characters that mean something to HTML and Markdown.
pub(crate) fn report() -> Report {
    let mut report = Report {
        ledger: vec![Line::new("pairs", "links (no)", 10, [("resolved", 7), ("dead-link", 3)])],
        statistics: Statistics {
            rows: 1234,
            pairs: 700,
            tokens: 4_000_000,
            capacity: 5_000_000,
            lengths: (0..17).collect(),
            longest: 4096,
            ..Statistics::default()
        },
        notes: vec!["no: <redirect> table & more".to_owned()],
        ..Report::default()
    };
    report.statistics.tokens_by_language =
        [("en".to_owned(), 3_000_000), ("no".to_owned(), 1_000_000)].into();
    let mut sums = ResidueSums::default();
    sums.add(&ArticleResidue::default());
    report.residue.insert("en".to_owned(), sums.finish());
    sums.add(&ArticleResidue::new(&Residue { brackets: 3, ..Residue::default() }, 0));
    report.residue.insert("no".to_owned(), sums.finish());
    report.rejects = [("pairs".to_owned(), [("dead-link".to_owned(), 3)].into())].into();
    report
}
