//! Tests of the dataset card.

use super::*;
use crate::report::sample::{manifest, report};

#[test]
fn the_header_is_what_the_hub_expects() {
    let card = card(&manifest(), &report());
    let header = card.split("---\n").nth(1).unwrap();
    let expected = "\
pretty_name: \"Cross-lingual in-context corpus (en, no)\"
language:
  - \"en\"
  - \"no\"
license: cc-by-sa-4.0
task_categories:
  - text-generation
size_categories:
  - 1K<n<10K
tags:
  - cross-lingual
  - continued-pre-training
  - wikipedia
  - crossic
  - tokenized
configs:
  - config_name: default
    data_files:
      - split: train
        path: \"shards/*.arrow\"
";
    assert_eq!(header, expected);
}

#[test]
fn cells_stay_in_their_table() {
    let card = card(&manifest(), &report());
    assert!(card.contains("a\\|b"), "{card}");
    assert!(card.contains("| en | 3,000,000 | 75.0 % | 0 |"), "{card}");
    assert!(card.contains("| pairs | dead-link | 3 |"), "{card}");
    assert!(card.contains("`https://no.wikipedia.org/?oldid=REVISION`"), "{card}");
}

#[test]
fn an_empty_corpus_has_a_card() {
    let mut manifest = manifest();
    manifest.shards.clear();
    let card = card(&manifest, &Report::default());
    assert!(card.contains("shards/*.arrow"));
}

#[test]
fn web_text_is_not_put_under_the_licence_of_wikipedia() {
    let (mut manifest, mut report) = (manifest(), report());
    let mut web = manifest.sources["no"].clone();
    (web.info.wiki, web.info.lang, web.documents) =
        ("fineweb-edu".to_owned(), "en".to_owned(), true);
    manifest.sources.insert("web".to_owned(), web);
    // A sink of the same pipeline that takes no documents stays as it was.
    let wiki_only = card(&manifest, &report);
    assert!(wiki_only.contains("license: cc-by-sa-4.0") && wiki_only.contains("so is this corpus"));
    let it = &mut report.statistics;
    (it.web_pairs, it.web_rows, it.web_tokens) = (300, 400, 5_000);
    let mixed = card(&manifest, &report);
    assert!(mixed.contains("license: other\nlicense_name: mixed\n"), "{mixed}");
    assert!(!mixed.contains("so is this corpus") && mixed.contains("ODC-By 1.0"), "{mixed}");
    assert!(mixed.contains("`fineweb-edu` and is **not** under CC BY-SA"), "{mixed}");
    assert!(mixed.contains("| pairs of an article and a web document | 300 |"), "{mixed}");
    assert!(!mixed.contains("- `fineweb-edu`: `"), "{mixed}");
    let page = crate::report::page::page(&manifest, &report);
    assert!(page.contains("<td>Pairs with a web document (fineweb-edu)</td><td class=\"n\">300<"));
}
