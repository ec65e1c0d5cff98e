//! Writes edited wikis as dumps: SQL tables, multistream XML of a few pages a stream, its index.

use std::{fmt::Write, path::Path};

use crate::{
    common::{bz2, gz},
    edited_wikis::{Body, Page, To, Wiki, World},
};

/// Language, the word that titles begin with, and the words of texts, of each wiki.
pub(crate) const WIKIS: [(&str, &str, [&str; 7]); 3] = [
    ("en", "Rice", ["rice", "grows", "in", "a", "wet", "field", "slowly"]),
    ("th", "ข้าว", ["ข้าว", "โต", "ใน", "นา", "ที่", "เปียก", "ช้า ๆ"]),
    ("es", "Año", ["el", "arroz", "crece", "en", "un", "año", "húmedo"]),
];

/// How a dump is written; nothing of it changes what the wikis are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// Whether the XML has its index beside it.
    pub(crate) index: bool,
    /// Pages of a stream.
    pub(crate) n_pages: usize,
    /// Files of XML.
    pub(crate) n_parts: usize,
    /// Whether the rows of the tables come in the order of their keys.
    pub(crate) sorted: bool,
    /// Whether some rows of the tables come twice.
    pub(crate) repeated: bool,
    /// Whether the `page` table knows the latest revision.
    pub(crate) latest: bool,
    /// Where each file of XML is damaged, behind its head: a number for a place and a kind of
    /// damage, 0 for none.
    pub(crate) damage: usize,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            index: true,
            n_pages: 2,
            n_parts: 1,
            sorted: true,
            repeated: false,
            latest: true,
            damage: 0,
        }
    }
}

/// Title and target of the templates of an edition, the same in all wikis; articles use `len`.
const TEMPLATES: [&[(&str, Option<&str>)]; 5] = [
    &[("Convert", None)],
    &[("Convert", None), ("Len", Some("Convert"))],
    &[("Len", Some("Nowrap")), ("Convert", Some("Converted"))],
    &[("Converted", None), ("Len", Some("Far")), ("Far", Some("Convert"))],
    // Nobody who writes `len` means the redirect.
    &[("Len", None), ("LEN", Some("Convert"))],
];

/// How many editions of the templates there are.
#[allow(dead_code, reason = "each test program uses some of them")]
pub(crate) const N_TEMPLATES: u32 = TEMPLATES.len() as u32;

/// Writes the dumps of all wikis below a directory: tables of one moment, articles of another, and
/// the templates of an edition.
pub(crate) fn write(
    dir: &Path,
    date: &str,
    (tables, articles): (&World, &World),
    templates: u32,
    style: Style,
) {
    for ((tables, articles), number) in tables.0.iter().zip(&articles.0).zip(0..) {
        let wiki = format!("{}wiki", WIKIS[number].0);
        let dir = dir.join(&wiki);
        fs_err::create_dir_all(&dir).unwrap();
        let stem = format!("{wiki}-{date}");
        for (table, columns, mut rows) in table_rows(number, tables, style.latest) {
            rows.extend(template_rows(table, templates, style.latest));
            let text = sql(table, &columns, rows, style);
            let name = format!("{stem}-{table}.sql.gz");
            fs_err::write(dir.join(name), gz(text.as_bytes())).unwrap();
        }
        let pages: Vec<(&u32, &Page)> = articles.pages.iter().collect();
        let n_of_part = pages.len().div_ceil(style.n_parts).max(1);
        let mut parts: Vec<&[(&u32, &Page)]> = pages.chunks(n_of_part).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for (part, place) in parts.iter().zip(1..) {
            let range = match (style.n_parts, part.first().zip(part.last())) {
                (1, _) | (_, None) => (String::new(), String::new()),
                (_, Some(((first, _), (last, _)))) => {
                    (place.to_string(), format!("-p{first}p{last}"))
                }
            };
            let (mut xml, index) = multistream(number, part, style.n_pages);
            damage(&mut xml, style.damage);
            let name = format!("{stem}-pages-articles-multistream{}.xml{}.bz2", range.0, range.1);
            fs_err::write(dir.join(name), xml).unwrap();
            if style.index {
                let name = format!(
                    "{stem}-pages-articles-multistream-index{}.txt{}.bz2",
                    range.0, range.1
                );
                fs_err::write(dir.join(name), bz2(index.as_bytes())).unwrap();
            }
        }
    }
}

/// Writes files of web documents beside the dumps, as JSON lines; some of them name articles.
///
/// Between two editions files and documents come and go, and texts change; some texts lie in two
/// files under different names.
pub(crate) fn write_documents(dir: &Path, edition: u32) {
    let n_files = 1 + edition % 3;
    let mut files = vec![String::new(); n_files as usize];
    for number in (0..14).filter(|it| !(it + edition).is_multiple_of(5)) {
        let more =
            if (number + edition).is_multiple_of(4) { "\n\nIt was here before." } else { "" };
        let text =
            format!("{} is here.\n\n{}{more}", title(0, number, 0), paragraphs(0, number).concat());
        let copies = if number.is_multiple_of(6) { 2 } else { 1 };
        for copy in 0..copies {
            let line = serde_json::json!({
                "text": text, "id": format!("web-{number}-{}", (edition + copy) % 2),
                "url": format!("https://example.org/{number}/{copy}"), "language": "en",
            });
            writeln!(files[((number * 7 + copy) % n_files) as usize], "{line}").unwrap();
        }
    }
    for (lines, number) in files.into_iter().zip(0..) {
        fs_err::write(dir.join(format!("web-{number}.jsonl")), lines).unwrap();
    }
}

/// Returns a title of a wiki, written in one of four ways that mean the same.
fn title(wiki: usize, number: u32, spelling: u8) -> String {
    let word = WIKIS[wiki].1;
    match spelling % 4 {
        0 => format!("{word} {number}"),
        1 => format!("{}_{number}", word.to_lowercase()),
        2 => format!(" {word}  {number}"),
        _ => format!(":{word} {number}"),
    }
}

/// Returns what a link names.
fn link_title(wiki: usize, to: To, spelling: u8) -> String {
    match to {
        To::Title(number) => title(wiki, number, spelling),
        To::Blank => String::new(),
        To::Fragment(number) => format!("{}#Field", title(wiki, number, spelling)),
        To::OtherNamespace(number) => format!("Category:{}", title(wiki, number, 0)),
        To::Interwiki(number) => format!("fr:{}", title(wiki, number, 0)),
    }
}

/// A table's name, its columns, and its rows as SQL has them.
type Table = (&'static str, Vec<&'static str>, Vec<String>);

fn table_rows(number: usize, wiki: &Wiki, latest: bool) -> [Table; 4] {
    let (mut pages, mut links) = (Vec::new(), Vec::new());
    let (mut redirects, mut props) = (Vec::new(), Vec::new());
    for (id, page) in &wiki.pages {
        let name = quoted(&title(number, page.title, 0).replace(' ', "_"));
        let is_redirect = u8::from(matches!(page.body, Body::Redirect(_)));
        let mut row = format!("{id},{},{name},{is_redirect}", page.namespace);
        if latest {
            write!(row, ",{}", page.revision).unwrap();
        }
        pages.push(row);
        links.extend(page.links.iter().map(|link| {
            let to = link_title(link.to, link.target, link.spelling);
            format!("{id},'{}',{}", WIKIS[link.to].0, quoted(&to))
        }));
        if let Body::Redirect(Some(to)) = page.body {
            redirects.push(format!("{id},{}", redirect_fields(number, to)));
        }
        props.push(format!("{id},'page_image_free','Rice.jpg'"));
        if page.disambiguation {
            props.push(format!("{id},'disambiguation',''"));
        }
    }
    let mut page_columns = vec!["page_id", "page_namespace", "page_title", "page_is_redirect"];
    page_columns.extend(latest.then_some("page_latest"));
    let redirect_columns = ["rd_from", "rd_namespace", "rd_title", "rd_interwiki", "rd_fragment"];
    [
        ("page", page_columns, pages),
        ("langlinks", vec!["ll_from", "ll_lang", "ll_title"], links),
        ("redirect", redirect_columns.to_vec(), redirects),
        ("page_props", vec!["pp_page", "pp_propname", "pp_value"], props),
    ]
}

/// Returns the rows of a table that speak of templates.
fn template_rows(table: &str, edition: u32, latest: bool) -> Vec<String> {
    let templates = TEMPLATES[edition as usize].iter().zip(9_000..);
    let row = |((title, target), id): (&(&str, Option<&str>), u32)| match (table, target) {
        ("page", _) => {
            let latest = if latest { ",7" } else { "" };
            Some(format!("{id},10,'{title}',{}{latest}", u8::from(target.is_some())))
        }
        ("redirect", Some(target)) => Some(format!("{id},10,'{target}','',''")),
        _ => None,
    };
    templates.filter_map(row).collect()
}

/// Returns namespace, title, wiki and section of a redirect.
fn redirect_fields(wiki: usize, to: To) -> String {
    let name = |number| quoted(&title(wiki, number, 0).replace(' ', "_"));
    match to {
        To::Title(number) => format!("0,{},'',''", name(number)),
        To::Blank => "0,'','',''".to_owned(),
        To::Fragment(number) => format!("0,{},'','Field'", name(number)),
        To::OtherNamespace(number) => format!("4,{},'',''", name(number)),
        To::Interwiki(number) => format!("0,{},'fr',''", name(number)),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn sql(table: &str, columns: &[&str], mut rows: Vec<String>, style: Style) -> String {
    if style.repeated {
        // Every third row once more, far from the first time.
        let again: Vec<String> = rows.iter().step_by(3).cloned().collect();
        rows.extend(again);
    }
    if !style.sorted {
        rows.reverse();
        let third = rows.len() / 3;
        rows.rotate_left(third);
    }
    let columns: Vec<String> = columns.iter().map(|it| format!("  `{it}` blob")).collect();
    let mut text = format!(
        "-- MariaDB dump 10.19\n\nDROP TABLE IF EXISTS `{table}`;\nCREATE TABLE `{table}` (\n{}\n) ENGINE=InnoDB;\n",
        columns.join(",\n")
    );
    if !rows.is_empty() {
        writeln!(text, "INSERT INTO `{table}` VALUES ({});", rows.join("),(")).unwrap();
    }
    text.push_str("-- Dump completed on 2024-07-20\n");
    text
}

/// Returns the XML in streams of a few pages, and its index.
fn multistream(wiki: usize, pages: &[(&u32, &Page)], n_pages: usize) -> (Vec<u8>, String) {
    let (lang, word, _) = WIKIS[wiki];
    let head = format!(
        "<mediawiki version=\"0.11\" xml:lang=\"{lang}\">\n  <siteinfo>\n    \
         <sitename>{word}</sitename>\n    <dbname>{lang}wiki</dbname>\n    \
         <base>https://{lang}.example.org/wiki/Main</base>\n    <case>first-letter</case>\n    \
         <namespaces>\n      <namespace key=\"0\" case=\"first-letter\" />\n      \
         <namespace key=\"4\" case=\"first-letter\">Wikipedia</namespace>\n      \
         <namespace key=\"10\" case=\"first-letter\">Template</namespace>\n      \
         <namespace key=\"14\" case=\"first-letter\">Category</namespace>\n    \
         </namespaces>\n  </siteinfo>\n"
    );
    let (mut file, mut index) = (bz2(head.as_bytes()), String::new());
    for pages in pages.chunks(n_pages) {
        let mut xml = String::new();
        for (id, page) in pages {
            let name = full_title(wiki, page);
            writeln!(index, "{}:{id}:{name}", file.len()).unwrap();
            xml.push_str(&page_xml(wiki, **id, page, &name));
        }
        file.extend(bz2(xml.as_bytes()));
    }
    file.extend(bz2(b"</mediawiki>\n"));
    (file, index)
}

/// Damages a file behind its first stream, if the number is not 0: a bit, or more bytes than a mark.
fn damage(file: &mut [u8], number: usize) {
    let n_head = memchr::memmem::find_iter(&*file, b"BZh").nth(1).unwrap();
    let Some(place) = number.checked_sub(1) else { return };
    let place = n_head + place / 2 % (file.len() - n_head);
    match number % 2 {
        0 => file[place] ^= 0x10,
        _ => file.iter_mut().skip(place).take(20).for_each(|byte| *byte = 0),
    }
}

fn full_title(wiki: usize, page: &Page) -> String {
    let title = title(wiki, page.title, 0);
    if page.namespace == 0 { title } else { format!("Wikipedia:{title}") }
}

fn page_xml(wiki: usize, id: u32, page: &Page, title: &str) -> String {
    let redirect = match page.body {
        Body::Redirect(to) => {
            let to = to.map_or(String::new(), |to| link_title(wiki, to, 0));
            format!("    <redirect title=\"{}\" />\n", escaped(&to))
        }
        _ => String::new(),
    };
    let (model, format) = match page.body {
        Body::Module => ("Scribunto", "text/plain"),
        _ => ("wikitext", "text/x-wiki"),
    };
    format!(
        "  <page>\n    <title>{title}</title>\n    <ns>{}</ns>\n    <id>{id}</id>\n{redirect}    \
         <revision>\n      <id>{}</id>\n      <timestamp>2024-07-20T06:58:37Z</timestamp>\n      \
         <contributor><username>A</username><id>7</id></contributor>\n      \
         <model>{model}</model>\n      <format>{format}</format>\n      \
         <text xml:space=\"preserve\">{}</text>\n    </revision>\n  </page>\n",
        page.namespace,
        page.revision,
        escaped(&wikitext(wiki, page)),
    )
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

/// Returns the markup of a page.
pub(crate) fn wikitext(wiki: usize, page: &Page) -> String {
    let looks = page.looks;
    match page.body {
        Body::Redirect(to) => {
            let to = to.map_or(String::new(), |to| link_title(wiki, to, 0));
            format!("#REDIRECT [[{to}]]")
        }
        Body::Module => "return {}".to_owned(),
        Body::Disambiguation => format!("{{{{disambig}}}}\n* [[A {looks}]]"),
        Body::Empty => format!("<!-- {looks} -->\n[[Category:Rice {looks}]]"),
        Body::Text(number) => looking(&paragraphs(wiki, number), looks),
    }
}

/// Returns paragraphs that depend on a number, with a heading, a template and a link.
fn paragraphs(wiki: usize, number: u32) -> Vec<String> {
    let words = WIKIS[wiki].2;
    let paragraph = |at: u32| {
        let mut text = String::new();
        for n in 0..6 + (number * 7 + at * 11) % 44 {
            let word = words[((number + at + n * n) % 7) as usize];
            text.push_str(word);
            text.push_str(if n % 6 == 5 { ". " } else { " " });
        }
        let to = title(wiki, (number + at) % 9, (number % 3) as u8);
        let template = if number.is_multiple_of(3) { "len" } else { "convert" };
        write!(text, "{{{{{template}|{number}|km}}}} [[{to}|{}]].", words[0]).unwrap();
        if number % 5 == 3 {
            // The cleaner has to keep what looks like markup here.
            write!(text, " <nowiki>[[{number}]]</nowiki> (, {at}).").unwrap();
        }
        if at == 1 { format!("== {} ==\n{text}", words[3]) } else { text }
    };
    (0..1 + number % 4).map(paragraph).collect()
}

/// Returns paragraphs with markup of which no trace is left, of a kind for each number; some of it
/// leaves a hole, which no text shows.
fn looking(paragraphs: &[String], looks: u32) -> String {
    let mut text = paragraphs.join("\n\n");
    if looks % 2 == 1 {
        text = text.replace("|km}}", " | km }}");
    }
    if looks % 4 == 1 {
        text = text.replace("}} [[", "}} {{nobody knows this}} [[");
    }
    if !looks.is_multiple_of(3) {
        text.insert_str(0, &format!("<!-- {looks} -->"));
    }
    text.push_str(&"\n[[Category:Rice]]".repeat(looks as usize % 4));
    text
}
