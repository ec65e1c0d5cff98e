//! The corpus of the samples: what is in it, and that it depends on nothing but its inputs.
//!
//! `UPDATE_GOLDEN=1 cargo test --test corpus` writes the golden file anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
};

use bzip2::{
    Compression,
    read::{BzEncoder, MultiBzDecoder},
};
use crossic::{
    manifest::Manifest,
    report::{Report, residue::LanguageResidue},
    sinks::shard_file::ShardReader,
    store::{
        pack::{PackName, Packs},
        snapshot,
        tables::ArticleRow,
    },
};
use crossic_operators::{
    record::Digest,
    segment::Segment,
    text::Document,
    vocabulary::Vocabulary,
    wikitext::{ArticleResidue, Site, residue},
};
use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetWriter, Series};
use serde_json::{Value, json};

mod common_crossic;
use common_crossic::{Folder, assert_same_files, files, golden, repository};

/// Returns a folder with all samples and the sample pipeline, paths and all as the repository has
/// them.
fn samples() -> Folder {
    let folder = Folder::empty();
    for wiki in ["enwiki", "thwiki", "eswiki"] {
        folder.copy_samples(wiki, &format!("data-samples/{wiki}/{}", common_crossic::DATE));
    }
    folder.write("data-samples/tokenizer.json", &folder.read("tokenizer.json"));
    let pipeline = fs_err::read(repository("pipelines/sample.toml")).unwrap();
    folder.write("pipeline.toml", &pipeline);
    folder
}

fn report(dir: &Path) -> Report {
    serde_json::from_str(&fs_err::read_to_string(dir.join("report.json")).unwrap()).unwrap()
}

/// Returns all segments of an arrow corpus, by pair and position.
fn segments(dir: &Path) -> BTreeMap<(Digest, u32), Segment> {
    let manifest = Manifest::read(dir).unwrap();
    let shards = manifest.shards.iter().map(|shard| manifest.shard_path(dir, shard));
    let rows = shards.flat_map(|path| ShardReader::open(&path).unwrap()).map(|row| row.unwrap());
    rows.map(|row| ((row.pair, row.index), row)).collect()
}

/// Returns the pages of each pair of a corpus, as `enwiki 1007 = thwiki 2007`.
fn pairs(dir: &Path) -> BTreeSet<String> {
    let mut pages: BTreeMap<Digest, BTreeSet<(String, u32)>> = BTreeMap::new();
    for segment in segments(dir).into_values() {
        let spans = segment.spans.into_iter().map(|span| (span.wiki, span.page));
        pages.entry(segment.pair).or_default().extend(spans);
    }
    let name = |(wiki, page): (String, u32)| format!("{wiki} {page}");
    pages
        .into_values()
        .map(|pages| pages.into_iter().map(name).collect::<Vec<_>>().join(" = "))
        .collect()
}

/// Returns what is left in a language in a few words: `42 articles, brackets 2 in 1`.
fn left(residue: &LanguageResidue) -> String {
    let kinds = residue.kinds.iter().filter(|(_, it)| it.total != 0);
    let kinds = kinds.map(|(kind, it)| format!(", {kind} {} in {}", it.total, it.articles));
    format!("{} articles{}", residue.articles, kinds.collect::<String>())
}

#[test]
fn the_corpus_of_the_samples_is_the_golden_one() {
    let folder = samples();
    folder.build(&[]).done();
    let dir = folder.path("out/sample");
    let (manifest, report) = (Manifest::read(&dir).unwrap(), report(&dir));
    let shards: Vec<&str> = manifest.shards.iter().map(|shard| shard.file.as_str()).collect();
    let ledger: Vec<String> = report
        .ledger
        .iter()
        .map(|line| {
            let out = line.out.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>();
            format!("{}: {} {} -> {}", line.stage, line.incoming, line.what, out.join(", "))
        })
        .collect();
    let document = json!({
        "corpus_digest": manifest.corpus_digest,
        "shards": shards,
        "totals": manifest.totals,
        "ledger": ledger,
        "residue": report.residue.iter().map(|(lang, it)| (lang, left(it))).collect::<BTreeMap<_, _>>(),
    });
    golden("sample.json", &format!("{document:#}\n"));
}

#[test]
fn any_number_of_workers_writes_the_same_bytes() {
    let folder = samples();
    for workers in ["1", "2", "4"] {
        let dir = format!("sinks.corpus.dir=out/{workers}");
        folder.run(&["build", "pipeline.toml", "-w", workers, "--set", &dir]).done();
    }
    assert_same_files(&folder.path("out/1"), &folder.path("out/2"));
    assert_same_files(&folder.path("out/1"), &folder.path("out/4"));
}

#[test]
fn a_rerun_writes_the_same_bytes() {
    let folder = samples();
    let (first, again) = (folder.path("out/first"), folder.path("out/sample"));
    folder.build(&["sinks.corpus.dir=out/first"]).done();
    folder.build(&[]).done();
    folder.build(&[]).done();
    assert_same_files(&first, &again);
}

#[test]
fn leavings_of_other_builds_go_away() {
    let folder = samples();
    folder.build(&["sinks.corpus.dir=out/clean"]).done();
    for name in ["shards/00000-old.arrow", "packs/.tmp-1-2", "packs/old.pack", ".tmp-3-4"] {
        folder.write(&format!("out/sample/{name}"), b"left by a stopped build");
    }
    folder.build(&[]).done();
    assert_same_files(&folder.path("out/clean"), &folder.path("out/sample"));
}

#[test]
fn json_lines_hold_the_same_rows_as_arrow() {
    let folder = samples();
    let pipeline = String::from_utf8(folder.read("pipeline.toml")).unwrap();
    let lines = "\n[sinks.lines]\ntype = \"jsonl\"\ninputs = [\"windows\"]\ndir = \"out/lines\"\nbuckets = 3\n";
    folder.write("pipeline.toml", format!("{pipeline}{lines}").as_bytes());
    folder.run(&["build", "pipeline.toml"]).done();

    let bytes = folder.read("data-samples/tokenizer.json");
    let vocabulary = Vocabulary::from_bytes(&bytes).unwrap();
    let mut expected = segments(&folder.path("out/sample"));
    let dir = folder.path("out/lines");
    let manifest = Manifest::read(&dir).unwrap();
    assert_eq!(manifest.totals, Manifest::read(&folder.path("out/sample")).unwrap().totals);
    for shard in &manifest.shards {
        for line in fs_err::read_to_string(manifest.shard_path(&dir, shard)).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let pair = Digest::parse(row["pair"].as_str().unwrap()).unwrap();
            let key = (pair, row["index"].as_u64().unwrap() as u32);
            let segment = expected.remove(&key).unwrap();
            let body = segment.input_ids.split_last().unwrap().1;
            let same = json!({
                "id": segment.id.to_string(),
                "pair": pair.to_string(),
                "index": segment.index,
                "origin": "wiki",
                "text": vocabulary.decode(body),
                "input_ids": segment.input_ids,
                "spans": segment.spans,
                "score": null,
                "retrieval": null,
            });
            assert_eq!(row, same);
        }
    }
    assert!(expected.is_empty(), "rows that are not in the JSON lines");
}

#[test]
fn several_targets_make_the_pairs_of_each_alone() {
    let folder = samples();
    folder.build(&[]).done();
    let all = segments(&folder.path("out/sample"));
    let mut union = BTreeMap::new();
    for (target, other) in [("th", "es"), ("es", "th")] {
        let text = String::from_utf8(folder.read("pipeline.toml")).unwrap();
        let mut pipeline: toml::Table = text.parse().unwrap();
        pipeline["sources"].as_table_mut().unwrap().remove(other).unwrap();
        let name = format!("{target}.toml");
        folder.write(&name, pipeline.to_string().as_bytes());
        let (inputs, dir) = (
            format!("operators.wiki-pairs.inputs=[\"en\", \"{target}\"]"),
            format!("sinks.corpus.dir=out/{target}"),
        );
        folder.run(&["build", &name, "--set", &inputs, "--set", &dir]).done();
        union.extend(segments(&folder.path(&format!("out/{target}"))));
    }
    assert_eq!(all, union);
}

/// Refused links and pairs as the page sources in `data-samples/sources` let one expect them.
const REJECTS: &[&str] = &[
    "blank-title: หน้าเปล่าลิงก์ -> en:",
    "dead-link: 3507 -> en:List of volcanoes in the Andes",
    "dead-link: Andes -> th:เทือกเขาแอนดีส",
    "dead-link: Canto rodado -> en:Pebble",
    "dead-link: Compass -> es:Brújula",
    "dead-link: Guitar -> es:Guitarra clásica",
    "dead-link: Library -> th:ห้องสมุด",
    "dead-link: Printing press -> es:Imprenta",
    "dead-link: Salt -> th:เกลือ",
    "dead-link: ¿ -> en:¿",
    "dead-link: นาฬิกาน้ำสยาม -> en:Siamese water clock",
    "english-disambiguation: Mercury = Mercurio",
    "english-disambiguation: Mercury = ปรอท (แก้ความกำกวม)",
    "fragment: Lighthouse -> es:Faro#Historia",
    "fragment: ภาษาผึ้ง -> en:Honey bee#Communication",
    "many-to-one: Elephant = ช้างเอเชีย",
    "other-namespace: 1553 -> es:Categoría:Ríos",
    "other-namespace: 1553 -> th:หมวดหมู่:แม่น้ำ",
    "other-namespace: 2505 -> en:Category:Rivers",
    "other-namespace: 3514 -> en:Category:Rivers",
    "redirect-loop: วงวน -> en:Loop A",
    "redirect-to-fragment: Danza de las abejas -> en:Waggle dance",
];

/// Returns a reject as [`REJECTS`] writes it; pages without a title by their number.
fn reject(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let reason = text(&line["reason"]);
    match line["english"].is_null() {
        true => {
            let from = line["from_title"].as_str().map(str::to_owned);
            let from = from.unwrap_or_else(|| line["from"].to_string());
            format!("{reason}: {from} -> {}:{}", text(&line["to"]), text(&line["title"]))
        }
        false => {
            let title = |side: &str| text(&line[side]["title"]);
            format!("{reason}: {} = {}", title("english"), title("target"))
        }
    }
}

#[test]
fn every_reject_of_the_samples_is_one_that_was_put_there() {
    let folder = samples();
    folder.build(&[]).done();
    let dir = folder.path("out/sample");
    let manifest = Manifest::read(&dir).unwrap();
    let files = manifest.files.keys().filter(|name| name.starts_with("rejects/"));
    let mut rejects = Vec::new();
    for file in files {
        let text = fs_err::read_to_string(dir.join(file)).unwrap();
        rejects.extend(text.lines().map(reject));
    }
    rejects.sort();
    assert_eq!(rejects, REJECTS);
}

/// Points a pipeline of the repository at the samples: its English wiki, and of its other wikis
/// the first two. Returns `None` if it reads something that the samples do not have.
fn on_samples(pipeline: &str) -> Option<String> {
    let mut pipeline: toml::Table = pipeline.parse().unwrap();
    let mut wikis = ["thwiki", "eswiki"].into_iter();
    let mut gone = Vec::new();
    for (name, source) in pipeline["sources"].as_table_mut().unwrap() {
        let source = source.as_table_mut().unwrap();
        if source["type"].as_str() != Some("wikipedia-dump") {
            return None;
        }
        let wiki = if name.as_str() == "en" { Some("enwiki") } else { wikis.next() };
        match wiki {
            Some(wiki) => source["dir"] = format!("data-samples/{wiki}/20240720").into(),
            None => gone.push(name.clone()),
        }
        source.remove("wiki");
    }
    let sources = pipeline["sources"].as_table_mut().unwrap();
    sources.retain(|name, _| gone.iter().all(|gone| gone != name));
    for (_, operator) in pipeline["operators"].as_table_mut().unwrap() {
        let operator = operator.as_table_mut().unwrap();
        operator["inputs"]
            .as_array_mut()
            .unwrap()
            .retain(|input| gone.iter().all(|gone| input.as_str() != Some(gone.as_str())));
        if let Some(tokenizer) = operator.get_mut("tokenizer") {
            *tokenizer = "data-samples/tokenizer.json".into();
        }
    }
    for (name, sink) in pipeline["sinks"].as_table_mut().unwrap() {
        sink["dir"] = format!("out/{name}").into();
    }
    Some(pipeline.to_string())
}

#[test]
fn every_pipeline_of_the_repository_runs_on_the_samples() {
    let folder = samples();
    let mut n_run = 0;
    for entry in fs_err::read_dir(repository("pipelines")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let Some(text) = on_samples(&fs_err::read_to_string(&path).unwrap()) else { continue };
        folder.write("pipeline.toml", text.as_bytes());
        let ran = folder.run(&["build", "pipeline.toml", "--json"]);
        assert_eq!(ran.code, Some(0), "{}: {}", path.display(), ran.stderr);
        let corpora: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
        for corpus in corpora {
            assert!(0 < corpus["totals"]["rows"].as_u64().unwrap(), "{}", path.display());
        }
        fs_err::remove_dir_all(folder.path("out")).unwrap();
        n_run += 1;
    }
    assert_ne!(n_run, 0);
}

/// Returns the articles of a sample wiki, from its page sources: id, title and wikitext.
fn articles(wiki: &str) -> Vec<(String, String, String)> {
    let mut articles = Vec::new();
    let dir = repository("data-samples/sources").join(wiki).join("pages");
    for entry in fs_err::read_dir(dir).unwrap() {
        let page = fs_err::read_to_string(entry.unwrap().path()).unwrap();
        let (head, text) = page.split_once("\n---\n").unwrap();
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(it, _)| *it == name).map(|(_, value)| value.trim().to_owned())
        };
        if !text.starts_with('#') && field("ns").is_none_or(|ns| ns == "0") {
            articles.push((field("id").unwrap(), field("title").unwrap(), text.to_owned()));
        }
    }
    articles
}

#[test]
fn plain_texts_with_the_tables_of_the_dump_make_the_same_pairs() {
    let folder = samples();
    folder.build(&[]).done();
    let mut pipeline: toml::Table =
        String::from_utf8(folder.read("pipeline.toml")).unwrap().parse().unwrap();
    for (name, wiki) in [("en", "enwiki"), ("th", "thwiki")] {
        let articles = articles(wiki);
        let column = |name: &str, of: fn(&(String, String, String)) -> &str| {
            let values: Vec<&str> = articles.iter().map(of).collect();
            Series::new(name.into(), values).into_column()
        };
        let columns = vec![
            column("id", |it| &it.0),
            column("url", |_| "https://example.org"),
            column("title", |it| &it.1),
            column("text", |it| &it.2),
        ];
        let mut frame = DataFrame::new_infer_height(columns).unwrap();
        let file = fs_err::File::create(folder.path(&format!("{wiki}.parquet"))).unwrap();
        ParquetWriter::new(file).finish(&mut frame).unwrap();
        let mut source = toml::Table::new();
        source.insert("type".to_owned(), "wikipedia-parquet".into());
        source.insert("files".to_owned(), vec![format!("{wiki}.parquet")].into());
        source.insert("tables".to_owned(), format!("data-samples/{wiki}/20240720").into());
        pipeline["sources"][name] = source.into();
    }
    folder.write("parquet.toml", pipeline.to_string().as_bytes());
    folder.run(&["build", "parquet.toml", "--set", "sinks.corpus.dir=out/parquet"]).done();
    assert_eq!(pairs(&folder.path("out/parquet")), pairs(&folder.path("out/sample")));
    // These texts are full of markup, which the report says of every language that has them.
    let left = report(&folder.path("out/parquet")).residue;
    let packed = left_in_packs(&folder.path("out/parquet"));
    for lang in ["en", "th"] {
        let brackets = left[lang].kinds["brackets"];
        assert_eq!((brackets.total, brackets.articles), packed[lang].1["brackets"]);
        assert!(left[lang].articles / 2 < brackets.articles, "{lang}");
        assert_eq!(left[lang].kinds["holes"].total, 0);
    }
    assert_eq!(left["es"], report(&folder.path("out/sample")).residue["es"]);
}

#[test]
fn a_corpus_in_the_layout_of_an_older_crossic_is_built_anew() {
    let folder = Folder::new();
    folder.build(&[]).done();
    let shards = files(&folder.path("out/shards"));
    let manifest = String::from_utf8(folder.read("out/manifest.json")).unwrap();
    let older = manifest.replace("\"format\": 4", "\"format\": 3");
    assert_ne!(older, manifest);
    folder.write("out/manifest.json", older.as_bytes());
    // What an older layout has there cannot be read: here it is not even there.
    for name in ["out/snapshots", "out/memos"] {
        fs_err::remove_dir_all(folder.path(name)).unwrap();
    }
    folder.run(&["plan", "pipeline.toml"]).done();
    let ran = folder.build(&[]);
    assert!(ran.stderr.contains("another layout of files"), "{}", ran.stderr);
    ran.done();
    assert_eq!(files(&folder.path("out/shards")), shards);
    folder.run(&["verify", "out"]).done();
}

/// How often each kind of residue occurs, and in how many articles.
type KindCounts = BTreeMap<&'static str, (u64, u64)>;

/// Counts what is left in the articles of a corpus in its packs, by language; holes do not show there.
fn left_in_packs(dir: &Path) -> BTreeMap<String, (u64, KindCounts)> {
    let manifest = Manifest::read(dir).unwrap();
    let names = manifest.packs.iter().map(|name| PackName::parse(name).unwrap());
    let packs = Packs::open(&dir.join("packs"), &names.collect::<Vec<_>>()).unwrap();
    let mut left: BTreeMap<String, (u64, KindCounts)> = BTreeMap::new();
    for file in manifest.snapshots.iter().filter(|it| it.table == "articles") {
        let lang = &manifest.sources[&file.source].info.lang;
        let (n_articles, kinds) = left.entry(lang.clone()).or_default();
        for row in snapshot::rows::<ArticleRow>(&dir.join(&file.file)).unwrap() {
            let row = row.unwrap();
            if row.state != "text" {
                assert_eq!(row.residue, ArticleResidue::default());
                continue;
            }
            let mut text = String::new();
            assert!(packs.get(row.digest, &mut text).unwrap());
            let paragraphs: Vec<String> =
                Document::parse(&text).paragraphs().map(str::to_owned).collect();
            *n_articles += 1;
            for (kind, count) in residue(&paragraphs, &Site::new(lang, &[])).counts() {
                let (total, n_with) = kinds.entry(kind).or_insert((0, 0));
                *total += count;
                *n_with += u64::from(count != 0);
            }
        }
    }
    left
}

#[test]
fn a_leak_shows_in_the_report_of_its_language() {
    let folder = Folder::new();
    folder.build(&["sinks.corpus.dir=before"]).done();
    let before = report(&folder.path("before")).residue;

    // Markup that the cleaner has to keep, and a template that nobody knows, in a Thai article.
    let leak = "<nowiki>[[x]] {{y}} '' ''</nowiki> ไฟล์:ก.jpg ช้าง {{zzz|1}} ตัว\n\n";
    let name = format!("dumps/thwiki/thwiki-{}-pages-articles-multistream", common_crossic::DATE);
    fs_err::remove_file(folder.path(&format!("{name}-index.txt.bz2"))).unwrap();
    let packed = folder.read(&format!("{name}.xml.bz2"));
    let mut xml = String::new();
    MultiBzDecoder::new(packed.as_slice()).read_to_string(&mut xml).unwrap();
    let (head, page) = xml.split_once("<id>2007</id>").unwrap();
    let (start, text) = page.split_once("xml:space=\"preserve\">").unwrap();
    let leak = leak.replace('<', "&lt;").replace('>', "&gt;");
    let xml = format!("{head}<id>2007</id>{start}xml:space=\"preserve\">{leak}{text}");
    let mut packed = Vec::new();
    BzEncoder::new(xml.as_bytes(), Compression::fast()).read_to_end(&mut packed).unwrap();
    folder.write(&format!("{name}.xml.bz2"), &packed);

    folder.build(&[]).done();
    let after = report(&folder.path("out")).residue;
    assert_eq!(after["en"], before["en"]);
    assert_eq!(after["th"].articles, before["th"].articles);
    for (kind, found) in &after["th"].kinds {
        let n = match kind.as_str() {
            "brackets" | "braces" | "quotes" => 2,
            "prefixes" | "holes" => 1,
            _ => 0,
        };
        let expected = before["th"].kinds[kind];
        assert_eq!(found.total, expected.total + n, "{kind}");
        assert_eq!(found.articles, expected.articles + u64::from(n != 0), "{kind}");
        let rate = 1_000.0 * found.total as f64 / after["th"].articles as f64;
        assert!((found.per_1000_articles - rate).abs() < 0.001, "{kind}");
    }
    for (lang, (n_articles, kinds)) in left_in_packs(&folder.path("out")) {
        assert_eq!(after[&lang].articles, n_articles);
        assert!(20 < n_articles, "{lang}");
        for (kind, expected) in kinds {
            let found = after[&lang].kinds[kind];
            assert_eq!((found.total, found.articles), expected, "{lang} {kind}");
        }
    }
    let told = folder.run(&["explain", "out", "th:2007"]).done();
    let line = "left in it: braces 2, brackets 2, holes 1, prefixes 1, quotes 2\n";
    assert!(told.contains(line), "{told}");
    folder.run(&["verify", "out"]).done();
}
