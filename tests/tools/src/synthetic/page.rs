//! One page of a synthetic wiki, made from its ordinal alone.

use crate::{
    dump::{
        page::{Contributor, Langlink, Page, Property},
        redirect::Redirect,
    },
    random::Random,
    synthetic::{
        article::{self, Recipe},
        edition::{Date, Edition},
        language::Language,
        pairs::{self, Direction, Pairs},
        plan::{Kind, Leads, WikiPlan},
    },
};

/// Other languages to which articles of both wikis link.
const OTHER_LANGUAGES: [&str; 6] = ["ar", "de", "fr", "ja", "pt", "zh"];

/// Which of the two wikis a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The English wiki.
    English,
    /// The wiki in the target language.
    Target,
}

/// Everything that pages of one wiki are made from.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'a> {
    /// Which wiki this is.
    pub side: Side,
    /// The plan of this wiki, its words and the size of its articles.
    pub recipe: Recipe<'a>,
    /// The plan of the other wiki.
    pub other_plan: &'a WikiPlan,
    /// The words of the other wiki.
    pub other_language: &'a Language,
    /// Which articles belong together.
    pub pairs: &'a Pairs,
    /// The date of the first dump.
    pub date: Date,
}

impl Maker<'_> {
    /// Returns the page with this ordinal.
    pub fn page(&self, ordinal: u64, edition: Edition) -> Page {
        let (plan, language) = (self.recipe.plan, self.recipe.language);
        let mut random = Random::new(plan.seed, "page", ordinal);
        let kind = plan.kind(ordinal);
        let is_disambiguation = random.chance(0.01);
        let is_edited = match edition {
            Edition::First => false,
            // Redirects are left alone: an edit of a redirect would be a new target.
            Edition::Second { edits } => {
                !matches!(kind, Kind::Redirect(_))
                    && Random::new(plan.seed, "edit", ordinal).chance(edits)
            }
        };
        let first_revision = 10_000_000 + ordinal * 40 + random.below(20);
        let mut page = Page {
            id: plan.id(ordinal),
            namespace: 0,
            title: plan.title(language, ordinal),
            is_new: random.chance(0.1),
            random: random.below(1_000_000_000_000),
            revision: first_revision,
            parent: None,
            timestamp: self.date.time_before(random.bits()),
            contributor: contributor(language, &mut random),
            comment: String::new(),
            model: "wikitext".into(),
            text: String::new(),
            redirect: None,
            langlinks: Vec::new(),
            properties: Vec::new(),
        };
        if random.chance(0.6) {
            page.parent = Some(first_revision - 1);
            page.comment =
                format!("/* {} */ \"{}\"", language.word(&mut random), language.word(&mut random));
        }
        if is_edited {
            page.is_new = false;
            page.parent = Some(first_revision);
            page.revision = first_revision + 1_000_000_000;
            // The stream of the page must not notice the edit, or its other parts would change too.
            let noise = Random::new(plan.seed, "edit time", ordinal).bits();
            page.timestamp = self.date.time_after(noise);
        }
        match kind {
            Kind::Article(article) => {
                page.langlinks = self.langlinks(article, &page.title, edition);
                page.text = if is_disambiguation {
                    article::disambiguation(self.recipe, ordinal)
                } else {
                    article::text(self.recipe, ordinal, u64::from(is_edited))
                };
                page.properties = properties(ordinal, is_disambiguation, &mut random);
            }
            Kind::Redirect(leads) => {
                let (text, redirect) = self.redirect(leads, &mut random);
                (page.text, page.redirect) = (text, Some(redirect));
            }
            Kind::Other(namespace) => {
                page.namespace = namespace;
                page.text = article::other(self.recipe, namespace, ordinal);
                if namespace == 828 {
                    page.model = "Scribunto".into();
                }
            }
        }
        // Articles have an edit of their own; the other pages get a line more.
        let has_own_edit = matches!(kind, Kind::Article(_)) && !is_disambiguation;
        if is_edited && !has_own_edit {
            let line = if page.namespace == 828 { "\n-- edited" } else { "\n<!-- edited -->" };
            page.text.push_str(line);
        }
        page
    }

    fn langlinks(&self, article: u64, title: &str, edition: Edition) -> Vec<Langlink> {
        let mut random = Random::new(self.recipe.plan.seed, "languages", article);
        let mut links = Vec::new();
        for lang in OTHER_LANGUAGES {
            if random.chance(0.4)
                && lang != self.other_language.code
                && lang != self.recipe.language.code
            {
                links.push(Langlink { lang: lang.into(), title: title.into() });
            }
        }
        let (pair, other, wanted) = match self.side {
            Side::Target => (Some(article), self.pairs.english_of(article), Direction::FromTarget),
            Side::English => {
                let target = self.pairs.target_of(article);
                (target, target, Direction::FromEnglish)
            }
        };
        if let (Some(pair), Some(other)) = (pair, other) {
            let direction = self.pairs.direction(pair, edition);
            if direction == Direction::Both || direction == wanted {
                links.push(pairs::row("row", article, self.other_plan, self.other_language, other));
            }
        }
        links.sort();
        links
    }

    fn redirect(&self, leads: Leads, random: &mut Random) -> (String, Redirect) {
        let (plan, language) = (self.recipe.plan, self.recipe.language);
        let title = match leads {
            Leads::ToArticle(article) => plan.title(language, plan.ordinal_of(article)),
            Leads::ToRedirect(ordinal) => plan.title(language, ordinal),
            Leads::Nowhere => plan.title(language, plan.n_pages + random.below(plan.n_pages)),
        };
        let fragment =
            if random.chance(0.1) { language.word(random).to_string() } else { String::new() };
        let anchor = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
        let word = if random.chance(0.5) { language.names.redirect } else { "#REDIRECT" };
        let text = format!("{word} [[{title}{anchor}]]\n\n{{{{R from other name}}}}");
        (text, Redirect { interwiki: String::new(), namespace: 0, title, fragment })
    }
}

fn properties(ordinal: u64, is_disambiguation: bool, random: &mut Random) -> Vec<Property> {
    let property = |name: &str, value: String| Property { name: name.into(), value };
    let mut properties = Vec::new();
    if is_disambiguation {
        properties.push(property("disambiguation", String::new()));
    }
    if random.chance(0.3) {
        properties
            .push(property("page_image_free", format!("Synthetic_{}.jpg", random.below(100_000))));
    }
    if random.chance(0.9) {
        properties.push(property("wikibase_item", format!("Q{}", 1_000_000 + ordinal)));
    }
    properties
}

fn contributor(language: &Language, random: &mut Random) -> Contributor {
    match random.below(20) {
        0 | 1 => Contributor::Address(format!("192.0.2.{}", random.below(250))),
        2 => Contributor::Deleted,
        _ => {
            let name = language.word(random).to_string();
            Contributor::User(name, random.between(1, 90_000) as u32)
        }
    }
}
