//! The `[train]` table: every problem with its place, and what `check`, `plan` and `list` say of it.
//!
//! `UPDATE_GOLDEN=1 cargo test --test train_config` writes the golden files anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use crossic::{config, manifest::Manifest};
use crossic_trainer::settings::{Choose, Sampler, Settings};
use serde_json::Value;

mod common_crossic;
use common_crossic::{Folder, PIPELINE, golden, repository};

const TRAIN: &str = "\n[train]\nmodel = \"model\"\ndir = \"run\"\n";

/// Returns a folder whose pipeline trains.
fn folder() -> Folder {
    let folder = Folder::new();
    write(&folder, "");
    folder
}

/// Writes the pipeline with a `[train]` that has these keys besides.
fn write(folder: &Folder, keys: &str) {
    folder.write("pipeline.toml", format!("{PIPELINE}{TRAIN}{keys}").as_bytes());
}

/// Puts the shape of a small model where `[train]` looks for it.
fn add_model(folder: &Folder) {
    let config = fs_err::read(repository("data-samples/tiny-llama/config.json")).unwrap();
    folder.write("model/config.json", &config);
}

/// Checks the pipeline: its message must be the golden one.
fn refused(folder: &Folder, name: &str) {
    let ran = folder.run(&["check", "pipeline.toml"]);
    assert_eq!(ran.code, Some(2), "{name}: {}", ran.stdout);
    golden(&format!("train/{name}.txt"), &ran.failure());
}

#[test]
fn problems_of_one_key() {
    let folder = folder();
    for (name, keys) in [
        ("unknown-key", "rnk = 8"),
        ("unknown-key-far-from-all", "gradient-checkpointing = true"),
        ("value-of-another-type", "rank = \"many\""),
        ("value-below-zero", "seed = -1"),
        ("unknown-value", "sampler = \"best\""),
        ("rank-none", "rank = 0"),
        ("alpha-none", "alpha = 0"),
        ("dropout-all", "dropout = 1.0"),
        ("validation-all", "validation = 1"),
        ("learning-rate-none", "learning-rate = 0"),
        ("learning-rate-nan", "learning-rate = nan"),
        ("warmup-too-long", "warmup-ratio = 1.5"),
        ("beta-one", "beta2 = 1.0"),
        ("clip-below-zero", "clip = -1"),
        ("batch-none", "batch-windows = 0\nmicro-windows = 0"),
        ("batch-twice", "batch-windows = 8\nbatch-tokens = 8192"),
        ("micro-more-than-batch", "batch-windows = 8\nmicro-windows = 16"),
        ("best-without-validation", "validation = 0\nchoose = \"best\"\npatience = 2"),
        ("patience-for-one", "patience = 2\nvalidate-every = 0"),
        ("targets-none", "targets = []"),
        ("targets-unknown", "targets = [\"q_proj\", \"v_prj\"]"),
        ("targets-twice", "targets = [\"q_proj\", \"q_proj\"]"),
        ("tokens-none", "tokens = 0"),
    ] {
        write(&folder, &format!("{keys}\n"));
        refused(&folder, name);
    }
}

#[test]
fn problems_between_training_and_corpus() {
    let folder = folder();
    let check = |name: &str, keys: &str, replacements: &[(&str, &str)]| {
        write(&folder, keys);
        for (from, to) in replacements {
            folder.edit(from, to);
        }
        refused(&folder, name);
    };
    let lines = "\n[sinks.lines]\ntype = \"jsonl\"\ninputs = [\"windows\"]\ndir = \"lines\"\n";
    check("required", "", &[("model = \"model\"\ndir = \"run\"\n", "")]);
    check("empty", "", &[("\"model\"", "\"\"")]);
    check("no-table", "", &[(TRAIN, ""), ("[sources.en]", "train = 1\n[sources.en]")]);
    check("dir-of-the-sink", "", &[("\"run\"", "\"./out/\"")]);
    check("dir-in-the-sink", "", &[("\"run\"", "\"out/run\"")]);
    check("dir-of-the-model", "", &[("\"run\"", "\"model\"")]);
    check("dir-is-a-url", "", &[("\"run\"", "\"s3://bucket/run\"")]);
    check("model-is-a-url", "", &[("\"model\"", "\"https://example.org/model\"")]);
    check("corpus-unknown", "corpus = \"corpsu\"\n", &[]);
    check("corpus-is-no-sink", "corpus = \"windows\"\n", &[]);
    check("corpus-not-said", lines, &[]);
    check("corpus-of-json-lines", &format!("corpus = \"lines\"\n{lines}"), &[]);
    check("documents", "", &[("tokens = 1024", "variant = \"mix\"")]);
    let mono = "sampler = \"concat-chop\"\nloss-on = \"english\"\n";
    check("nothing-to-learn", mono, &[("tokens = 1024", "variant = \"mono\"")]);
    check("tokens-below-segments", "tokens = 512\n", &[]);
    check(
        "several-at-once",
        "rank = 0\ndropuot = 0.1\nepochs = \"two\"\n",
        &[("tokens = 1024", "token = 1024"), ("dir = \"run\"\n", "")],
    );
    check(
        "several-of-sense-at-once",
        "rank = 0\nvalidation = 2\ntargets = [\"lm_head\"]\ncorpus = \"shards\"\n",
        &[("\"run\"", "\"out\"")],
    );
}

#[test]
fn overrides_reach_the_training() {
    let folder = folder();
    for (name, set) in [("set-out-of-range", "train.rank=0"), ("set-unknown-key", "train.ranks=8")]
    {
        let ran = folder.run(&["check", "pipeline.toml", "--set", set]);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.stdout);
        golden(&format!("train/{name}.txt"), &ran.failure());
    }
    let text = format!("{PIPELINE}{TRAIN}");
    folder.write("pipeline.toml", text.as_bytes());
    let sets = ["train.rank=8".to_owned(), "train.sampler=best-fit".to_owned()];
    let train = config::load_training(&folder.path("pipeline.toml"), &sets).unwrap();
    let expected = Settings {
        model: "model".into(),
        dir: "run".into(),
        rank: 8,
        sampler: Sampler::BestFit,
        ..Settings::default()
    };
    assert_eq!((train.settings, train.sink.as_str()), (expected, "corpus"));
}

#[test]
fn a_training_needs_neither_dumps_nor_tokenizer_of_the_pipeline() {
    let folder = folder();
    fs_err::remove_dir_all(folder.path("dumps")).unwrap();
    fs_err::remove_file(folder.path("tokenizer.json")).unwrap();
    config::load_training(&folder.path("pipeline.toml"), &[]).unwrap();
    // Every problem of the table is told all the same.
    write(&folder, "rank = 0\n");
    add_model(&folder);
    let ran = folder.run(&["train", "pipeline.toml"]);
    assert_eq!(ran.code, Some(2));
    golden("train/train-rank-none.txt", &ran.failure());
    folder.write("pipeline.toml", PIPELINE.as_bytes());
    golden("train/train-without-table.txt", &folder.run(&["train", "pipeline.toml"]).failure());
}

#[test]
fn the_corpus_does_not_depend_on_the_training() {
    let folder = Folder::new();
    folder.build(&["sinks.corpus.dir=alone"]).done();
    write(&folder, "rank = 8\n");
    folder.build(&["sinks.corpus.dir=trained"]).done();
    let (alone, trained) = (folder.path("alone"), folder.path("trained"));
    common_crossic::assert_same_files(&alone, &trained);
    assert_eq!(
        Manifest::read(&alone).unwrap().plan_digest,
        Manifest::read(&trained).unwrap().plan_digest
    );
}

#[test]
fn a_model_that_is_missing_is_a_note_before_a_build_and_an_error_before_a_training() {
    let folder = folder();
    let checked = folder.run(&["check", "pipeline.toml"]).done();
    golden("train/check-without-model.txt", &checked);
    let planned = folder.run(&["plan", "pipeline.toml"]).done();
    golden("train/plan-without-model.txt", &of_training(&planned));
    for verb in ["train", "run"] {
        let ran = folder.run(&[verb, "pipeline.toml"]);
        assert_eq!(ran.code, Some(2), "{verb}: {}", ran.stdout);
        golden(&format!("train/{verb}-without-model.txt"), &ran.failure());
    }
    // A run without its model has not begun to build.
    assert!(!folder.path("out").exists());
    add_model(&folder);
    let ran = folder.run(&["train", "pipeline.toml"]);
    golden("train/train-without-weights.txt", &ran.failure());
    let ran = folder.run(&["train", "pipeline.toml", "--set", "train.init=random"]);
    golden("train/train-without-corpus.txt", &ran.failure());
}

/// Returns the part of a plan that is about the training.
fn of_training(planned: &str) -> String {
    let lines = planned.lines().skip_while(|line| *line != "train");
    lines.take_while(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_model_that_is_there_is_measured() {
    let folder = folder();
    add_model(&folder);
    write(&folder, "init = \"random\"\n");
    let checked = folder.run(&["check", "pipeline.toml"]).done();
    golden("train/check-with-model.txt", &checked);
    folder.build(&[]).done();
    let planned = folder.run(&["plan", "pipeline.toml"]).done();
    golden("train/plan-with-corpus.txt", &of_training(&planned));
    let planned = folder.run(&["plan", "pipeline.toml", "--json"]).done();
    let planned: Value = serde_json::from_str(&planned).unwrap();
    // 4 blocks; queries and outputs 128x128, keys and values 128x64, 3 of 128x352, 2 norms of 128; the
    // embedding is the output layer too.
    let parameters = 4 * (2 * 128 * 128 + 2 * 128 * 64 + 3 * 128 * 352 + 256) + 8000 * 128 + 128;
    assert_eq!(planned["train"]["estimate"]["parameters"], parameters);
    assert_eq!(planned["train"]["settings"]["rank"], 64);
    assert!(planned["train"]["steps"]["steps"].is_u64());
}

#[test]
fn a_model_that_does_not_fit_the_corpus_is_refused() {
    let folder = folder();
    add_model(&folder);
    write(&folder, "init = \"random\"\n");
    folder.build(&[]).done();
    let config = String::from_utf8(folder.read("model/config.json")).unwrap();
    let check = |name: &str, config: &str| {
        folder.write("model/config.json", config.as_bytes());
        for verb in ["check", "train"] {
            let ran = folder.run(&[verb, "pipeline.toml"]);
            assert_eq!(ran.code, Some(2), "{name}: {}", ran.stdout);
            golden(&format!("train/{verb}-{name}.txt"), &ran.failure());
        }
    };
    check("small-vocabulary", &config.replace("8000", "7000"));
    check("other-family", &config.replace("\"llama\"", "\"mamba\""));
    check("no-configuration", "{\"model_type\": \"llama\"}");
    // A tokenizer that gives other ids: here, two tokens have changed places.
    let tokenizer = String::from_utf8(folder.read("tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_str(&tokenizer).unwrap();
    let vocabulary = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    let (the, of) = (vocabulary["Ġthe"].clone(), vocabulary["Ġis"].clone());
    vocabulary.insert("Ġthe".to_owned(), of);
    vocabulary.insert("Ġis".to_owned(), the);
    folder.write("model/tokenizer.json", tokenizer.to_string().as_bytes());
    check("other-tokenizer", &config);
}

#[test]
fn every_pipeline_trains_as_the_paper_does() {
    let mut n_papers = 0;
    for entry in fs_err::read_dir(repository("pipelines")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // Dumps and tokenizer are not read here, so it does not matter where the test runs.
        let train = config::load_training(&path, &[]).unwrap();
        assert_eq!(train.settings.dir.to_str(), Some(format!("out/{name}-run").as_str()));
        if name == "sample" {
            continue;
        }
        n_papers += 1;
        let documents = ["mix-wiki", "mix-web", "mix-wiki-web", "mono-wiki", "concat-chop"]
            .contains(&name.as_str());
        let expected = Settings {
            model: train.settings.model.clone(),
            dir: train.settings.dir.clone(),
            corpus: train.settings.corpus.clone(),
            rank: 64,
            alpha: 128.0,
            dropout: 0.05,
            batch_windows: 128,
            epochs: 1,
            warmup_ratio: 0.05,
            learning_rate: if name == "instruct" { 5e-6 } else { 1e-4 },
            sampler: if documents { Sampler::ConcatChop } else { Sampler::SplitAligned },
            validation: 0.001,
            validation_seed: 32,
            validate_every: 100,
            // What the paper does for 1.5 billion parameters.
            choose: Choose::Best,
            ..Settings::default()
        };
        assert_eq!(train.settings, expected, "{name}");
    }
    assert!(10 <= n_papers, "{n_papers}");
}

#[test]
fn the_model_of_the_sample_has_its_tokens() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_crossic"));
    command.args(["check", "pipelines/sample.toml"]).current_dir(repository("."));
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let line = "train: `data-samples/tiny-llama` learns `corpus` (1,762,432 of 1,762,432 weights are trained)";
    assert!(text.contains(line) && !text.contains("note: "), "{text}");
}

#[test]
fn list_shows_the_keys_of_a_training() {
    let folder = Folder::empty();
    golden("train/list.txt", &folder.run(&["list", "train"]).done());
    let all: Value = serde_json::from_str(&folder.run(&["list", "--json"]).done()).unwrap();
    let train = all.as_array().unwrap().iter().find(|it| it["section"] == "train").unwrap();
    let keys = train["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["name"] == "rank" && key["default"] == "64"));
}
