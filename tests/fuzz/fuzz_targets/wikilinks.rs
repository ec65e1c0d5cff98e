//! Takes the links of any text: no panic, in order, each where two brackets open.
//!
//! The first byte is the language; the rest is the page.

#![no_main]

mod sites;

use std::time::{Duration, Instant};

use crossic_operators::wikitext::wikilinks;
use libfuzzer_sys::fuzz_target;

/// See the target `wikitext`.
const MAX_TIME: Duration = Duration::from_millis(100);

fuzz_target!(|bytes: &[u8]| {
    let [language, page @ ..] = bytes else { return };
    let page = String::from_utf8_lossy(page);
    sites::with(*language, |site| {
        let start = Instant::now();
        let links = wikilinks(&page, site);
        let mut time = start.elapsed();
        for _ in 0..2 {
            if MAX_TIME < time {
                let start = Instant::now();
                assert_eq!(wikilinks(&page, site), links);
                time = time.min(start.elapsed());
            }
        }
        assert!(time <= MAX_TIME, "{time:?} for {} bytes", page.len());
        let mut before = None;
        for link in &links {
            let rest = page.get(link.start as usize..);
            assert!(rest.is_some_and(|rest| rest.starts_with("[[")), "no link at {}", link.start);
            assert!(before < Some((link.start, link.section)), "links out of order");
            assert!(before.is_none_or(|(_, section)| section <= link.section));
            assert!(!link.target.is_empty() && link.target.len() <= 255);
            assert_eq!(link.target.trim(), link.target);
            assert!(link.label.len() <= 255 && link.label.trim() == link.label);
            before = Some((link.start, link.section));
        }
    });
});
