//! The cleaner on the sample dumps: articles are found, nothing is left of their markup.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;

use crossic_tools::residue::{
    measure::{Request, measure},
    report,
};

fn dumps() -> Vec<(&'static str, PathBuf)> {
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data-samples");
    let wikis = ["enwiki", "eswiki", "thwiki"];
    let newest = |wiki: &str| {
        let dates = fs_err::read_dir(samples.join(wiki)).expect("a sample");
        let date = dates.map(|it| it.expect("a date").path()).max().expect("a date");
        let files = fs_err::read_dir(date).expect("a dump");
        files
            .map(|it| it.expect("a file").path())
            .find(|path| path.to_string_lossy().ends_with("-multistream.xml.bz2"))
            .expect("articles")
    };
    wikis.into_iter().map(|wiki| (wiki, newest(wiki))).collect()
}

#[test]
fn the_samples_pass_the_gates() {
    for (wiki, dump) in dumps() {
        let request = Request { limit: u64::MAX, aliases: true, unknown: true };
        let found = measure(&dump, request).unwrap();
        assert_eq!(format!("{}wiki", found.lang), wiki);
        assert!(10 < found.n_articles && 10_000 < found.n_bytes, "{found:?}");
        assert!(report::passes(&found), "{:?}", report::lines(&found, 20));
        let few = measure(&dump, Request { limit: 3, aliases: false, unknown: false }).unwrap();
        assert_eq!((few.n_articles, few.unknown.len()), (3, 0));
    }
}
