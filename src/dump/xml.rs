//! Reads the pages of a pages-articles file, or of one range of it, so that ranges together give
//! every page exactly once.

use std::{ops::Range, path::Path};

use crate::dump::{
    entities::unescape_into,
    error::{DumpError, DumpErrorKind, Position},
    siteinfo::SiteInfo,
    streams::{Lost, Streams},
    tags::{Kind, Tag, Tags, Walk},
};

/// One page as the file has it, with its last revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawPage {
    /// The page's number.
    pub id: u32,
    /// The namespace's number.
    pub ns: i32,
    /// The title with its namespace prefix, unescaped.
    pub title: String,
    /// The unescaped title that the page redirects to; empty if the file only says that it does.
    pub redirect: Option<String>,
    /// The revision's number, 0 if the page has none.
    pub revision: u64,
    /// When the revision was saved, as `2024-07-01T00:00:00Z`.
    pub timestamp: String,
    /// The content model, `wikitext` where the file names none.
    pub model: String,
    /// The content format, empty where the file names none.
    pub format: String,
    /// The text with its XML escapes.
    pub text_raw: String,
}

impl RawPage {
    /// Returns the text without its XML escapes, using `buffer` for it.
    pub fn text<'a>(&self, buffer: &'a mut String) -> &'a str {
        buffer.clear();
        unescape_into(&self.text_raw, buffer);
        buffer
    }

    fn clear(&mut self) {
        (self.id, self.ns) = (0, 0);
        self.title.clear();
        self.redirect = None;
        self.clear_revision();
    }

    fn clear_revision(&mut self) {
        self.revision = 0;
        self.timestamp.clear();
        self.model.clear();
        self.model.push_str("wikitext");
        self.format.clear();
        self.text_raw.clear();
    }
}

/// The pages of one file or of one range of it, pulled one by one.
pub struct Pages {
    tags: Tags,
    site: Option<SiteInfo>,
    // A `<page>` that was met where another page should have ended.
    interrupting: Option<Tag>,
    ended: bool,
    seen_markup: bool,
    truncated: bool,
    n_malformed: u64,
    first_malformed: Option<Position>,
    n_replaced: u64,
}

/// Where in a page the walk is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Page,
    Revision,
}

/// The elements whose content is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Title,
    Ns,
    Id,
    Redirect,
    RevisionId,
    Timestamp,
    Model,
    Format,
    Text,
}

/// What became of a page.
enum Outcome {
    Whole,
    Malformed,
    Interrupted(Tag),
    CutOff,
}

/// What was found in a page that the page itself does not tell.
#[derive(Default)]
struct Findings {
    has_id: bool,
    has_title: bool,
    has_ns: bool,
    is_wrong: bool,
    is_replaced: bool,
}

impl Pages {
    /// Opens the pages that begin in the streams of `range`, in bytes of the file.
    ///
    /// `site` gives the namespace of pages that do not tell theirs (before export version 0.5).
    pub fn open(
        path: &Path,
        range: Range<u64>,
        site: Option<&SiteInfo>,
    ) -> Result<Self, DumpError> {
        Ok(Self::of(Streams::range(path, range)?, site))
    }

    /// Reads the pages of streams.
    pub fn of(streams: Streams, site: Option<&SiteInfo>) -> Self {
        Self {
            tags: Tags::new(streams),
            site: site.cloned(),
            interrupting: None,
            ended: false,
            seen_markup: false,
            truncated: false,
            n_malformed: 0,
            first_malformed: None,
            n_replaced: 0,
        }
    }

    /// Puts the next page into `page`; returns false when there is none.
    ///
    /// Memory holds one revision at a time, however many a page has.
    pub fn next(&mut self, page: &mut RawPage) -> Result<bool, DumpError> {
        while !self.ended {
            let Some(tag) = self.seek()? else {
                self.ended = true;
                break;
            };
            let start = self.tags.position(&tag);
            let mut findings = Findings::default();
            let outcome = self.read(page, &mut findings)?;
            self.n_replaced += u64::from(findings.is_replaced);
            match outcome {
                Outcome::Whole => return Ok(true),
                Outcome::CutOff => {
                    self.truncated = true;
                    self.ended = true;
                }
                Outcome::Malformed | Outcome::Interrupted(_) => {
                    self.n_malformed += 1;
                    self.first_malformed.get_or_insert(start);
                }
            }
            if let Outcome::Interrupted(tag) = outcome {
                self.interrupting = Some(tag);
            }
        }
        Ok(false)
    }

    /// Returns whether the file ends inside a page; that page is not given.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Returns how many pages were passed over because a needed part is missing or no number.
    pub fn malformed(&self) -> u64 {
        self.n_malformed
    }

    /// Returns where the first malformed page begins.
    pub fn first_malformed(&self) -> Option<Position> {
        self.first_malformed
    }

    /// Returns how many pages had bytes that are not UTF-8; they were replaced by U+FFFD.
    pub fn replaced(&self) -> u64 {
        self.n_replaced
    }

    /// Returns how many bytes of the file were taken since the start of the range.
    pub fn bytes_read(&self) -> u64 {
        self.tags.window().streams().bytes_read()
    }

    /// Returns what of the file was damaged and passed over.
    pub fn lost(&self) -> Lost {
        self.tags.window().streams().lost()
    }

    /// Returns how many bytes of decompressed text were read.
    pub fn text_bytes_read(&self) -> u64 {
        self.tags.window().streams().position().text
    }

    /// Goes to the next `<page>` that the range owns.
    fn seek(&mut self) -> Result<Option<Tag>, DumpError> {
        let owned =
            |tags: &Tags, tag: &Tag| tags.window().own_end().is_none_or(|end| tag.offset < end);
        if let Some(tag) = self.interrupting.take() {
            return Ok(Some(tag).filter(|tag| owned(&self.tags, tag)));
        }
        loop {
            match self.tags.next(false, true)? {
                Walk::Tag(tag) if !owned(&self.tags, &tag) => return Ok(None),
                Walk::Tag(tag) => match (tag.kind, self.tags.name(&tag)) {
                    (Kind::Open, b"page") => {
                        self.seen_markup = true;
                        return Ok(Some(tag));
                    }
                    (_, b"mediawiki" | b"page") => self.seen_markup = true,
                    _ => {}
                },
                Walk::OwnEnd => return Ok(None),
                Walk::End => {
                    let window = self.tags.window();
                    let streams = window.streams();
                    // An empty range has read nothing, and knows nothing of the file.
                    let whole = streams.start() == 0
                        && window.own_end().is_none()
                        && 0 < streams.bytes_read();
                    return match whole && !self.seen_markup {
                        true => Err(window.error(DumpErrorKind::NotPages)),
                        false => Ok(None),
                    };
                }
            }
        }
    }

    /// Reads from behind a `<page>` to its end.
    fn read(&mut self, page: &mut RawPage, findings: &mut Findings) -> Result<Outcome, DumpError> {
        page.clear();
        let mut place = Place::Page;
        let mut leaf = None;
        // The name of the element whose parts are not wanted, while inside it.
        let mut skipped: Option<&[u8]> = None;
        loop {
            let tag = match self.tags.next(leaf.is_some(), false)? {
                Walk::Tag(tag) => tag,
                Walk::OwnEnd | Walk::End => return Ok(Outcome::CutOff),
            };
            let name = self.tags.name(&tag);
            let opened = leaf.take();
            match (tag.kind, name) {
                (Kind::Close, b"page") => return Ok(self.finish(page, findings)),
                (Kind::Open, b"page") => return Ok(Outcome::Interrupted(tag)),
                (Kind::Close, b"mediawiki") => return Ok(Outcome::Malformed),
                (Kind::Open, b"revision") => {
                    (place, skipped) = (Place::Revision, None);
                    page.clear_revision();
                }
                (Kind::Close, b"revision") => (place, skipped) = (Place::Page, None),
                (Kind::Close, name) if skipped == Some(name) => skipped = None,
                _ if skipped.is_some() => {}
                (Kind::Open, name) if unwanted(name).is_some() => skipped = unwanted(name),
                (Kind::Open | Kind::SelfClosed, name) => {
                    let found = wanted(place, name);
                    if found == Some(Leaf::Redirect) {
                        let title = self.tags.attribute(&tag, b"title").unwrap_or_default();
                        page.redirect = Some(findings.unescaped(title));
                    }
                    leaf = found.filter(|_| tag.kind == Kind::Open);
                }
                (Kind::Close, name) => {
                    if let Some(leaf) = opened.filter(|_| wanted(place, name) == opened) {
                        findings.take(page, leaf, self.tags.content(&tag));
                    }
                }
                (Kind::Other, _) => {}
            }
        }
    }

    fn finish(&self, page: &mut RawPage, findings: &Findings) -> Outcome {
        if findings.is_wrong || !findings.has_id || !findings.has_title {
            return Outcome::Malformed;
        }
        if !findings.has_ns {
            page.ns = self.site.as_ref().map_or(0, |site| site.namespace_of(&page.title));
        }
        Outcome::Whole
    }
}

impl Findings {
    /// Takes the content of an element into the page.
    fn take(&mut self, page: &mut RawPage, leaf: Leaf, content: &[u8]) {
        match leaf {
            Leaf::Title => {
                page.title = self.unescaped(content);
                self.has_title = !page.title.is_empty();
            }
            Leaf::Ns => {
                page.ns = self.number(content).unwrap_or_default();
                self.has_ns = true;
            }
            Leaf::Id => {
                page.id = self.number(content).unwrap_or_default();
                self.has_id = true;
            }
            Leaf::RevisionId => page.revision = self.number(content).unwrap_or_default(),
            Leaf::Timestamp => self.copy(content, &mut page.timestamp),
            Leaf::Model => self.copy(content, &mut page.model),
            Leaf::Format => self.copy(content, &mut page.format),
            Leaf::Text => self.copy(content, &mut page.text_raw),
            // Its title is in the tag.
            Leaf::Redirect => {}
        }
    }

    fn number<N: std::str::FromStr>(&mut self, content: &[u8]) -> Option<N> {
        let number =
            std::str::from_utf8(content.trim_ascii()).ok().and_then(|text| text.parse().ok());
        self.is_wrong |= number.is_none();
        number
    }

    fn copy(&mut self, content: &[u8], text: &mut String) {
        text.clear();
        match simdutf8::basic::from_utf8(content) {
            Ok(content) => text.push_str(content),
            Err(_) => {
                self.is_replaced = true;
                text.push_str(&String::from_utf8_lossy(content));
            }
        }
    }

    fn unescaped(&mut self, content: &[u8]) -> String {
        let (mut escaped, mut text) = (String::new(), String::new());
        self.copy(content, &mut escaped);
        unescape_into(&escaped, &mut text);
        text
    }
}

/// Returns the name of an element whose parts would be taken for the page's own.
fn unwanted(name: &[u8]) -> Option<&'static [u8]> {
    const NAMES: [&[u8]; 4] = [b"contributor", b"content", b"upload", b"discussionthreadinginfo"];
    NAMES.into_iter().find(|unwanted| *unwanted == name)
}

fn wanted(place: Place, name: &[u8]) -> Option<Leaf> {
    Some(match (place, name) {
        (Place::Page, b"title") => Leaf::Title,
        (Place::Page, b"ns") => Leaf::Ns,
        (Place::Page, b"id") => Leaf::Id,
        (Place::Page, b"redirect") => Leaf::Redirect,
        (Place::Revision, b"id") => Leaf::RevisionId,
        (Place::Revision, b"timestamp") => Leaf::Timestamp,
        (Place::Revision, b"model") => Leaf::Model,
        (Place::Revision, b"format") => Leaf::Format,
        (Place::Revision, b"text") => Leaf::Text,
        _ => return None,
    })
}
