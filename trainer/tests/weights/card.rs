//! What lies beside the weights: the tokenizer and the model card.

use std::path::Path;

use crossic_trainer::{
    adapter::{
        card::{self, Artifact, Card},
        tokenizer,
    },
    data::corpus::{CorpusInfo, RowKind},
    settings::{Method, Settings},
};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

use crate::fixture::{holds, said};

/// Writes a tokenizer of words with three ids.
fn corpus(dir: &Path, closing_id: u32) -> CorpusInfo {
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "added_tokens": [{
            "id": 2, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        }],
        "model": {"type": "WordLevel", "vocab": {"a": 0, "б": 1, "</s>": 2}, "unk_token": "a"},
    });
    let path = dir.join("corpus-tokenizer.json");
    fs_err::write(&path, tokenizer.to_string()).unwrap();
    CorpusInfo {
        digest: "0123abcd".to_owned(),
        kind: RowKind::Segments,
        tokens: 64,
        languages: vec!["no".to_owned(), "en".to_owned()],
        tokenizer: path,
        vocabulary: 3,
        closing: "[SPLIT]".to_owned(),
        closing_id,
        closing_added: true,
        bos_id: None,
    }
}

#[test]
fn the_tokenizer_has_the_closing_token() {
    let dir = tempfile::tempdir().unwrap();
    let (base, out) = (dir.path().join("base"), dir.path().join("out"));
    fs_err::create_dir_all(&base).unwrap();
    fs_err::create_dir_all(&out).unwrap();
    let corpus = corpus(dir.path(), 3);
    tokenizer::write(&corpus, &base, &out).unwrap();
    let written = Tokenizer::from_file(out.join("tokenizer.json")).unwrap();
    assert_eq!(written.encode("б [SPLIT] a", false).unwrap().get_ids(), [1, 3, 0]);
    assert_eq!(written.decode(&[1, 3], true).unwrap(), "б", "it is a special token");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs_err::read(out.join(name)).unwrap()).unwrap()
    };
    assert_eq!(read("tokenizer_config.json")["tokenizer_class"], "PreTrainedTokenizerFast");

    fs_err::write(base.join("generation_config.json"), "{\"temperature\": 1}").unwrap();
    fs_err::write(base.join("tokenizer_config.json"), "{\"a\": 1, \"added_tokens_decoder\": {}}")
        .unwrap();
    tokenizer::write(&corpus, &base, &out).unwrap();
    assert_eq!(read("generation_config.json"), json!({"temperature": 1}));
    let config = read("tokenizer_config.json");
    assert_eq!(config["a"], 1);
    assert_eq!(config["added_tokens_decoder"]["3"]["content"], "[SPLIT]");

    let mut reserved = corpus.clone();
    reserved.closing_added = false;
    tokenizer::write(&reserved, &base, &out).unwrap();
    let same = fs_err::read(out.join("tokenizer.json")).unwrap();
    assert_eq!(same, fs_err::read(&corpus.tokenizer).unwrap());
}

#[test]
fn a_tokenizer_that_contradicts_the_corpus_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = corpus(dir.path(), 9);
    let error = said(tokenizer::write(&wrong, dir.path(), dir.path()));
    holds(&error, &["gives `[SPLIT]` the id Some(3)", "corpus has 9", "crossic verify"]);
    fs_err::write(&wrong.tokenizer, "{}").unwrap();
    holds(&said(tokenizer::write(&wrong, dir.path(), dir.path())), &["is no tokenizer"]);
}

#[test]
fn the_card_tells_how_it_was_made_and_no_path() {
    let dir = tempfile::tempdir().unwrap();
    let corpus = corpus(dir.path(), 3);
    let settings = Settings { model: "/secret/home/Qwen2.5-1.5B".into(), ..Settings::default() };
    let card = |settings: &Settings, artifact| {
        card::card(&Card {
            settings,
            corpus: &corpus,
            artifact,
            n_steps: 120,
            n_tokens: 5000,
            loss: Some(2.0),
            validation: vec![("validation, no".to_owned(), 1.5)],
            version: "0.1.0",
        })
    };
    let adapter = card(&settings, Artifact::Adapter);
    let yaml = adapter.strip_prefix("---\n").unwrap().split("---\n").next().unwrap();
    holds(yaml, &["base_model: \"Qwen2.5-1.5B\"\n", "library_name: peft\n", "  - \"no\"\n"]);
    holds(yaml, &["base_model_relation: adapter\n", "license: other\n", "  - lora\n"]);
    holds(&adapter, &["rank 64, alpha 128, dropout 0.05", "digest `0123abcd`", "| 120 |"]);
    holds(&adapter, &["| training, last step | 2.0000 | 7.39 |", "| validation, no | 1.5000 |"]);
    holds(&adapter, &["PeftModel.from_pretrained", "num_embeddings, 4)", "CC BY-SA 4.0"]);
    assert!(!adapter.contains("secret") && !adapter.contains(&*dir.path().to_string_lossy()));

    let full = Settings { method: Method::Full, ..settings };
    let model = card(&full, Artifact::Model);
    holds(&model, &["library_name: transformers\n", "base_model_relation: finetune\n"]);
    assert!(!model.contains("LoRA") && !model.contains("peft"));
    assert_eq!(card::public_name(Path::new("Qwen/Qwen2.5-7B")), "Qwen/Qwen2.5-7B");
    assert_eq!(card::public_name(Path::new("../Qwen2.5-7B")), "Qwen2.5-7B");
}
