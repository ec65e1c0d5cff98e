//! Where to cut a paragraph that no segment can hold.

use super::Oversize;

/// Returns how many more ids of `text` to take, at most `budget` and at least one, when `skip` are
/// used up already; `ends` says where each id ends in `text`.
///
/// A cut at a sentence or at white space is preferred as long as half of the budget is used.
pub(super) fn cut_point(
    text: &str,
    skip: usize,
    ends: &[usize],
    budget: usize,
    oversize: Oversize,
) -> usize {
    let end_before = |n: usize| ends.get((skip + n).checked_sub(1)?).copied();
    let latest = |good: &dyn Fn(&str, &str) -> bool, least: usize| {
        (least.max(1)..=budget).rev().find(|&n| {
            end_before(n)
                .and_then(|end| text.split_at_checked(end))
                .is_some_and(|(before, after)| good(before, after))
        })
    };
    let sentence = || latest(&ends_sentence, budget / 2);
    let white_space = || {
        latest(
            &|before, after| {
                after.starts_with(char::is_whitespace) || before.ends_with(char::is_whitespace)
            },
            budget / 2,
        )
    };
    // A character may take several tokens that share its end: cut where a new one begins.
    let character = || {
        (1..=budget).rev().find(|&n| {
            let (this, next) = (end_before(n), end_before(n + 1));
            this != next && this.is_some_and(|end| text.is_char_boundary(end))
        })
    };
    let found = match oversize {
        Oversize::Token => None,
        Oversize::Sentence | Oversize::Truncate | Oversize::Drop => sentence().or_else(white_space),
    };
    found.or_else(character).unwrap_or(budget).max(1)
}

/// Says whether a sentence ends between two parts of a text.
fn ends_sentence(before: &str, after: &str) -> bool {
    let closed = before.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '」', '』', '）']);
    if closed.ends_with(['。', '！', '？', '｡', '\n']) {
        return true;
    }
    let stop = closed.trim_end().ends_with(['.', '!', '?', '…', '؟', '۔', '।', '。']);
    stop && (after.starts_with(char::is_whitespace) || before.ends_with(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_after_its_stop_and_before_a_space() {
        assert!(ends_sentence("It is so.", " Then"));
        assert!(ends_sentence("“It is so.”", " Then"));
        assert!(ends_sentence("そうだ。", "次"));
        assert!(ends_sentence("هل هو؟", " نعم"));
        assert!(!ends_sentence("3.", "5 km"));
        assert!(!ends_sentence("It is", " so"));
    }
}
