//! A training from the command line to what comes of it: stopped and gone on with, merged, heard.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use serde_json::Value;

mod common_crossic;
use common_crossic::{Folder, PIPELINE};

const MODEL: &str = r#"{"model_type":"llama","architectures":["LlamaForCausalLM"],"hidden_size":16,
"intermediate_size":32,"num_hidden_layers":1,"num_attention_heads":2,"num_key_value_heads":1,"vocab_size":8000,
"max_position_embeddings":1024,"hidden_act":"silu","rms_norm_eps":1e-5,"rope_theta":10000.0,
"tie_word_embeddings":true,"eos_token_id":7998}"#;

/// Returns a folder with a corpus and a model so small that a step is nothing.
fn built() -> Folder {
    let folder = Folder::new();
    folder.write("model/config.json", MODEL.as_bytes());
    let train = "\n[train]\nmodel = \"model\"\ninit = \"random\"\ndir = \"run\"\nrank = 4\nbatch-windows = 4\nvalidation = 0.1\nmax-steps = 4\n";
    folder.write("pipeline.toml", format!("{PIPELINE}{train}").as_bytes());
    folder.build(&[]).done();
    folder
}

fn train(folder: &Folder, arguments: &[&str]) -> Value {
    let ran =
        folder.run(&[&["train", "pipeline.toml", "--json", "--threads", "1"], arguments].concat());
    serde_json::from_str(&ran.done()).unwrap()
}

#[test]
fn a_training_that_was_stopped_ends_as_one_that_was_not() {
    let folder = built();
    let whole = train(&folder, &["--set", "train.dir=whole"]);
    assert_eq!((&whole["steps"], &whole["complete"]), (&4.into(), &true.into()));
    assert_eq!(whole["export"], "whole/adapter");
    let stopped = train(&folder, &["--stop-after", "2"]);
    assert_eq!((&stopped["steps"], &stopped["complete"]), (&2.into(), &false.into()));
    assert_eq!(stopped["export"], Value::Null);
    let resumed = train(&folder, &[]);
    assert_eq!(resumed["last_loss"], whole["last_loss"]);
    let weights = "adapter/adapter_model.safetensors";
    assert_eq!(folder.read(&format!("run/{weights}")), folder.read(&format!("whole/{weights}")));
}

#[test]
fn run_builds_and_trains_and_a_merged_model_says_what_its_adapter_says() {
    let folder = built();
    fs_err::remove_dir_all(folder.path("out")).unwrap();
    let ran = folder.run(&["run", "pipeline.toml"]);
    assert!(ran.stderr.contains("step 4 of 4: loss "), "{}", ran.stderr);
    let text = ran.done();
    assert!(text.contains("corpus: out in ") && text.contains("training: run in "), "{text}");
    folder.run(&["merge", "run", "--out", "merged"]).done();
    let say = |model: &str, more: &[&str]| {
        let arguments = [&["generate", model, "--prompt", "ช้าง", "--tokens", "8"], more].concat();
        folder.run(&arguments).done()
    };
    let said = say("run", &[]);
    assert!(said.starts_with("ช้าง") && said.ends_with('\n'), "{said}");
    assert_eq!(said, say("merged", &[]));
    let drawn = ["--temperature", "1", "--seed", "7"];
    assert_eq!(say("run", &drawn), say("run", &drawn));
    let ran = folder.run(&["merge", "run", "--out", "merged"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("exists already"), "{}", ran.stderr);
    let ran = folder.run(&["generate", "out", "--prompt", "a"]);
    assert!(ran.stderr.contains("holds neither an adapter nor a model"), "{}", ran.stderr);
}
