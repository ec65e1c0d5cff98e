//! The cleaner on the sample dumps: articles are found, nothing is left of their markup but what they
//! show on purpose.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;

use crossic_tools::residue::measure::{Request, measure};

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
fn nothing_is_left_of_the_markup_of_the_samples() {
    for (wiki, dump) in dumps() {
        let request = Request { limit: u64::MAX, aliases: true, unknown: true };
        let found = measure(&dump, request).unwrap();
        assert_eq!(format!("{}wiki", found.lang), wiki);
        assert!(10 < found.n_articles && 10_000 < found.n_bytes, "{found:?}");
        // One page of each wiki may show markup on purpose, between `<nowiki>` tags.
        let bound = |name: &str| if matches!(name, "brackets" | "quotes") { 2 } else { 0 };
        let is_over = |(name, count): &(&str, u64)| bound(name) < *count;
        let over: Vec<_> = found.residue.counts().into_iter().filter(is_over).collect();
        assert!(over.is_empty() && found.n_holes < found.n_articles, "{over:?} of {found:?}");
        let few = measure(&dump, Request { limit: 3, aliases: false, unknown: false }).unwrap();
        assert_eq!((few.n_articles, few.unknown.len()), (3, 0));
    }
}
