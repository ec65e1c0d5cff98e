//! Words in other scripts and languages, with their readings and names, and fractions.

use super::args::Args;
use super::marks::FOOT;
use super::render::Renderer;

impl Renderer<'_> {
    /// Writes the name of a language and a word of it, with its transliteration if there is one.
    pub(super) fn label(&mut self, pattern: &str, args: &Args<'_>, next: usize) {
        // `{{lang-de|Meer}}` or `{{langx|de|Meer}}`.
        let in_name = self.name.strip_prefix("lang-").map(str::to_owned);
        let first = if in_name.is_some() { 1 } else { 2 };
        let code = in_name.or_else(|| Some(self.flat(args.positional(1)?)?.trim().to_owned()));
        let Some(word) = args.positional(first).or_else(|| args.named("text")) else {
            return self.seam(FOOT, next);
        };
        let is_bare = ["label", "links"].iter().any(|name| {
            let value = args.named(name).and_then(|span| self.flat(span));
            value.is_some_and(|value| value == "none")
        });
        let language = code.and_then(|code| self.site.language_name(&code));
        let pattern = if is_bare { pattern.trim_start_matches('(') } else { pattern };
        let named = |names: &[&str]| names.iter().find_map(|name| args.named(name));
        let read = args.positional(first + 1).or_else(|| named(&["translit", "tr", "r", "rr"]));
        let lit = args.positional(first + 2).or_else(|| named(&["lit", "translation", "t"]));
        // What stands before the word, before the transliteration and around the meaning.
        let mut parts = pattern.trim_start_matches('(').split('|');
        let mut part = |default| parts.next().unwrap_or(default);
        let (head, reading, meaning) = (part(""), part(",␣"), part(""));
        let head = language.filter(|_| !is_bare).map(|language| head.replace("{}", language));
        let write = |this: &mut Self| {
            this.push_fact(&head.unwrap_or_default());
            this.render(word);
            if let Some(span) = read {
                this.push_fact(reading);
                this.render(span);
            }
            if let (Some(span), Some((before, behind))) = (lit, meaning.split_once('…')) {
                this.push_fact(before);
                this.render(span);
                this.push_fact(behind);
            }
        };
        match pattern.starts_with('(') {
            true => self.in_brackets(write),
            false => write(self),
        }
    }

    /// Writes a word and, in brackets, its Japanese writing and its readings.
    pub(super) fn nihongo(&mut self, args: &Args<'_>, next: usize) {
        let head = args.positional(1);
        let mut rest = (2..=4).filter_map(|number| args.positional(number)).peekable();
        if head.is_none() && rest.peek().is_none() {
            return self.seam(FOOT, next);
        }
        if let Some(span) = head {
            self.render(span);
        }
        let has_brackets = head.is_some() && rest.peek().is_some();
        if has_brackets {
            self.draft.text.push_str(" (");
        }
        while let Some(span) = rest.next() {
            self.render(span);
            if rest.peek().is_some() {
                self.draft.text.push_str(", ");
            }
        }
        if has_brackets {
            self.draft.text.push(')');
        }
    }

    /// Writes a fraction, perhaps with a whole number before it.
    pub(super) fn fraction(&mut self, args: &Args<'_>, next: usize) {
        let (whole, over, under) =
            match (args.positional(1), args.positional(2), args.positional(3)) {
                (Some(whole), Some(over), Some(under)) => (Some(whole), Some(over), under),
                (Some(over), Some(under), _) => (None, Some(over), under),
                (Some(under), ..) => (None, None, under),
                _ => return self.seam(FOOT, next),
            };
        if let Some(span) = whole {
            self.render(span);
            self.draft.text.push(' ');
        }
        match over {
            Some(span) => self.render(span),
            None => self.draft.text.push('1'),
        }
        self.draft.text.push('/');
        self.render(under);
    }

    /// Writes labelled writings, `labels` being `key:label` separated by `;`; a key is a name or a number.
    pub(super) fn writings(&mut self, labels: &str, args: &Args<'_>, next: usize) {
        let has_labels =
            args.named("labels").and_then(|span| self.flat(span)).is_none_or(|v| v != "no");
        let mut is_first = true;
        for (key, label) in labels.split(';').filter_map(|entry| entry.split_once(':')) {
            let Some(span) = args.get(key) else {
                continue;
            };
            if !is_first {
                self.draft.text.push_str("; ");
            }
            is_first = false;
            if has_labels {
                self.push_fact(label);
                self.draft.text.push_str(": ");
            }
            self.render(span);
        }
        if is_first {
            self.argument(args.positional(1), next);
        }
    }

    /// Writes a century: `{{siglo|XIX||s}}` is "siglo XIX", `{{siglo|I|a}}` "I a. C.".
    pub(super) fn siglo(&mut self, args: &Args<'_>, next: usize) {
        let Some(numeral) = args.positional(1) else {
            return self.seam(FOOT, next);
        };
        let letter = |number| args.positional(number).and_then(|span| self.flat(span));
        let word = match letter(3).as_deref() {
            Some("s") => "siglo ",
            Some("S") => "Siglo ",
            _ => "",
        };
        let era = match letter(2).as_deref() {
            Some("a") => " a. C.",
            Some("d") => " d. C.",
            _ => "",
        };
        self.draft.text.push_str(word);
        self.render(numeral);
        self.draft.text.push_str(era);
    }

    /// Writes the authors and the year of a work that is named in a sentence.
    pub(super) fn harvard(&mut self, args: &Args<'_>, next: usize) {
        let spans: Vec<_> = args.all_positional().collect();
        let is_year = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let has_year =
            spans.last().and_then(|span| self.flat(*span)).is_some_and(|it| is_year(&it));
        let (year, authors) = match spans.split_last() {
            Some((year, authors)) if has_year => (Some(*year), authors),
            _ => (None, spans.as_slice()),
        };
        let Some((last, others)) = authors.split_last() else {
            return self.seam(FOOT, next);
        };
        for (index, author) in others.iter().enumerate() {
            if 0 < index {
                self.draft.text.push_str(", ");
            }
            self.render(*author);
        }
        if !others.is_empty() {
            self.draft.text.push_str(" & ");
        }
        self.render(*last);
        if let Some(year) = year {
            self.draft.text.push_str(" (");
            self.render(year);
            self.draft.text.push(')');
        }
    }

    /// Writes the label of a sound: often the word that is heard, often only a request to listen.
    pub(super) fn audio(&mut self, args: &Args<'_>, next: usize) {
        let label = args.positional(2);
        let text = label.and_then(|span| self.flat(span)).unwrap_or_default();
        let word = text.trim().trim_matches(['(', ')']).to_lowercase();
        match LISTEN.contains(&word.as_str()) {
            true => self.seam(FOOT, next),
            false => self.argument(label, next),
        }
    }
}

/// Labels of sounds that say nothing of what is heard.
const LISTEN: &[&str] = &[
    "発音",
    "音声",
    "聞く",
    "listen",
    "play",
    "pronunciation",
    "pronounced",
    "help·info",
    "escuchar",
    "escucha",
    "ouvir",
    "ouça",
    "pronúncia",
    "nghe",
    "phát âm",
    "ฟัง",
    "听",
    "聆聽",
    "聆听",
    "发音",
    "發音",
    "듣기",
    "استمع",
];
