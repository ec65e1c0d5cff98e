//! Reads what a pages file says about its wiki: its name, language and namespaces.

use std::path::Path;

use crate::dump::{
    entities::unescape_into,
    error::DumpError,
    streams::Streams,
    tags::{Kind, Tags, Walk},
};

/// How far into the text the head may reach, in bytes; real ones have less than 20,000.
const N_HEAD_BYTES: u64 = 1 << 20;

/// How titles treat their first letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// The first letter is always a capital.
    #[default]
    FirstLetter,
    /// Every letter is as written.
    CaseSensitive,
}

/// A namespace of the wiki.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its number.
    pub key: i32,
    /// Its name in the wiki's language, with spaces; empty for articles.
    pub name: String,
    /// How its titles treat their first letter.
    pub case: Case,
}

/// The head of a pages file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteInfo {
    /// The wiki's name for people.
    pub sitename: String,
    /// The wiki's name in dumps, as `enwiki`; empty before export version 0.8.
    pub dbname: String,
    /// The content language, as `xml:lang` has it.
    pub lang: String,
    /// The address of the main page.
    pub base: String,
    /// The MediaWiki version.
    pub generator: String,
    /// How titles treat their first letter where the namespace does not say.
    pub case: Case,
    /// The namespaces, in the file's order.
    pub namespaces: Vec<Namespace>,
    /// The version of the export format, as `0.11`.
    pub export_version: String,
}

impl SiteInfo {
    /// Returns number and name of each namespace.
    pub fn namespace_names(&self) -> Vec<(i32, String)> {
        self.namespaces.iter().map(|it| (it.key, it.name.clone())).collect()
    }

    /// Returns the number of the namespace that a title's prefix names, 0 if none.
    pub fn namespace_of(&self, title: &str) -> i32 {
        let Some((prefix, _)) = title.split_once(':') else {
            return 0;
        };
        let named = |namespace: &&Namespace| namespace.name == prefix && !prefix.is_empty();
        self.namespaces.iter().find(named).map_or(0, |namespace| namespace.key)
    }
}

/// Returns the head of a pages file, or `None` if the file has none, as a later part may.
///
/// Reads no further than the first page.
pub fn read_siteinfo(path: &Path) -> Result<Option<SiteInfo>, DumpError> {
    siteinfo_of(Streams::whole(path)?)
}

/// Returns the head of the pages file behind streams, as [`read_siteinfo`] does.
pub fn siteinfo_of(streams: Streams) -> Result<Option<SiteInfo>, DumpError> {
    let mut tags = Tags::new(streams);
    let mut site = SiteInfo::default();
    let mut found = false;
    let mut namespace = None;
    while let Walk::Tag(tag) = tags.next(true, false)? {
        if N_HEAD_BYTES < tag.offset {
            break;
        }
        let content = || unescaped(tags.content(&tag));
        let attribute = |name: &[u8]| tags.attribute(&tag, name).map(unescaped);
        match (tag.kind, tags.name(&tag)) {
            (Kind::Open, b"mediawiki") => {
                found = true;
                site.lang = attribute(b"xml:lang").unwrap_or_default();
                site.export_version = attribute(b"version").unwrap_or_default();
            }
            (Kind::Open, b"siteinfo") => found = true,
            (Kind::Close, b"sitename") => site.sitename = content(),
            (Kind::Close, b"dbname") => site.dbname = content(),
            (Kind::Close, b"base") => site.base = content(),
            (Kind::Close, b"generator") => site.generator = content(),
            (Kind::Close, b"case") => site.case = case(tags.content(&tag)),
            (Kind::Open | Kind::SelfClosed, b"namespace") => {
                let key = attribute(b"key").and_then(|key| key.parse().ok());
                let case = tags.attribute(&tag, b"case").map_or(site.case, case);
                namespace = key.map(|key| Namespace { key, name: String::new(), case });
                if tag.kind == Kind::SelfClosed {
                    site.namespaces.extend(namespace.take());
                }
            }
            (Kind::Close, b"namespace") => {
                if let Some(namespace) = namespace.take() {
                    site.namespaces.push(Namespace { name: content(), ..namespace });
                }
            }
            (Kind::Close, b"siteinfo" | b"mediawiki") | (Kind::Open, b"page") => break,
            _ => {}
        }
    }
    Ok(found.then_some(site))
}

fn case(name: &[u8]) -> Case {
    match name.trim_ascii() {
        b"case-sensitive" => Case::CaseSensitive,
        _ => Case::FirstLetter,
    }
}

fn unescaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    unescape_into(&String::from_utf8_lossy(bytes), &mut text);
    text
}
