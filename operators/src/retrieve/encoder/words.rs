//! Words of a text in any script, in lower case, as hashes: nothing is allocated.
//!
//! A word is a run of letters, digits and the marks on them. Where a script does not part its
//! words (Thai, Lao, Khmer, Burmese, Han, kana), each two neighbouring characters are a word, as
//! in the usual analysers for such scripts.

/// Marks that combine with letters and that `char::is_alphanumeric` does not count: accents, tone
/// marks, viramas, nuktas, points, joiners. Sorted.
const MARKS: &[(char, char)] = &[
    ('\u{300}', '\u{36f}'),
    ('\u{483}', '\u{487}'),
    ('\u{591}', '\u{5bd}'),
    ('\u{5bf}', '\u{5bf}'),
    ('\u{5c1}', '\u{5c2}'),
    ('\u{5c4}', '\u{5c5}'),
    ('\u{5c7}', '\u{5c7}'),
    ('\u{610}', '\u{61a}'),
    ('\u{640}', '\u{640}'),
    ('\u{64b}', '\u{65f}'),
    ('\u{670}', '\u{670}'),
    ('\u{6d6}', '\u{6dc}'),
    ('\u{6df}', '\u{6e8}'),
    ('\u{6ea}', '\u{6ed}'),
    ('\u{93c}', '\u{94d}'),
    ('\u{951}', '\u{954}'),
    ('\u{9bc}', '\u{9bc}'),
    ('\u{9cd}', '\u{9cd}'),
    ('\u{a3c}', '\u{a3c}'),
    ('\u{a4d}', '\u{a4d}'),
    ('\u{abc}', '\u{abc}'),
    ('\u{acd}', '\u{acd}'),
    ('\u{b3c}', '\u{b3c}'),
    ('\u{b4d}', '\u{b4d}'),
    ('\u{bcd}', '\u{bcd}'),
    ('\u{c4d}', '\u{c4d}'),
    ('\u{cbc}', '\u{cbc}'),
    ('\u{ccd}', '\u{ccd}'),
    ('\u{d4d}', '\u{d4d}'),
    ('\u{dca}', '\u{dca}'),
    ('\u{e31}', '\u{e3a}'),
    ('\u{e47}', '\u{e4e}'),
    ('\u{eb1}', '\u{ebc}'),
    ('\u{ec8}', '\u{ece}'),
    ('\u{1037}', '\u{103a}'),
    ('\u{17c6}', '\u{17d3}'),
    ('\u{200c}', '\u{200d}'),
    ('\u{3099}', '\u{309a}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{fe20}', '\u{fe2f}'),
];

/// Scripts that do not part words by spaces. Sorted.
const UNSPACED: &[(char, char)] = &[
    ('\u{e01}', '\u{e4e}'),
    ('\u{e81}', '\u{ece}'),
    ('\u{1000}', '\u{109f}'),
    ('\u{1780}', '\u{17d3}'),
    ('\u{3005}', '\u{3007}'),
    ('\u{3041}', '\u{30ff}'),
    ('\u{31f0}', '\u{31ff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{ff66}', '\u{ff9f}'),
    ('\u{20000}', '\u{3ffff}'),
];

fn lies_in(table: &[(char, char)], c: char) -> bool {
    let after = table.partition_point(|(first, _)| *first <= c);
    after.checked_sub(1).and_then(|at| table.get(at)).is_some_and(|(_, last)| c <= *last)
}

/// Returns whether a character belongs to a word.
pub fn is_word(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric(),
        false => c.is_alphanumeric() || lies_in(MARKS, c),
    }
}

/// Returns whether a character is of a script that does not part its words.
pub fn is_unspaced(c: char) -> bool {
    !c.is_ascii() && lies_in(UNSPACED, c)
}

/// The state of a hash over characters: FNV-1a, whose values are the same for ever and everywhere.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const EMPTY: Hash = Hash(0xcbf2_9ce4_8422_2325);

    fn with(self, c: char) -> Hash {
        let bytes = u32::from(c).to_le_bytes();
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Hash(bytes.into_iter().fold(self.0, step))
    }

    /// Mixes the bits, since a table looks at some of them only.
    fn finish(self) -> u64 {
        let hash = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }
}

/// Returns the hashes of the words of a text, in order.
///
/// ```
/// use crossic_operators::retrieve::encoder::words::words;
/// assert!(words("The ÉLÉPHANT's").eq(words("the éléphant s")));
/// ```
pub fn words(text: &str) -> impl Iterator<Item = u64> {
    let mut rest = text.chars().flat_map(char::to_lowercase).peekable();
    // The character before, when it is of a script without spaces and more of its run may follow.
    let mut before: Option<char> = None;
    std::iter::from_fn(move || {
        loop {
            let c = rest.next()?;
            if !is_word(c) {
                before = None;
                continue;
            }
            if !is_unspaced(c) {
                before = None;
                let mut hash = Hash::EMPTY.with(c);
                while let Some(next) = rest.next_if(|c| is_word(*c) && !is_unspaced(*c)) {
                    hash = hash.with(next);
                }
                return Some(hash.finish());
            }
            let follows = rest.peek().is_some_and(|c| is_word(*c) && is_unspaced(*c));
            match before.replace(c) {
                Some(first) => return Some(Hash::EMPTY.with(first).with(c).finish()),
                None if !follows => return Some(Hash::EMPTY.with(c).finish()),
                None => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The twin: the words as texts.
    fn slow(text: &str) -> Vec<String> {
        let lower: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        let kind = |c: &char| (is_word(*c), is_word(*c) && is_unspaced(*c));
        let mut words = Vec::new();
        for run in lower.chunk_by(|left, right| kind(left) == kind(right)) {
            match kind(&run[0]) {
                (false, _) => {}
                (true, true) if 1 < run.len() => {
                    words.extend(run.windows(2).map(|pair| pair.iter().collect::<String>()));
                }
                _ => words.push(run.iter().collect()),
            }
        }
        words
    }

    fn hash(word: &str) -> u64 {
        word.chars().fold(Hash::EMPTY, Hash::with).finish()
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(slow(text), expected);
        assert_eq!(
            words(text).collect::<Vec<_>>(),
            expected.iter().map(|it| hash(it)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn words_are_found_in_any_script() {
        check("Asian elephant's 3.5 km", &["asian", "elephant", "s", "3", "5", "km"]);
        check("ÉTÉ straße ΣΑΣ", &["été", "straße", "σασ"]);
        check("القطّة، الكبيرة", &["القطّة", "الكبيرة"]);
        check("हिन्दी", &["हिन्दी"]);
        check("한국어 위키", &["한국어", "위키"]);
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        check("ช้าง", &["ช้", "้า", "าง"]);
        check("東京都 A1カ", &["東京", "京都", "a1", "カ"]);
    }

    #[test]
    fn hashes_are_those_of_the_first_release() {
        // Kept vectors would be void if these changed.
        assert_eq!(words("Elephant").collect::<Vec<_>>(), [3_096_838_631_112_857_616]);
    }

    #[test]
    fn tables_are_sorted() {
        for table in [MARKS, UNSPACED] {
            assert!(table.iter().all(|(first, last)| first <= last));
            assert!(table.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    proptest! {
        #[test]
        fn words_are_those_of_the_slow_twin(text in "(.|[a-c กขคง東京都é 'ا]){0,60}") {
            let expected: Vec<u64> = slow(&text).iter().map(|it| hash(it)).collect();
            prop_assert_eq!(words(&text).collect::<Vec<_>>(), expected);
        }
    }
}
