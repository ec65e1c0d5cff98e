//! The line that makes a page a redirect, for pages that come without the tag that says so.

/// What the line begins with behind its `#`, in lower case: English and the nine languages.
const WORDS: &[&str] = &[
    "redirect",
    "تحويل",
    "redirección",
    "redireccion",
    "転送",
    "リダイレクト",
    "넘겨주기",
    "redirecionamento",
    "เปลี่ยนทาง",
    "đổi",
    "重定向",
    "重新導向",
];

/// Returns a page without the link that redirects it; other pages are returned as they are.
pub(super) fn without_redirect(page: &str) -> &str {
    let Some(line) = page.trim_start().strip_prefix(['#', '＃']) else {
        return page;
    };
    let head = line.get(..line.floor_char_boundary(80)).unwrap_or_default().to_lowercase();
    let Some(word) = WORDS.iter().find(|word| head.trim_start().starts_with(**word)) else {
        return page;
    };
    let rest = head.trim_start().strip_prefix(word).unwrap_or_default();
    let is_link = rest.trim_start_matches([':', '：', ' ', '\t', '\n']).starts_with("[[");
    match line.split_once("]]") {
        Some((_, after)) if is_link => after,
        _ => page,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_link_of_a_redirect_goes() {
        for (page, expected) in [
            ("#REDIRECT [[Lion]] x", " x"),
            ("\n#redirect: [[Lion]]\n[[Category:a]]", "\n[[Category:a]]"),
            ("#เปลี่ยนทาง [[ช้าง]]", ""),
            ("＃転送 [[象]]", ""),
            ("#đổi [[Voi]]", ""),
            ("# item", "# item"),
            ("#redirect", "#redirect"),
            ("#redirects [[are]] fine", "#redirects [[are]] fine"),
            ("", ""),
        ] {
            assert_eq!(without_redirect(page), expected, "of {page:?}");
        }
    }
}
