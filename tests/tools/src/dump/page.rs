//! A page as it stands in a dump, with the rows that belong to it.

use crate::dump::redirect::Redirect;

/// A row of langlinks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Langlink {
    /// The language code of the other wiki.
    pub lang: String,
    /// The title there, with prefix and spaces; may be empty.
    pub title: String,
}

/// A row of page_props.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Property {
    /// The name, e.g. `disambiguation`.
    pub name: String,
    /// The value, often empty.
    pub value: String,
}

/// Who made a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contributor {
    /// A registered user with a number.
    User(String, u32),
    /// An unregistered user, known by address.
    Address(String),
    /// A user whose name has been hidden.
    Deleted,
}

/// A page with its newest revision.
#[derive(Clone, Debug)]
pub struct Page {
    /// The page id.
    pub id: u32,
    /// The namespace number.
    pub namespace: i32,
    /// The title without namespace prefix, with spaces.
    pub title: String,
    /// Whether the page has a single revision.
    pub is_new: bool,
    /// The value behind "random page", in units of 10^-12.
    pub random: u64,
    /// The revision id.
    pub revision: u64,
    /// The revision before it.
    pub parent: Option<u64>,
    /// The time of the revision, e.g. `2024-07-03T08:15:00Z`.
    pub timestamp: String,
    /// Who made the revision.
    pub contributor: Contributor,
    /// The summary of the edit.
    pub comment: String,
    /// The content model, usually `wikitext`.
    pub model: String,
    /// The wikitext.
    pub text: String,
    /// Where the page redirects to.
    pub redirect: Option<Redirect>,
    /// The rows of langlinks, by language.
    pub langlinks: Vec<Langlink>,
    /// The rows of page_props, by name.
    pub properties: Vec<Property>,
}
