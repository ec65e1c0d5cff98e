//! Choices between Chinese scripts: `-{zh-hans:…;zh-hant:…}-`.

use super::args::Span;
use super::render::Renderer;

/// Scripts from the most to the least wanted.
const WANTED: &[&str] =
    &["zh-hans", "zh-cn", "zh", "zh-hant", "zh-tw", "zh-hk", "zh-sg", "zh-mo", "zh-my"];

impl Renderer<'_> {
    /// Writes the best choice of a variant block; rules for the rest of the page write nothing.
    pub(super) fn variant(&mut self, inner: Span) {
        let body = match self.first_pipe(inner) {
            Some(pipe) => {
                let (flags, body) = self.split_at(inner, pipe);
                let flags = self.source.get(flags.start..flags.end).unwrap_or_default();
                let has = |wanted: &str| flags.split(';').any(|flag| flag.trim() == wanted);
                if ["H", "T", "-", "D", "N"].into_iter().any(has) {
                    return;
                }
                if has("R") {
                    return self.render(body);
                }
                body
            }
            None => inner,
        };
        let choices = self.choices(body);
        let best = choices
            .iter()
            .filter_map(|choice| Some((self.rank(choice)?, *choice)))
            .min_by_key(|(rank, _)| *rank);
        let Some((_, choice)) = best else {
            return self.render(body);
        };
        let text = self.source.get(choice.start..choice.end).unwrap_or_default();
        let colon = text.find(':').map_or(0, |place| place + 1);
        let value = Span { start: choice.start + colon, ..choice };
        self.render(value.trimmed(self.source, self.tokens));
    }

    /// Returns how much a choice is wanted, less being more, or none if it is no choice of a script.
    fn rank(&self, choice: &Span) -> Option<usize> {
        let text = self.source.get(choice.start..choice.end).unwrap_or_default();
        let (code, _) = text.split_once(':')?;
        // A rule in one direction: what is replaced, an arrow, the code.
        let code = code.rsplit("=>").next().unwrap_or(code).trim().to_ascii_lowercase();
        let place = WANTED.iter().position(|wanted| *wanted == code);
        let is_own = || {
            let language = code.split('-').next().unwrap_or_default();
            !code.is_empty() && language == self.site.language() && code.len() <= 12
        };
        place.or_else(|| is_own().then_some(WANTED.len()))
    }

    /// Returns the parts between semicolons that are not inside another pair.
    fn choices(&self, body: Span) -> Vec<Span> {
        let mut choices = Vec::new();
        let mut from = body;
        let mut at = body.start;
        let mut index = body.first;
        loop {
            let token = if index < body.last { self.tokens.get(index) } else { None };
            let gap_end = token.map_or(body.end, |token| token.start());
            let gap = self.source.get(at..gap_end).unwrap_or_default();
            for (place, _) in gap.match_indices(';') {
                choices.push(Span { end: at + place, last: index, ..from });
                from.start = at + place + 1;
                from.first = index;
            }
            let Some(token) = token else { break };
            let closer = token.closer().map_or(index, |closer| closer.max(index));
            at = self.tokens.get(closer).map_or(token.end(), |closing| closing.end());
            index = closer + 1;
        }
        choices.push(from);
        choices
    }
}
