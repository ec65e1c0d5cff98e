//! `crossic calibrate`: what it prints, what it writes, who takes that, and what it refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use crossic::manifest::Manifest;
use serde_json::Value;

mod common_crossic;
use common_crossic::{Folder, repository};

fn folder() -> Folder {
    Folder::with_web("", "")
}

/// Calibrates in a scratch folder that must be empty again afterwards.
fn calibrate(folder: &Folder, more: &[&str]) -> common_crossic::Ran {
    fs_err::create_dir_all(folder.path("scratch")).unwrap();
    let fixed = ["calibrate", "pipeline.toml", "--scratch", "scratch", "--workers", "2"];
    let ran = folder.run(&[&fixed[..], more].concat());
    assert_eq!(fs_err::read_dir(folder.path("scratch")).unwrap().count(), 0, "{}", ran.stderr);
    ran
}

fn measured(folder: &Folder, more: &[&str]) -> Value {
    serde_json::from_str(&calibrate(folder, &[&["--json"], more].concat()).done()).unwrap()
}

#[test]
fn a_threshold_is_measured_written_and_taken() {
    let folder = folder();
    let ran = calibrate(&folder, &["--write", "threshold.json"]);
    let text = ran.done();
    assert!(text.contains("threshold  precision  recall  web documents"), "{text}");
    assert!(text.contains("<- suggested") && text.contains("suggested: 0."), "{text}");
    assert!(!folder.path("out").exists(), "no corpus is touched");

    let json = measured(&folder, &[]);
    let rows = json["thresholds"].as_array().unwrap();
    assert!((8..=14).contains(&rows.len()), "{rows:?}");
    let column = |name: &str| -> Vec<f64> {
        rows.iter().map(|row| row[name].as_f64().unwrap_or(f64::NAN)).collect()
    };
    assert!(column("recall").is_sorted_by(|a, b| b <= a));
    assert!(column("web_per_hundred").is_sorted_by(|a, b| b <= a));
    // Most articles of the samples have an English counterpart, and most find it: 42 of 47.
    let (articles, asked) = (json["articles"].as_u64().unwrap(), json["asked"].as_u64().unwrap());
    assert!(20 < articles && articles <= asked, "{articles} of {asked}");
    assert!(0.85 <= column("recall")[0], "{text}");
    assert!(json["suggested"]["precision"].as_f64().unwrap() >= 0.9);

    let written: Value = serde_json::from_slice(&folder.read("threshold.json")).unwrap();
    assert_eq!(written["threshold"], json["suggested"]["threshold"]);
    assert_eq!(written["encoder"], "lexical");
    assert_eq!(written["articles"], json["articles"]);
    assert_eq!(written["documents"], json["documents"]);

    // What is written is taken: no warning any more, and the manifest has it all.
    let usual = folder.run(&["check", "pipeline.toml"]).done();
    assert!(usual.contains("is not calibrated for these documents"), "{usual}");
    let set = "operators.found.calibration=threshold.json";
    let calibrated = folder.run(&["check", "pipeline.toml", "--set", set]).done();
    assert!(!calibrated.contains("note:"), "{calibrated}");
    folder.build(&[set]).done();
    let manifest = Manifest::read(&folder.path("out")).unwrap();
    let threshold = &manifest.plan.operators["found"].knobs["threshold"];
    assert_eq!(threshold["calibrated"], written);

    // A threshold is of its encoder: another one, here of fewer words, refuses it; but not the
    // command that mends that.
    let other = "operators.found.max-tokens=64";
    let refused = folder.run(&["check", "pipeline.toml", "--set", set, "--set", other]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("was measured with another encoder"), "{}", refused.stderr);
    calibrate(&folder, &["--set", set, "--set", other, "--write", "threshold.json"]).done();
    folder.run(&["check", "pipeline.toml", "--set", set, "--set", other]).done();
}

#[test]
fn thresholds_of_the_file_and_workers_do_not_matter() {
    let folder = folder();
    let plain = measured(&folder, &[]);
    let strict = ["--set", "operators.found.threshold=0.9", "--set", "operators.found.top=1"];
    assert_eq!(measured(&folder, &strict), plain);
    assert_eq!(measured(&folder, &["--set", "operators.found.calibration=missing.json"]), plain);
    let one = folder.run(&["calibrate", "pipeline.toml", "--json", "-q", "--workers", "1"]);
    assert_eq!(one.stderr, "");
    assert_eq!(serde_json::from_str::<Value>(&one.done()).unwrap(), plain);
    // Without the keywords that the English lead gives, the counterpart is read all the same.
    let bare = measured(&folder, &["--set", "operators.found.english-lead=false"]);
    assert_eq!(bare["articles"], plain["articles"]);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let folder = folder();
    let refused = |more: &[&str], code, parts: &[&str]| {
        let ran = calibrate(&folder, more);
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "{}", ran.stderr);
        }
    };
    refused(&["--precision", "1.5"], 2, &["between 0 and 1"]);
    refused(&["--operator", "windows"], 2, &["no operator `windows` that retrieves", "`found`"]);
    let none = ["--set", "operators.found.keywords=101"];
    refused(&none, 2, &["must be between"]);

    folder.edit(
        "[operators.windows]",
        "[operators.more]\ntype = \"retrieve\"\ninputs = [\"en\", \"th\", \"web\"]\n\n[operators.windows]",
    );
    folder.edit("inputs = [\"found\"]", "inputs = [\"found\", \"more\"]");
    refused(&[], 2, &["several operators retrieve: `found`, `more`", "--operator"]);
    calibrate(&folder, &["--operator", "more"]).done();

    folder.write("pipeline.toml", common_crossic::PIPELINE.as_bytes());
    refused(&[], 2, &["no operator of the pipeline retrieves", "crossic list retrieve"]);

    // A wiki whose links lead to no English article.
    folder.write("pipeline.toml", &self::folder().read("pipeline.toml"));
    folder.edit("dumps/enwiki", "dumps/other");
    folder.copy_samples("enwiki", "dumps/other");
    let dir = folder.path("dumps/other");
    for entry in fs_err::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("page.sql.gz") {
            let text = "CREATE TABLE `page` (`page_id` int(8), `page_namespace` int(11), `page_title` varbinary(255), `page_is_redirect` tinyint(1));\n";
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
            fs_err::write(path, gzip.finish().unwrap()).unwrap();
        }
    }
    refused(&[], 1, &["none has an English counterpart with a text"]);
}

#[test]
fn plan_says_what_a_retrieval_takes() {
    let folder = folder();
    let text = folder.run(&["plan", "pipeline.toml"]).done();
    let labels = fs_err::read_to_string(repository("data-samples/fineweb-edu/labels.tsv")).unwrap();
    let n_documents = labels.lines().count() - 1;
    let expected = format!("  finds  {n_documents} documents, ");
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("documents a core second"), "{text}");
    assert!(!folder.path("out").exists(), "nothing is touched");

    let plan = |more: &[&str]| -> Value {
        let ran = folder.run(&[&["plan", "pipeline.toml", "--json"], more].concat());
        serde_json::from_str(&ran.done()).unwrap()
    };
    let cost = &plan(&[])["retrieval"]["found"];
    assert_eq!(cost["documents"], n_documents);
    assert_eq!(cost["counted"], true);
    let all = cost["encoding_core_seconds"].as_f64().unwrap();
    let rate = cost["documents_per_core_second"].as_f64().unwrap();
    assert!((all * rate - n_documents as f64).abs() < 1e-6);

    // Lines are counted by their bytes: nobody reads them to the end for a plan.
    let line = format!("{{\"text\": \"{}\"}}\n", "word ".repeat(959));
    folder.write("web/more.jsonl", line.repeat(50).as_bytes());
    let files = "sources.web.files=[\"web/*.parquet\", \"web/more.jsonl\"]";
    let more = plan(&["--set", files, "--set", "sources.web.language=\"\""]);
    let more = &more["retrieval"]["found"];
    assert_eq!(more["documents"], n_documents + 51, "50 lines of 4,809 bytes");
    assert_eq!(more["counted"], false);
}
