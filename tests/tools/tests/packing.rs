//! Packs a tiny wiki and reads the files back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use bzip2::read::{BzDecoder, MultiBzDecoder};
use crossic_tools::{error::Error, samples::pack};
use flate2::read::GzDecoder;

const HEADER: &str = "revision: REV\ntimestamp: 2024-07-03T08:15:00Z\n";

/// Writes the sources, each a path and a text, into a fresh folder.
fn sources(name: &str, files: &[(&str, String)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs_err::remove_dir_all(&folder).unwrap();
    }
    for (path, text) in files {
        let path = folder.join("sources").join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    folder
}

fn siteinfo(wiki: &str, lang: &str) -> String {
    format!(
        "sitename = \"x\"\ndbname = \"{wiki}\"\nlang = \"{lang}\"\nbase = \"b\"\ncase = \"first-letter\"\n\
         [namespaces]\n\"0\" = \"\"\n\"10\" = \"แม่แบบ\"\n"
    )
}

fn page(id: u32, title: &str, more: &str, text: &str) -> String {
    let header = HEADER.replace("REV", &(1_000_000 + id).to_string());
    format!("id: {id}\ntitle: {title}\n{header}{more}---\n{text}\n")
}

fn tiny() -> Vec<(&'static str, String)> {
    let mut files = vec![
        ("thwiki/siteinfo.toml", siteinfo("thwiki", "th")),
        (
            "thwiki/pages/b.wiki",
            page(
                9,
                "ดาว's \"หาง\"",
                "link: en=Halley's Comet\nlink: de=\n",
                "'''ดาว''' <ref>&</ref>",
            ),
        ),
        (
            "thwiki/pages/a.wiki",
            page(4, "ช้าง ป่า", "link: en=Elephant\nprop: disambiguation\n", "'''ช้าง'''"),
        ),
        ("thwiki/pages/r.wiki", page(5, "คชสาร", "", "#เปลี่ยนทาง [[ช้าง ป่า#อาหาร]]")),
        ("thwiki/pages/t.wiki", page(6, "แม่แบบ:กล่อง", "ns: 10\n", "{{{1}}}")),
        ("thwiki/changes-20240801/new.wiki", page(30, "น้ำ", "", "ใหม่")),
        (
            "thwiki/changes-20240801/a.wiki",
            page(4, "ช้าง", "", "แก้").replace("revision: 1000004", "revision: 2000004"),
        ),
        ("thwiki/changes-20240801/deleted.txt", "9 # merged\n".into()),
    ];
    for id in 100..115 {
        let path: &'static str = Box::leak(format!("thwiki/pages/{id}.wiki").into_boxed_str());
        files.push((path, page(id, &format!("หน้า {id}"), "", "x")));
    }
    files
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(fs_err::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn insert_of(folder: &Path, table: &str) -> String {
    let date = folder.file_name().unwrap().to_str().unwrap();
    let text = gunzip(&folder.join(format!("thwiki-{date}-{table}.sql.gz")));
    text.lines().find(|line| line.starts_with("INSERT")).unwrap_or_default().to_string()
}

#[test]
fn tables_hold_the_rows_in_order_of_their_keys() {
    let folder = sources("tables", &tiny());
    pack::pack(&folder.join("sources"), &folder.join("out")).unwrap();
    let first = folder.join("out/thwiki/20240720");
    let pages = insert_of(&first, "page");
    assert!(pages.starts_with("INSERT INTO `page` VALUES (4,0,'ช้าง_ป่า','',0,0,0,0."), "{pages}");
    assert!(
        pages.contains(",'20240703081500',NULL,1000005,74,0,'wikitext'),(6,10,'กล่อง','',0,0,"),
        "{pages}"
    );
    assert!(pages.contains(r#"(9,0,'ดาว\'s_\"หาง\"','',"#), "{pages}");
    assert_eq!(
        insert_of(&first, "langlinks"),
        r"INSERT INTO `langlinks` VALUES (4,'en','Elephant'),(9,'de',''),(9,'en','Halley\'s Comet');"
    );
    assert_eq!(
        insert_of(&first, "redirect"),
        "INSERT INTO `redirect` VALUES (5,0,'ช้าง_ป่า','','อาหาร');"
    );
    assert_eq!(
        insert_of(&first, "page_props"),
        "INSERT INTO `page_props` VALUES (4,'disambiguation','',NULL);"
    );
    let second = folder.join("out/thwiki/20240801");
    let pages = insert_of(&second, "page");
    assert!(pages.contains("(4,0,'ช้าง',") && pages.contains("(30,0,'น้ำ','',0,0,1,"), "{pages}");
    assert!(!pages.contains("(9,0,"), "{pages}");
    assert_eq!(insert_of(&second, "langlinks"), "");
}

#[test]
fn every_offset_of_the_index_is_the_start_of_a_stream() {
    let folder = sources("streams", &tiny());
    pack::pack(&folder.join("sources"), &folder.join("out")).unwrap();
    let stem = folder.join("out/thwiki/20240720/thwiki-20240720-pages-articles-multistream");
    let stem = stem.to_str().unwrap();
    let bytes = fs_err::read(format!("{stem}.xml.bz2")).unwrap();
    let mut index = String::new();
    MultiBzDecoder::new(&*fs_err::read(format!("{stem}-index.txt.bz2")).unwrap())
        .read_to_string(&mut index)
        .unwrap();
    let lines: Vec<Vec<&str>> = index.lines().map(|line| line.splitn(3, ':').collect()).collect();
    assert_eq!(lines.len(), 19);
    assert_eq!(lines[2][1..], ["6", "แม่แบบ:กล่อง"]);
    let mut offsets: Vec<usize> = lines.iter().map(|line| line[0].parse().unwrap()).collect();
    offsets.dedup();
    assert_eq!(offsets.len(), 2);
    for (offset, n_pages) in offsets.iter().zip([10, 9]) {
        let mut text = String::new();
        BzDecoder::new(&bytes[*offset..]).read_to_string(&mut text).unwrap();
        assert!(text.starts_with("  <page>\n") && text.ends_with("  </page>\n"));
        assert_eq!(text.matches("<page>").count(), n_pages);
    }
    let mut whole = String::new();
    MultiBzDecoder::new(&*bytes).read_to_string(&mut whole).unwrap();
    assert!(whole.contains("<redirect title=\"ช้าง ป่า\" />"));
    assert!(whole.contains("&lt;ref&gt;&amp;&lt;/ref&gt;</text>"));
    assert!(whole.ends_with("</mediawiki>\n"));
}

#[test]
fn packing_twice_gives_the_same_bytes() {
    let folder = sources("twice", &tiny());
    for out in ["one", "two"] {
        pack::pack(&folder.join("sources"), &folder.join(out)).unwrap();
    }
    let mut n_files = 0;
    for date in ["20240720", "20240801"] {
        for entry in fs_err::read_dir(folder.join("one/thwiki").join(date)).unwrap() {
            let path = entry.unwrap().path();
            let other = folder.join("two/thwiki").join(date).join(path.file_name().unwrap());
            assert_eq!(fs_err::read(&path).unwrap(), fs_err::read(other).unwrap(), "{path:?}");
            n_files += 1;
        }
    }
    assert_eq!(n_files, 12);
}

fn check_refused(name: &str, path: &'static str, text: String, line: usize, part: &str) {
    let mut files = tiny();
    files.push((path, text));
    let folder = sources(name, &files);
    let Err(Error::Sources(complaints)) = pack::pack(&folder.join("sources"), &folder.join("out"))
    else {
        panic!("{path} must be refused");
    };
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].path.ends_with(path), "{complaints:?}");
    assert_eq!(complaints[0].line, line, "{complaints:?}");
    assert!(complaints[0].message.contains(part), "{complaints:?}");
    assert!(!folder.join("out").exists());
}

#[test]
fn bad_sources_are_refused_with_file_and_line() {
    let pages = "thwiki/pages/z.wiki";
    check_refused(
        "bad-id",
        pages,
        page(4, "ใหม่", "", "x").replace("1000004", "7"),
        1,
        "also that of `a.wiki`",
    );
    check_refused(
        "bad-title",
        pages,
        page(140, "น้ำ", "", "x").replace("title: น้ำ", "title: หน้า 100"),
        2,
        "also that",
    );
    check_refused(
        "bad-ns",
        pages,
        page(40, "แม่แบบ:x", "", "x").replace("แบบ:x", "แบบ:X"),
        2,
        "namespace 10",
    );
    check_refused("bad-redirect", pages, page(40, "ก", "", "#REDIRECT ช้าง"), 6, "without a link");
    let late = page(40, "ก", "", "x").replace("2024-07-03", "2024-07-21");
    check_refused("bad-time", pages, late, 1, "not before the dump");
    let change = "thwiki/changes-20240801/z.wiki";
    check_refused("bad-revision", change, page(6, "แม่แบบ:กล่อง", "ns: 10\n", "x"), 1, "not larger");
}
