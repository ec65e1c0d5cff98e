//! Redirects between templates: the samples with another name for a template that the cleaner
//! knows, and that name in the tables, in the pages, or nowhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::Read;

use crossic::manifest::Manifest;
use serde_json::Value;

mod common;
mod common_crossic;
use common::{bz2, gz};
use common_crossic::Folder;

const STEM: &str = "dumps/thwiki/thwiki-20240720";
/// A template of the samples that the cleaner knows, and a name that it does not know.
const KNOWN: &str = "{{แปลง|";
const RENAMED: &str = "{{ระยะ ใหม่|";

/// A folder with the samples, in which Thai articles use the new name.
fn renamed(pages: &str) -> Folder {
    let folder = Folder::new();
    let xml = xml(&folder);
    assert!(2 < xml.matches(KNOWN).count() && !xml.contains(RENAMED));
    let xml = xml.replace(KNOWN, RENAMED).replace("</mediawiki>", &format!("{pages}</mediawiki>"));
    folder.write(&format!("{STEM}-pages-articles-multistream.xml.bz2"), &bz2(xml.as_bytes()));
    let index = format!("{STEM}-pages-articles-multistream-index.txt.bz2");
    fs_err::remove_file(folder.path(&index)).unwrap();
    folder
}

fn xml(folder: &Folder) -> String {
    let packed = folder.read(&format!("{STEM}-pages-articles-multistream.xml.bz2"));
    let mut xml = String::new();
    bzip2::read::MultiBzDecoder::new(packed.as_slice()).read_to_string(&mut xml).unwrap();
    xml
}

/// Adds rows of templates to the tables: id, title, and the target of a redirect.
fn add(folder: &Folder, templates: &[(u32, &str, Option<&str>)]) {
    let page = |(id, title, to): &(u32, &str, Option<&str>)| {
        Some(format!("({id},10,'{title}',{})", u8::from(to.is_some())))
    };
    let redirect =
        |(id, _, to): &(u32, &str, Option<&str>)| Some(format!("({id},10,'{}')", (*to)?));
    append(
        folder,
        ("page", "`page_id`,`page_namespace`,`page_title`,`page_is_redirect`"),
        templates.iter().filter_map(page).collect(),
    );
    append(
        folder,
        ("redirect", "`rd_from`,`rd_namespace`,`rd_title`"),
        templates.iter().filter_map(redirect).collect(),
    );
}

/// Writes a table of the samples with more rows; without any, as it was.
fn append(folder: &Folder, (table, columns): (&str, &str), rows: Vec<String>) {
    let name = format!("{STEM}-{table}.sql.gz");
    let samples = common_crossic::repository("data-samples/thwiki").join(common_crossic::DATE);
    let packed = fs_err::read(samples.join(folder.path(&name).file_name().unwrap())).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    if !rows.is_empty() {
        text.push_str(&format!("INSERT INTO `{table}` ({columns}) VALUES {};\n", rows.join(",")));
    }
    folder.write(&name, &gz(text.as_bytes()));
}

/// What leads from the new name to the known one.
const CHAIN: &[(u32, &str, Option<&str>)] =
    &[(90_001, "ระยะ_ใหม่", Some("ระยะ")), (90_002, "ระยะ", Some("แปลง")), (90_003, "แปลง", None)];

fn remove_tables(folder: &Folder) {
    for table in ["page", "redirect"] {
        fs_err::remove_file(folder.path(&format!("{STEM}-{table}.sql.gz"))).unwrap();
    }
}

#[test]
fn extract_follows_the_tables_beside_the_articles() {
    let file = format!("{STEM}-pages-articles-multistream.xml.bz2");
    let known = Folder::new().run(&["extract", "dumps/thwiki"]).done();
    let folder = renamed("");
    let unknown = folder.run(&["extract", "dumps/thwiki"]).done();
    assert_ne!(unknown, known);
    add(&folder, CHAIN);
    fs_err::copy(folder.path(&file), folder.path("th.xml.bz2")).unwrap();
    for (path, expected) in [("dumps/thwiki", &known), (&file, &known), ("th.xml.bz2", &unknown)] {
        assert!(folder.run(&["extract", path]).done() == *expected, "{path}");
    }
    // The dump of another date beside it does not count.
    let other = file.replace("20240720", "20240801");
    fs_err::copy(folder.path(&file), folder.path(&other)).unwrap();
    assert!(folder.run(&["extract", &other]).done() == unknown);
    // A table that is damaged is no table that is missing.
    let redirect = format!("{STEM}-redirect.sql.gz");
    let whole = folder.read(&redirect);
    folder.write(&redirect, &whole[..whole.len() / 2]);
    let ran = folder.run(&["extract", &file]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains(&redirect), "{}", ran.stderr);
    fs_err::remove_file(folder.path(&redirect)).unwrap();
    assert!(folder.run(&["extract", &file]).done() == unknown);
}

#[test]
fn the_census_follows_tables_or_pages() {
    let census = |folder: &Folder, jobs: &str| -> Value {
        let arguments = ["census", "dumps/thwiki", "--json", "--top", "1000", "--jobs", jobs];
        let found: Value = serde_json::from_str(&folder.run(&arguments).done()).unwrap();
        found["th"].clone()
    };
    let known = census(&Folder::new(), "1");
    let folder = renamed("");
    let unknown = census(&folder, "1");
    let n = |found: &Value| found["unknown"].as_u64().unwrap();
    assert!(n(&known) + 2 < n(&unknown));
    add(&folder, CHAIN);
    assert_eq!(census(&folder, "2"), known);
    remove_tables(&folder);
    assert_eq!(census(&folder, "1"), unknown);

    // The templates' own pages come behind the articles that use them.
    let page = |(id, title, to): &(u32, &str, Option<&str>)| {
        let to = to.map(|to| format!("<redirect title=\"แม่แบบ:{to}\" />")).unwrap_or_default();
        format!(
            "<page><title>แม่แบบ:{}</title><ns>10</ns><id>{id}</id>{to}<revision><id>1</id>\
             <text>x</text></revision></page>\n",
            title.replace('_', " ")
        )
    };
    let folder = renamed(&CHAIN.iter().map(page).collect::<String>());
    assert_eq!(census(&folder, "1"), unknown, "the tables know of no redirect");
    remove_tables(&folder);
    for jobs in ["1", "3"] {
        assert_eq!(census(&folder, jobs), known);
    }
}

/// Builds over the dumps of a folder; returns the digest of the corpus, what the manifest says of
/// redirects between templates, how many pages were cleaned, and whether a note told why.
fn build(folder: &Folder, out: &str, workers: &str) -> (String, Option<String>, u64, bool) {
    let dir = format!("sinks.corpus.dir={out}");
    let ran =
        folder.run(&["build", "pipeline.toml", "--json", "--workers", workers, "--set", &dir]);
    let noted = ran.stderr.contains("source `th`: other redirects between its templates");
    let built: Value = serde_json::from_str(&ran.done()).unwrap();
    let n_cleaned = built[0]["work"]["pages_cleaned"].as_u64().unwrap();
    let manifest = Manifest::read(&folder.path(out)).unwrap();
    let aliases = manifest.sources["th"].template_aliases.clone();
    (manifest.corpus_digest, aliases, n_cleaned, noted)
}

#[test]
fn a_build_follows_redirects_as_they_come_and_go() {
    let known = build(&Folder::new(), "out", "1");
    assert_eq!((&known.1, known.3), (&None, false));
    let folder = renamed("");
    let retargeted = [(90_001, "ระยะ_ใหม่", Some("Nowrap")), (90_002, "ระยะ", Some("แปลง"))];
    let no_effect = [(90_001, "ระยะ_ใหม่", Some("ไม่มี")), (90_002, "Nowrap", Some("Nobr"))];
    let more = [CHAIN, &[(90_009, "อื่น", Some("ไม่มี"))]].concat();
    let mut digests = Vec::new();
    // What the tables say, and whether articles are cleaned anew for it.
    for (templates, number, is_other) in [
        (&[][..], 0, false),
        (CHAIN, 1, true),
        (&more, 2, false),
        (&retargeted, 3, true),
        (&retargeted, 4, false),
        (&no_effect, 5, true),
        (&[], 6, false),
    ] {
        add(&folder, templates);
        let scratch = build(&folder, &format!("scratch-{number}"), "1");
        let found = build(&folder, "out", if number % 2 == 0 { "1" } else { "2" });
        assert_eq!((&found.0, &found.1), (&scratch.0, &scratch.1), "step {number}");
        assert_eq!(found.3, is_other, "step {number}");
        assert_eq!(found.2 != 0, is_other || number == 0, "step {number}");
        assert_eq!(found.1.is_some(), matches!(number, 1..5), "step {number}");
        digests.push(found.0);
    }
    assert_eq!(digests[1], known.0, "the other name changes nothing");
    assert_ne!(digests[0], known.0);
    assert_ne!(digests[3], digests[0]);
    assert_ne!(digests[3], digests[1]);
    assert_eq!(digests[6], digests[0]);
    assert_eq!((&digests[2], &digests[4], &digests[5]), (&digests[1], &digests[3], &digests[0]));
}
