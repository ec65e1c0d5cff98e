//! The wikitext of a synthetic article: paragraphs of pseudo-words with the usual markup.

use crate::{
    random::Random,
    synthetic::{
        language::{Language, Script},
        plan::{self, WikiPlan},
    },
};

/// What an article is made from.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The plan of the wiki, for the titles that links name.
    pub plan: &'a WikiPlan,
    /// The words.
    pub language: &'a Language,
    /// The median number of paragraphs.
    pub paragraphs: u64,
}

/// Returns the text of the article with this ordinal; `version` 0 is the first, others differ in
/// two paragraphs.
pub fn text(recipe: Recipe<'_>, ordinal: u64, version: u64) -> String {
    let mut random = Random::new(recipe.plan.seed, "article", ordinal);
    let n_paragraphs = random.log_normal(recipe.paragraphs);
    let edited = if 0 < version { random.below(n_paragraphs) } else { u64::MAX };
    let n_paragraphs = n_paragraphs + u64::from(0 < version);
    let title = recipe.plan.title(recipe.language, ordinal);
    let mut text = String::new();
    if random.chance(0.4) {
        push_infobox(&mut text, recipe, &title, &mut random);
    }
    for number in 0..n_paragraphs {
        // Every paragraph has its own randomness, so that an edit leaves the others alone.
        let is_new = number == edited || (0 < version && number + 1 == n_paragraphs);
        let key = (ordinal << 16) | (number << 4) | if is_new { version.min(15) } else { 0 };
        let mut random = Random::new(recipe.plan.seed, "paragraph", key);
        if 0 < number && random.chance(0.35) {
            push_heading(&mut text, recipe, &mut random);
        }
        if number == 0 {
            text.push_str(&format!("'''{title}''' "));
        }
        push_paragraph(&mut text, recipe, &mut random);
        match random.below(30) {
            0..3 => push_list(&mut text, recipe, &mut random),
            3 => push_table(&mut text, recipe, &mut random),
            4 => push_file(&mut text, recipe, &mut random),
            _ => {}
        }
    }
    let names = recipe.language.names;
    text.push_str(&format!("== {} ==\n{{{{{}}}}}\n\n", names.references, names.reflist));
    for _ in 0..random.between(1, 3) {
        let name = plan::capitalised(recipe.language.word(&mut random));
        text.push_str(&format!("[[{}:{name}]]\n", names.category));
    }
    text.trim_end().to_string()
}

/// Returns the text of a page that lists other pages.
pub fn disambiguation(recipe: Recipe<'_>, ordinal: u64) -> String {
    let mut random = Random::new(recipe.plan.seed, "disambiguation", ordinal);
    let mut text = format!("'''{}'''\n", recipe.plan.title(recipe.language, ordinal));
    for _ in 0..random.between(2, 6) {
        text.push_str(&format!("* [[{}]] ", link_title(recipe, &mut random)));
        push_words(&mut text, recipe.language, &mut random, 6);
        text.push('\n');
    }
    text.push_str("{{disambiguation}}");
    text
}

/// Returns the text of a page outside the main namespace.
pub fn other(recipe: Recipe<'_>, namespace: i32, ordinal: u64) -> String {
    let mut random = Random::new(recipe.plan.seed, "other", ordinal);
    let mut text = String::new();
    match namespace {
        828 => text.push_str(
            "local p = {}\nfunction p.main(frame)\n  return frame.args[1] < \"b\"\nend\nreturn p",
        ),
        10 => {
            text.push_str("<includeonly>{{#if:{{{1|}}}|{{{1}}}|");
            push_words(&mut text, recipe.language, &mut random, 5);
            text.push_str("}}</includeonly><noinclude>{{documentation}}</noinclude>");
        }
        _ => push_paragraph(&mut text, recipe, &mut random),
    }
    text.trim_end().to_string()
}

fn link_title(recipe: Recipe<'_>, random: &mut Random) -> String {
    let article = random.below(recipe.plan.n_articles());
    recipe.plan.title(recipe.language, recipe.plan.ordinal_of(article))
}

fn push_words(text: &mut String, language: &Language, random: &mut Random, n_words: u64) {
    for index in 0..n_words {
        if 0 < index && language.script == Script::Latin {
            text.push(' ');
        }
        text.push_str(language.word(random));
    }
}

fn push_paragraph(text: &mut String, recipe: Recipe<'_>, random: &mut Random) {
    for _ in 0..random.between(2, 6) {
        push_sentence(text, recipe, random);
        text.push(' ');
    }
    text.pop();
    text.push_str("\n\n");
}

fn push_sentence(text: &mut String, recipe: Recipe<'_>, random: &mut Random) {
    let language = recipe.language;
    let is_thai = language.script == Script::Thai;
    let first = language.word(random);
    if is_thai {
        text.push_str(first)
    } else {
        text.push_str(&plan::capitalised(first))
    }
    for _ in 0..random.between(1, 4) {
        text.push_str(if is_thai { "" } else { " " });
        let n_words = random.between(3, 7);
        push_words(text, language, random, n_words);
        match random.below(40) {
            0..5 => {
                let title = link_title(recipe, random);
                text.push_str(&format!(" [[{title}]]"));
            }
            5..8 => {
                let title = link_title(recipe, random);
                text.push_str(&format!(" [[{title}|{}]]", language.word(random)));
            }
            8 => text.push_str(&format!(" '''{}'''", language.word(random))),
            9 => text.push_str(&format!(" ''{}''", language.word(random))),
            10 => text.push_str(&format!(" {{{{convert|{}|km|mi}}}}", random.between(1, 900))),
            11 | 12 => text.push_str(&format!(" {}", random.between(1, 2100))),
            13 => text.push_str(&format!(
                "&nbsp;{}&ndash;{}",
                random.below(9),
                random.between(10, 99)
            )),
            14 => text.push_str(&format!("<!-- {} -->", language.word(random))),
            15..22 if is_thai => text.push(' '),
            15..18 => text.push(','),
            _ => {}
        }
    }
    if text.ends_with(',') {
        text.pop();
    }
    if !is_thai {
        text.push('.');
    }
    match random.below(24) {
        0..3 => push_reference(text, language, random),
        3 => text.push_str(&format!("<ref name=\"r{}\" />", random.below(4))),
        _ => {}
    }
}

fn push_reference(text: &mut String, language: &Language, random: &mut Random) {
    if random.chance(0.3) {
        text.push_str(&format!("<ref name=\"r{}\">", random.below(4)));
    } else {
        text.push_str("<ref>");
    }
    text.push_str("{{cite web |title=");
    push_words(text, language, random, 4);
    text.push_str(&format!(
        " |url=https://example.org/{}?a=1&b=2 |date={}}}}}</ref>",
        random.below(100_000),
        random.between(1980, 2023)
    ));
}

fn push_heading(text: &mut String, recipe: Recipe<'_>, random: &mut Random) {
    let marks = if random.chance(0.3) { "===" } else { "==" };
    let n_words = random.between(1, 2);
    let mut words = String::new();
    push_words(&mut words, recipe.language, random, n_words);
    text.push_str(&format!("{marks} {} {marks}\n", plan::capitalised(&words)));
}

fn push_list(text: &mut String, recipe: Recipe<'_>, random: &mut Random) {
    let mark = random.pick(&["*", "*", "#", ":", "; "]).copied().unwrap_or("*");
    for _ in 0..random.between(2, 5) {
        let title = link_title(recipe, random);
        text.push_str(&format!("{mark} [[{title}]] "));
        push_words(text, recipe.language, random, 4);
        text.push('\n');
    }
    text.push('\n');
}

fn push_table(text: &mut String, recipe: Recipe<'_>, random: &mut Random) {
    text.push_str("{| class=\"wikitable\"\n");
    for _ in 0..random.between(2, 5) {
        let number = random.below(1000);
        text.push_str(&format!("|-\n! {}\n| {number} || ", recipe.language.word(random)));
        push_words(text, recipe.language, random, 2);
        text.push('\n');
    }
    text.push_str("|}\n\n");
}

fn push_file(text: &mut String, recipe: Recipe<'_>, random: &mut Random) {
    let (number, title) = (random.below(100_000), link_title(recipe, random));
    text.push_str(&format!("[[{}:Synthetic {number}.jpg|thumb|", recipe.language.names.file));
    push_words(text, recipe.language, random, 5);
    text.push_str(&format!(" [[{title}]]]]\n"));
}

fn push_infobox(text: &mut String, recipe: Recipe<'_>, title: &str, random: &mut Random) {
    text.push_str(&format!("{{{{{}\n| name = {title}\n", recipe.language.names.infobox));
    for index in 0..random.between(2, 6) {
        text.push_str(&format!("| field{index} = {{{{lang|la|"));
        push_words(text, recipe.language, random, 3);
        text.push_str("}}\n");
    }
    text.push_str("}}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_changes_one_paragraph_and_adds_one() {
        let (plan, language) = (WikiPlan::new(1, 1000), Language::new("th", 1));
        let recipe = Recipe { plan: &plan, language: &language, paragraphs: 20 };
        let (before, after) = (text(recipe, 5, 0), text(recipe, 5, 1));
        assert_ne!(before, after);
        let kept = before.lines().filter(|line| after.contains(*line)).count();
        assert!(before.lines().count() * 3 / 4 < kept, "{kept}");
        assert_eq!(text(recipe, 5, 1), after);
    }

    #[test]
    fn braces_and_brackets_are_balanced() {
        for code in ["en", "th"] {
            let (plan, language) = (WikiPlan::new(1, 1000), Language::new(code, 1));
            let recipe = Recipe { plan: &plan, language: &language, paragraphs: 4 };
            for ordinal in 0..200 {
                let text = text(recipe, ordinal, 0);
                for (open, close) in
                    [("{{", "}}"), ("[[", "]]"), ("<!--", "-->"), ("<ref>", "</ref>")]
                {
                    let n_named = if open == "<ref>" { text.matches("\">{{").count() } else { 0 };
                    assert_eq!(
                        text.matches(open).count() + n_named,
                        text.matches(close).count(),
                        "{text}"
                    );
                }
            }
        }
    }
}
