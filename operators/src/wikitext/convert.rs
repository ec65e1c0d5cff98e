//! Values with units and dates: `{{convert}}` without conversion, and `{{as of}}`.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::args::{Args, Span};
use super::facts;
use super::marks::FOOT;
use super::numbers::raised;
use super::render::Renderer;

/// Unit codes and how they are written; some pages have thousands.
static UNITS: OnceLock<FxHashMap<&'static str, &'static str>> = OnceLock::new();

/// Words between the two values of a range, and how they are written.
const RANGES: &[(&str, &str)] = &[
    ("-", "–"),
    ("–", "–"),
    ("&ndash;", "–"),
    ("to", " to "),
    ("and", " and "),
    ("or", " or "),
    ("by", " by "),
    ("x", " × "),
    ("×", " × "),
    ("*", " × "),
    ("+/-", " ± "),
    ("±", " ± "),
    ("to(-)", " to "),
    ("to about", " to about "),
    ("and(-)", " and "),
    (",", ", "),
    ("xx", " × "),
    ("&", " & "),
    ("đến", " đến "),
    ("и", " и "),
];

/// Names of the months in English.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Renderer<'_> {
    /// Writes value and unit as the page gives them.
    pub(super) fn convert(&mut self, args: &Args<'_>, next: usize) {
        let texts: Vec<_> = (1..=6)
            .map(|number| args.positional(number).and_then(|span| self.flat(span)))
            .collect();
        let text = |index: usize| texts.get(index).and_then(Option::as_deref).map(str::trim);
        let Some(value) = text(0) else {
            return match args.positional(1) {
                Some(span) => self.render(span),
                None => self.seam(FOOT, next),
            };
        };
        let mut out = self.quantity(value);
        let mut index = 1;
        while let (Some(word), Some(other)) = (text(index), text(index + 1)) {
            let Some((_, range)) = RANGES.iter().find(|(known, _)| *known == word) else {
                break;
            };
            out.push_str(range);
            out.push_str(&self.quantity(other));
            index += 2;
        }
        if let Some(code) = text(index) {
            push_unit(&mut out, code);
            // Feet and inches: a second value with a unit of its own.
            if let (Some(value), Some(code)) = (text(index + 1), text(index + 2))
                && value.starts_with(|c: char| c.is_ascii_digit())
                && code.starts_with(|c: char| c.is_ascii_alphabetic())
                && matches!(code, "in" | "oz" | "lb" | "ft" | "yd" | "chain" | "min")
            {
                out.push(' ');
                out.push_str(&self.quantity(value));
                push_unit(&mut out, code);
            }
        }
        self.push_flat(&out);
    }

    /// Returns a number of `{{convert}}`, which may have a fraction or an exponent.
    fn quantity(&self, text: &str) -> String {
        if let Some(number) = self.site.numbers().write(text) {
            return number;
        }
        if let Some((value, exponent)) = text.split_once(['e', 'E'])
            && !exponent.is_empty()
            && let (Some(value), Some(exponent)) =
                (self.site.numbers().write(value), raised(exponent))
        {
            return format!("{value}×10{exponent}");
        }
        // `5+1/2` is five and a half; two strokes lay the fraction flat.
        text.replace("//", "/").replace('+', " ")
    }

    /// Writes "as of" and a date.
    pub(super) fn as_of(&mut self, lang: &str, args: &Args<'_>) {
        if let Some(span) = args.named("alt") {
            self.render(span);
            return self.behind_date(args);
        }
        let text = |span: Option<Span>| {
            span.and_then(|span| self.flat(span)).unwrap_or_default().trim().to_owned()
        };
        let [year, month, day] = [1, 2, 3].map(|number| text(args.positional(number)));
        let is_there = |name: &str| args.named(name).is_some();
        let (is_small, is_bare) = (is_there("lc"), is_there("bare"));
        if lang == "vi" {
            let mut out = if is_small { "tính đến" } else { "Tính đến" }.to_owned();
            for (word, value) in [("ngày", &day), ("tháng", &month), ("năm", &year)] {
                if !value.is_empty() {
                    out.push_str(&format!(" {word} {value}"));
                }
            }
            self.push_flat(&out);
            return self.behind_date(args);
        }
        let number = month.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let month =
            number.and_then(|number| MONTHS.get(number)).map_or(month.as_str(), |name| name);
        let word = match (is_there("since"), is_small) {
            (true, true) => "since",
            (true, false) => "Since",
            (false, true) => "as of",
            (false, false) => "As of",
        };
        let word = if is_bare { "" } else { word };
        let before = text(args.named("pre"));
        let is_american = text(args.named("df")).eq_ignore_ascii_case("us") && !day.is_empty();
        let with_comma = format!("{day},");
        let date = match is_american {
            true => [month, &with_comma, &year],
            false => [&day, month, &year],
        };
        let words = [word, before.as_str()].into_iter().chain(date).filter(|it| !it.is_empty());
        let out = words.collect::<Vec<_>>().join(" ");
        self.push_flat(&out);
        self.behind_date(args);
    }

    /// Writes what `{{as of}}` is told to put behind its date.
    fn behind_date(&mut self, args: &Args<'_>) {
        if let Some(span) = args.named("post") {
            self.render(span);
        }
    }
}

/// Adds a unit to a value: a factor such as `e6` becomes a word, a trailing 2 or 3 a raised digit.
fn push_unit(out: &mut String, code: &str) {
    let factors = [("e12", "trillion"), ("e9", "billion"), ("e6", "million"), ("e3", "thousand")];
    let factor = factors.iter().find_map(|(short, word)| Some((code.strip_prefix(short)?, *word)));
    let (code, factor) = match factor {
        Some((rest, word)) => (rest, Some(word)),
        None => (code, None),
    };
    if let Some(word) = factor {
        out.push(' ');
        out.push_str(word);
    }
    if let Some(text) = UNITS.get_or_init(|| facts::units().collect()).get(code) {
        if !text.starts_with('/') && (!text.starts_with('°') || text.len() > 2) {
            out.push(' ');
        }
        out.push_str(text);
        return;
    }
    if !code.starts_with('/') {
        out.push(' ');
    }
    let mut before = ' ';
    for c in code.chars() {
        out.push(match c {
            '2' if before.is_alphabetic() => '²',
            '3' if before.is_alphabetic() => '³',
            c => c,
        });
        before = c;
    }
}
