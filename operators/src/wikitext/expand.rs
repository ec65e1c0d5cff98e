//! Templates: finds the action of each and writes what it shows.

use std::borrow::Cow;

use memchr::{memchr, memrchr3};

use super::args::{Args, Span};
use super::marks::{BREAK, FOOT, HOLE, is_seam};
use super::names::normalise_name;
use super::numbers::{lowered, raised};
use super::render::Renderer;
use super::template::Action;

/// Prefixes that say nothing about a template, in lower case.
const TRANSPARENT: &[&str] = &[
    "subst",
    "safesubst",
    "msg",
    "template",
    "قالب",
    "plantilla",
    "テンプレート",
    "틀",
    "predefinição",
    "แม่แบบ",
    "bản mẫu",
    "模板",
    "t",
];

/// Parser functions that show the text behind the colon.
const FUNCTIONS: &[&str] = &[
    "formatnum",
    "lc",
    "uc",
    "lcfirst",
    "ucfirst",
    "#formatdate",
    "#dateformat",
    "nocat",
    "noautolink",
];

/// Parser functions that show nothing.
const SILENT: &[&str] = &[
    "defaultsort",
    "defaultsortkey",
    "defaultcategorysort",
    "displaytitle",
    "デフォルトソート",
    "ordenar",
    "#tag",
    "#seo",
    "#coordinates",
    "기본정렬",
    "ترتيب افتراضي",
    "เรียงลำดับ",
    "xếp mặc định",
    "mặc định sắp xếp",
];

/// What a name in double braces stands for.
enum Named {
    Action(Action),
    /// A parser function whose text has been written.
    Function,
    Unknown,
}

/// Returns the first filled argument of several that a pattern names, parted by `/`.
fn alternative(args: &Args<'_>, keys: &str) -> Option<Span> {
    let keys = keys.split_once(':').map_or(keys, |(keys, _)| keys);
    keys.split('/').find_map(|key| args.get(key))
}

/// How far before brackets of a template those of the page are looked for, in bytes.
const NEAR: usize = 200;
/// Longest name of a template, in bytes.
const MAX_NAME: usize = 255;
/// Most prefixes that are taken off a name.
const MAX_PREFIXES: usize = 4;

impl Renderer<'_> {
    /// Writes the template whose braces enclose `inner` and end before `next`.
    pub(super) fn template(&mut self, inner: Span, next: usize) {
        let (name, rest) = match self.first_pipe(inner) {
            Some(pipe) => self.split_at(inner, pipe),
            None => (inner, Span { start: inner.end, first: inner.last, ..inner }),
        };
        let action = match self.action(name) {
            Named::Action(action) => action,
            Named::Function => return,
            Named::Unknown => return self.unknown(name.start, rest, next),
        };
        if let Action::Foot | Action::Block | Action::Drop | Action::Const(_) | Action::Title =
            action
        {
            return self.simple(action, inner.start, next);
        }
        let args = match rest.start {
            start if start < inner.end => Args::new(self.source, self.tokens, rest),
            _ => Args::default(),
        };
        self.expand(action, &args, next);
    }

    /// Returns what a name stands for; the text of a parser function is written at once.
    fn action(&mut self, name: Span) -> Named {
        let Some(text) = self.flat(name) else {
            return Named::Unknown;
        };
        let mut text = text.as_ref();
        // Codes of countries are written in capitals; in small letters they may mean anything.
        if let Some(action) = self.country_template(text.trim()) {
            return Named::Action(action);
        }
        let mut buffer = std::mem::take(&mut self.name);
        let mut n_prefixes = 0;
        let found = loop {
            // No name is longer than a title; a parser function may hold whole paragraphs.
            let name = if MAX_NAME < text.len() { "" } else { text };
            normalise_name(name, &mut buffer);
            if let Some(action) = self.site.actions().find(&buffer) {
                break Some(action);
            }
            n_prefixes += 1;
            let head = text.get(..text.floor_char_boundary(MAX_NAME)).unwrap_or_default();
            let Some((head, _)) =
                head.split_once([':', '：']).filter(|_| n_prefixes < MAX_PREFIXES)
            else {
                break None;
            };
            let tail = text.get(head.len()..).unwrap_or_default();
            let tail = tail.strip_prefix([':', '：']).unwrap_or_default();
            normalise_name(head, &mut buffer);
            let head = buffer.as_str();
            if TRANSPARENT.contains(&head) {
                text = tail;
            } else if FUNCTIONS.contains(&head) {
                let shown = self.function(head, tail.trim());
                self.push_flat(&shown);
                self.name = buffer;
                return Named::Function;
            } else if SILENT.contains(&head) {
                break Some(Action::Foot);
            } else {
                break None;
            }
        };
        self.name = buffer;
        found.map_or(Named::Unknown, Named::Action)
    }

    /// Returns what one of [`FUNCTIONS`] makes of a text.
    fn function<'t>(&self, name: &str, text: &'t str) -> Cow<'t, str> {
        let first_letter = |change: fn(char) -> String| {
            let mut chars = text.chars();
            let first = chars.next().map(change).unwrap_or_default();
            Cow::Owned(first + chars.as_str())
        };
        match name {
            "formatnum" => self.site.numbers().write(text).map_or(Cow::Borrowed(text), Cow::Owned),
            "lc" => Cow::Owned(text.to_lowercase()),
            "uc" => Cow::Owned(text.to_uppercase()),
            "lcfirst" => first_letter(|c| c.to_lowercase().collect()),
            "ucfirst" => first_letter(|c| c.to_uppercase().collect()),
            _ => Cow::Borrowed(text),
        }
    }

    /// Returns the action of a name that is a country's code, alone or, as on some wikis, with a small
    /// letter behind it: `b` for the flag alone, others for a team.
    fn country_template(&self, name: &str) -> Option<Action> {
        if let Some(country) = self.site.country(name) {
            return Some(Action::Const(country));
        }
        let (code, kind) = name.split_at_checked(3)?;
        let country = self.site.country(code)?;
        match kind {
            "b" => Some(Action::Foot),
            "f" | "n" | "v" => Some(Action::Const(country)),
            _ => None,
        }
    }

    /// An unknown template: one of several lines stands beside the text, another one in it.
    fn unknown(&mut self, start: usize, rest: Span, next: usize) {
        if let Some(unknown) = &mut self.unknown {
            unknown.push((start, next));
        }
        let raw = self.source.get(start..next).unwrap_or_default();
        if memchr(b'\n', raw.as_bytes()).is_some() {
            return self.draft.text.push(BREAK);
        }
        let has_args = start < rest.start && rest.start < next;
        let (left, right) = self.has_text_beside(start, next);
        // At the very beginning of a line boxes are likelier than words.
        let bytes = self.source.as_bytes();
        let begins =
            matches!(start.checked_sub(3).map(|at| bytes.get(at)), None | Some(Some(b'\n')));
        if has_args && (left || (right && !begins)) {
            let args = Args::new(self.source, self.tokens, rest);
            if let Some(span) = self.guess(&args) {
                return self.render(span);
            }
        }
        self.draft.text.push(HOLE);
    }

    /// Whether only blanks stand between a template and the one before it.
    fn follows_template(&self, start: usize) -> bool {
        let before = self.source.as_bytes().get(..start.saturating_sub(2)).unwrap_or_default();
        before.iter().rev().find(|byte| **byte != b' ') == Some(&b'}')
    }

    /// Whether text stands before and behind a template in its line; its name begins at `start`.
    fn has_text_beside(&self, start: usize, next: usize) -> (bool, bool) {
        let bytes = self.source.as_bytes();
        let before = bytes.get(..start.saturating_sub(2)).unwrap_or_default();
        let after = bytes.get(next..).unwrap_or_default();
        let is_blank = |byte: &&u8| matches!(byte, b' ' | b'*' | b':' | b'#' | b';');
        let left = before.iter().rev().find(|byte| !is_blank(byte));
        let right = after.iter().find(|byte| !matches!(byte, b' '));
        (!matches!(left, None | Some(b'\n')), !matches!(right, None | Some(b'\n' | b'{')))
    }

    fn simple(&mut self, action: Action, start: usize, next: usize) {
        match action {
            Action::Foot => self.seam(FOOT, next),
            // A box in the middle of a sentence floats beside it.
            Action::Block if self.has_text_beside(start, next) == (true, true) => {
                let raw = self.source.get(start..next).unwrap_or_default();
                let is_line =
                    memchr(b'\n', raw.as_bytes()).is_none() && !self.follows_template(start);
                if is_line { self.seam(FOOT, next) } else { self.draft.text.push(BREAK) }
            }
            Action::Block => self.draft.text.push(BREAK),
            Action::Const(text) => self.push_fact(text),
            Action::Title if !self.title.is_empty() => {
                // Control characters would be taken for marks of the draft.
                self.draft.text.extend(self.title.chars().filter(|c| !c.is_control()));
            }
            _ => self.draft.text.push(HOLE),
        }
    }

    /// Writes text of a table, in which `␣` stands for a space and `⏎` for the end of a line.
    pub(super) fn push_fact(&mut self, text: &str) {
        let is_after_space = self.draft.text.ends_with(' ');
        let text = if is_after_space { text.trim_start_matches(['␣', ' ']) } else { text };
        self.draft.text.extend(text.chars().map(|c| match c {
            '␣' => ' ',
            '⏎' => '\n',
            c => c,
        }));
        if self.draft.text.ends_with(' ') {
            self.after_space = self.draft.text.len();
        }
    }

    fn expand(&mut self, action: Action, args: &Args<'_>, next: usize) {
        match action {
            Action::Arg(number) => self.argument(args.positional(number), next),
            Action::Named(name, number) => {
                self.argument(args.named(name).or_else(|| args.positional(number)), next);
            }
            Action::Ill(number) => {
                let label = args.named("lt").or_else(|| args.named("label"));
                let first = args.positional(1);
                // Some wikis name the language first, then the title there, then what is shown.
                let is_turned = number == 1 && first.is_some_and(|span| self.is_language(span));
                let numbers = if is_turned { [3, 2] } else { [number, number.max(2) - 1] };
                let place = || numbers.iter().find_map(|number| args.positional(*number));
                self.argument(label.or_else(place), next);
            }
            Action::Date(order) => self.date(order, args, next),
            Action::Label(pattern) => self.label(pattern, args, next),
            Action::Last => self.argument(args.all_positional().last(), next),
            Action::Country(number) => {
                let span = args.positional(number);
                let code = span.and_then(|span| self.flat(span));
                match code.and_then(|code| self.site.country_named(code.trim())) {
                    Some(name) => self.draft.text.push_str(name),
                    None => self.argument(span, next),
                }
            }
            Action::Text(pattern) => {
                let inner = pattern.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
                match inner.filter(|text| !text.contains(['(', ')'])) {
                    Some(inner) => self.in_brackets(|this| this.pattern(inner, args, next)),
                    None => self.pattern(pattern, args, next),
                }
            }
            Action::Join(separator) => self.join(separator, args, next),
            Action::Formula => self.formula(args, next),
            Action::Siglo => self.siglo(args, next),
            Action::Harvard => self.harvard(args, next),
            Action::Audio => self.audio(args, next),
            Action::Convert => self.convert(args, next),
            Action::AsOf(lang) => self.as_of(lang, args),
            Action::Nihongo => self.nihongo(args, next),
            Action::Frac => self.fraction(args, next),
            Action::Ship(prefix) => self.ship(prefix, args, next),
            Action::Zh(labels) => self.writings(labels, args, next),
            Action::Quote(number) => {
                let quote = ["text", "quote", "content", "cita", "texto", "引用"];
                let named = quote.iter().find_map(|name| args.named(name));
                self.draft.text.push(BREAK);
                if let Some(span) = named.or_else(|| args.positional(number)) {
                    self.render(span);
                }
                self.draft.text.push(BREAK);
            }
            Action::Disambiguation => {
                self.draft.disambiguation = true;
                self.draft.text.push(BREAK);
            }
            // Done before the arguments were read.
            Action::Foot | Action::Block | Action::Drop | Action::Const(_) | Action::Title => {}
        }
    }

    /// Writes an argument, or a seam if there is none.
    pub(super) fn argument(&mut self, argument: Option<Span>, next: usize) {
        match argument {
            Some(span) => self.render(span),
            None => self.seam(FOOT, next),
        }
    }

    fn join(&mut self, separator: &str, args: &Args<'_>, next: usize) {
        let mut is_first = true;
        for span in args.all_positional() {
            if !is_first {
                self.push_fact(separator);
            }
            is_first = false;
            self.render(span);
        }
        if is_first {
            self.seam(FOOT, next);
        }
    }

    /// Puts what `write` writes in brackets, but never in a second pair within the page's own.
    pub(super) fn in_brackets(&mut self, write: impl FnOnce(&mut Self)) {
        let text = self.draft.text.as_bytes();
        // An opening bracket that is farther away is none of its concern.
        let near = text.get(text.len().saturating_sub(NEAR)..).unwrap_or_default();
        if memrchr3(b'(', b')', b'\n', near).is_some_and(|at| near.get(at) == Some(&b'(')) {
            return write(self);
        }
        self.draft.text.push('(');
        let start = self.draft.text.len();
        write(self);
        let written = self.draft.text.get(start..).unwrap_or_default();
        if written.chars().all(|c| is_seam(c) || c.is_whitespace()) {
            let written = self.draft.text.split_off(start);
            self.draft.text.pop();
            self.draft.text.push_str(&written);
        } else {
            self.draft.text.push(')');
        }
    }

    /// Writes the parts of a formula of chemistry, whose numbers are lowered.
    fn formula(&mut self, args: &Args<'_>, next: usize) {
        let start = self.draft.text.len();
        for span in args.all_positional() {
            match self.flat(span).and_then(|text| lowered(text.trim())) {
                Some(number) if start < self.draft.text.len() => self.draft.text.push_str(&number),
                _ => self.render(span),
            }
        }
        if start == self.draft.text.len() {
            self.seam(FOOT, next);
        }
    }

    /// Writes an argument of a pattern and the text before it; a number in groups, and raised or
    /// lowered behind `^` or `_`.
    ///
    /// In a key such as `1:flat=♭;sharp=♯` stands what is written for some values.
    fn value(&mut self, before: &str, span: Span, key: &str) {
        let text = self.flat(span);
        let text = text.as_deref().map(str::trim);
        let is_number = key.starts_with('#');
        let mut known = key.split([':', ';']).skip(1).filter_map(|entry| entry.split_once('='));
        if let Some((_, shown)) = known.find(|(value, _)| text == Some(*value)) {
            self.push_fact(before);
            return self.push_fact(shown);
        }
        let (special, rest) = match before.char_indices().next_back() {
            Some((place, '^')) => (text.and_then(raised), before.get(..place)),
            Some((place, '_')) => (text.and_then(lowered), before.get(..place)),
            _ if is_number => (text.and_then(|text| self.site.numbers().write(text)), Some(before)),
            _ => (None, None),
        };
        match special {
            Some(special) => {
                self.push_fact(rest.unwrap_or(before));
                self.draft.text.push_str(&special);
            }
            None => {
                self.push_fact(before.strip_suffix('_').unwrap_or(before));
                self.render(span);
            }
        }
    }

    /// Writes a pattern; a part in square brackets goes unless all its arguments are there.
    fn pattern(&mut self, pattern: &str, args: &Args<'_>, next: usize) {
        let mut is_empty = true;
        for (index, part) in pattern.split(['[', ']']).enumerate() {
            let is_optional = index % 2 == 1;
            let mut keys = part.split('{').skip(1).filter_map(|piece| piece.split_once('}'));
            if is_optional && !keys.all(|(key, _)| alternative(args, key).is_some()) {
                continue;
            }
            let mut pieces = part.split('{');
            let mut text = pieces.next().unwrap_or_default();
            for piece in pieces {
                let (key, after) = piece.split_once('}').unwrap_or((piece, ""));
                match alternative(args, key.trim_start_matches('#')) {
                    Some(span) => {
                        is_empty = false;
                        self.value(text, span, key);
                    }
                    None => self.push_fact(text),
                }
                text = after;
            }
            self.push_fact(text);
        }
        if is_empty {
            self.seam(FOOT, next);
        }
    }
}
