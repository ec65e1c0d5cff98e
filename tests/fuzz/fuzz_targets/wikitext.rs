//! Cleans any text as wikitext: the invariants of the cleaner hold, and nothing takes long.
//!
//! The first byte is the language, the second the options; the rest is the page.

#![no_main]

mod sites;

use std::time::{Duration, Instant};

use crossic_operators::wikitext::{Cleaned, Headings, Options, clean, residue, unknown_templates};
use libfuzzer_sys::fuzz_target;

/// A page of `-max_len` bytes takes a fiftieth of it, even with everything that a fuzzer adds.
const MAX_TIME: Duration = Duration::from_millis(100);

fn options(bits: u8) -> Options {
    let headings = match bits & 3 {
        0 => Headings::Glue,
        1 => Headings::Keep,
        _ => Headings::Drop,
    };
    let bit = |place: u8| bits >> place & 1 == 1;
    Options { headings, lists: bit(2), boilerplate: bit(3), math: bit(4) }
}

fn check(page: &str, cleaned: &Cleaned) {
    // These may say that brackets are meant as they are.
    let is_literal = page.contains(['&', '<']);
    let mut n_bytes = 0;
    for paragraph in &cleaned.paragraphs {
        n_bytes += paragraph.len();
        assert!(paragraph.chars().any(char::is_alphanumeric), "nothing to read");
        assert!(!paragraph.contains(|c: char| c < '\t'), "a mark is left");
        for line in paragraph.split('\n') {
            assert!(!line.is_empty(), "an empty line");
            assert_eq!(line.trim(), line);
        }
        for pair in ["{{", "}}", "[[", "]]"] {
            assert!(is_literal || !paragraph.contains(pair), "{pair} is left");
        }
    }
    assert!(n_bytes <= 4 * page.len() + 64, "{n_bytes} of {}", page.len());
    let mut before = (0, 0);
    for link in cleaned.links.iter() {
        let paragraph = &cleaned.paragraphs[link.paragraph as usize];
        let label = paragraph.get(link.start as usize..link.end as usize);
        assert!(label.is_some_and(|label| !label.trim().is_empty()), "a link without label");
        assert!(before <= (link.paragraph, link.start), "links out of order");
        assert_eq!(link.target.trim(), link.target);
        before = (link.paragraph, link.start);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [language, bits, page @ ..] = bytes else { return };
    let page = String::from_utf8_lossy(page);
    let options = options(*bits);
    sites::with(*language, |site| {
        let start = Instant::now();
        let cleaned = clean(&*page, site, &options);
        // Whatever else runs on the machine seldom gets in the way of each of three.
        let mut time = start.elapsed();
        for _ in 0..2 {
            if MAX_TIME < time {
                let start = Instant::now();
                assert_eq!(clean(&*page, site, &options), cleaned);
                time = time.min(start.elapsed());
            }
        }
        assert!(time <= MAX_TIME, "{time:?} for {} bytes", page.len());
        check(&page, &cleaned);
        let _ = residue(&cleaned.paragraphs, site);
        let _ = residue(&[page.to_string()], site);
        for found in unknown_templates(&page, site) {
            assert!(!found.name.is_empty() && !found.example.contains('\n'));
        }
    });
});
