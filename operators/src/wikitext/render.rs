//! The second pass: writes the draft, visiting each token at most once.

use std::borrow::Cow;

use memchr::memchr;

use super::args::Span;
use super::links::Targets;
use super::marks::{ASIDE, BREAK, FOOT, HEAD, HOLE, LIST, is_mark_byte};
use super::numbers::{lowered, raised};
use super::site::Prefix;
use super::tokens::{Kind, Token, Tokens};
use super::{Options, Page, Site};
use super::{entities, formula};

/// Deepest nesting of templates, links and tables that is followed; what lies deeper is a hole.
const MAX_DEPTH: usize = 24;
/// Longest name of a namespace, in bytes.
const MAX_PREFIX: usize = 60;

/// The text with its structure as control characters, see `marks`.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) text: String,
    /// Targets of the links in the order of their marks.
    pub(super) targets: Targets,
    pub(super) disambiguation: bool,
}

/// State of the second pass.
pub(super) struct Renderer<'a> {
    pub(super) source: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) site: &'a Site,
    pub(super) options: &'a Options,
    /// Title of the page, empty if it is not known.
    pub(super) title: &'a str,
    pub(super) draft: Draft,
    /// Reused for the normal forms of names.
    pub(super) name: String,
    /// Where the templates that no table knows begin and end, if somebody asks for them.
    pub(super) unknown: Option<Vec<(usize, usize)>>,
    has_open_table: bool,
    depth: usize,
    /// Length of the draft after the last `<br>`: two of them in a row end the paragraph.
    after_line_break: usize,
    /// Length of the draft after a fact that ends with a space: the page often adds its own.
    pub(super) after_space: usize,
}

/// Returns the draft of a page.
pub(super) fn render_page(
    page: Page<'_>,
    tokens: &Tokens,
    site: &Site,
    options: &Options,
) -> Draft {
    let Page { title, wikitext: source } = page;
    let mut renderer = Renderer { title, ..renderer(source, tokens, site, options) };
    renderer.draft.text.reserve(source.len());
    renderer.whole();
    renderer.draft
}

/// Returns where the names of unknown templates begin and where their braces end.
pub(super) fn unknown_templates(
    source: &str,
    tokens: &Tokens,
    site: &Site,
    options: &Options,
) -> Vec<(usize, usize)> {
    let mut renderer = renderer(source, tokens, site, options);
    renderer.unknown = Some(Vec::new());
    renderer.whole();
    renderer.unknown.unwrap_or_default()
}

fn renderer<'a>(
    source: &'a str,
    tokens: &'a Tokens,
    site: &'a Site,
    options: &'a Options,
) -> Renderer<'a> {
    Renderer {
        source,
        tokens: &tokens.list,
        site,
        options,
        title: "",
        draft: Draft::default(),
        name: String::new(),
        unknown: None,
        has_open_table: tokens.has_open_table,
        depth: 0,
        after_line_break: usize::MAX,
        after_space: usize::MAX,
    }
}

impl<'a> Renderer<'a> {
    fn whole(&mut self) {
        let (end, last) = (self.source.len(), self.tokens.len());
        self.render(Span { start: 0, end, first: 0, last });
    }

    /// Writes a span; a nesting deeper than allowed leaves a hole.
    pub(super) fn render(&mut self, span: Span) {
        if MAX_DEPTH < self.depth {
            self.draft.text.push(HOLE);
            return;
        }
        self.depth += 1;
        let mut at = span.start;
        let mut index = span.first;
        while index < span.last {
            let Some(&token) = self.tokens.get(index) else {
                break;
            };
            if at < token.start() {
                self.push_gap(at, token.start());
            }
            let (next, end) = self.token(index, token, span.last);
            index = next.max(index + 1);
            at = at.max(end);
        }
        if at < span.end {
            self.push_gap(at, span.end);
        }
        self.depth -= 1;
    }

    fn push_gap(&mut self, start: usize, end: usize) {
        self.push_text(self.source.get(start..end).unwrap_or_default());
    }

    /// Writes characters of the page.
    pub(super) fn push_text(&mut self, mut text: &str) {
        if self.after_space == self.draft.text.len() {
            text = text.trim_start_matches(' ');
        }
        self.draft.text.push_str(text);
    }

    /// Writes flat text; a bracket at its start must not become a pair with the one before.
    pub(super) fn push_flat(&mut self, text: &str) {
        self.push_text(text.trim_start_matches(['[', ']', '{', '}']));
    }

    /// Writes one token and returns the next token and the next byte.
    fn token(&mut self, index: usize, token: Token, last: usize) -> (usize, usize) {
        if let Some(closer) = token.closer() {
            let end = self.tokens.get(closer).map_or(token.end(), Token::end);
            self.pair(index, token, closer, end);
            return (closer + 1, end);
        }
        match token.kind {
            Kind::Newline => self.draft.text.push('\n'),
            Kind::Link => self.plain_link(token),
            Kind::Disambiguation => self.draft.disambiguation = true,
            Kind::Foot => self.seam(FOOT, token.end()),
            Kind::Hole => self.draft.text.push(HOLE),
            Kind::Break => self.draft.text.push(BREAK),
            Kind::LineBreak => self.line_break(),
            Kind::Item => self.begin_line(LIST),
            Kind::List | Kind::Definition => self.begin_line(LIST),
            Kind::Heading => {
                self.begin_line(HEAD);
                self.draft.text.push(char::from_digit(token.mate, 10).unwrap_or('6'));
            }
            Kind::Space => self.push_fact(" "),
            Kind::Literal => self.push_literal(self.inner(token)),
            Kind::Pre => {
                self.draft.text.push(BREAK);
                let text = self.inner(token);
                // Old pages guard the contents twice.
                match text.contains("<nowiki") {
                    true => {
                        self.push_literal(&text.replace("<nowiki>", "").replace("</nowiki>", ""))
                    }
                    false => self.push_literal(text),
                }
                self.draft.text.push(BREAK);
            }
            Kind::Math => self.math(token),
            Kind::Sup => self.script(token, raised),
            Kind::Sub => self.script(token, lowered),
            Kind::Entity => {
                let text = self.source.get(token.start()..token.end()).unwrap_or_default();
                match entities::decode(text) {
                    Some(c) if entities::is_invisible(c) => {}
                    Some(c) => self.draft.text.push(c),
                    None => self.draft.text.push_str(text),
                }
            }
            Kind::Pipe => self.draft.text.push('|'),
            Kind::LinePipe => return self.rest_of_line(index, last),
            Kind::LineBang if self.has_open_table => return self.rest_of_line(index, last),
            Kind::Lone => self.lone(token),
            // An infobox that is never closed: its other lines begin with pipes.
            Kind::TemplateOpen if self.begins_line(token) => return self.rest_of_line(index, last),
            // A picture that is never closed: its options and caption are no text.
            Kind::LinkOpen | Kind::Skip if self.begins_picture(token) => {
                self.aside();
                return self.rest_of_line(index, last);
            }
            _ => {}
        }
        (index + 1, token.end())
    }

    fn pair(&mut self, index: usize, token: Token, closer: usize, end: usize) {
        let close = self.tokens.get(closer).map_or(end, Token::start);
        let inner = Span { start: token.end(), end: close, first: index + 1, last: closer };
        match token.kind {
            Kind::TemplateOpen => self.template(inner, end),
            Kind::LinkOpen => self.link(inner),
            Kind::ExternalOpen => self.external(inner, end),
            Kind::VariantOpen => self.variant(inner),
            _ => self.draft.text.push(BREAK),
        }
    }

    /// Leaves a mark where something was dropped that ends before `next`; most footnotes need none.
    pub(super) fn seam(&mut self, mark: char, next: usize) {
        if mark == FOOT && self.is_clean_seam(next) {
            return;
        }
        self.draft.text.push(mark);
    }

    /// Returns whether the draft and the text at `next` fit together as they are.
    fn is_clean_seam(&self, next: usize) -> bool {
        let Some(before) = self.draft.text.chars().next_back() else {
            return false;
        };
        let is_solid =
            before.is_alphanumeric() || matches!(before, '.' | '。' | '"' | '”' | '!' | '?');
        if !is_solid && before != ',' {
            return false;
        }
        let rest = self.source.get(next..).unwrap_or_default();
        let after = rest.trim_start_matches(' ').chars().next();
        match after {
            None | Some('\n' | '<') => before != ',',
            Some(c) if rest.starts_with(' ') || before == ',' => {
                !c.is_ascii_punctuation() && c != '。' && c != '、'
            }
            Some(c) => c != before,
        }
    }

    /// Makes sure that a mark of a line stands at its beginning.
    fn begin_line(&mut self, mark: char) {
        if !matches!(self.draft.text.as_bytes().last(), None | Some(b'\n' | 5)) {
            self.draft.text.push('\n');
        }
        self.draft.text.push(mark);
    }

    fn line_break(&mut self) {
        let since = self.draft.text.get(self.after_line_break..);
        let is_second = since.is_some_and(|text| text.chars().all(char::is_whitespace));
        match is_second {
            true => self.draft.text.push(BREAK),
            false => self.draft.text.push(' '),
        }
        self.after_line_break = self.draft.text.len();
    }

    fn begins_line(&self, token: Token) -> bool {
        let before = self.source.as_bytes().get(..token.start()).unwrap_or_default();
        matches!(before.last(), None | Some(b'\n'))
    }

    /// Whether two lone brackets stand before the name of a namespace that shows nothing.
    fn begins_picture(&mut self, token: Token) -> bool {
        let bytes = self.source.as_bytes();
        if bytes.get(token.start()) != Some(&b'[') {
            return false;
        }
        let rest = bytes.get(token.end()..).unwrap_or_default();
        let head = rest.get(..rest.len().min(MAX_PREFIX)).unwrap_or_default();
        let Some(colon) = memchr(b':', head) else {
            return false;
        };
        let name = self.source.get(token.end()..token.end() + colon).unwrap_or_default();
        self.prefix(name) == Some(Prefix::Hidden)
    }

    /// Skips a stray table row up to its newline.
    fn rest_of_line(&mut self, from: usize, last: usize) -> (usize, usize) {
        let mut index = from + 1;
        while index < last {
            let Some(token) = self.tokens.get(index) else {
                break;
            };
            if token.kind == Kind::Newline {
                return (index, token.start());
            }
            index = token.closer().map_or(index, |closer| closer.max(index)) + 1;
        }
        (last, self.tokens.get(last).map_or(self.source.len(), Token::start))
    }

    /// Writes a lone bracket, unless it would form a pair with the one before.
    fn lone(&mut self, token: Token) {
        let text = self.source.get(token.start()..token.end()).unwrap_or_default();
        // The look back is short because a long run of marks would make it quadratic.
        let before = self.draft.text.bytes().rev().take(16).find(|byte| !is_mark_byte(*byte));
        if before != text.bytes().next() {
            self.draft.text.push_str(text);
        }
    }

    /// Returns the text between an opaque tag and its closing tag.
    fn inner(&self, token: Token) -> &'a str {
        let whole = self.source.get(token.start()..token.end()).unwrap_or_default();
        let end = whole.len().saturating_sub(token.mate as usize);
        let start = whole.find('>').map_or(end, |place| place + 1);
        whole.get(start..end).unwrap_or_default()
    }

    /// Writes characters that are no markup; entities still count.
    fn push_literal(&mut self, text: &str) {
        let mut pieces = text.split('&');
        self.push_visible(pieces.next().unwrap_or_default());
        for piece in pieces {
            let head = piece.get(..piece.floor_char_boundary(12)).unwrap_or_default();
            let end = head.find(';').map_or(0, |place| place + 1);
            let reference = format!("&{}", piece.get(..end).unwrap_or_default());
            let rest = match entities::decode(&reference) {
                Some(c) => {
                    if !entities::is_invisible(c) {
                        self.draft.text.push(c);
                    }
                    piece.get(end..).unwrap_or_default()
                }
                None => {
                    self.draft.text.push('&');
                    piece
                }
            };
            self.push_visible(rest);
        }
    }

    fn push_visible(&mut self, text: &str) {
        self.draft.text.extend(text.chars().filter(|c| !entities::is_invisible(*c)));
    }

    fn math(&mut self, token: Token) {
        if !self.options.math {
            return match formula::as_text(self.inner(token)) {
                Some(text) => self.draft.text.push_str(&text),
                None => self.draft.text.push(HOLE),
            };
        }
        let formula = self.inner(token).split_whitespace().collect::<Vec<_>>().join(" ");
        self.draft.text.push('$');
        self.push_visible(&formula);
        self.draft.text.push('$');
    }

    /// Writes raised or lowered digits, as they are if one of them has no special form.
    fn script(&mut self, token: Token, form: fn(&str) -> Option<String>) {
        let text = self.inner(token);
        match form(text) {
            Some(special) => self.draft.text.push_str(&special),
            None => self.push_literal(text),
        }
    }

    /// Returns a span as plain text if nothing in it needs more than characters.
    pub(super) fn flat(&self, span: Span) -> Option<Cow<'a, str>> {
        flat(self.source, self.tokens, span)
    }

    /// Returns the place of the first pipe of a span that is not inside another pair.
    pub(super) fn first_pipe(&self, span: Span) -> Option<usize> {
        first_pipe(self.tokens, span)
    }

    /// Returns the parts of a span before and after the token at `pipe`.
    pub(super) fn split_at(&self, span: Span, pipe: usize) -> (Span, Span) {
        let (start, end) = self
            .tokens
            .get(pipe)
            .map_or((span.end, span.end), |token| (token.start(), token.end()));
        (Span { end: start, last: pipe, ..span }, Span { start: end, first: pipe + 1, ..span })
    }

    /// Leaves the mark of something beside the text.
    pub(super) fn aside(&mut self) {
        self.draft.text.push(ASIDE);
    }
}

/// Returns a span as plain text if nothing in it needs more than characters.
pub(super) fn flat<'a>(source: &'a str, tokens: &[Token], span: Span) -> Option<Cow<'a, str>> {
    if span.first == span.last {
        return source.get(span.start..span.end).map(Cow::Borrowed);
    }
    // Bounded, because a span may hold long nested pairs and ends at the first.
    let mut text = String::with_capacity(span.end.saturating_sub(span.start).min(256));
    let mut at = span.start;
    for token in tokens.get(span.first..span.last)? {
        text.push_str(source.get(at..token.start())?);
        at = token.end();
        let raw = source.get(token.start()..at)?;
        match token.kind {
            Kind::Skip => {}
            Kind::Space | Kind::Newline => text.push(' '),
            Kind::Entity => {
                let c = entities::decode(raw)?;
                if !entities::is_invisible(c) {
                    text.push(c);
                }
            }
            // What stood between two brackets may have vanished; they are no pair.
            Kind::Lone if text.ends_with(raw) => {}
            Kind::Lone | Kind::Sup | Kind::Sub if !raw.contains('<') => text.push_str(raw),
            _ => return None,
        }
    }
    text.push_str(source.get(at..span.end)?);
    Some(Cow::Owned(text))
}

/// Returns the place of the first pipe of a span that is not inside another pair.
pub(super) fn first_pipe(tokens: &[Token], span: Span) -> Option<usize> {
    let mut index = span.first;
    while index < span.last {
        let token = tokens.get(index)?;
        if matches!(token.kind, Kind::Pipe | Kind::LinePipe) {
            return Some(index);
        }
        index = token.closer().map_or(index, |closer| closer.max(index)) + 1;
    }
    None
}
