//! Reads any bytes as a pages file: no panic, in one range or in many, and the same pages if both
//! go well.
//!
//! The first byte says how many ranges; the rest is the file.

#![no_main]

mod files;

use std::{ops::Range, path::Path};

use crossic::dump::{
    error::DumpError,
    siteinfo::read_siteinfo,
    streams::ranges,
    xml::{Pages, RawPage},
};
use libfuzzer_sys::fuzz_target;

fn pages(path: &Path, ranges: &[Range<u64>]) -> Result<Vec<RawPage>, DumpError> {
    let site = read_siteinfo(path)?;
    let (mut found, mut page, mut buffer) = (Vec::new(), RawPage::default(), String::new());
    for range in ranges {
        let mut pages = Pages::open(path, range.clone(), site.as_ref())?;
        while pages.next(&mut page)? {
            let _ = page.text(&mut buffer);
            found.push(page.clone());
        }
    }
    Ok(found)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&n_ranges, xml)) = bytes.split_first() else {
        return;
    };
    let path = files::put("pages.xml", xml);
    let whole = pages(&path, std::slice::from_ref(&(0..u64::MAX)));
    let Ok(ranges) = ranges(&path, u64::from(n_ranges), 1) else {
        return;
    };
    if let (Ok(whole), Ok(parts)) = (whole, pages(&path, &ranges)) {
        assert_eq!(parts, whole);
    }
});
