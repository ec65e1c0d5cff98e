//! Links: what they show, and where they lead.

use memchr::memchr;

use super::args::Span;
use super::marks::{FOOT, LINK, UNLINK};
use super::names::{normalise_name, normalise_title};
use super::render::Renderer;
use super::site::Prefix;

impl Renderer<'_> {
    /// Writes the link whose brackets enclose `inner`.
    pub(super) fn link(&mut self, inner: Span) {
        let pipe = self.first_pipe(inner);
        let (target, label) = match pipe {
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
        let title = title.trim();
        let (is_shown, title) = match title.strip_prefix(':') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, title),
        };
        let colon = memchr(b':', title.as_bytes());
        let head = colon.and_then(|colon| title.split_at_checked(colon));
        let is_address = head.is_some_and(|(_, rest)| rest.starts_with("://"));
        if is_address && title.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let text = title.split_once(' ').map_or("", |(_, text)| text);
            self.draft.text.push_str(text);
            return;
        }
        let prefix = head.and_then(|(name, _)| self.prefix(name));
        match prefix {
            Some(Prefix::Hidden) if !is_shown => return self.aside(),
            Some(Prefix::Language) if !is_shown => return,
            _ => {}
        }
        let leads_to = match prefix {
            None => normalise_title(title),
            Some(_) => String::new(),
        };
        let is_link = !leads_to.is_empty();
        if is_link {
            self.draft.text.push(LINK);
            self.draft.targets.push(leads_to);
        }
        match label.map(|label| label.trimmed(self.source, self.tokens)) {
            Some(trimmed) if trimmed.is_empty() => self.draft.text.push_str(pipe_trick(title)),
            Some(_) => self.render(label.unwrap_or(inner)),
            None if title.contains('_') => self.draft.text.push_str(&title.replace('_', " ")),
            None => self.draft.text.push_str(title),
        }
        if is_link {
            self.draft.text.push(UNLINK);
        }
    }

    fn prefix(&mut self, name: &str) -> Option<Prefix> {
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
