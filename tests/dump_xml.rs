//! Pages: what real files look like, what broken ones do, and that ranges give each page once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

use std::path::Path;

use crossic::dump::{
    error::DumpError,
    siteinfo::{Case, Namespace, SiteInfo, read_siteinfo},
    xml::{Pages, RawPage},
};
use proptest::prelude::*;

mod common;
use common::{bz2, bz2_cut, file, gz, line};

/// What a reader said besides the pages.
#[derive(Debug, Default, PartialEq)]
struct Said {
    truncated: bool,
    malformed: u64,
    first_malformed: Option<u64>,
    replaced: u64,
}

fn pages_of(
    path: &Path,
    range: std::ops::Range<u64>,
    site: Option<&SiteInfo>,
) -> Result<(Vec<RawPage>, Said), DumpError> {
    let mut pages = Pages::open(path, range, site)?;
    let (mut page, mut found) = (RawPage::default(), Vec::new());
    while pages.next(&mut page)? {
        found.push(page.clone());
    }
    assert!(!pages.next(&mut page)?, "the end stays the end");
    let said = Said {
        truncated: pages.truncated(),
        malformed: pages.malformed(),
        first_malformed: pages.first_malformed().map(|position| position.text),
        replaced: pages.replaced(),
    };
    Ok((found, said))
}

fn read(xml: &[u8]) -> Result<(Vec<RawPage>, Said), String> {
    let file = file(xml);
    pages_of(file.path(), 0..u64::MAX, None).map_err(|error| line(&error, file.path()))
}

/// Returns each page as `id ns title > redirect @ revision model: text`.
fn shown(pages: &[RawPage]) -> Vec<String> {
    let mut buffer = String::new();
    pages
        .iter()
        .map(|page| {
            let redirect = page.redirect.as_ref().map(|to| format!(" > {to}")).unwrap_or_default();
            let text = page.text(&mut buffer);
            let RawPage { id, ns, title, revision, model, .. } = page;
            format!("{id} {ns} {title}{redirect} @ {revision} {model}: {text}")
        })
        .collect()
}

const HEAD: &str = r#"<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="th">
  <siteinfo>
    <sitename>วิกิ &amp; พีเดีย</sitename>
    <dbname>thwiki</dbname>
    <base>https://th.example/wiki/X</base>
    <generator>MediaWiki 1.43</generator>
    <case>first-letter</case>
    <namespaces>
      <namespace key="-1" case="first-letter">พิเศษ</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="10" case="case-sensitive">แม่แบบ</namespace>
    </namespaces>
  </siteinfo>
"#;

const PAGE: &str = r#"  <page>
    <title>A &amp; B</title>
    <ns>0</ns>
    <id>7</id>
    <redirect title="C &quot;D&quot;" />
    <restrictions>sysop</restrictions>
    <revision>
      <id>70</id>
      <parentid>60</parentid>
      <timestamp>2024-07-01T00:00:00Z</timestamp>
      <contributor><username>Someone</username><id>5</id></contributor>
      <comment>said &lt;text&gt;</comment>
      <origin>70</origin>
      <model>wikitext</model>
      <format>text/x-wiki</format>
      <text bytes="9" sha1="x" xml:space="preserve">#REDIRECT [[C]] &lt;!-- ก --&gt;
</text>
      <sha1>x</sha1>
    </revision>
  </page>
"#;

fn check(pages: &str, expected: &[&str]) {
    for xml in [pages.to_owned(), format!("{HEAD}{pages}</mediawiki>\n")] {
        let (found, said) = read(xml.as_bytes()).unwrap();
        assert_eq!(shown(&found), expected, "{xml}");
        assert_eq!(said, Said::default());
    }
}

#[test]
fn a_page_with_everything() {
    check(PAGE, &["7 0 A & B > C \"D\" @ 70 wikitext: #REDIRECT [[C]] <!-- ก -->\n"]);
    let (found, _) = read(PAGE.as_bytes()).unwrap();
    assert_eq!(found[0].timestamp, "2024-07-01T00:00:00Z");
    assert_eq!(found[0].format, "text/x-wiki");
    assert_eq!(found[0].text_raw, "#REDIRECT [[C]] &lt;!-- ก --&gt;\n");
}

#[test]
fn pages_of_every_layout() {
    for (pages, expected) in [
        (
            "<page><title>ก</title><ns>2</ns><id>1</id><revision><id>3</id><text bytes=\"0\" /></revision></page>",
            "1 2 ก @ 3 wikitext: ",
        ),
        (
            "<page><title>a</title><id>1</id><revision><id>3</id><text deleted=\"deleted\"/><model>css</model></revision></page>",
            "1 0 a @ 3 css: ",
        ),
        // The last revision of a full history wins.
        (
            "<page><title>a</title><id>1</id><revision><id>3</id><model>css</model><text>x</text></revision><revision><id>4</id><text>y</text></revision></page>",
            "1 0 a @ 4 wikitext: y",
        ),
        // Other slots of a revision, and files, have elements of the same names.
        (
            "<page><title>a</title><id>1</id><revision><id>3</id><text>x</text><content><role>m</role><model>json</model><text>{}</text></content></revision><upload><id>9</id><text>u</text></upload></page>",
            "1 0 a @ 3 wikitext: x",
        ),
        // A contributor before the numbers, and one without a number.
        (
            "<page><id>1</id><title>a</title><revision><contributor><ip>::1</ip><id>5</id></contributor><contributor deleted=\"deleted\" /><id>3</id><text>x</text></revision></page>",
            "1 0 a @ 3 wikitext: x",
        ),
        ("<page><title>a</title><id>1</id><redirect /></page>", "1 0 a >  @ 0 wikitext: "),
    ] {
        check(pages, &[expected]);
    }
    assert_eq!(read(HEAD.as_bytes()), Ok((Vec::new(), Said::default())));
}

#[test]
fn missing_namespaces_come_from_the_prefix() {
    let xml = "<page><title>แม่แบบ:ก</title><id>1</id></page><page><title>ข:ก</title><id>2</id></page>\
               <page><title>แม่แบบ:ก</title><ns>0</ns><id>3</id></page>";
    let head = file(HEAD.as_bytes());
    let site = read_siteinfo(head.path()).unwrap();
    let file = file(xml.as_bytes());
    let (found, _) = pages_of(file.path(), 0..u64::MAX, site.as_ref()).unwrap();
    assert_eq!(found.iter().map(|page| page.ns).collect::<Vec<_>>(), [10, 0, 0]);
}

#[test]
fn the_head_of_a_file() {
    let with_pages = format!("{HEAD}{PAGE}");
    for packed in [HEAD.as_bytes().to_vec(), bz2(with_pages.as_bytes()), gz(with_pages.as_bytes())]
    {
        let file = file(&packed);
        let namespace = |key, name: &str, case| Namespace { key, name: name.to_owned(), case };
        let expected = SiteInfo {
            sitename: "วิกิ & พีเดีย".to_owned(),
            dbname: "thwiki".to_owned(),
            lang: "th".to_owned(),
            base: "https://th.example/wiki/X".to_owned(),
            generator: "MediaWiki 1.43".to_owned(),
            case: Case::FirstLetter,
            namespaces: vec![
                namespace(-1, "พิเศษ", Case::FirstLetter),
                namespace(0, "", Case::FirstLetter),
                namespace(10, "แม่แบบ", Case::CaseSensitive),
            ],
            export_version: "0.11".to_owned(),
        };
        assert_eq!(read_siteinfo(file.path()).unwrap(), Some(expected));
    }
    assert_eq!(read_siteinfo(file(PAGE.as_bytes()).path()).unwrap(), None);
}

#[test]
fn broken_pages_are_counted() {
    let good = "<page><title>a</title><id>1</id></page>";
    for (bad, expected) in [
        ("<page><title>b</title></page>", (false, 1)),
        ("<page><title>b</title><id></id></page>", (false, 1)),
        ("<page><title>b</title><id>-1</id></page>", (false, 1)),
        ("<page><title>b</title><id>99999999999</id></page>", (false, 1)),
        ("<page><title>b</title><ns>x</ns><id>2</id></page>", (false, 1)),
        ("<page><title></title><id>2</id></page>", (false, 1)),
        ("<page><id>2</id></page>", (false, 1)),
        ("<page><title>b</title><id>2</id><revision><text>", (false, 1)),
        ("<page><page>", (false, 2)),
        ("</page>", (false, 0)),
        ("< <page <", (false, 0)),
    ] {
        let xml = format!("{good}{bad}{}", good.replace('1', "2"));
        let (found, said) = read(xml.as_bytes()).unwrap();
        assert_eq!(shown(&found), ["1 0 a @ 0 wikitext: ", "2 0 a @ 0 wikitext: "], "{bad}");
        assert_eq!((said.truncated, said.malformed), expected, "{bad}");
        let first = said.first_malformed.map(|place| place as usize);
        assert_eq!(first, (0 < expected.1).then_some(good.len()), "{bad}");
    }
}

#[test]
fn a_page_cut_off_is_said() {
    let whole = format!("{HEAD}{PAGE}");
    for n_kept in HEAD.len() + 8..whole.len() - "</page>\n".len() {
        let (found, said) = read(&whole.as_bytes()[..n_kept]).unwrap();
        assert!(found.is_empty());
        assert!(said.truncated, "{n_kept}");
    }
}

#[test]
fn text_that_is_not_utf8() {
    let xml =
        b"<page><title>a\xff</title><id>1</id><revision><text>\xe0\xb8</text></revision></page>";
    let (found, said) = read(xml).unwrap();
    assert_eq!((found[0].title.as_str(), found[0].text_raw.as_str()), ("a\u{fffd}", "\u{fffd}"));
    assert_eq!(said.replaced, 1);
    let wide: Vec<u8> = PAGE.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for wide in [wide.clone(), [b"\xfe\xff".to_vec(), wide].concat()] {
        let said = read(&wide).unwrap_err();
        assert_eq!(said, "the text is UTF-16, not UTF-8");
    }
}

#[test]
fn what_is_no_pages_file_says_so() {
    for text in ["<html><body>not found</body></html>", "{}", "\n"] {
        let expected = "this is not a pages file: there is no `<mediawiki>` and no `<page>` in it";
        assert_eq!(read(text.as_bytes()), Err(expected.to_owned()));
        assert_eq!(read(&bz2(text.as_bytes())), Err(expected.to_owned()));
    }
    assert_eq!(read(b"<mediawiki/>"), Ok((Vec::new(), Said::default())));
    assert_eq!(read(b"<page/>"), Ok((Vec::new(), Said::default())));
}

/// Reads the ranges between `cuts`, and adds up what they say.
fn union(path: &Path, cuts: &[u64]) -> (Vec<RawPage>, bool, u64, u64) {
    let mut all = (Vec::new(), false, 0, 0);
    for pair in cuts.windows(2) {
        let (found, said) = pages_of(path, pair[0]..pair[1], None).unwrap();
        all.0.extend(found);
        all.1 |= said.truncated;
        all.2 += said.malformed;
        all.3 += said.replaced;
    }
    all
}

/// Any mixture of whole and broken pages.
fn any_xml() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => (1u32..99, "[a-z&;ก ]{0,30}").prop_map(|(id, text)| format!(
            "  <page>\n<title>t{id}</title><ns>0</ns><id>{id}</id><revision><id>{id}</id><text bytes=\"1\">{}</text></revision>\n</page>\n",
            text.replace('&', "&amp;"),
        ).into_bytes()),
        1 => prop::sample::select(vec![
            HEAD, "</mediawiki>", "<page>", "</page>", "<", "<pa", "<page", "<id>", "</text>", "\n",
            "<title>x</title>", "<revision>", "<text>", "<content>", ">", "<page><id>1</id></page>",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>().prop_filter("NUL is UTF-16's", |byte| *byte != 0), 0..20),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn ranges_together_give_every_page_once(
        xml in any_xml(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        file_cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let xml = [b"<mediawiki>".to_vec(), xml].concat();
        let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(xml.len() + 1)).collect();
        let packed = bz2_cut(&xml, &cuts);
        let n_bytes = packed.len() as u64;
        let mut places: Vec<u64> = file_cuts.iter().map(|cut| cut.index(packed.len()) as u64).collect();
        places.extend([0, n_bytes]);
        places.sort_unstable();
        let plain = file(&xml);
        let packed = file(&packed);
        let whole = union(plain.path(), &[0, u64::MAX]);
        prop_assert_eq!(&union(packed.path(), &[0, n_bytes]), &whole);
        prop_assert_eq!(&union(packed.path(), &places), &whole);
    }

    #[test]
    fn arbitrary_bytes_never_panic(xml in prop::collection::vec(any::<u8>(), 1..300)) {
        // Whatever comes of it is right, as long as something does.
        drop(read(&xml));
        drop(read_siteinfo(file(&xml).path()));
    }
}

/// Every single way to cut a small file in two streams, a page's tag among them.
#[test]
fn a_cut_anywhere_loses_nothing() {
    let pages = "<page><title>a</title><id>1</id></page><page><title>b</title><id>2</id></page>";
    for cut in 0..=pages.len() {
        let (first, second) = (bz2(&pages.as_bytes()[..cut]), bz2(&pages.as_bytes()[cut..]));
        let file = file(&[first.as_slice(), &second].concat());
        let n_first = first.len() as u64;
        let (one, _) = pages_of(file.path(), 0..n_first, None).unwrap();
        let (two, _) = pages_of(file.path(), n_first..u64::MAX, None).unwrap();
        let n_owned = [0, 39].iter().filter(|start| **start < cut).count();
        assert_eq!((one.len(), two.len()), (n_owned, 2 - n_owned), "{cut}");
    }
}

#[test]
fn a_range_does_not_decode_the_streams_behind_it() {
    let page = "<page><title>a</title><id>1</id></page>\n";
    let first = bz2(page.as_bytes());
    let mut second = bz2(page.as_bytes());
    second[20] ^= 0xff;
    let file = file(&[first.as_slice(), &second].concat());
    let n_first = first.len() as u64;
    let mut pages = Pages::open(file.path(), 0..n_first, None).unwrap();
    let mut page = RawPage::default();
    assert!(pages.next(&mut page).unwrap());
    assert!(!pages.next(&mut page).unwrap());
    assert_eq!(pages.bytes_read(), n_first);
    let mut pages = Pages::open(file.path(), n_first..u64::MAX, None).unwrap();
    let error = pages.next(&mut page).unwrap_err();
    assert!(line(&error, file.path()).starts_with("the bzip2 data is damaged before"), "{error}");
}
