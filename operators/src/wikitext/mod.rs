//! Wikitext to plain paragraphs: the public face of the cleaner.
//!
//! Three passes, each linear in the page: `tokens` marks the special places and pairs the brackets,
//! `render` writes a draft in which structure is a handful of control characters that XML cannot
//! hold, and `lines` turns the draft into paragraphs, mending the seams where something fell out.

mod args;
mod census;
mod convert;
mod dates;
mod entities;
mod expand;
mod facts;
mod formula;
mod guess;
mod lines;
mod links;
mod marks;
mod names;
mod numbers;
mod phrases;
mod redirect;
mod render;
mod repair;
mod residue;
mod ships;
mod site;
mod tags;
mod template;
mod tokens;
mod variant;
mod wikilinks;

#[cfg(test)]
mod tests;

pub use census::{UnknownTemplate, unknown_templates};
pub use links::{Link, Links};
pub use residue::{ArticleResidue, KINDS, Residue, residue};
pub use site::Site;
pub use wikilinks::{Wikilink, wikilinks};

/// What becomes of section headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headings {
    /// The heading line, "\n" and the paragraph that follows form one paragraph.
    Glue,
    /// Each heading is a paragraph of its own.
    Keep,
    /// Headings are left out.
    Drop,
}

/// What the cleaner keeps.
#[derive(Clone, Debug)]
pub struct Options {
    /// What becomes of section headings; a heading without text below it always goes.
    pub headings: Headings,
    /// Keeps list items, definition lists and indented lines.
    pub lists: bool,
    /// Keeps sections such as References, External links and See also.
    pub boilerplate: bool,
    /// Keeps formulas as `$…$`; otherwise those of a few characters are text, others leave a hole.
    pub math: bool,
}

/// A page as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its title, which `{{PAGENAME}}` shows; a hole if it is empty.
    pub title: &'a str,
    /// Its text, unescaped from XML.
    pub wikitext: &'a str,
}

impl<'a> From<&'a str> for Page<'a> {
    fn from(wikitext: &'a str) -> Page<'a> {
        Page { title: "", wikitext }
    }
}

impl<'a> From<&'a String> for Page<'a> {
    fn from(wikitext: &'a String) -> Page<'a> {
        Page { title: "", wikitext }
    }
}

/// The text of an article.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Paragraphs in the order of the page; none is empty or holds a blank line.
    pub paragraphs: Vec<String>,
    /// Links in the order of the text.
    pub links: Links,
    /// Number of places in the middle of a sentence where something unknown was dropped.
    pub n_holes: u32,
    /// Whether a magic word or a template says that this page lists meanings.
    pub disambiguation: bool,
}

/// Longest page that is read, in bytes; MediaWiki itself refuses pages of more than 2 MiB.
const MAX_BYTES: usize = 1 << 30;

/// Returns the paragraphs and links of a page whose text is already unescaped from XML.
///
/// ```
/// use crossic_operators::wikitext::{Headings, Options, Site, clean};
/// let options = Options { headings: Headings::Drop, lists: true, boilerplate: false, math: false };
/// let page = clean("A '''[[lion|big cat]]'''.", &Site::new("en", &[]), &options);
/// assert_eq!(page.paragraphs, ["A big cat."]);
/// assert_eq!(page.links.iter().next().unwrap().target, "lion");
/// ```
pub fn clean<'a>(page: impl Into<Page<'a>>, site: &Site, options: &Options) -> Cleaned {
    let Page { title, wikitext } = page.into();
    let source = wikitext.get(..wikitext.floor_char_boundary(MAX_BYTES)).unwrap_or(wikitext);
    let source = redirect::without_redirect(source);
    let tokens = tokens::tokenise(source, site.has_variants());
    let draft = render::render_page(Page { title, wikitext: source }, &tokens, site, options);
    lines::paragraphs(draft, site, options)
}
