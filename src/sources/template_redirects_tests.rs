//! Tests of the redirects between templates: small tables, and what a page becomes by them.

use crossic_operators::wikitext::{Headings, Options, clean};
use tempfile::TempDir;

use super::*;

/// Tables with these rows, and nothing else.
fn tables(pages: &str, redirects: &str) -> (TempDir, TemplateTables) {
    let dir = tempfile::tempdir().unwrap();
    let table = |name: &str, columns: &[&str], rows: &str| {
        let columns: Vec<_> = columns.iter().map(|it| format!("  `{it}` blob")).collect();
        let insert = match rows {
            "" => String::new(),
            rows => format!("INSERT INTO `{name}` VALUES {rows};\n"),
        };
        let text = format!("CREATE TABLE `{name}` (\n{}\n);\n{insert}", columns.join(",\n"));
        let path = dir.path().join(format!("thwiki-1-{name}.sql"));
        fs_err::write(&path, text).unwrap();
        path
    };
    let page =
        table("page", &["page_id", "page_namespace", "page_title", "page_is_redirect"], pages);
    let columns = ["rd_from", "rd_namespace", "rd_title", "rd_interwiki", "rd_fragment"];
    let redirect = table("redirect", &columns, redirects);
    (dir, TemplateTables { page, redirect })
}

fn cleaned(wikitext: &str, redirects: &TemplateRedirects) -> String {
    let site = redirects.given_to(Site::new("th", &[(10, "แม่แบบ".to_owned())]));
    let options =
        Options { headings: Headings::Glue, lists: true, boilerplate: false, math: false };
    clean(wikitext, &site, &options).paragraphs.join("|")
}

/// What `ก {{NAME|5|km}} ข` becomes for each name.
fn check(pages: &str, redirects: &str, expected: &[(&str, &str)]) {
    let (_dir, tables) = tables(pages, redirects);
    let found = tables.read().unwrap();
    for (name, text) in expected {
        let page = format!("ก {{{{{name}|5|km}}}} ข");
        assert_eq!(cleaned(&page, &found), *text, "{name} of {pages} and {redirects}");
    }
}

/// What becomes of a template that is converted, and of one that nobody knows.
const KNOWN: &str = "ก 5 km ข";
const UNKNOWN: &str = "ก ข";

#[test]
fn redirects_are_followed() {
    check(
        "(1,10,'Convert',0),(7,10,'ระยะ_ทาง',1),(8,10,'Far',1),(9,10,'Very\\'far',1)",
        "(7,10,'Convert','',''),(8,10,'ระยะ_ทาง','',''),(9,10,'Far','','')",
        &[
            ("convert", KNOWN),
            ("ระยะ ทาง", KNOWN),
            ("template:ระยะ_ทาง", KNOWN),
            ("far", KNOWN),
            ("Very'far", KNOWN),
            ("near", UNKNOWN),
        ],
    );
    // A section of the target is the target; columns that are not there are no reason to stop.
    check("(8,10,'Far',1)", "(8,10,'Convert',NULL,'Use')", &[("far", KNOWN)]);
    check("(8,10,'Far',1)", "", &[("far", UNKNOWN)]);
    check("", "(8,10,'Convert','','')", &[("far", UNKNOWN)]);
}

#[test]
fn what_is_no_redirect_between_templates_changes_nothing() {
    for (pages, redirects) in [
        // An article, a page that is none any more, another wiki's, another namespace's, no page.
        ("(8,0,'Far',1)", "(8,10,'Convert','','')"),
        ("(8,10,'Far',0)", "(8,10,'Convert','','')"),
        ("(8,10,'Far',1)", "(8,10,'Convert','fr','')"),
        ("(8,10,'Far',1)", "(8,0,'Convert','','')"),
        ("(8,10,'Far',1)", "(9,10,'Convert','','')"),
        // A ring, itself, nothing.
        ("(8,10,'Far',1),(9,10,'Near',1)", "(8,10,'Near','',''),(9,10,'Far','','')"),
        ("(8,10,'Far',1)", "(8,10,'Far','','')"),
        ("(8,10,'Far',1)", "(8,10,'','','')"),
        // Rows that make no sense.
        ("(8,10,'Far',1)", "(NULL,10,'Convert','',''),(-8,10,'Convert','',''),(8,10)"),
        ("(8,10,'Far',1)", "(8,NULL,'Convert','',''),(8,'x','Convert','','')"),
        ("(8,10,NULL,1)", "(8,10,'Convert','','')"),
        ("(8,10,'Far',NULL),(NULL,10,'Far',1),(8,'ten','Far',1)", "(8,10,'Convert','','')"),
        ("(8,10,'Far')", "(8,10,'Convert','','')"),
    ] {
        check(pages, redirects, &[("far", UNKNOWN), ("", UNKNOWN), ("convert", KNOWN)]);
        let (_dir, tables) = tables(pages, redirects);
        let site = tables.read().unwrap().given_to(Site::new("th", &[]));
        assert_eq!(site.aliases(), None, "{pages} and {redirects}");
    }
}

#[test]
fn a_table_of_the_cleaner_and_a_template_of_that_name_count_for_more() {
    // The cleaner has a rule for `nowrap`.
    check("(8,10,'Nowrap',1)", "(8,10,'Convert','','')", &[("nowrap", "ก 5 ข")]);
    // `{{far}}` is the template of page 9: the redirect is written otherwise.
    check("(8,10,'FAR',1),(9,10,'Far',0)", "(8,10,'Convert','','')", &[("far", UNKNOWN)]);
    check("(8,10,'Far',1),(9,10,'FAR',0)", "(8,10,'Convert','','')", &[("far", KNOWN)]);
    check("(8,10,'FAR',1),(9,10,'Fare',0)", "(8,10,'Convert','','')", &[("far", KNOWN)]);
}

#[test]
fn bytes_that_are_no_text_are_borne() {
    let (_dir, tables) =
        tables("(8,10,'Far',1),(9,10,'XX',1)", "(8,10,'Convert','',''),(9,10,'YY','','')");
    for (path, from) in [(&tables.page, b"XX"), (&tables.redirect, b"YY")] {
        let mut bytes = fs_err::read(path).unwrap();
        let at = bytes.windows(2).position(|two| two == from).unwrap();
        bytes[at] = 0xFF;
        fs_err::write(path, bytes).unwrap();
    }
    assert_eq!(cleaned("ก {{far|5|km}} ข", &tables.read().unwrap()), KNOWN);
}

#[test]
fn a_damaged_table_is_an_error_that_names_it() {
    let (_dir, tables) = tables("(8,10,'Far',1)", "(8,10,'Convert','','')");
    for path in [&tables.page, &tables.redirect] {
        let whole = fs_err::read(path).unwrap();
        fs_err::write(path, &whole[..whole.len() - 4]).unwrap();
        let error = tables.read().unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        fs_err::write(path, whole).unwrap();
    }
}

#[test]
fn pages_tell_the_same_as_tables() {
    let page = |ns: i32, title: &str, redirect: Option<&str>| RawPage {
        ns,
        title: title.to_owned(),
        redirect: redirect.map(str::to_owned),
        ..RawPage::default()
    };
    let pages = [
        page(10, "แม่แบบ:Far away", Some("แม่แบบ:Convert")),
        page(10, "แม่แบบ:NEAR", Some("แม่แบบ:Convert")),
        page(10, "แม่แบบ:Near", None),
        page(10, "แม่แบบ:User", Some("ผู้ใช้:Convert")),
        page(10, "แม่แบบ:Blank", Some("")),
        page(10, "Odd", Some("แม่แบบ:Convert")),
        page(0, "แม่แบบ:Article", Some("แม่แบบ:Convert")),
    ];
    let (mut all, mut others) = (TemplateRedirects::default(), TemplateRedirects::default());
    let (first, rest) = pages.split_at(2);
    first.iter().for_each(|page| all.page(page));
    rest.iter().for_each(|page| others.page(page));
    all.append(others);
    let (_dir, tables) = tables(
        "(1,10,'Far_away',1),(2,10,'NEAR',1),(3,10,'Near',0),(4,10,'User',1),(5,10,'Blank',1)",
        "(1,10,'Convert','',''),(2,10,'Convert','',''),(4,2,'Convert','',''),(5,10,'','','')",
    );
    let told = |found: &TemplateRedirects| found.given_to(Site::new("th", &[])).aliases();
    assert_eq!(told(&all), told(&tables.read().unwrap()));
    for (name, text) in [
        ("far away", KNOWN),
        ("near", UNKNOWN),
        ("user", UNKNOWN),
        ("blank", UNKNOWN),
        ("odd", UNKNOWN),
        ("article", UNKNOWN),
    ] {
        assert_eq!(cleaned(&format!("ก {{{{{name}|5|km}}}} ข"), &all), text, "{name}");
    }
}
