//! The scan itself: jumps from special byte to special byte and decides what stands there.

use memchr::{memchr, memchr2, memchr3, memmem};

use super::super::tags;
use super::specials::{Set, Specials};
use super::{Kind, NONE, Token, Tokens};

/// Longest entity, in bytes, with `&` and `;`.
const MAX_ENTITY: usize = 12;
/// Longest tag, in bytes; longer ones are text.
const MAX_TAG: usize = 2000;

/// State of the scan.
pub(super) struct Scan<'a> {
    pub(super) source: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) variants: bool,
    pub(super) specials: Specials,
    pub(super) tokens: Tokens,
    /// Indices of openers that wait for a partner.
    pub(super) open: Vec<u32>,
    /// Places in `open` of the templates.
    pub(super) open_templates: Vec<u32>,
    /// Places in `open` of the tables.
    pub(super) open_tables: Vec<u32>,
    /// Nearest `]` or newline found by the last look ahead, and where that look began.
    pub(super) ahead: (usize, usize),
    /// The same for `>`.
    angle_ahead: (usize, usize),
    /// Tags that have no closing tag any more.
    pub(super) closeless: Vec<&'static str>,
    /// Runs of quotes in the current line: index of the token and number of quotes.
    pub(super) quotes: Vec<(u32, u8)>,
    /// Where the colon of a term stands that is defined in the current line, or the end of the page.
    pub(super) definition: usize,
}

/// Returns the special places of a page; `variants` switches `-{…}-` on.
pub(in super::super) fn tokenise(source: &str, variants: bool) -> Tokens {
    let mut scan = Scan {
        source,
        bytes: source.as_bytes(),
        variants,
        specials: Specials::default(),
        tokens: Tokens::default(),
        open: Vec::new(),
        open_templates: Vec::new(),
        open_tables: Vec::new(),
        ahead: (1, 0),
        angle_ahead: (1, 0),
        closeless: Vec::new(),
        quotes: Vec::new(),
        definition: usize::MAX,
    };
    scan.tokens.list.reserve(source.len() / 24);
    scan.run();
    scan.balance_quotes();
    scan.tokens.has_open_table = !scan.open_tables.is_empty();
    scan.tokens
}

impl Scan<'_> {
    fn run(&mut self) {
        let set = if self.variants { Set::Variants } else { Set::Markup };
        self.specials.mark(self.bytes, set);
        let mut at = self.line_start(0);
        while let Some(next) = self.specials.next(at) {
            if self.definition < next {
                self.define();
            }
            at = self.special(next);
        }
        if self.definition < self.bytes.len() {
            self.define();
        }
    }

    /// Returns the byte at an index, or zero behind the end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Returns whether the text goes on with these bytes.
    pub(super) fn starts(&self, at: usize, with: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(with))
    }

    /// Adds a token and returns its index.
    pub(super) fn push(&mut self, kind: Kind, start: usize, end: usize, mate: u32) -> u32 {
        let index = self.tokens.list.len() as u32;
        self.tokens.list.push(Token { pos: start as u32, len: (end - start) as u32, mate, kind });
        index
    }

    /// Adds a token without partner and returns where the scan goes on.
    pub(super) fn plain(&mut self, kind: Kind, start: usize, end: usize) -> usize {
        self.push(kind, start, end, NONE);
        end
    }

    /// Deals with the special byte at `at` and returns where the scan goes on.
    fn special(&mut self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' => {
                self.plain(Kind::Newline, at, at + 1);
                self.end_line();
                self.line_start(at + 1)
            }
            b'<' => self.angle(at),
            b'{' => self.open_brace(at),
            b'}' => self.close_brace(at),
            b'[' => self.open_square(at),
            b']' => self.close_square(at),
            b'|' => self.plain(Kind::Pipe, at, at + 1),
            b'\'' => self.quotes(at),
            b'&' => self.entity(at),
            b'_' => self.switch(at),
            b'-' => self.open_variant(at),
            0xC2 => self.two_byte(at),
            0xE2 => self.three_byte(at),
            _ => self.plain(Kind::Skip, at, at + 1),
        }
    }

    fn entity(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at..(at + MAX_ENTITY).min(self.bytes.len())).unwrap_or_default();
        match rest.iter().position(|&byte| byte == b';') {
            Some(length)
                if 1 < length
                    && rest.get(1..length).is_some_and(|name| {
                        name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'#')
                    }) =>
            {
                self.plain(Kind::Entity, at, at + length + 1)
            }
            _ => at + 1,
        }
    }

    fn two_byte(&mut self, at: usize) -> usize {
        match self.two_byte_kind(at) {
            Some(kind) => self.plain(kind, at, at + 2),
            None => at + 2,
        }
    }

    fn three_byte(&mut self, at: usize) -> usize {
        match self.three_byte_kind(at) {
            Some(kind) => self.plain(kind, at, at + 3),
            None => at + 3,
        }
    }

    /// No-break space, soft hyphen and C1 controls.
    pub(super) fn two_byte_kind(&self, at: usize) -> Option<Kind> {
        match self.byte(at + 1) {
            0xA0 => Some(Kind::Space),
            0xAD | 0x80..=0x9F => Some(Kind::Skip),
            _ => None,
        }
    }

    /// Spaces of every width, direction marks and line separators.
    pub(super) fn three_byte_kind(&self, at: usize) -> Option<Kind> {
        match (self.byte(at + 1), self.byte(at + 2)) {
            (0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF) => Some(Kind::Space),
            (0x80, 0x8E | 0x8F | 0xAA..=0xAE) => Some(Kind::Skip),
            (0x81, 0xA0 | 0xA6..=0xA9) => Some(Kind::Skip),
            _ => None,
        }
    }

    /// Returns where a comment that begins at `at` ends, the end of the page if nothing closes it.
    pub(super) fn comment_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at + 4..).unwrap_or_default();
        memmem::find(rest, b"-->").map_or(self.bytes.len(), |length| at + 4 + length + 3)
    }

    fn angle(&mut self, at: usize) -> usize {
        if self.starts(at, b"<!--") {
            let end = self.comment_end(at);
            return self.plain(Kind::Skip, at, end);
        }
        let is_closing = self.byte(at + 1) == b'/';
        let name_start = at + 1 + usize::from(is_closing);
        let mut name = [0; tags::MAX_NAME];
        let mut length = 0;
        for slot in &mut name {
            let byte = self.byte(name_start + length);
            if !byte.is_ascii_alphanumeric() {
                break;
            }
            *slot = byte.to_ascii_lowercase();
            length += 1;
        }
        let Some((known, tag)) = tags::classify(name.get(..length).unwrap_or_default()) else {
            return at + 1;
        };
        let after = name_start + length;
        if !matches!(self.byte(after), b'>' | b'/' | b' ' | b'\t' | b'\n') {
            return at + 1;
        }
        let Some(end) = self.tag_end(after, tag.is_opaque()) else {
            return at + 1;
        };
        let is_empty = self.byte(end - 2) == b'/';
        self.tag(known, tag, at, end, is_closing, is_empty)
    }

    /// Returns the byte after the `>` of a tag whose name ends at `from`.
    ///
    /// An extension reads up to the first `>` whatever stands before it; in other tags a `<` that no
    /// quotes enclose shows that this is none.
    fn tag_end(&mut self, from: usize, is_extension: bool) -> Option<usize> {
        if is_extension {
            let end = self.angle_close(from);
            return (end < self.bytes.len().min(from + MAX_TAG)).then_some(end + 1);
        }
        let limit = self.bytes.len().min(from + MAX_TAG);
        let mut at = from;
        loop {
            at += memchr3(b'<', b'>', b'"', self.bytes.get(at..limit)?)?;
            match self.byte(at) {
                b'>' => return Some(at + 1),
                b'<' => return None,
                _ if self.byte(at - 1) == b'=' => {
                    let value = self.bytes.get(at + 1..limit)?;
                    at += memchr(b'"', value).map_or(0, |length| length + 1) + 1;
                }
                _ => at += 1,
            }
        }
    }

    /// Returns the next `>` at or after `at`; looks ahead once for a whole run of questions.
    fn angle_close(&mut self, at: usize) -> usize {
        if !(self.angle_ahead.0 <= at && at <= self.angle_ahead.1) {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let found = memchr(b'>', rest).map_or(self.bytes.len(), |length| at + length);
            self.angle_ahead = (at, found);
        }
        self.angle_ahead.1
    }

    /// Returns the next `]` or newline at or after `at`; looks ahead once for a whole run of questions.
    pub(super) fn square_or_newline(&mut self, at: usize) -> usize {
        if !(self.ahead.0 <= at && at <= self.ahead.1) {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let found = memchr2(b']', b'\n', rest).map_or(self.bytes.len(), |length| at + length);
            self.ahead = (at, found);
        }
        self.ahead.1
    }

    /// Returns the end of the line that holds `at`.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        memchr(b'\n', rest).map_or(self.bytes.len(), |length| at + length)
    }
}
