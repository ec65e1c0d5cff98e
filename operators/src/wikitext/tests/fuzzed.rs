//! Pages that the fuzzer found, cut down to what matters. See CONTRIBUTING.md.

use super::check_all;

#[test]
fn brackets_that_something_vanished_between_are_no_pair() {
    check_all(
        "en",
        &[
            ("a}{{birth date|1900|}b}}", "a}b 1900"),
            ("a}{{convert|}b|km}}", "a}b km"),
            ("a[{{formatnum:[b}}", "a[b"),
            ("a[{{as of|alt=b|post=[c}}", "a[b[c"),
        ],
    );
    check_all(
        "ja",
        &[
            ("送 [[アイル}\u{3}}ランド]]", "送 アイル}ランド"),
            ("a [[b{<!-- c -->{d]] e", "a b{d e"),
            ("a}[[}b]] c", "a}b c"),
            ("a}[[}b_c]] d", "a}b c d"),
            ("a}[[x:}b|]] c", "a}b c"),
            ("a}[[http://b.c }d]] e", "a}d e"),
        ],
    );
}
