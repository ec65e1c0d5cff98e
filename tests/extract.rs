//! `crossic extract` and `crossic census`: what they write of the samples, and how they fail.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{collections::BTreeSet, io, process::Stdio};

use polars::prelude::{AnyValue, ParquetReader, SerReader};
use serde_json::Value;

mod common_crossic;
use common_crossic::{DATE, Folder, golden, repository};

const XML: &str = "thwiki-20240720-pages-articles-multistream.xml.bz2";

fn articles(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns what was said on stderr, without its line on speed.
fn said(stderr: &str) -> String {
    let lines: Vec<_> = stderr.lines().collect();
    let (speed, rest) = lines.split_last().unwrap();
    assert!(speed.contains(" MB of XML in ") && speed.ends_with("MB/s"), "{speed}");
    rest.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_samples_come_as_text_with_links() {
    let folder = Folder::new();
    for wiki in ["enwiki", "thwiki"] {
        let ran = folder.run(&["extract", &format!("dumps/{wiki}"), "--limit", "3"]);
        golden(&format!("extract/{wiki}.jsonl"), &ran.stdout);
        let ran = folder.run(&["extract", &format!("dumps/{wiki}")]);
        golden(&format!("extract/{wiki}.txt"), &said(&ran.stderr));
        let articles = articles(&ran.done());
        assert!(20 < articles.len());
        for article in &articles {
            let text: Vec<char> = article["text"].as_str().unwrap().chars().collect();
            for link in article["links"].as_array().unwrap() {
                let place = |name: &str| link[name].as_u64().unwrap() as usize;
                let label: String = text[place("start")..place("end")].iter().collect();
                assert_eq!(label, link["label"].as_str().unwrap(), "in {}", article["title"]);
            }
        }
    }
}

#[test]
fn threads_formats_and_packing_change_nothing() {
    let folder = Folder::new();
    let one = folder.run(&["-q", "extract", "dumps/thwiki", "dumps/enwiki", "--jobs", "1"]);
    assert_eq!(one.stderr, "");
    let one = one.done();
    for jobs in ["2", "5"] {
        let more = folder.run(&["extract", "dumps/thwiki", "dumps/enwiki", "--jobs", jobs]);
        assert!(more.done() == one, "{jobs} jobs");
    }
    // The file of a directory, unpacked and packed anew as one stream, under names that say nothing.
    let th = folder.run(&["extract", "dumps/thwiki"]).done();
    let mut xml = Vec::new();
    let packed = folder.read(&format!("dumps/thwiki/{XML}"));
    let mut decoder = bzip2::read::MultiBzDecoder::new(packed.as_slice());
    io::Read::read_to_end(&mut decoder, &mut xml).unwrap();
    folder.write("pages", &xml);
    let mut single = bzip2::read::BzEncoder::new(xml.as_slice(), bzip2::Compression::new(1));
    let mut packed = Vec::new();
    io::Read::read_to_end(&mut single, &mut packed).unwrap();
    folder.write("pages.bz2", &packed);
    for name in ["pages", "pages.bz2"] {
        assert!(folder.run(&["extract", name, "--jobs", "3"]).done() == th, "{name}");
    }
    // A limit gives the first ones, whatever the threads; so does a file.
    let first: String = th.lines().take(4).map(|line| format!("{line}\n")).collect();
    for jobs in ["1", "4"] {
        let ran = folder.run(&["extract", "pages", "--limit", "4", "--jobs", jobs, "--out", "x/a"]);
        assert!(ran.stderr.contains(" 4 articles"), "{}", ran.stderr);
        assert_eq!(ran.done(), "");
        assert_eq!(folder.read("x/a"), first.as_bytes());
    }
    // A language that is said counts for more than the file's own.
    let ran = folder.run(&["extract", "pages", "--lang", "en", "--limit", "1"]);
    assert!(ran.stderr.starts_with("en: "), "{}", ran.stderr);
    // Other knobs give another text.
    for knob in [&["--headings", "drop"][..], &["--lists", "false"], &["--boilerplate"]] {
        let arguments = [&["extract", "dumps/enwiki"], knob].concat();
        assert!(folder.run(&arguments).done() != folder.run(&arguments[..2]).done(), "{knob:?}");
    }
}

#[test]
fn parquet_holds_the_same_articles() {
    let folder = Folder::new();
    let lines = articles(&folder.run(&["extract", "dumps/thwiki"]).done());
    let arguments = ["extract", "dumps/thwiki", "--format", "parquet", "--out", "th.parquet"];
    for _ in 0..2 {
        folder.run(&arguments).done();
    }
    let file = fs_err::File::open(folder.path("th.parquet")).unwrap().into_file();
    let frame = ParquetReader::new(file).finish().unwrap();
    assert_eq!(frame.height(), lines.len());
    let cell = |name: &str, row: usize| -> Value {
        match frame.column(name).unwrap().get(row).unwrap() {
            AnyValue::UInt32(it) => it.into(),
            AnyValue::UInt64(it) => it.into(),
            AnyValue::String(it) => it.into(),
            AnyValue::List(list) => list
                .iter()
                .map(|it| match it {
                    AnyValue::UInt32(it) => Value::from(it),
                    AnyValue::String(it) => Value::from(it),
                    other => panic!("{other:?}"),
                })
                .collect(),
            other => panic!("{other:?}"),
        }
    };
    for (row, article) in lines.iter().enumerate() {
        for name in ["id", "revision", "title", "text", "flags"] {
            assert_eq!(cell(name, row), article[name], "{name}");
        }
        for name in ["target", "label", "start", "end"] {
            let links = article["links"].as_array().unwrap();
            let expected: Value = links.iter().map(|link| link[name].clone()).collect();
            assert_eq!(cell(&format!("link_{name}s"), row), expected, "{name}");
        }
    }
    let ran = folder.run(&["extract", "dumps/thwiki", "--format", "parquet"]);
    assert_eq!(
        ran.failure(),
        "exit 2\nerror: parquet needs a file to go to\nhint: name one: `--out articles.parquet`\n"
    );
}

#[test]
fn damage_ends_the_run_or_is_passed_over() {
    let folder = Folder::new();
    let whole = folder.run(&["extract", "dumps/thwiki"]).done();
    let sound: BTreeSet<&str> = whole.lines().collect();
    let packed = folder.read(&format!("dumps/thwiki/{XML}"));
    for part in [3, 5, 7] {
        let mut damaged = packed.clone();
        let place = packed.len() * part / 9;
        damaged[place] ^= 4;
        folder.write("th.xml.bz2", &damaged);
        let ran = folder.run(&["extract", "th.xml.bz2", "--jobs", "2"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(
            ran.stderr.starts_with("error: `th.xml.bz2`: the bzip2 data is damaged before byte "),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("of the file)\n"), "{}", ran.stderr);
        assert!(ran.stderr.contains("\nhint: download the file again"), "{}", ran.stderr);
        // What came before the damage is there, and nothing else, for any number of threads.
        assert!(whole.starts_with(&ran.stdout) && ran.stdout.len() < whole.len());
        assert_eq!(folder.run(&["extract", "th.xml.bz2", "--jobs", "1"]).stdout, ran.stdout);
        // A file to come does not.
        let ran = folder.run(&["extract", "th.xml.bz2", "--out", "th.jsonl"]);
        assert_eq!((ran.code, folder.path("th.jsonl").exists()), (Some(1), false));

        let ran = folder.run(&["extract", "th.xml.bz2", "--skip-damaged"]);
        assert!(ran.stderr.contains("th: 1 damaged place passed over\n"), "{}", ran.stderr);
        let left = ran.done();
        assert!(left.lines().all(|line| sound.contains(line)));
        assert!(left.lines().count() < sound.len() && sound.len() / 3 < left.lines().count());
    }
}

#[test]
fn what_has_no_articles_says_so() {
    let folder = Folder::new();
    fs_err::remove_file(folder.path(&format!("dumps/thwiki/{XML}"))).unwrap();
    fs_err::create_dir(folder.path("empty")).unwrap();
    folder.write("page.xml", b"<html></html>");
    folder.write("nameless.xml", b"<mediawiki></mediawiki>");
    for (name, arguments) in [
        ("no-articles", &["extract", "dumps/thwiki"][..]),
        ("no-dump", &["extract", "empty"]),
        ("no-file", &["extract", "thwiki.xml"]),
        ("no-pages", &["extract", "page.xml", "--lang", "th"]),
        ("no-language", &["extract", "nameless.xml"]),
        ("other-language", &["extract", "dumps/enwiki", "--lang", "th"]),
        ("census", &["census", "empty"]),
    ] {
        let ran = folder.run(arguments);
        assert_ne!(ran.code, Some(0), "{name}");
        golden(&format!("extract/{name}.txt"), &ran.failure());
    }
    let ran = folder.run(&["extract", "nameless.xml", "--lang", "th"]);
    assert!(ran.stderr.ends_with("MB/s\n"), "{}", ran.stderr);
    assert_eq!(ran.done(), "");
}

#[test]
fn a_closed_pipe_is_success() {
    let folder = Folder::new();
    for arguments in [&["extract", "dumps/enwiki"][..], &["census", "dumps/enwiki"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = folder.command(arguments);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
}

#[test]
fn the_census_finds_what_the_tables_lack() {
    let folder = Folder::empty();
    let page = |id: u32, text: &str| {
        format!(
            "<page><title>T{id}</title><ns>0</ns><id>{id}</id><revision><text>{text}</text></revision></page>"
        )
    };
    let xml = [
        page(1, "a {{zzz|1}} b {{nowrap|c}}\n{{yyy\n|1\n}}\n{{yyy}}"),
        page(2, "{{xxx|กข}} c {{Zzz|2}}"),
        page(3, "a {{yyy|inline}} b"),
    ];
    folder.write("x.xml", format!("<mediawiki>{}</mediawiki>", xml.concat()).as_bytes());
    for jobs in ["1", "3"] {
        let ran = folder.run(&["census", "x.xml", "--lang", "en", "--jobs", jobs]);
        golden("extract/census-of-three.txt", &ran.done());
    }
    let ran = folder.run(&["census", "x.xml", "--lang", "en", "--json", "--top", "1"]).done();
    let found: Value = serde_json::from_str(&ran).unwrap();
    assert_eq!(found["en"]["templates"].as_array().unwrap().len(), 1);
    assert_eq!((&found["en"]["articles"], &found["en"]["unknown"]), (&3.into(), &6.into()));
    let samples = repository("data-samples/thwiki").join(DATE);
    folder.run(&["census", samples.to_str().unwrap()]).done();
}
