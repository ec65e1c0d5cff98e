//! Hostile pages: each must finish, with little output. The bench `wikitext` measures them at 4 MB.

use super::{cleaned, patterns};
use crate::wikitext::{Site, residue, unknown_templates, wikilinks};

/// Bytes of a page: enough that quadratic work in a debug build would not end within minutes.
const N_BYTES: usize = 400_000;

#[test]
fn hostile_pages_finish_with_little_output() {
    for lang in ["zh", "en"] {
        let site = Site::new(lang, &[]);
        for (name, page) in patterns::pages(N_BYTES) {
            let out = cleaned(lang, &page);
            let n_bytes: usize = out.paragraphs.iter().map(String::len).sum();
            assert!(n_bytes <= 4 * page.len(), "{name} grew to {n_bytes} bytes");
            // The other readers of a page see the same tokens.
            let n_links = wikilinks(&page, &site).len() + out.links.len();
            assert!(n_links <= page.len(), "{name}");
            let left = residue(&out.paragraphs, &site);
            assert_eq!((left.brackets, left.headings), (0, 0), "{name}");
            assert!(unknown_templates(&page, &site).len() <= page.len(), "{name}");
        }
    }
}
