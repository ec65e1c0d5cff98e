//! Links: what they show, and where they lead.

use memchr::memchr;

use super::args::Span;
use super::marks::{FOOT, LINK, UNLINK};
use super::names::{normalise_name, push_title, trim};
use super::render::Renderer;
use super::site::Prefix;
use super::tokens::{NONE, Token};

/// One link to an article of the same wiki, as it stands in a paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Title it leads to: trimmed, underscores as spaces, without fragment.
    pub target: &'a str,
    /// Index of its paragraph.
    pub paragraph: u32,
    /// First byte of the label in the paragraph.
    pub start: u32,
    /// Byte after the label.
    pub end: u32,
}

/// The links of a page, with their targets in one piece of text: a page may have thousands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    targets: String,
    places: Vec<Place>,
}

/// A link whose target lies in the text of all targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    target: (u32, u32),
    paragraph: u32,
    start: u32,
    end: u32,
}

impl Links {
    /// Returns the links in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = Link<'_>> {
        self.places.iter().map(|place| {
            let (from, to) = place.target;
            Link {
                target: self.targets.get(from as usize..to as usize).unwrap_or_default(),
                paragraph: place.paragraph,
                start: place.start,
                end: place.end,
            }
        })
    }

    /// Returns the number of links.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// The targets that the second pass found, in the order of their marks in the draft.
#[derive(Debug, Default)]
pub(super) struct Targets {
    text: String,
    places: Vec<(u32, u32)>,
}

impl Targets {
    /// Adds the target that a title names; returns whether there is one.
    fn push(&mut self, title: &str) -> bool {
        let start = self.text.len();
        push_title(title, &mut self.text);
        let end = self.text.len();
        if start < end {
            self.places.push((start as u32, end as u32));
        }
        start < end
    }

    /// Returns the links at the given places of paragraphs: number of the target, paragraph, bytes.
    pub(super) fn links(self, found: &[(usize, u32, u32, u32)]) -> Links {
        let place = |&(target, paragraph, start, end): &(usize, u32, u32, u32)| {
            let target = self.places.get(target).copied().unwrap_or_default();
            Place { target, paragraph, start, end }
        };
        Links { places: found.iter().map(place).collect(), targets: self.text }
    }
}

/// What a link shows.
enum Shown<'a> {
    /// The title that it leads to.
    Title,
    /// Nothing behind the pipe: the title without what tells it apart.
    PipeTrick,
    /// A label with markup.
    Label(Span),
    /// A label of characters.
    Text(&'a str),
}

impl Renderer<'_> {
    /// Writes the link whose brackets enclose `inner`.
    pub(super) fn link(&mut self, inner: Span) {
        let (target, label) = match self.first_pipe(inner) {
            Some(pipe) => {
                let (target, label) = self.split_at(inner, pipe);
                (target, Some(label))
            }
            None => (inner, None),
        };
        let Some(title) = self.flat(target) else {
            // The target comes from a template: only the text can be had.
            self.render(label.unwrap_or(target));
            return;
        };
        let shown = match label {
            None => Shown::Title,
            Some(label) if label.trimmed(self.source, self.tokens).is_empty() => Shown::PipeTrick,
            Some(label) => Shown::Label(label),
        };
        self.link_to(&title, shown, inner.end + 2);
    }

    /// Writes a link of characters.
    pub(super) fn plain_link(&mut self, token: Token) {
        let pipe = if token.mate == NONE { token.len as usize - 2 } else { token.mate as usize };
        let title = self.source.get(token.start() + 2..token.start() + pipe).unwrap_or_default();
        let label = self.source.get(token.start() + pipe + 1..token.end() - 2).unwrap_or_default();
        let shown = match token.mate {
            NONE => Shown::Title,
            _ if trim(label).is_empty() => Shown::PipeTrick,
            _ => Shown::Text(label),
        };
        self.link_to(title, shown, token.end());
    }

    /// Writes the link to a title, which ends before `next`.
    fn link_to(&mut self, title: &str, shown: Shown<'_>, next: usize) {
        let parts_words = matches!(shown, Shown::Title)
            && title.ends_with(' ')
            && self.source.as_bytes().get(next).is_some_and(|byte| !b" \n.,;:".contains(byte));
        let title = trim(title);
        let (is_shown, title) = match title.strip_prefix(':') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, title),
        };
        let colon = memchr(b':', title.as_bytes());
        let head = colon.and_then(|colon| title.split_at_checked(colon));
        let is_address = title.starts_with("//")
            || head.is_some_and(|(name, rest)| {
                rest.starts_with("://") && name.bytes().all(|byte| byte.is_ascii_alphabetic())
            });
        if is_address {
            // Double brackets around an external link, with or without a pipe.
            return match shown {
                Shown::Label(label) => self.render(label),
                Shown::Text(label) => self.push_text(label),
                _ => self.push_flat(title.split_once(' ').map_or("", |(_, text)| text)),
            };
        }
        let prefix = head.and_then(|(name, _)| self.prefix(name));
        match prefix {
            Some(Prefix::Hidden) if !is_shown => return self.aside(),
            Some(Prefix::Language) if !is_shown => return,
            _ => {}
        }
        let is_link = prefix.is_none() && self.draft.targets.push(title);
        // `[[:en:Lion]]` or `[[:Category:Lions]]`: the prefix says where, not what.
        let bare = head.and_then(|(_, rest)| rest.strip_prefix(':')).map(trim);
        let title = match (prefix, bare) {
            (Some(Prefix::Hidden | Prefix::Language), Some(bare)) => bare,
            _ => title,
        };
        if is_link {
            self.draft.text.push(LINK);
        }
        match shown {
            Shown::Label(label) => self.render(label),
            Shown::Text(label) => self.push_text(label),
            Shown::PipeTrick => self.push_flat(pipe_trick(title)),
            Shown::Title if memchr(b'_', title.as_bytes()).is_some() => {
                self.push_flat(&title.replace('_', " "));
            }
            Shown::Title => self.push_flat(title),
        }
        if is_link {
            self.draft.text.push(UNLINK);
        }
        if parts_words {
            self.push_fact(" ");
        }
    }

    /// Returns what the part of a target before a colon says.
    pub(super) fn prefix(&mut self, name: &str) -> Option<Prefix> {
        normalise_name(name, &mut self.name);
        self.site.prefix(&self.name)
    }

    /// Writes the label of the external link that ends before `next`.
    pub(super) fn external(&mut self, label: Span, next: usize) {
        match label.trimmed(self.source, self.tokens).is_empty() {
            true => self.seam(FOOT, next),
            false => self.render(label),
        }
    }
}

/// Returns what `[[title|]]` shows: the title without namespace and without what tells it apart.
fn pipe_trick(title: &str) -> &str {
    let title = title.split_once(':').map_or(title, |(_, rest)| rest);
    for (open, close) in [(" (", ')'), ("（", '）'), ("(", ')')] {
        if let Some(cut) = title.strip_suffix(close).and_then(|head| head.rfind(open)) {
            return title.get(..cut).unwrap_or(title);
        }
    }
    title.split([',', '，', '、']).next().unwrap_or(title)
}
