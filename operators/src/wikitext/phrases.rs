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
        if let (Some(language), false) = (language, is_bare) {
            self.push_fact(&pattern.replace("{}", language));
        }
        self.render(word);
        if let Some(span) = args.positional(first + 1) {
            self.draft.text.push_str(", ");
            self.render(span);
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
}
