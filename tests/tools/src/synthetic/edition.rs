//! The two editions of a synthetic wiki and their dates.

use crate::error::Error;

/// Which of the two dumps a page is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edition {
    /// The first dump.
    First,
    /// The dump after it, in which this share of the pages is edited.
    Second {
        /// The share of edited pages, 0 to 1.
        edits: f64,
    },
}

/// A day on which Wikimedia starts a dump: the 1st or the 20th of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: u32,
    month: u32,
    is_first: bool,
}

impl Date {
    /// Parses a date such as `20240720`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let number = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok());
        let (year, month) = (number(text.get(..4)), number(text.get(4..6)));
        match (text.len(), year, month, text.get(6..)) {
            (8, Some(year @ 2013..=2099), Some(month @ 1..=12), Some(day @ ("01" | "20"))) => {
                Ok(Date { year, month, is_first: day == "01" })
            }
            _ => Err(Error::Request(format!(
                "`{text}` is not the date of a dump; write year, month and day, which is 01 or 20, e.g. `20240720`"
            ))),
        }
    }

    /// Returns the date of the dump after this one.
    pub fn next(self) -> Self {
        match (self.is_first, self.month) {
            (true, _) => Date { is_first: false, ..self },
            (false, 12) => Date { year: self.year + 1, month: 1, is_first: true },
            (false, _) => Date { month: self.month + 1, is_first: true, ..self },
        }
    }

    /// Returns the date as in file names.
    pub fn compact(self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day())
    }

    /// Returns a time before the year of this dump; `noise` may be any number.
    pub fn time_before(self, noise: u64) -> String {
        let year = u64::from(self.year) - 1 - noise % 8;
        let (month, day) = (1 + noise / 8 % 12, 1 + noise / 96 % 28);
        format!("{year:04}-{month:02}-{day:02}T{}Z", clock(noise / 2688))
    }

    /// Returns a time between this dump and the next; `noise` may be any number.
    pub fn time_after(self, noise: u64) -> String {
        let day = u64::from(self.day()) + 1 + noise % 8;
        format!("{:04}-{:02}-{day:02}T{}Z", self.year, self.month, clock(noise / 8))
    }

    fn day(self) -> u32 {
        if self.is_first { 1 } else { 20 }
    }
}

fn clock(noise: u64) -> String {
    format!("{:02}:{:02}:{:02}", noise % 24, noise / 24 % 60, noise / 1440 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(date: &str, next: &str) {
        assert_eq!(Date::parse(date).unwrap().next().compact(), next);
    }

    #[test]
    fn dumps_come_twice_a_month() {
        check("20240720", "20240801");
        check("20240801", "20240820");
        check("20241220", "20250101");
        assert!(Date::parse("20240715").is_err());
        assert!(Date::parse("2024-720").is_err());
        assert!(Date::parse("20241301").is_err());
    }
}
