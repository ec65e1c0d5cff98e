//! Parts the text of a web page into paragraphs.
//!
//! Extractors write a paragraph as one long line and leave no blank lines, while older texts are
//! wrapped at some 80 letters and have them. So a blank line always parts, and a line end parts
//! unless the sentence plainly goes on.

/// Letters after which the next line is another paragraph, whatever it begins with.
const ENDINGS: [char; 8] = ['.', '!', '?', ':', '…', '"', '”', '»'];

/// Returns the paragraphs of a text: no blank line in any, no white space around lines, none without a letter or digit.
pub fn paragraphs(text: &str) -> Vec<String> {
    let text = unified(text);
    let mut paragraphs = Vec::new();
    let mut open = String::new();
    for line in text.split('\n').map(str::trim) {
        if open.is_empty() || line.is_empty() || !goes_on(&open, line) {
            paragraphs.push(std::mem::take(&mut open));
        } else {
            open.push('\n');
        }
        open.push_str(line);
    }
    paragraphs.push(open);
    paragraphs.retain(|paragraph| paragraph.chars().any(char::is_alphanumeric));
    paragraphs
}

/// Returns the text with one kind of line end, and without control characters.
fn unified(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter_map(|letter| match letter {
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
            '\t' => Some(' '),
            '\u{feff}' => None,
            _ if letter.is_control() => None,
            _ => Some(letter),
        })
        .collect()
}

/// Returns whether a line continues the sentence that is open.
fn goes_on(open: &str, line: &str) -> bool {
    let ended = open.chars().next_back().is_some_and(|letter| ENDINGS.contains(&letter));
    !ended && line.chars().next().is_some_and(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_paragraphs_unless_the_sentence_goes_on() {
        let check = |text: &str, expected: &[&str]| assert_eq!(paragraphs(text), expected);
        check("", &[]);
        check("One long line.\nAnother.", &["One long line.", "Another."]);
        check(
            "It was wrapped\nby hand, twice\nover.\nNew.",
            &["It was wrapped\nby hand, twice\nover.", "New."],
        );
        check("A heading\nThe text.", &["A heading", "The text."]);
        check("One:\nmilk\n\nbread", &["One:", "milk", "bread"]);
        check("***\n\n—\nOne", &["One"]);
        check("หนึ่ง\nสอง", &["หนึ่ง", "สอง"]);
    }

    #[test]
    fn line_ends_of_all_kinds_and_control_characters_are_dealt_with() {
        let text = "\u{feff}One.\r\nTwo\u{0}.\rThree.\u{2028}Four\tfold.\u{c}Five.\u{7f}";
        assert_eq!(paragraphs(text), ["One.", "Two.", "Three.", "Four fold.", "Five."]);
    }
}
