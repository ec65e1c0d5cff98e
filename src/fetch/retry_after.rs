//! The header `Retry-After`: seconds, or a date that is measured against the server's own clock.

use std::time::Duration;

/// Returns how long a server asks to wait; `now` is its header `Date`.
pub(super) fn parse(text: &str, now: Option<&str>) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|it| it.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let (then, now) = (seconds(text)?, seconds(now?)?);
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// Returns the seconds since the year 0 of a date as `Wed, 21 Oct 2015 07:28:00 GMT`.
fn seconds(date: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = date.trim().split_once(", ")?;
    let mut words = rest.split(' ');
    let day: u64 = words.next()?.parse().ok().filter(|it| (1..=31).contains(it))?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|it| *it == name)? as u64;
    let year: u64 = words.next()?.parse().ok().filter(|it| *it <= 9_999)?;
    let mut time = words.next()?.split(':').map(|it| it.parse::<u64>().ok().filter(|n| *n <= 60));
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // The year begins in March here, so that the day that comes and goes is the last of it.
    let (month, year) =
        if month < 2 { (month + 10, year.checked_sub(1)?) } else { (month - 2, year) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let check = |text, now, expected: Option<u64>| {
            assert_eq!(parse(text, now), expected.map(Duration::from_secs), "{text}");
        };
        check("120", None, Some(120));
        check("Wed, 21 Oct 2015 07:28:00 GMT", Some("Wed, 21 Oct 2015 07:26:30 GMT"), Some(90));
        check("Fri, 01 Mar 2024 00:00:05 GMT", Some("Thu, 29 Feb 2024 23:59:59 GMT"), Some(6));
        check("Wed, 01 Mar 2023 00:00:05 GMT", Some("Tue, 28 Feb 2023 23:59:59 GMT"), Some(6));
        check("Wed, 01 Jan 2025 00:00:00 GMT", Some("Tue, 31 Dec 2024 23:00:00 GMT"), Some(3_600));
        check("Wed, 21 Oct 2015 07:26:00 GMT", Some("Wed, 21 Oct 2015 07:26:30 GMT"), Some(0));
        check("Wed, 21 Oct 2015 07:28:00 GMT", None, None);
        check("soon", Some("Wed, 21 Oct 2015 07:26:30 GMT"), None);
        check("99999999999999999999999", None, None);
    }

    #[test]
    fn seconds_agree_with_the_unix_epoch() {
        let epoch = seconds("Thu, 01 Jan 1970 00:00:00 GMT").unwrap();
        let then = seconds("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(then - epoch, 784_111_777);
    }
}
