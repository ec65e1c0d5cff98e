//! Sites of several wikis for the targets, each made once: that takes longer than most pages.

use crossic_operators::wikitext::Site;

const LANGUAGES: [&str; 10] = ["ar", "en", "es", "ja", "ko", "pt", "th", "vi", "zh", "xx"];

thread_local! {
    static SITES: Vec<Site> = LANGUAGES.iter().map(|language| site(language)).collect();
}

fn site(language: &str) -> Site {
    let namespaces = match language {
        "th" => vec![(6, "ไฟล์".to_owned()), (14, "หมวดหมู่".to_owned())],
        "xx" => vec![(6, "Zzz".to_owned()), (10, "Ttt".to_owned())],
        _ => Vec::new(),
    };
    let aliases = [("Template:Distance", "Template:Convert"), ("Ttt:q", "q1"), ("q1", "lang")];
    Site::new(language, &namespaces).with_aliases(aliases)
}

/// Calls with the site of a language that a byte stands for.
pub fn with<T>(byte: u8, call: impl FnOnce(&Site) -> T) -> T {
    SITES.with(|sites| call(&sites[usize::from(byte) % sites.len()]))
}
