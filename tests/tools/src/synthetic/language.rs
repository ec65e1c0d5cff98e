//! The languages of synthetic wikis: a seeded lexicon of pseudo-words, and the local names of
//! things.

use crate::{
    dump::site::{Clothes, Namespace, Site},
    random::Random,
    samples::siteinfo,
};

// A power of two, because the ranks of `Random::rank` come in octaves.
const N_WORDS: u64 = 32_768;

/// The number of syllables that close a title and make it unique.
const N_TITLE_SYLLABLES: u32 = 4;
const N_SYLLABLES: u64 = 80;

/// How many different titles a language has.
pub const N_TITLES: u64 = N_SYLLABLES.pow(N_TITLE_SYLLABLES);

/// How the words of a language look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Letters with spaces between the words.
    Latin,
    /// Thai letters; spaces stand between phrases only.
    Thai,
}

/// The local names of things in wikitext.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// The File namespace.
    pub file: &'static str,
    /// The Category namespace.
    pub category: &'static str,
    /// The heading over the references.
    pub references: &'static str,
    /// The template that shows the references.
    pub reflist: &'static str,
    /// The template at the top of an article.
    pub infobox: &'static str,
    /// The word that makes a page a redirect.
    pub redirect: &'static str,
}

/// A language with its words.
#[derive(Debug)]
pub struct Language {
    /// The language code.
    pub code: String,
    /// How the words look.
    pub script: Script,
    /// The local names of things.
    pub names: Names,
    words: Vec<String>,
}

impl Language {
    /// Makes the words of a language.
    pub fn new(code: &str, seed: u64) -> Self {
        let script = if code == "th" { Script::Thai } else { Script::Latin };
        let words = (0..N_WORDS)
            .map(|rank| word(script, &mut Random::new(seed, code, rank), rank))
            .collect();
        Language { code: code.to_string(), script, names: names(code), words }
    }

    /// Returns a word; frequent words come up often.
    pub fn word(&self, random: &mut Random) -> &str {
        let rank = random.rank(self.words.len() as u64);
        self.words.get(rank as usize).map_or("", String::as_str)
    }

    /// Returns a word of one number below [`N_TITLES`]; different numbers have different words of
    /// the same length.
    pub fn numbered_word(&self, number: u64) -> String {
        let mut rest = number;
        let mut text = String::new();
        for _ in 0..N_TITLE_SYLLABLES {
            push_open_syllable(&mut text, self.script, rest % N_SYLLABLES);
            rest /= N_SYLLABLES;
        }
        text
    }

    /// Returns what the wiki of this language says about itself.
    pub fn site(&self) -> Site {
        let namespaces = namespace_names(&self.code)
            .into_iter()
            .map(|(key, name)| Namespace { key, name: name.to_string(), aliases: Vec::new() })
            .collect();
        Site {
            wiki: format!("{}wiki", self.code.replace('-', "_")),
            lang: self.code.clone(),
            sitename: "Wikipedia".into(),
            base: format!("https://{}.wikipedia.org/wiki/Main_Page", self.code),
            generator: "MediaWiki 1.43.0-wmf.14".into(),
            namespaces,
            redirect_words: siteinfo::redirect_words(&self.code),
            clothes: if self.code == "en" { Clothes::Sandbox } else { Clothes::MariaDb },
        }
    }
}

fn names(code: &str) -> Names {
    match code {
        "th" => Names {
            file: "ไฟล์",
            category: "หมวดหมู่",
            references: "อ้างอิง",
            reflist: "รายการอ้างอิง",
            infobox: "กล่องข้อมูล",
            redirect: "#เปลี่ยนทาง",
        },
        "es" => Names {
            file: "Archivo",
            category: "Categoría",
            references: "Referencias",
            reflist: "listaref",
            infobox: "Ficha",
            redirect: "#REDIRECCIÓN",
        },
        _ => Names {
            file: "File",
            category: "Category",
            references: "References",
            reflist: "reflist",
            infobox: "Infobox",
            redirect: "#REDIRECT",
        },
    }
}

fn namespace_names(code: &str) -> [(i32, &'static str); 12] {
    let names = match code {
        "th" => [
            "สื่อ",
            "พิเศษ",
            "",
            "พูดคุย",
            "ผู้ใช้",
            "วิกิพีเดีย",
            "ไฟล์",
            "มีเดียวิกิ",
            "แม่แบบ",
            "วิธีใช้",
            "หมวดหมู่",
            "มอดูล",
        ],
        "es" => [
            "Medio",
            "Especial",
            "",
            "Discusión",
            "Usuario",
            "Wikipedia",
            "Archivo",
            "MediaWiki",
            "Plantilla",
            "Ayuda",
            "Categoría",
            "Módulo",
        ],
        _ => [
            "Media",
            "Special",
            "",
            "Talk",
            "User",
            "Wikipedia",
            "File",
            "MediaWiki",
            "Template",
            "Help",
            "Category",
            "Module",
        ],
    };
    let mut pairs = [(0, ""); 12];
    for ((pair, key), name) in
        pairs.iter_mut().zip([-2, -1, 0, 1, 2, 4, 6, 8, 10, 12, 14, 828]).zip(names)
    {
        *pair = (key, name);
    }
    pairs
}

const LATIN_ONSETS: [&str; 16] =
    ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z"];
const LATIN_VOWELS: [&str; 5] = ["a", "e", "i", "o", "u"];
const LATIN_CODAS: [&str; 12] = ["n", "s", "t", "r", "l", "nd", "st", "ck", "m", "th", "ng", "d"];
const THAI_ONSETS: [&str; 16] =
    ["ก", "ข", "ค", "ง", "จ", "ช", "ด", "ต", "ท", "น", "บ", "ป", "พ", "ม", "ร", "ส"];
const THAI_VOWELS: [&str; 5] = ["า", "ี", "ู", "ะ", "ุ"];
const THAI_LEADING_VOWELS: [&str; 4] = ["เ", "แ", "โ", "ไ"];
const THAI_CODAS: [&str; 8] = ["ก", "ง", "ด", "น", "บ", "ม", "ย", "ว"];
const THAI_TONES: [&str; 2] = ["่", "้"];

fn word(script: Script, random: &mut Random, rank: u64) -> String {
    // Frequent words are short, as in every language.
    let n_syllables = match rank {
        0..64 => 1,
        64..2048 => random.between(1, 2),
        _ => random.between(2, 4),
    };
    let mut text = String::new();
    for _ in 0..n_syllables {
        push_syllable(&mut text, script, random);
    }
    text
}

fn push_syllable(text: &mut String, script: Script, random: &mut Random) {
    match script {
        Script::Latin => {
            push_one(text, &LATIN_ONSETS, random);
            push_one(text, &LATIN_VOWELS, random);
            if random.chance(0.4) {
                push_one(text, &LATIN_CODAS, random);
            }
        }
        Script::Thai if random.chance(0.3) => {
            push_one(text, &THAI_LEADING_VOWELS, random);
            push_one(text, &THAI_ONSETS, random);
            push_one(text, &THAI_CODAS, random);
        }
        Script::Thai => {
            push_one(text, &THAI_ONSETS, random);
            let vowel = random.pick(&["า", "ี", "ู", "ั", "ิ", "ุ"]).copied().unwrap_or_default();
            let tone = if random.chance(0.35) { random.pick(&THAI_TONES).copied() } else { None };
            // A tone mark follows the vowel sign above or below the letter, but precedes the long
            // a.
            let (first, second) =
                if vowel == "า" { (tone, Some(vowel)) } else { (Some(vowel), tone) };
            text.extend([first, second].into_iter().flatten());
            if vowel == "ั" || random.chance(0.4) {
                push_one(text, &THAI_CODAS, random);
            }
        }
    }
}

fn push_one(text: &mut String, choices: &[&str], random: &mut Random) {
    text.push_str(random.pick(choices).copied().unwrap_or_default());
}

fn push_open_syllable(text: &mut String, script: Script, number: u64) {
    let (onsets, vowels) = match script {
        Script::Latin => (LATIN_ONSETS, LATIN_VOWELS),
        Script::Thai => (THAI_ONSETS, THAI_VOWELS),
    };
    text.push_str(onsets.get((number / 5) as usize).copied().unwrap_or_default());
    text.push_str(vowels.get((number % 5) as usize).copied().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str) {
        let language = Language::new(code, 1);
        let mut words: Vec<String> =
            (0..10_000).map(|number| language.numbered_word(number * 4_001)).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 10_000);
        assert!(language.words.iter().all(|word| !word.is_empty() && !word.contains(' ')));
    }

    #[test]
    fn numbered_words_differ_in_every_script() {
        check("en");
        check("th");
    }

    #[test]
    fn the_same_seed_makes_the_same_words() {
        assert_eq!(Language::new("th", 1).words, Language::new("th", 1).words);
        assert_ne!(Language::new("th", 1).words, Language::new("th", 2).words);
    }
}
