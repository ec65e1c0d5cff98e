//! Cleans any text as wikitext: no panic, no marker left, no blank line within a paragraph.

#![no_main]

use crossic_operators::wikitext::{Headings, Options, Site, clean};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let site = Site::new("th", &[(6, "ไฟล์".to_owned()), (14, "หมวดหมู่".to_owned())]);
    for headings in [Headings::Glue, Headings::Keep, Headings::Drop] {
        let options = Options { headings, lists: true, boilerplate: false, math: true };
        let cleaned = clean(text, &site, &options);
        for paragraph in &cleaned.paragraphs {
            assert!(!paragraph.contains("\n\n"));
            assert!(!paragraph.is_empty());
        }
        for link in cleaned.links.iter() {
            let paragraph = &cleaned.paragraphs[link.paragraph as usize];
            assert!(paragraph.get(link.start as usize..link.end as usize).is_some());
        }
    }
});
