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
