//! The pages of an XML dump, bzip2 or plain: enough of the format for measuring, no more.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

use bzip2::read::MultiBzDecoder;
use fs_err::File;

use crate::error::Error;

/// A page of a dump, unescaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its title with its namespace.
    pub title: String,
    /// The number of its namespace.
    pub ns: i32,
    /// Where it leads if it is a redirect.
    pub redirect: Option<String>,
    /// Whether its text is wikitext.
    pub is_wikitext: bool,
    /// Its text.
    pub text: String,
}

/// What the header of a dump says of its wiki.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The code of the language.
    pub lang: String,
    /// Numbers and names of the namespaces.
    pub namespaces: Vec<(i32, String)>,
}

/// Reads a dump page by page.
pub struct Pages {
    lines: BufReader<Box<dyn Read>>,
    /// What the header says.
    pub header: Header,
    line: String,
}

impl Pages {
    /// Opens a dump and reads its header.
    pub fn open(path: &Path) -> Result<Pages, Error> {
        let file = File::open(path)?;
        let is_packed = path.extension().is_some_and(|extension| extension == "bz2");
        let reader: Box<dyn Read> = match is_packed {
            true => Box::new(MultiBzDecoder::new(BufReader::new(file))),
            false => Box::new(file),
        };
        let mut pages = Pages {
            lines: BufReader::with_capacity(1 << 16, reader),
            header: Header::default(),
            line: String::new(),
        };
        while pages.next_line()? && !pages.line.contains("</siteinfo>") {
            let line = &pages.line;
            if let Some(lang) = attribute(line, "xml:lang").filter(|_| line.contains("<mediawiki"))
            {
                lang.clone_into(&mut pages.header.lang);
            }
            if line.contains("<namespace ")
                && let Some(key) = attribute(line, "key").and_then(|key| key.parse().ok())
                && let Some(name) = element(line, "namespace")
            {
                pages.header.namespaces.push((key, unescape(name)));
            }
        }
        Ok(pages)
    }

    /// Returns the next page, or none at the end.
    pub fn next_page(&mut self) -> Result<Option<Page>, Error> {
        let mut page = Page { is_wikitext: true, ..Page::default() };
        let mut is_open = false;
        while self.next_line()? {
            let line = self.line.as_str();
            if line.contains("<page>") {
                is_open = true;
                continue;
            }
            if !is_open {
                continue;
            }
            if line.contains("</page>") {
                return Ok(Some(page));
            }
            if line.contains("<text") {
                self.text(&mut page)?;
            } else if let Some(title) = element(line, "title") {
                page.title = unescape(title);
            } else if let Some(ns) = element(line, "ns") {
                page.ns = ns.parse().unwrap_or_default();
            } else if line.contains("<redirect ") {
                page.redirect = attribute(line, "title").map(unescape);
            } else if let Some(model) = element(line, "model") {
                page.is_wikitext = model == "wikitext";
            }
        }
        Ok(None)
    }

    /// Reads the text that begins in the current line.
    fn text(&mut self, page: &mut Page) -> Result<(), Error> {
        let tag = self.line.split_once("<text").map_or("", |(_, rest)| rest);
        let Some((attributes, rest)) = tag.split_once('>') else {
            return Ok(());
        };
        if attributes.ends_with('/') {
            return Ok(());
        }
        let mut raw = rest.to_owned();
        while !raw.contains("</text>") && self.next_line()? {
            raw.push_str(&self.line);
        }
        page.text = unescape(raw.split("</text>").next().unwrap_or_default());
        Ok(())
    }

    fn next_line(&mut self) -> Result<bool, Error> {
        let mut bytes = Vec::new();
        let length = self.lines.read_until(b'\n', &mut bytes)?;
        self.line = String::from_utf8_lossy(&bytes).into_owned();
        Ok(0 < length)
    }
}

/// Returns what stands between the tags of an element that begins and ends in a line.
fn element<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("<{name}"))?;
    let (_, rest) = rest.split_once('>')?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner)
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn unescape(text: &str) -> String {
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    named.replace("&#039;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn pages(xml: &'static str) -> Vec<Page> {
        let lines = BufReader::new(Box::new(Cursor::new(xml)) as Box<dyn Read>);
        let mut pages = Pages { lines, header: Header::default(), line: String::new() };
        std::iter::from_fn(|| pages.next_page().unwrap()).collect()
    }

    #[test]
    fn pages_are_read_with_their_text() {
        let xml = "<page>\n<title>A &amp; B</title>\n<ns>0</ns>\n<revision>\n<model>wikitext</model>\n\
            <text bytes=\"9\" xml:space=\"preserve\">a &lt;b&gt;\nช้าง &amp;amp;</text>\n</revision>\n</page>\n\
            <page>\n<title>C</title>\n<ns>10</ns>\n<redirect title=\"D\" />\n<text bytes=\"0\" />\n</page>\n";
        let expected = [
            Page {
                title: "A & B".to_owned(),
                is_wikitext: true,
                text: "a <b>\nช้าง &amp;".to_owned(),
                ..Page::default()
            },
            Page {
                title: "C".to_owned(),
                ns: 10,
                redirect: Some("D".to_owned()),
                is_wikitext: true,
                text: String::new(),
            },
        ];
        assert_eq!(pages(xml), expected);
    }
}
