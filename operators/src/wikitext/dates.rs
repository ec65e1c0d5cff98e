//! Dates: a year, a month and a day as the language of the wiki writes them.

use super::args::Args;
use super::facts;
use super::marks::FOOT;
use super::render::Renderer;

/// How a language writes dates.
#[derive(Clone, Copy, Debug)]
pub(super) struct DateStyle {
    /// A pattern of `{y}`, `{m}` and `{d}`, or `{b}` for the Buddhist year, with `[…]` around what goes with a part that is unknown.
    pattern: &'static str,
    /// The twelve months, parted by commas.
    months: &'static str,
}

/// The order of the arguments of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Numbers of the arguments with year, month and day.
    parts: [usize; 3],
}

impl Order {
    /// Returns the order that a table names: `ymd`, `mdy` or `dmy` and the number of the first argument.
    pub(super) fn parse(text: &str) -> Option<Order> {
        let (letters, first) = text.split_once(' ')?;
        let first: usize = first.parse().ok()?;
        let place = |letter: char| Some(first + letters.find(letter)?);
        Some(Order { parts: [place('y')?, place('m')?, place('d')?] })
    }
}

impl DateStyle {
    /// Returns the style of a language, that of English where the table has none.
    pub(super) fn of(lang: &str) -> DateStyle {
        let find = |lang: &str| facts::dates().find(|(known, ..)| *known == lang);
        let (_, pattern, months) = find(lang).or_else(|| find("en")).unwrap_or_default();
        DateStyle { pattern, months }
    }

    /// Returns the date in words; a month that is no number is taken as it is.
    fn write(&self, year: &str, month: &str, day: &str) -> String {
        let number = month.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let month = match number {
            Some(number) => self.months.split(',').nth(number).unwrap_or_default(),
            None => month,
        };
        let day = if month.is_empty() { "" } else { day.trim_start_matches('0') };
        // Authors give either year; the Buddhist one is 543 years ahead.
        let buddhist = match year.parse::<u32>() {
            Ok(number) if number < 2300 => (number + 543).to_string(),
            _ => year.to_owned(),
        };
        let mut out = String::new();
        for (index, part) in self.pattern.split(['[', ']']).enumerate() {
            let key = part.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
            let Some((key, _)) = key else {
                out.push_str(part);
                continue;
            };
            let value = match key {
                "y" => year,
                "b" => buddhist.as_str(),
                "m" => month,
                _ => day,
            };
            let is_optional = index % 2 == 1;
            if !(is_optional && value.is_empty()) {
                out.push_str(&part.replace(&format!("{{{key}}}"), value));
            }
        }
        out
    }
}

impl Renderer<'_> {
    /// Writes the date that the arguments of a template give; without a year, its first argument.
    pub(super) fn date(&mut self, order: Order, args: &Args<'_>, next: usize) {
        let names = [["year", "año", "ano"], ["month", "mes", "mês"], ["day", "día", "dia"]];
        let part = |place: usize| {
            let named = names.get(place)?.iter().find_map(|name| args.named(name));
            let span = named.or_else(|| args.positional(*order.parts.get(place)?))?;
            self.flat(span).map(|text| text.trim().to_owned())
        };
        let [year, month, day] = [0, 1, 2].map(|place| part(place).unwrap_or_default());
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_date = !year.is_empty() && is_number(&year) && is_number(&day) && day.len() <= 2;
        match is_date {
            true => {
                let text = self.site.dates().write(&year, &month, &day);
                self.push_flat(&text);
            }
            // Many of these templates take a date that is already written out.
            false => match args.positional(1) {
                Some(span) => self.render(span),
                None => self.seam(FOOT, next),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_writes_its_dates() {
        for (lang, full, month, year) in [
            ("en", "March 5, 1950", "March 1950", "1950"),
            ("ar", "5 مارس 1950", "مارس 1950", "1950"),
            ("es", "5 de marzo de 1950", "marzo de 1950", "1950"),
            ("ja", "1950年3月5日", "1950年3月", "1950年"),
            ("ko", "1950년 3월 5일", "1950년 3월", "1950년"),
            ("pt", "5 de março de 1950", "março de 1950", "1950"),
            ("th", "5 มีนาคม พ.ศ. 2493", "มีนาคม พ.ศ. 2493", "พ.ศ. 2493"),
            ("vi", "5 tháng 3 năm 1950", "tháng 3 năm 1950", "1950"),
            ("zh", "1950年3月5日", "1950年3月", "1950年"),
            ("xx", "March 5, 1950", "March 1950", "1950"),
        ] {
            let style = DateStyle::of(lang);
            assert_eq!(style.write("1950", "3", "05"), full);
            assert_eq!(style.write("1950", "03", ""), month);
            assert_eq!(style.write("1950", "", "5"), year);
        }
    }
}
