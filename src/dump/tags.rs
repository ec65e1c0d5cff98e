//! Walks the tags of export XML with a byte scan, which is exact there: MediaWiki escapes every `<`
//! and `>` of a text, and writes neither comments nor CDATA.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::dump::{
    error::{DumpError, DumpErrorKind, Position},
    streams::Streams,
    window::{N_STEP_BYTES, Window},
};

/// No tag is longer; a longer one is text with a stray `<`. In bytes.
const N_TAG_LIMIT_BYTES: usize = 64 << 10;
/// How much of the first text is looked at to tell UTF-16 from UTF-8, in bytes.
const N_SNIFFED_BYTES: usize = 1 << 10;

/// What a tag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `<name …>`
    Open,
    /// `</name>`
    Close,
    /// `<name … />`
    SelfClosed,
    /// `<?…>` or `<!…>`
    Other,
}

/// One tag and the text before it; both stay valid until the walker moves on.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    /// What it does.
    pub(crate) kind: Kind,
    /// The text offset of its `<`.
    pub(crate) offset: u64,
    content: Range<usize>,
    name: Range<usize>,
    attributes: Range<usize>,
    end: usize,
}

/// What [`Tags::next`] came to.
#[derive(Debug)]
pub(crate) enum Walk {
    /// The next tag.
    Tag(Tag),
    /// There is no tag with its `<` in the range's own text any more.
    OwnEnd,
    /// The file has ended.
    End,
}

/// A walker over the tags of one file or range.
pub(crate) struct Tags {
    window: Window,
    // The length of the current tag with the content before it; done by the next call.
    n_current: usize,
    sniffed: bool,
}

impl Tags {
    /// Starts at the streams' first byte.
    pub(crate) fn new(streams: Streams) -> Self {
        Self { window: Window::new(streams, N_STEP_BYTES), n_current: 0, sniffed: false }
    }

    /// Goes to the next tag.
    ///
    /// The content before it is kept whole if `keep`, else dropped on the way. With `stop`, walking
    /// ends with the range's own text; otherwise it goes on into the text behind.
    pub(crate) fn next(&mut self, keep: bool, stop: bool) -> Result<Walk, DumpError> {
        self.window.advance(self.n_current);
        self.n_current = 0;
        let mut n_searched = 0;
        loop {
            let text = self.window.text();
            let rest = text.get(n_searched..).unwrap_or_default();
            let Some(place) = memchr(b'<', rest) else {
                n_searched = text.len();
                if let Some(walk) = self.more(&mut n_searched, keep, stop, None)? {
                    return Ok(walk);
                }
                continue;
            };
            let start = n_searched + place;
            let inside = text.get(start + 1..).unwrap_or_default();
            match memchr2(b'<', b'>', inside) {
                // A second `<` makes the first one a stray.
                Some(n_inside) if inside.get(n_inside) == Some(&b'<') => {
                    n_searched = start + 1 + n_inside;
                }
                Some(n_inside) => {
                    let tag = parse(text, start, start + 1 + n_inside, self.window.offset());
                    self.n_current = tag.end;
                    return Ok(Walk::Tag(tag));
                }
                None if N_TAG_LIMIT_BYTES < inside.len() => n_searched = text.len(),
                None => {
                    n_searched = start;
                    if let Some(walk) = self.more(&mut n_searched, keep, stop, Some(start))? {
                        return Ok(walk);
                    }
                }
            }
        }
    }

    /// Pulls more text, or says why not; `pending` is where a tag has begun without ending.
    fn more(
        &mut self,
        n_searched: &mut usize,
        keep: bool,
        stop: bool,
        pending: Option<usize>,
    ) -> Result<Option<Walk>, DumpError> {
        if !keep {
            self.window.advance(*n_searched);
        }
        let pending = match keep {
            true => pending,
            false => pending.map(|place| place.saturating_sub(std::mem::take(n_searched))),
        };
        if !keep {
            *n_searched = 0;
        }
        let pending = pending.map(|place| self.window.offset() + place as u64);
        let own_end = self.window.own_end();
        if stop && own_end.is_some_and(|end| pending.is_none_or(|offset| end <= offset)) {
            return Ok(Some(Walk::OwnEnd));
        }
        if !self.window.fill("element")? {
            return Ok(Some(Walk::End));
        }
        if !self.sniffed {
            self.sniffed = true;
            let at_start = self.window.streams().start() == 0;
            if is_utf16(self.window.text(), at_start) {
                return Err(self.window.error(DumpErrorKind::Utf16));
            }
        }
        Ok(None)
    }

    /// Returns the tag's name.
    pub(crate) fn name(&self, tag: &Tag) -> &[u8] {
        self.window.text().get(tag.name.clone()).unwrap_or_default()
    }

    /// Returns the text between the tag before and this one; whole only if it was kept.
    pub(crate) fn content(&self, tag: &Tag) -> &[u8] {
        self.window.text().get(tag.content.clone()).unwrap_or_default()
    }

    /// Returns the escaped value of an attribute of the tag.
    pub(crate) fn attribute(&self, tag: &Tag, name: &[u8]) -> Option<&[u8]> {
        attribute(self.window.text().get(tag.attributes.clone())?, name)
    }

    /// Returns the position of the tag's `<`.
    pub(crate) fn position(&self, tag: &Tag) -> Position {
        let n_back = self.window.offset();
        let ahead = usize::try_from(tag.offset.saturating_sub(n_back)).unwrap_or(0);
        self.window.position(ahead)
    }

    /// Returns the window behind the walker.
    pub(crate) fn window(&self) -> &Window {
        &self.window
    }
}

/// Takes a tag apart whose `<` is at `start` and whose `>` is at `close`.
fn parse(text: &[u8], start: usize, close: usize, offset: u64) -> Tag {
    let (mut from, mut to) = (start + 1, close);
    let first = text.get(from).copied();
    let last = to.checked_sub(1).filter(|last| from < *last).and_then(|last| text.get(last));
    let kind = match (first, last) {
        (Some(b'/'), _) => {
            from += 1;
            Kind::Close
        }
        (Some(b'?' | b'!'), _) => Kind::Other,
        (_, Some(b'/')) => {
            to -= 1;
            Kind::SelfClosed
        }
        _ => Kind::Open,
    };
    let inside = text.get(from..to).unwrap_or_default();
    let n_name = inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
    Tag {
        kind,
        offset: offset + start as u64,
        content: 0..start,
        name: from..from + n_name,
        attributes: from + n_name..to,
        end: close + 1,
    }
}

/// Returns the escaped value of an attribute in `inside`, a tag's text behind its name.
fn attribute<'a>(inside: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut rest = inside.trim_ascii();
    loop {
        let equals = memchr(b'=', rest)?;
        let (name, behind) = rest.split_at_checked(equals)?;
        let behind = behind.get(1..)?.trim_ascii_start();
        let (&quote, behind) = behind.split_first()?;
        if quote != b'"' && quote != b'\'' {
            return None;
        }
        let end = memchr(quote, behind)?;
        let (value, behind) = behind.split_at_checked(end)?;
        if name.trim_ascii() == wanted {
            return Some(value);
        }
        rest = behind.get(1..)?.trim_ascii_start();
    }
}

/// Returns whether text that begins like this is UTF-16 or UTF-32; only a file's start has a mark.
fn is_utf16(text: &[u8], at_start: bool) -> bool {
    let head = text.get(..text.len().min(N_SNIFFED_BYTES)).unwrap_or_default();
    let n_nuls = head.iter().filter(|&&byte| byte == 0).count();
    // XML may have no NUL at all, and UTF-16 of Latin markup has one in every two bytes.
    let marked = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    at_start && marked || head.len() < 4 * n_nuls
}

#[cfg(test)]
mod tests {
    use super::{attribute, is_utf16};

    #[test]
    fn attributes_come_in_any_order_and_quotes() {
        for (inside, expected) in [
            (r#" title="ไทย &quot;x&quot;" "#, Some("ไทย &quot;x&quot;")),
            (r#" bytes="3" title='a' xml:space="preserve""#, Some("a")),
            (r#" subtitle="no" title = "yes""#, Some("yes")),
            (r#" x="title=" title="""#, Some("")),
            (r#" x="1""#, None),
            (" title=bare", None),
            (r#" title="open"#, None),
            ("", None),
        ] {
            let found = attribute(inside.as_bytes(), b"title");
            assert_eq!(found, expected.map(str::as_bytes), "{inside}");
        }
    }

    #[test]
    fn utf16_is_told_from_utf8() {
        for (text, expected) in [
            (&b""[..], false),
            (b"<mediawiki>", false),
            (b"\xef\xbb\xbf<mediawiki>", false),
            (b"\xff\xfe<\0m\0", true),
            (b"\0<\0m\0e", true),
        ] {
            assert_eq!(is_utf16(text, true), expected, "{text:?}");
        }
    }
}
