//! Finding a dump's files in a real folder, and reading one through what was found.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crossic::dump::{find::find_dump, sql::Table, streams::Streams, xml::Pages};

mod common;
use common::line;

#[test]
fn a_folder_with_a_dump() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let sql = b"CREATE TABLE page (page_id int);INSERT INTO page VALUES (7);";
    fs_err::write(path.join("thwiki-20260101-page.sql.gz"), common::gz(sql)).unwrap();
    let xml = path.join("thwiki-20260101-pages-articles1.xml-p1p9.bz2");
    fs_err::write(&xml, common::bz2(b"<mediawiki/>")).unwrap();
    // A folder is no file, whatever its name, and a download under way has another ending.
    fs_err::create_dir(path.join("thwiki-20260101-langlinks.sql.gz")).unwrap();
    fs_err::write(path.join("thwiki-20260101-redirect.sql.gz.part"), b"").unwrap();

    let files = find_dump(path, Some("thwiki")).unwrap();
    assert_eq!((files.wiki.as_str(), files.date.as_str()), ("thwiki", "20260101"));
    assert_eq!((files.langlinks, files.redirect, files.page_props), (None, None, None));
    assert_eq!((files.articles, files.indexes), (vec![xml], vec![]));
    let mut table = Table::open(&files.page.unwrap(), "page", &["page_id"]).unwrap();
    assert_eq!(table.next_row().unwrap().unwrap().number(0), Some(7));

    let error = find_dump(path, Some("enwiki")).unwrap_err();
    let expected = "no files of `enwiki` in this folder; it has `thwiki-20260101`";
    assert_eq!(line(&error, path), expected);
    let missing = path.join("nothing");
    let error = find_dump(&missing, None).unwrap_err();
    assert_eq!(line(&error, &missing), "cannot list the folder");
}

#[test]
fn a_folder_given_for_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = Streams::whole(folder.path()).err().unwrap();
    assert_eq!(line(&error, folder.path()), "cannot open the file");
}

#[test]
fn readers_can_move_between_threads() {
    fn check<T: Send>() {}
    check::<Streams>();
    check::<Table>();
    check::<Pages>();
}
