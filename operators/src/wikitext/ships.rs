//! Names of ships: prefix, name and, in brackets, the number or year that tells namesakes apart.

use super::args::Args;
use super::marks::FOOT;
use super::render::Renderer;

impl Renderer<'_> {
    /// Writes `USS Enterprise (CV-6)`; without a prefix of the template's own it is the first argument.
    ///
    /// The argument behind the number says what to leave out: 2 shows the name alone, 6 prefix and name.
    pub(super) fn ship(&mut self, prefix: &str, args: &Args<'_>, next: usize) {
        let first = if prefix.is_empty() { 2 } else { 1 };
        let Some(name) = args.positional(first) else {
            return self.seam(FOOT, next);
        };
        let format = args.positional(first + 2).and_then(|span| self.flat(span));
        let format = format.as_deref().map(str::trim).unwrap_or_default().to_owned();
        if format != "2" {
            match args.positional(1).filter(|_| prefix.is_empty()) {
                Some(span) => self.render(span),
                None => self.push_fact(prefix),
            }
            self.push_fact("␣");
        }
        self.render(name);
        if let Some(span) = args.positional(first + 1)
            && format != "2"
            && format != "6"
        {
            self.draft.text.push_str(" (");
            self.render(span);
            self.draft.text.push(')');
        }
    }
}
