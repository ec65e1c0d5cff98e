//! The arguments of one template, found without looking into nested brackets.

use memchr::memchr;

use super::names::trim;
use super::tokens::{Kind, Token};

/// A stretch of the page: bytes, and the tokens in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
    /// First token.
    pub(super) first: usize,
    /// Token after the last.
    pub(super) last: usize,
}

/// One argument.
struct Arg<'a> {
    name: Option<&'a str>,
    value: Span,
}

/// The arguments of a template.
#[derive(Default)]
pub(super) struct Args<'a> {
    list: Vec<Arg<'a>>,
}

impl<'a> Args<'a> {
    /// Returns the arguments in a span that begins behind the first pipe of a template.
    pub(super) fn new(source: &'a str, tokens: &[Token], span: Span) -> Args<'a> {
        let mut list = Vec::new();
        let mut from = span;
        let mut index = span.first;
        // The first nested token of an argument: an equals sign behind it names nothing.
        let mut nested = None;
        while index <= span.last {
            let token = if index == span.last { None } else { tokens.get(index) };
            let (ends, after) = match token {
                None => (true, index + 1),
                Some(token) if matches!(token.kind, Kind::Pipe | Kind::LinePipe) => {
                    (true, index + 1)
                }
                Some(token) => {
                    if !matches!(token.kind, Kind::Newline | Kind::Entity | Kind::Space) {
                        nested = nested.or(Some(token.start()));
                    }
                    (false, token.closer().map_or(index, |closer| closer.max(index)) + 1)
                }
            };
            if ends {
                let end = token.map_or(span.end, Token::start);
                let value = Span { start: from.start, end, first: from.first, last: index };
                list.push(Arg::new(source, tokens, value, nested));
                from.start = token.map_or(span.end, Token::end);
                from.first = after;
                nested = None;
            }
            index = after;
        }
        Args { list }
    }

    /// Returns the last filled argument of a name.
    pub(super) fn named(&self, name: &str) -> Option<Span> {
        let is_named = |arg: &&Arg<'_>| arg.name == Some(name) && !arg.value.is_empty();
        self.list.iter().rev().find(is_named).map(|arg| arg.value)
    }

    /// Returns the positional argument of a number, counted from one, unless it is blank.
    pub(super) fn positional(&self, number: usize) -> Option<Span> {
        let digit = number.to_string();
        let mut unnamed = self.list.iter().filter(|arg| arg.name.is_none());
        let place = unnamed.nth(number.checked_sub(1)?).map(|arg| arg.value);
        self.named(&digit).or(place.filter(|value| !value.is_empty()))
    }

    /// Returns an argument by name or number.
    pub(super) fn get(&self, key: &str) -> Option<Span> {
        match key.parse() {
            Ok(number) => self.positional(number),
            Err(_) => self.named(key),
        }
    }

    /// Returns the names of the arguments that have one.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.list.iter().filter_map(|arg| arg.name)
    }

    /// Returns every filled positional argument.
    pub(super) fn all_positional(&self) -> impl Iterator<Item = Span> {
        self.list
            .iter()
            .filter(|arg| arg.name.is_none() && !arg.value.is_empty())
            .map(|arg| arg.value)
    }
}

impl<'a> Arg<'a> {
    fn new(source: &'a str, tokens: &[Token], span: Span, nested: Option<usize>) -> Arg<'a> {
        let head = source.get(span.start..nested.unwrap_or(span.end)).unwrap_or_default();
        let Some(equals) = memchr(b'=', head.as_bytes()) else {
            return Arg { name: None, value: span.trimmed(source, tokens) };
        };
        let name = head.get(..equals).unwrap_or_default().trim();
        let value = Span { start: span.start + equals + 1, ..span };
        Arg { name: Some(name), value: value.trimmed(source, tokens) }
    }
}

impl Span {
    /// Returns whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Returns the span without white space at its ends.
    pub(super) fn trimmed(self, source: &str, tokens: &[Token]) -> Span {
        let text = source.get(self.start..self.end).unwrap_or_default();
        if trim(text).len() == text.len() {
            return self;
        }
        let start = self.end - text.trim_start().len();
        let end = start + text.trim().len();
        let Span { mut first, mut last, .. } = self;
        while first < last && tokens.get(first).is_some_and(|token| token.start() < start) {
            first += 1;
        }
        while first < last && tokens.get(last - 1).is_some_and(|token| end <= token.start()) {
            last -= 1;
        }
        Span { start, end, first, last }
    }
}
