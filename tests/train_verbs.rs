//! A training from the command line to what comes of it: stopped and gone on with, merged, heard.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

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

/// Returns the milliseconds that a run of a few steps takes until it is killed: some before the first checkpoint, most
/// between later ones, and in the end long enough.
fn moments() -> impl Iterator<Item = u64> {
    (0..12).map(|it| 60 + (it * 137) % 700).chain(std::iter::repeat_n(60_000, 1))
}

#[test]
fn a_training_that_is_killed_again_and_again_ends_as_one_that_was_not() {
    let folder = built();
    let sets = ["--set", "train.checkpoint-every=1", "--set", "train.max-steps=8"];
    let whole = train(&folder, &[&sets[..], &["--set", "train.dir=whole"]].concat());
    let mut n_killed = 0;
    for moment in moments() {
        let arguments = [&["train", "pipeline.toml", "--threads", "1"][..], &sets].concat();
        let mut command = folder.command(&arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let ended = loop {
            match child.try_wait().unwrap() {
                None if begun.elapsed() < Duration::from_millis(moment) => {
                    thread::sleep(Duration::from_millis(5));
                }
                ended => break ended,
            }
        };
        match ended {
            Some(status) => {
                assert!(status.success());
                break;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                n_killed += 1;
            }
        }
    }
    assert!(0 < n_killed);
    // All was done already: the same command says so, and changes nothing.
    let again = train(&folder, &sets);
    assert_eq!((&again["steps"], &again["last_loss"]), (&8.into(), &whole["last_loss"]));
    let weights = "adapter/adapter_model.safetensors";
    assert_eq!(folder.read(&format!("run/{weights}")), folder.read(&format!("whole/{weights}")));
    let steps = String::from_utf8(folder.read("run/metrics.jsonl")).unwrap();
    let steps: Vec<Value> = steps.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let numbers: Vec<u64> = steps
        .iter()
        .filter(|it| it.get("loss").is_some())
        .map(|it| it["step"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=8).collect::<Vec<u64>>());
}
