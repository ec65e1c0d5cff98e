//! The twin of `retrieve`: plain lists and look-ups, of the rows that are left at the end; and a
//! library in memory for both.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use crossic_operators::{
    context::{Measure, Outcome, Tally, Texts},
    record::{
        Article, Digest, Directions, Langlink, Origin, PageId, Pair, Side, SourceIndex, Target,
        Text,
    },
    reject::{Reason, Reject, Subject},
    retrieve::{
        evidence::{Asked, Evidence},
        keywords::{self, Mapped, Profile, keywords},
        library::{Described, EncodedFile, Found, Library},
        links::Links,
        query::{Questions, questions},
    },
    wikitext::Wikilink,
};
use proptest::test_runner::TestCaseError;

use crate::common::{Counted, MemoryTexts, Output, Row, STAGE, add};

/// Redirects in a row that are followed.
const MAX_HOPS: usize = 5;

/// The knobs that matter to the operator itself.
#[derive(Clone, Copy, Debug)]
pub struct Knobs {
    pub english_lead: bool,
    pub by_text: bool,
    pub most: usize,
}

impl Knobs {
    pub fn to_toml(self) -> String {
        let order = if self.by_text { "text" } else { "rarity" };
        format!(
            r#"{{ english-lead = {}, keyword-order = "{order}", keywords = {} }}"#,
            self.english_lead, self.most
        )
    }
}

/// Returns the best documents for a question: those that share two words with it, or more.
fn answer(files: &[(u32, &[String])], asked: &Questions) -> Vec<Found> {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let mut found: Vec<Found> = Vec::new();
    for (file, documents) in files {
        for text in *documents {
            let shared = |asked: &str| words(asked).intersection(&words(text)).count() as i32;
            let (title_score, full_score) = (shared(&asked.title), shared(&asked.full));
            let digest = Digest::of(text.as_bytes());
            let is_known = found.iter().any(|it| it.text == digest);
            if 2 <= title_score + full_score && !is_known {
                found.push(Found {
                    file: *file,
                    text: digest,
                    score: title_score + full_score,
                    title_score,
                    full_score,
                });
            }
        }
    }
    found.sort_by_key(|it| (-it.score, it.text));
    found.truncate(3);
    found
}

/// Returns what is known of a document of a file.
fn described(files: &[(u32, &[String])], found: (u32, Digest)) -> Described {
    let is_file = |it: &&(u32, &[String])| it.0 == found.0;
    let documents = files.iter().find(is_file).expect("a file that there is").1;
    let number = documents.iter().position(|it| Digest::of(it.as_bytes()) == found.1);
    let number = number.expect("a document of the file");
    Described {
        name: format!("document {number}"),
        url: format!("https://example.org/{}/{number}", found.0),
        n_chars: documents[number].chars().count() as u32,
        n_paragraphs: 1,
    }
}

/// What the operator has asked a library for.
#[derive(Default)]
struct Used {
    /// How often each text of a file was fetched.
    fetched: BTreeMap<(u32, Digest), u64>,
    /// What was put into packs, and whether it is sealed.
    kept: BTreeMap<Digest, (String, bool)>,
    /// Keys of the evidence of the pairs that were noted.
    noted: BTreeSet<Digest>,
}

/// Documents in memory.
pub struct MemoryLibrary {
    files: Vec<Vec<String>>,
    used: Mutex<Used>,
    texts: Arc<MemoryTexts>,
}

/// What lies in packs: texts, and what the operator has put there and sealed.
impl Texts for MemoryLibrary {
    fn read(&self, digest: Digest, buffer: &mut String) -> bool {
        let used = self.used.lock().expect("no worker panicked");
        let Some((kept, is_sealed)) = used.kept.get(&digest) else {
            return self.texts.read(digest, buffer);
        };
        assert!(is_sealed, "it is read before it is sealed");
        kept.clone_into(buffer);
        true
    }
}

impl MemoryLibrary {
    pub fn new(files: Vec<Vec<String>>, texts: Arc<MemoryTexts>) -> MemoryLibrary {
        MemoryLibrary { files, used: Mutex::default(), texts }
    }

    fn files(&self) -> Vec<(u32, &[String])> {
        (0..).zip(self.files.iter().map(Vec::as_slice)).collect()
    }

    /// Returns what stands for the content of a file.
    pub fn content(file: u32) -> Digest {
        Digest::of(&file.to_le_bytes())
    }

    /// Checks that whatever the pairs need was put into packs, a file at a time, and sealed.
    pub fn check(&self, pairs: &Counted<Pair>) -> Result<(), TestCaseError> {
        let used = self.used.lock().expect("no worker panicked");
        let texts: BTreeSet<Digest> = pairs.keys().map(|it| it.english.text.digest).collect();
        let fetched: BTreeSet<Digest> = used.fetched.keys().map(|(_, text)| *text).collect();
        let evidence: BTreeSet<Digest> = pairs.keys().map(|it| it.evidence).collect();
        let n_targets = pairs.keys().map(|it| it.target.source).collect::<BTreeSet<_>>().len();
        let once = used.fetched.values().all(|n| *n <= n_targets as u64);
        let is_sealed = |it: &Digest| used.kept.get(it).is_some_and(|(_, is_sealed)| *is_sealed);
        let kept = evidence.iter().all(is_sealed) && evidence == used.noted;
        match texts == fetched && kept && once {
            true => Ok(()),
            false => Err(TestCaseError::fail("the library was not asked for what pairs need")),
        }
    }
}

impl Library for MemoryLibrary {
    fn answer(&self, files: &[EncodedFile], questions: &[Questions]) -> Option<Vec<Vec<Found>>> {
        let mut known = Vec::new();
        for file in files {
            assert_eq!(file.stage, STAGE);
            assert_eq!(file.content, MemoryLibrary::content(file.file));
            known.push((file.file, self.files[file.file as usize].as_slice()));
        }
        assert_eq!(known.len(), self.files.len());
        Some(questions.iter().map(|asked| answer(&known, asked)).collect())
    }

    fn fetch(&self, file: EncodedFile, texts: &[Digest]) -> Option<Vec<Described>> {
        assert_eq!(file.content, MemoryLibrary::content(file.file));
        assert!(texts.is_sorted_by(|left, right| left < right));
        let mut used = self.used.lock().expect("no worker panicked");
        let mut all = Vec::new();
        for text in texts {
            all.push(described(&self.files(), (file.file, *text)));
            *used.fetched.entry((file.file, *text)).or_default() += 1;
        }
        Some(all)
    }

    fn paired(&self, stage: u16, pairs: &[Pair]) -> bool {
        assert_eq!(stage, STAGE);
        let mut used = self.used.lock().expect("no worker panicked");
        used.noted.extend(pairs.iter().map(|it| it.evidence));
        true
    }

    fn keep(&self, text: &str) -> Option<Digest> {
        let digest = Digest::of(text.as_bytes());
        let mut used = self.used.lock().expect("no worker panicked");
        used.kept.entry(digest).or_insert_with(|| (text.to_owned(), false));
        Some(digest)
    }

    fn seal(&self) -> bool {
        let mut used = self.used.lock().expect("no worker panicked");
        used.kept.values_mut().for_each(|kept| kept.1 = true);
        true
    }
}

/// The rows of one wiki.
struct Wiki<'a> {
    rows: Vec<&'a Row>,
    texts: &'a MemoryTexts,
}

impl Wiki<'_> {
    /// Returns the lowest of what some rows give.
    fn lowest<T: Ord>(&self, of: impl Fn(&Row) -> Option<T>) -> Option<T> {
        self.rows.iter().filter_map(|row| of(row)).min()
    }

    fn name(&self, page: PageId) -> Option<Digest> {
        self.lowest(|row| match row {
            Row::Link(Langlink { from, to: 0, target: Target::Title(it) }) if *from == page => {
                Some(*it)
            }
            _ => None,
        })
    }

    /// Returns the page that bears a title.
    fn page(&self, title: Digest) -> Option<PageId> {
        self.lowest(|row| match row {
            Row::Title(it) if it.title == title => Some(it.page),
            _ => None,
        })
    }

    fn redirect(&self, page: PageId) -> Option<Digest> {
        self.lowest(|row| match row {
            Row::Redirect(it) if it.from == page => match it.target {
                Target::Title(title) => Some(title),
                _ => None,
            },
            _ => None,
        })
    }

    fn is_disambiguation(&self, page: PageId) -> bool {
        self.rows.contains(&&Row::Disambiguation(page))
    }

    fn articles(&self, page: PageId) -> Vec<Article> {
        let articles = self.rows.iter().filter_map(|row| match row {
            Row::Article(it, article) if *it == page => Some(*article),
            _ => None,
        });
        articles.collect()
    }

    /// Returns what can be asked for of a page, or why nothing can.
    fn text(&self, page: PageId) -> Result<Text, Reason> {
        if self.is_disambiguation(page) {
            return Err(Reason::TargetDisambiguation);
        }
        let articles = self.articles(page);
        let texts = articles.iter().filter_map(|article| match article {
            Article::Text(text) => Some(*text),
            _ => None,
        });
        match (texts.max_by_key(|it| (it.revision, *it)), articles.iter().max()) {
            (Some(text), _) => Ok(text),
            (None, Some(Article::Empty)) => Err(Reason::TargetEmpty),
            (None, Some(_)) => Err(Reason::TargetRedirect),
            (None, None) => Err(Reason::TargetMissing),
        }
    }

    /// Returns the article with an English name that a title leads to.
    fn lead_to(&self, title: &str) -> Option<(PageId, String)> {
        let mut page = self.page(Digest::of(title.as_bytes()))?;
        for _ in 0..MAX_HOPS {
            match self.redirect(page) {
                Some(next) => page = self.page(next)?,
                None => break,
            }
        }
        let name = self.name(page)?;
        (!self.is_disambiguation(page)).then(|| (page, self.texts.0[&name].clone()))
    }

    /// Returns the article that bears an English name.
    fn of_name(&self, name: &str, named: &[PageId]) -> Option<PageId> {
        let wanted = Some(Digest::of(name.as_bytes()));
        let page = named.iter().copied().find(|page| self.name(*page) == wanted)?;
        (!self.is_disambiguation(page)).then_some(page)
    }

    fn links(&self, key: Digest) -> Links {
        self.texts.0.get(&key).map(|text| Links::parse(text)).unwrap_or_default()
    }
}

/// Returns what `retrieve` should say of the rows of all wikis, English being number 0.
pub fn twin(
    rows: &[(usize, Row)],
    n_wikis: usize,
    texts: &MemoryTexts,
    files: &[Vec<String>],
    knobs: &Knobs,
) -> Output {
    let wiki = |number: usize| Wiki {
        rows: rows.iter().filter(|(it, _)| *it == number).map(|(_, row)| row).collect(),
        texts,
    };
    let files: Vec<(u32, &[String])> = (0..).zip(files.iter().map(Vec::as_slice)).collect();
    let mut output = Output::default();
    for number in 1..n_wikis {
        let wikis = (&wiki(0), &wiki(number));
        of_target(wikis, (number as u16, n_wikis as u16), &files, knobs, &mut output);
    }
    output
}

fn of_target(
    (english, target): (&Wiki<'_>, &Wiki<'_>),
    (source, documents): (SourceIndex, SourceIndex),
    files: &[(u32, &[String])],
    knobs: &Knobs,
    output: &mut Output,
) {
    // Links of the English articles of each page.
    let mut leads: BTreeMap<PageId, BTreeSet<Text>> = BTreeMap::new();
    let mut named: BTreeSet<PageId> = BTreeSet::new();
    for row in &target.rows {
        let Row::Link(Langlink { from, to: 0, target: Target::Title(name) }) = row else {
            continue;
        };
        named.insert(*from);
        add(&mut output.wanted, (source, *from), 1);
        for row in english.rows.iter().filter(|_| knobs.english_lead) {
            let Row::Title(title) = row else { continue };
            if title.title != *name || title.redirect {
                continue;
            }
            add(&mut output.wanted, (0, title.page), 1);
            for article in english.articles(title.page) {
                if let Article::Text(text) = article {
                    leads.entry(*from).or_default().insert(text);
                }
            }
        }
    }
    let named: Vec<PageId> = named.into_iter().collect();
    let asking: Vec<(PageId, Text)> =
        named.iter().filter_map(|page| Some((*page, target.text(*page).ok()?))).collect();
    let mut linking: BTreeMap<PageId, u64> = BTreeMap::new();
    for (_, text) in &asking {
        let links = target.links(text.links).links;
        let pages: BTreeSet<PageId> =
            links.iter().filter_map(|it| Some(target.lead_to(&it.target)?.0)).collect();
        pages.into_iter().for_each(|page| *linking.entry(page).or_default() += 1);
    }
    let mapped = |(page, english): (PageId, String)| Mapped {
        page,
        english,
        n_linking: linking.get(&page).copied().unwrap_or_default(),
    };

    let mut tally = |measure, n| {
        add(
            &mut output.outcomes,
            Outcome::Tally(Tally { stage: STAGE, target: source, measure }),
            n,
        )
    };
    tally(Measure::PagesIn, named.len() as i64);
    let mut refused = Vec::new();
    for page in named.iter().filter(|page| target.text(**page).is_err()) {
        refused.extend(target.text(*page).err().map(|reason| (*page, reason)));
    }
    for (page, text) in &asking {
        let own = target.links(text.links);
        let lead =
            leads.get(page).and_then(|it| it.last()).map_or_else(Digest::default, |it| it.links);
        let in_lead = |link: &&Wikilink| link.section == 0 && link.is_prose;
        let lead = english.links(lead).links;
        let lead = lead.iter().filter(in_lead).filter_map(|link| {
            Some(mapped((target.of_name(&link.target, &named)?, link.target.clone())))
        });
        let lead: Vec<Vec<Mapped>> =
            Some(lead.collect()).filter(|it: &Vec<Mapped>| !it.is_empty()).into_iter().collect();
        let title = &target.texts.0[&target.name(*page).expect("it is named")];
        let profile = if knobs.by_text { Profile::Paper } else { Profile::Recommended };
        let mut options = keywords::Options::new(profile, asking.len() as u64);
        options.most = knobs.most;
        let article = keywords::Article {
            page: *page,
            english: title,
            text: &target.texts.0[&text.digest],
            n_bytes: own.n_bytes,
            links: &own.links,
            fallbacks: &lead,
        };
        let words = keywords(&article, &options, |title| Some(mapped(target.lead_to(title)?)));
        let asked = questions(title, &words);
        let found = answer(files, &asked);
        match found.is_empty() {
            true => refused.push((*page, Reason::NoDocument)),
            false => tally(Measure::PagesAnswered, 1),
        }
        tally(Measure::PairsOut, found.len() as i64);
        for (found, rank) in found.iter().zip(1..) {
            let known = described(files, (found.file, found.text));
            let asked = Asked::new(title, words.clone());
            let evidence = Evidence::new(*page, found, rank, (&known, &asked)).to_text();
            let document = Text {
                digest: found.text,
                revision: 0,
                n_chars: known.n_chars,
                n_paragraphs: known.n_paragraphs,
                links: Digest::default(),
            };
            let pair = Pair {
                english: Side { source: documents, page: 0, text: document },
                target: Side { source, page: *page, text: text.without_links() },
                origin: Origin::Web,
                directions: Directions::default(),
                evidence: Digest::of(evidence.as_bytes()),
            };
            add(&mut output.pairs, pair, 1);
        }
    }
    for (page, reason) in refused {
        let subject = Subject::Page { source, page };
        add(&mut output.outcomes, Outcome::Reject(Reject { stage: STAGE, reason, subject }), 1);
    }
}
