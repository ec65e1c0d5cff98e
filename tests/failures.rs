//! What goes wrong outside of crossic: inputs, directories, disks and signals.
//!
//! `UPDATE_GOLDEN=1 cargo test --test failures` writes the golden messages anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    io::Read,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crossic::{io::hash_file, manifest::Manifest};

mod common;
mod common_crossic;
use common::{bz2, gz};
use common_crossic::{Folder, Ran, assert_same_files, files, golden};

/// Checks that a run failed as it should: exit code 1 or 2, this message, and no manifest.
fn check(folder: &Folder, name: &str, ran: &Ran) {
    golden(&format!("failures/{name}.txt"), &ran.failure());
    assert!(matches!(ran.code, Some(1 | 2)), "{name}: {}", ran.stderr);
    assert_eq!(ran.stdout, "", "{name}");
    assert!(!folder.path("out/manifest.json").exists(), "{name}");
}

fn th(part: &str) -> String {
    format!("dumps/thwiki/thwiki-20240720-{part}")
}

const XML: &str = "pages-articles-multistream.xml.bz2";

/// The index of the pages.
const INDEX: &str = "pages-articles-multistream-index.txt.bz2";

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

fn bunzip2(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    bzip2::read::MultiBzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}

/// Builds over a Thai dump of which one file is changed; without a change, the file is removed.
fn damaged(name: &str, part: &str, change: Option<&dyn Fn(Vec<u8>) -> Vec<u8>>) {
    let folder = Folder::new();
    match change {
        Some(change) => folder.write(&th(part), &change(folder.read(&th(part)))),
        None => fs_err::remove_file(folder.path(&th(part))).unwrap(),
    }
    // Without an index nothing but the file itself tells that it is damaged.
    if part == XML && folder.path(&th(INDEX)).exists() {
        fs_err::remove_file(folder.path(&th(INDEX))).unwrap();
    }
    check(&folder, name, &folder.build(&[]));
}

fn flip_in_the_middle(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    bytes
}

fn half(bytes: Vec<u8>) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

#[test]
fn files_that_are_missing() {
    damaged("no-page-table", "page.sql.gz", None);
    damaged("no-langlinks-table", "langlinks.sql.gz", None);
    damaged("no-pages-articles", XML, None);
}

#[test]
fn files_that_are_damaged() {
    let table = "page.sql.gz";
    damaged("gzip-empty", table, Some(&|_| Vec::new()));
    damaged("gzip-damaged", table, Some(&flip_in_the_middle));
    damaged("gzip-cut-off", table, Some(&half));
    damaged("gzip-of-something-else", table, Some(&|_| gz("<html>404</html>".as_bytes())));
    damaged("sql-cut-off", table, Some(&|bytes| gz(&half(gunzip(&bytes)))));
    damaged("bzip2-damaged", XML, Some(&flip_in_the_middle));
    damaged("bzip2-cut-off", XML, Some(&half));
    // Behind pages enough that the head of the file is read without a look at the damage.
    let page = "<page><title>Talk:A</title><ns>1</ns><id>7</id></page>\n".repeat(80_000);
    let late = |bytes| [bytes, flip_in_the_middle(bz2(page.as_bytes()))].concat();
    damaged("bzip2-damaged-late", XML, Some(&late));
    damaged("xml-of-something-else", XML, Some(&|_| bz2("<html>404</html>".as_bytes())));
    damaged(
        "xml-utf-16",
        XML,
        Some(&|bytes| {
            let text = String::from_utf8(bunzip2(&bytes)).unwrap();
            let words = std::iter::once(0xfeff).chain(text.encode_utf16());
            bz2(&words.flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
        }),
    );
}

#[test]
fn a_page_cut_off_at_the_end_is_noted() {
    let folder = Folder::new();
    let xml = bunzip2(&folder.read(&th(XML)));
    // Without an index the whole file is read, and so is the cut.
    fs_err::remove_file(folder.path(&th(INDEX))).unwrap();
    let last = xml.windows(6).rposition(|window| window == b"</page").unwrap();
    folder.write(&th(XML), &bz2(&xml[..last]));
    let printed = folder.build(&[]).done();
    let notes: Vec<&str> = printed.lines().filter(|line| line.contains("note: ")).collect();
    assert_eq!(notes, ["  note: 1 pages cut off at the end of a file, left out"]);
}

#[test]
fn directories_that_hold_something_else() {
    let folder = Folder::new();
    check(&folder, "dumps-missing", &folder.build(&["sources.th.dir=dumps/siwiki"]));
    fs_err::create_dir(folder.path("dumps/empty")).unwrap();
    check(&folder, "dumps-empty", &folder.build(&["sources.th.dir=dumps/empty"]));
    check(&folder, "dumps-of-one-language", &folder.build(&["sources.th.dir=dumps/enwiki"]));
    folder.copy_samples("eswiki", "dumps/thwiki");
    check(&folder, "dumps-of-two-wikis", &folder.build(&[]));
    check(&folder, "dumps-of-no-such-wiki", &folder.build(&["sources.th.wiki=siwiki"]));

    let folder = Folder::new();
    fs_err::create_dir(folder.path("dumps/siwiki")).unwrap();
    for name in files(&folder.path("dumps/thwiki")).into_keys() {
        let bytes = folder.read(&format!("dumps/thwiki/{name}"));
        folder.write(&format!("dumps/siwiki/{}", name.replace("thwiki", "siwiki")), &bytes);
    }
    check(&folder, "dumps-renamed", &folder.build(&["sources.th.dir=dumps/siwiki"]));
}

#[test]
fn tokenizers_that_are_none() {
    let folder = Folder::new();
    let build = |path: &str| folder.build(&[&format!("operators.windows.tokenizer={path}")]);
    check(&folder, "tokenizer-missing", &build("nothing.json"));
    folder.write("empty.json", b"{}");
    check(&folder, "tokenizer-empty", &build("empty.json"));
    folder.write("binary.json", &[0xff, 0, 1]);
    check(&folder, "tokenizer-binary", &build("binary.json"));
    check(&folder, "tokens-too-few", &folder.build(&["operators.windows.tokens=8"]));
}

#[test]
fn wikis_without_links() {
    let folder = Folder::new();
    for (wiki, to) in [("enwiki", "'th'"), ("thwiki", "'en'")] {
        let name = format!("dumps/{wiki}/{wiki}-20240720-langlinks.sql.gz");
        let sql = String::from_utf8(gunzip(&folder.read(&name))).unwrap();
        folder.write(&name, &gz(sql.replace(to, "'si'").as_bytes()));
    }
    check(&folder, "no-links", &folder.build(&[]));
}

#[test]
fn a_rebuild_for_which_nothing_is_left_keeps_the_last_corpus() {
    let folder = Folder::new();
    folder.build(&[]).done();
    let corpus = files(&folder.path("out"));
    let refused = |name: &str, changed: &[(String, Vec<u8>)]| {
        let whole: Vec<_> = changed.iter().map(|(name, _)| (name, folder.read(name))).collect();
        changed.iter().for_each(|(name, bytes)| folder.write(name, bytes));
        let ran = folder.build(&[]);
        golden(&format!("failures/{name}.txt"), &ran.failure());
        assert_eq!(ran.code, Some(1), "{name}");
        // From scratch there is no more to be had.
        let scratch = folder.build(&["sinks.corpus.dir=scratch"]);
        let error = |ran: &Ran| ran.stderr.lines().next().unwrap().to_owned();
        assert_eq!((scratch.code, error(&scratch)), (Some(1), error(&ran)), "{name}");
        let after = files(&folder.path("out"));
        assert!(corpus.iter().all(|it| after.get(it.0) == Some(it.1)), "{name}: another corpus");
        whole.into_iter().for_each(|(name, bytes)| folder.write(name, &bytes));
    };
    let links = [("enwiki", "'th'"), ("thwiki", "'en'")].map(|(wiki, to)| {
        let name = format!("dumps/{wiki}/{wiki}-20240720-langlinks.sql.gz");
        let sql = String::from_utf8(gunzip(&folder.read(&name))).unwrap();
        (name, gz(sql.replace(to, "'si'").as_bytes()))
    });
    refused("no-links-any-more", &links);
    let nothing = "<mediawiki version=\"0.11\" xml:lang=\"th\">\n</mediawiki>\n";
    refused("no-pages-any-more", &[(th(XML), bz2(nothing.as_bytes())), (th(INDEX), bz2(b""))]);
    folder.build(&[]).done();
    assert!(corpus == files(&folder.path("out")), "the same corpus once all is back");
}

/// Writes a dump of one page, which links to a page of the other wiki.
fn one_page(folder: &Folder, wiki: &str, title: &str, (lang, linked): (&str, &str)) {
    let table = |table: &str, columns: &[&str], row: String| {
        let columns: Vec<String> = columns.iter().map(|it| format!("  `{it}` text")).collect();
        let sql = format!(
            "CREATE TABLE `{table}` (\n{}\n);\nINSERT INTO `{table}` VALUES ({row});\n",
            columns.join(",\n")
        );
        folder.write(&format!("dumps/{wiki}/{wiki}-1-{table}.sql"), sql.as_bytes());
    };
    let columns = ["page_id", "page_namespace", "page_title", "page_is_redirect", "page_latest"];
    table("page", &columns, format!("1,0,'{title}',0,5"));
    table("langlinks", &["ll_from", "ll_lang", "ll_title"], format!("1,'{lang}','{linked}'"));
    let xml = format!(
        "<mediawiki><page><title>{title}</title><ns>0</ns><id>1</id><revision><id>5</id>\
         <model>wikitext</model><text>Some words of text.</text></revision></page></mediawiki>"
    );
    folder.write(&format!("dumps/{wiki}/{wiki}-1-pages-articles.xml"), xml.as_bytes());
}

#[test]
fn titles_that_leave_no_room() {
    let folder = Folder::empty();
    let english =
        "The long, long title of a very short article about the long, long titles of articles";
    let thai = "ชื่อที่ยาวมากของบทความสั้น ๆ ซึ่งว่าด้วยชื่อที่ยาวมากของบทความสั้น ๆ เรื่องอื่น";
    one_page(&folder, "enwiki", english, ("th", thai));
    one_page(&folder, "thwiki", thai, ("en", english));
    check(&folder, "titles-too-long", &folder.build(&["operators.windows.tokens=64"]));
    folder.build(&["operators.windows.tokens=128"]).done();
}

#[test]
fn a_filter_that_keeps_nothing() {
    let folder = Folder::new();
    let filter = "[operators.long]\ntype = \"filter-pairs\"\ninputs = [\"pairs\"]\n\
                  min-tokens = 0\nmin-chars = 1000000\n[operators.windows]";
    folder.edit("inputs = [\"pairs\"]", "inputs = [\"long\"]");
    folder.edit("[operators.windows]", filter);
    check(&folder, "nothing-left", &folder.build(&[]));
}

#[test]
fn corpus_directories_of_others() {
    let folder = Folder::new();
    folder.write("out/notes.txt", b"mine");
    check(&folder, "out-with-files", &folder.build(&[]));
    assert_eq!(files(&folder.path("out")).into_keys().collect::<Vec<_>>(), ["notes.txt"]);
    check(&folder, "out-is-a-file", &folder.build(&["sinks.corpus.dir=pipeline.toml"]));

    folder.write("torn/manifest.json", b"{\"format\": 1");
    check(&folder, "out-with-torn-manifest", &folder.build(&["sinks.corpus.dir=torn"]));
    folder.write("newer/manifest.json", b"{\"format\": 1000}");
    check(&folder, "out-of-newer-crossic", &folder.build(&["sinks.corpus.dir=newer"]));

    folder.build(&["sinks.corpus.dir=other"]).done();
    let before = files(&folder.path("other"));
    let manifest = String::from_utf8(folder.read("other/manifest.json")).unwrap();
    let manifest = manifest.replace("enwiki", "frwiki").replace("thwiki", "dewiki");
    folder.write("other/manifest.json", manifest.as_bytes());
    let before = [("manifest.json".to_owned(), manifest.into_bytes())].into_iter().fold(
        before,
        |mut files, (name, bytes)| {
            files.insert(name, bytes);
            files
        },
    );
    let ran = folder.build(&["sinks.corpus.dir=other"]);
    check(&folder, "out-of-another-pipeline", &ran);
    assert!(before == files(&folder.path("other")), "a refused build touches nothing");
}

#[test]
fn a_directory_that_is_being_written() {
    let folder = Folder::new();
    folder.write("out/.lock", b"");
    let lock = fs_err::File::options().write(true).open(folder.path("out/.lock")).unwrap();
    lock.file().lock().unwrap();
    check(&folder, "out-locked", &folder.build(&[]));
    drop(lock);

    let start = |dir: &str| {
        let dir = format!("sinks.corpus.dir={dir}");
        let mut command = folder.command(&["run", "pipeline.toml", "--set", &dir]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let builds = [start("out"), start("out"), start("alone")];
    let ran = builds.map(|build| Ran::from(build.wait_with_output().unwrap()));
    let n_done = ran.iter().filter(|ran| ran.code == Some(0)).count();
    assert!(2 <= n_done, "{ran:?}");
    assert!(ran.iter().all(|ran| ran.code == Some(0) || ran.stderr.contains("another crossic")));
    assert_same_files(&folder.path("alone"), &folder.path("out"));
}

/// A file system in memory of so many bytes.
struct SmallDisk<'a>(&'a Path);

impl SmallDisk<'_> {
    fn mount<'a>(path: &'a Path, size: &str) -> Option<SmallDisk<'a>> {
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(path)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(SmallDisk(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // A disk that stays mounted keeps the folder from being removed, which is seen then.
        let _unmounted = Command::new("umount").arg(self.0).status().is_ok();
    }
}

#[test]
fn a_full_disk() {
    let folder = Folder::new();
    let path = folder.path("disk");
    fs_err::create_dir(&path).unwrap();
    let out = ["sinks.corpus.dir=disk/out"];
    for size in ["16k", "64k", "128k", "256k", "512k"] {
        let Some(_disk) = SmallDisk::mount(&path, size) else {
            eprintln!("skipped: a small file system cannot be mounted here");
            return;
        };
        let ran = folder.build(&out);
        assert_eq!(ran.code, Some(1), "{size}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint: free some space"), "{size}: {}", ran.stderr);
        assert!(ran.stderr.contains("`disk/out"), "{size}: {}", ran.stderr);
        assert!(!path.join("out/manifest.json").exists(), "{size}");
        if size == "16k" {
            check(&folder, "disk-full", &ran);
        }
    }
    // A rebuild with no space left fails too, and leaves the last corpus as it is.
    let _disk = SmallDisk::mount(&path, "8m").unwrap();
    folder.build(&out).done();
    let corpus = files(&path.join("out"));
    let n_free =
        (1_u32..).take_while(|n| fs_err::write(path.join(format!("{n}")), [0; 65_536]).is_ok());
    let n_written = n_free.count();
    assert_eq!(folder.build(&out).code, Some(1));
    assert!(corpus == files(&path.join("out")), "the last corpus is whole");
    (1..=n_written).for_each(|n| fs_err::remove_file(path.join(format!("{n}"))).unwrap());
    folder.build(&out).done();
    assert!(corpus == files(&path.join("out")), "the same corpus once there is space");
}

/// Panics if a file whose name carries a hash of its content has another content.
fn assert_whole(dir: &Path) {
    for name in files(dir).into_keys() {
        let path = dir.join(&name);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let digits = stem.rsplit('-').next().unwrap();
        let is_hash = 16 <= digits.len() && digits.bytes().all(|it| it.is_ascii_hexdigit());
        if is_hash {
            assert!(hash_file(&path).unwrap().starts_with(digits), "{name} is not whole");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_build_at_once_and_the_next_one_finishes() {
    use std::os::unix::process::ExitStatusExt;

    let folder = Folder::new();
    folder.build(&["sinks.corpus.dir=clean"]).done();
    let is_there = |part: &str| {
        fs_err::read_dir(folder.path("out").join(part)).is_ok_and(|mut it| it.next().is_some())
    };
    for part in ["snapshots", "packs", "shards"] {
        let mut command = folder.command(&["run", "pipeline.toml", "-w", "2", "-q"]);
        let mut build = command.spawn().unwrap();
        while !is_there(part) && build.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        let kill = format!("kill -INT {}", build.id());
        Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status().unwrap();
        let status = build.wait().unwrap();
        // A build that was faster than the signal is done.
        assert!(status.signal() == Some(2) || status.success(), "{part}: {status}");
        assert_whole(&folder.path("out"));
        if status.success() {
            fs_err::remove_dir_all(folder.path("out")).unwrap();
        } else {
            assert_eq!(Manifest::find(&folder.path("out")).unwrap(), None, "{part}");
        }
    }
    folder.build(&[]).done();
    assert_same_files(&folder.path("clean"), &folder.path("out"));
}
