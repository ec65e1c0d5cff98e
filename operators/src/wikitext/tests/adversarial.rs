//! Inputs built to make a parser slow or to exhaust its stack: each must finish, with little output.

use super::cleaned;

const MEGABYTE: usize = 1_000_000;

/// Cleans a megabyte of a pattern; the bound on the output is a bound on the work of the last pass.
fn check_finishes(lang: &str, head: &str, pattern: &str, tail: &str) {
    let mut page = String::with_capacity(MEGABYTE + 64);
    page.push_str(head);
    while page.len() < MEGABYTE {
        page.push_str(pattern);
    }
    page.push_str(tail);
    let out = cleaned(lang, &page);
    let n_bytes: usize = out.paragraphs.iter().map(String::len).sum();
    assert!(n_bytes <= 4 * page.len(), "{pattern:?} grew to {n_bytes} bytes");
}

#[test]
fn thirty_one_patterns_finish() {
    for (head, pattern, tail) in [
        ("", "{{a|", ""),
        ("", "[[", ""),
        ("", "[[a|", "]]"),
        ("", "{|\n", ""),
        ("", "\n{|\n|", "\n|}"),
        ("", "<ref>", ""),
        ("", "<ref name=\"a ", ""),
        ("", "<b", ""),
        ("", "<!-", ""),
        ("", "<!--", ""),
        ("", "''", ""),
        ("", "[http", ""),
        ("", "[http://a ", ""),
        ("", "&a", ""),
        ("", "({{x}}", ""),
        ("", ", [[a|,]]", "{{x}}"),
        ("", "[[a|{{x}}]]", ""),
        ("", "{{x}},", ""),
        ("", "[[a|{{x}}]],", ""),
        ("", "[[a|,]]{{x}}", ""),
        ("", "[{{x}}", ""),
        ("((((((((", "(", "{{x}}))))))))"),
        ("", ":", ""),
        ("\n", "=", ""),
        ("\n", "= a =\n", ""),
        ("", "__A", ""),
        ("", "<table>", "</table>"),
        ("", "{{lang|en|", "x"),
        ("{{quote|", "{{nowrap|1=", ""),
        ("", "-{a;", ""),
        ("", "{{convert|1|-|", ""),
    ] {
        check_finishes("zh", head, pattern, tail);
    }
}

#[test]
fn balanced_nesting_of_any_depth_finishes() {
    for (open, close) in [
        ("{{nowrap|", "}}"),
        ("[[a|", "]]"),
        ("{{nihongo|a|", "}}"),
        ("-{a|", "}-"),
        ("<div>", "</div>"),
        ("\n{|\n|", "\n|}"),
        ("(", "{{x}})"),
        ("{{frac|", "}}"),
        ("[[File:a|", "]]"),
        ("{{{", "}}}"),
    ] {
        let depth = MEGABYTE / (open.len() + close.len());
        check_finishes("zh", &open.repeat(depth), "x", &close.repeat(depth));
    }
}

#[test]
fn strays_of_one_kind_before_closers_of_another_finish() {
    for (open, close) in [
        ("[[", "}}"),
        ("{{", "]]"),
        ("{|\n", "}}"),
        ("[[a|", "|}"),
        ("{{a", "\n|}"),
        ("[http://a ", "]]"),
    ] {
        check_finishes("en", &open.repeat(MEGABYTE / 8), close, "");
    }
}
