//! What an unknown template in a line of text most likely shows.
//!
//! Most templates that no table knows wrap the words that they are given: a script, a size, a colour, a
//! link into another wiki. With a single argument, or with a language code beside it, the words are
//! plain to see; anything else stays a hole.

use super::args::{Args, Span};
use super::render::Renderer;
use super::site::Prefix;

/// Named arguments that say something about the template and nothing about what it shows.
const SILENT: &[&str] = &[
    "date",
    "日付",
    "fecha",
    "data",
    "วันที่",
    "ngày",
    "날짜",
    "تاريخ",
    "time",
    "nocat",
    "cat",
    "size",
    "style",
    "class",
    "color",
];

/// Longest argument without markup that is taken for words, in bytes.
const MAX_WORDS: usize = 600;

impl Renderer<'_> {
    /// Returns the argument that an unknown template shows, or none if that is anybody's guess.
    pub(super) fn guess(&mut self, args: &Args<'_>) -> Option<Span> {
        if args.names().any(|name| !SILENT.contains(&name)) {
            return None;
        }
        let mut places = args.all_positional();
        let (first, second, third, more) =
            (places.next()?, places.next(), places.next(), places.next());
        let span = match (second, third) {
            (None, _) if self.is_language(first) => return None,
            (None, _) => first,
            (Some(second), None) if self.is_language(first) => second,
            (Some(_), Some(third)) if more.is_none() && self.is_language(first) => third,
            (Some(second), _) if self.is_language(second) => first,
            _ => return None,
        };
        (self.is_words(span) && !self.is_note(span)).then_some(span)
    }

    /// Whether a whole sentence stands right behind a stop: nothing parts the two but a footnote mark.
    fn is_note(&self, span: Span) -> bool {
        let is_stop = |c: char| matches!(c, '.' | '。' | '!' | '?' | '！' | '？' | '؟');
        let text = self.source.get(span.start..span.end).unwrap_or_default();
        text.trim_end().ends_with(is_stop) && self.draft.text.ends_with(is_stop)
    }

    /// Whether an argument is the code of a language.
    pub(super) fn is_language(&mut self, span: Span) -> bool {
        let Some(code) = self.flat(span) else {
            return false;
        };
        code.len() <= 12
            && (self.site.is_language(&code) || self.prefix(&code) == Some(Prefix::Language))
    }

    /// Whether an argument holds letters and is no number, name of a file or address.
    fn is_words(&self, span: Span) -> bool {
        let Some(text) = self.flat(span) else {
            return true;
        };
        let is_code = !text.contains(' ')
            && text.is_ascii()
            && text.bytes().any(|byte| byte.is_ascii_digit() || b"/_.@=".contains(&byte));
        text.len() <= MAX_WORDS
            && text.chars().any(char::is_alphabetic)
            && !text.contains("://")
            && !is_code
    }
}
