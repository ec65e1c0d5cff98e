//! Random small wikis and what time does to them: edits, moves, redirects, deletions.
//!
//! A wiki is kept as its readers see it; whoever uses it makes rows or dump files of it.

#![allow(dead_code, reason = "the tests of two crates use some of it each")]
#![allow(missing_docs, unreachable_pub, clippy::expect_used, reason = "a test may panic")]

mod history;

pub use history::{Shape, histories, seeds};

use std::{collections::BTreeMap, fmt};

use proptest::prelude::prop;

/// The wikis of a pipeline at one moment, English being the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World(pub Vec<Wiki>);

/// One wiki.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiki {
    /// Pages by id.
    pub pages: BTreeMap<u32, Page>,
    /// Pages that are gone, but may come back under their ids.
    pub deleted: BTreeMap<u32, Page>,
    n_ids: u32,
    n_revisions: u64,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// 0, or a namespace without articles.
    pub namespace: i32,
    /// Number of the title.
    pub title: u32,
    pub body: Body,
    /// Number of the markup that leaves no trace in the cleaned text.
    pub looks: u32,
    pub revision: u64,
    /// Whether `page_props` calls it a disambiguation page.
    pub disambiguation: bool,
    pub links: Vec<Link>,
}

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// An article with the text of this number.
    Text(u32),
    /// Markup of which nothing is left.
    Empty,
    /// A page that calls itself a disambiguation page.
    Disambiguation,
    /// Something that is not wikitext.
    Module,
    /// A redirect; without a target the `redirect` table has forgotten it.
    Redirect(Option<To>),
}

/// A language link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The wiki it leads to, by number.
    pub to: usize,
    pub target: To,
    /// Which way of writing the same title.
    pub spelling: u8,
}

/// What a link or a redirect names; titles by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Title(u32),
    Blank,
    Fragment(u32),
    OtherNamespace(u32),
    /// A redirect that leaves the wiki; a link that does is a plain title.
    Interwiki(u32),
}

/// A way to pick one of several.
pub type Index = prop::sample::Index;

/// A page: which of the wikis, which of its pages.
pub type Pick = (Index, Index);

/// What can happen to a world. An edit for which there is no page does nothing.
#[derive(Clone, Debug)]
pub enum Edit {
    Text(Pick, u32),
    /// A new revision with the same text.
    Cosmetic(Pick),
    /// The text goes, a redirect or something else comes, or the other way round.
    Body(Pick, Body),
    AddLink(Pick, Index, To, u8),
    RemoveLink(Pick, Index),
    RetargetLink(Pick, Index, To),
    /// The same link a second time, maybe written differently.
    RepeatLink(Pick, Index, u8),
    /// The page takes a new title; the old one may stay behind as a redirect.
    Rename(Pick, u32, bool),
    RetargetRedirect(Pick, Option<To>),
    /// Every title that redirects to the page gets there by one redirect more.
    Lengthen(Pick),
    /// A page and what it redirects to redirect to each other.
    Loop(Pick),
    Delete(Pick),
    Undelete(Pick),
    New(Index, NewPage),
    /// The page leaves namespace 0, or enters it.
    Namespace(Pick),
    /// `page_props` changes its mind.
    Disambiguation(Pick),
    /// Two pages with one title, as a broken dump has them.
    Clash(Pick, Index),
}

/// A page to be made.
#[derive(Clone, Debug)]
pub struct NewPage {
    pub title: u32,
    pub body: Body,
    pub disambiguation: bool,
    /// Whether it links to the page of the same number in every other wiki.
    pub linked: bool,
    pub links: Vec<(Index, To, u8)>,
}

/// A world, and the edits of each step after it.
#[derive(Clone)]
pub struct History {
    pub first: World,
    pub steps: Vec<Vec<Edit>>,
}

impl History {
    /// Returns the world at first and after each step.
    pub fn worlds(&self) -> Vec<World> {
        let mut world = self.first.clone();
        let mut worlds = vec![world.clone()];
        for edits in &self.steps {
            edits.iter().for_each(|edit| world.edit(edit));
            worlds.push(world.clone());
        }
        worlds
    }
}

/// Writes the pages at first, and those that each step changes.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = World(vec![Wiki::default(); self.first.0.len()]);
        let mut before = &nothing;
        let worlds = self.worlds();
        for (after, step) in worlds.iter().zip(0..) {
            write!(f, "\nstep {step}:")?;
            for ((old, new), wiki) in before.0.iter().zip(&after.0).zip(0..) {
                let gone = old.pages.keys().filter(|id| !new.pages.contains_key(*id));
                for id in gone {
                    write!(f, "\n  wiki {wiki} page {id} is gone")?;
                }
                for (id, page) in
                    new.pages.iter().filter(|(id, page)| old.pages.get(*id) != Some(*page))
                {
                    write!(f, "\n  wiki {wiki} page {id} {page:?}")?;
                }
            }
            before = after;
        }
        Ok(())
    }
}

impl World {
    /// Makes an edit.
    pub fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Text(pick, text) => {
                self.change(pick, is_text, |page| page.body = Body::Text(*text))
            }
            Edit::Cosmetic(pick) => self.change(pick, is_text, |page| page.looks += 1),
            Edit::Body(pick, body) => self.change(pick, any, |page| page.body = *body),
            Edit::AddLink(pick, to, target, spelling) => {
                self.add_link(pick, to, *target, *spelling)
            }
            Edit::RemoveLink(pick, which) => self.change(pick, is_linked, |page| {
                page.links.remove(which.index(page.links.len()));
            }),
            Edit::RetargetLink(pick, which, target) => self.change(pick, is_linked, |page| {
                let which = which.index(page.links.len());
                page.links[which].target = *target;
            }),
            Edit::RepeatLink(pick, which, spelling) => self.change(pick, is_linked, |page| {
                let link = page.links[which.index(page.links.len())];
                page.links.push(Link { spelling: *spelling, ..link });
            }),
            Edit::Rename(pick, title, leave) => self.rename(pick, *title, *leave),
            Edit::RetargetRedirect(pick, to) => {
                self.change(pick, is_redirect, |page| page.body = Body::Redirect(*to));
            }
            Edit::Lengthen(pick) => self.lengthen(pick),
            Edit::Loop(pick) => self.make_loop(pick),
            Edit::Delete(pick) => self.delete(pick),
            Edit::Undelete((wiki, which)) => self.undelete(wiki, which),
            Edit::New(wiki, page) => {
                let (wiki, n_wikis) = (wiki.index(self.0.len()), self.0.len());
                self.0[wiki].create(page, (wiki, n_wikis));
            }
            Edit::Namespace(pick) => self.leave_or_enter(pick),
            Edit::Disambiguation(pick) => {
                self.change(pick, any, |page| page.disambiguation = !page.disambiguation);
            }
            Edit::Clash(pick, with) => {
                let Some((wiki, _)) = self.find(pick, any) else { return };
                let pages = &self.0[wiki].pages;
                let title = pages.values().nth(with.index(pages.len())).map(|page| page.title);
                self.change(pick, any, |page| page.title = title.unwrap_or(page.title));
            }
        }
    }

    /// Finds a page that is as it should be.
    fn find(&self, (wiki, which): &Pick, fit: fn(&Page) -> bool) -> Option<(usize, u32)> {
        let wiki = wiki.index(self.0.len());
        let pages = self.0[wiki].pages.iter().filter(|(_, page)| fit(page));
        let ids: Vec<u32> = pages.map(|(id, _)| *id).collect();
        (!ids.is_empty()).then(|| (wiki, ids[which.index(ids.len())]))
    }

    /// Changes a page and gives it a new revision.
    fn change(&mut self, pick: &Pick, fit: fn(&Page) -> bool, change: impl FnOnce(&mut Page)) {
        let Some((wiki, id)) = self.find(pick, fit) else { return };
        let wiki = &mut self.0[wiki];
        let revision = wiki.next_revision();
        if let Some(page) = wiki.pages.get_mut(&id) {
            change(page);
            page.revision = revision;
        }
    }

    fn add_link(&mut self, pick: &Pick, to: &Index, target: To, spelling: u8) {
        let Some((wiki, _)) = self.find(pick, any) else { return };
        let to = another(to, (wiki, self.0.len()));
        self.change(pick, any, |page| page.links.push(Link { to, target, spelling }));
    }

    fn rename(&mut self, pick: &Pick, title: u32, leave: bool) {
        let Some((wiki, id)) = self.find(pick, any) else { return };
        let wiki = &mut self.0[wiki];
        let Page { namespace, title: old, .. } = wiki.pages[&id];
        // As in MediaWiki a page may take the place of a redirect, but of nothing else.
        match wiki.bearer(namespace, title) {
            Some(other) if other == id || !is_redirect(&wiki.pages[&other]) => return,
            Some(other) => wiki.remove(other),
            None => {}
        }
        let revision = wiki.next_revision();
        if let Some(page) = wiki.pages.get_mut(&id) {
            (page.title, page.revision) = (title, revision);
        }
        if leave {
            wiki.add(namespace, old, Body::Redirect(Some(To::Title(title))));
        }
    }

    fn lengthen(&mut self, pick: &Pick) {
        let Some((wiki, id)) = self.find(pick, any) else { return };
        let wiki = &mut self.0[wiki];
        let (namespace, old) = (wiki.pages[&id].namespace, wiki.pages[&id].title);
        let title = wiki.free_title(namespace, old);
        let revision = wiki.next_revision();
        if let Some(page) = wiki.pages.get_mut(&id) {
            (page.title, page.revision) = (title, revision);
        }
        wiki.add(namespace, old, Body::Redirect(Some(To::Title(title))));
    }

    fn make_loop(&mut self, pick: &Pick) {
        let Some((wiki, id)) = self.find(pick, is_redirect) else { return };
        let wiki = &mut self.0[wiki];
        let page = &wiki.pages[&id];
        let Body::Redirect(Some(To::Title(next))) = page.body else { return };
        let back = Body::Redirect(Some(To::Title(page.title)));
        let namespace = page.namespace;
        let revision = wiki.next_revision();
        match wiki.bearer(namespace, next) {
            Some(next) => {
                if let Some(page) = wiki.pages.get_mut(&next) {
                    (page.body, page.revision) = (back, revision);
                }
            }
            None => wiki.add(namespace, next, back),
        }
    }

    fn delete(&mut self, pick: &Pick) {
        let Some((wiki, id)) = self.find(pick, any) else { return };
        self.0[wiki].remove(id);
    }

    fn undelete(&mut self, wiki: &Index, which: &Index) {
        let wiki = wiki.index(self.0.len());
        let wiki = &mut self.0[wiki];
        if wiki.deleted.is_empty() {
            return;
        }
        let which = which.index(wiki.deleted.len());
        let Some((&id, page)) = wiki.deleted.iter().nth(which) else { return };
        if wiki.bearer(page.namespace, page.title).is_none() {
            wiki.pages.extend(wiki.deleted.remove(&id).map(|page| (id, page)));
        }
    }

    fn leave_or_enter(&mut self, pick: &Pick) {
        let Some((wiki, id)) = self.find(pick, any) else { return };
        let page = &self.0[wiki].pages[&id];
        let namespace = if page.namespace == 0 { OTHER_NAMESPACE } else { 0 };
        if self.0[wiki].bearer(namespace, page.title).is_none() {
            self.change(pick, any, |page| page.namespace = namespace);
        }
    }
}

/// The namespace that pages leave for: the project's own.
pub const OTHER_NAMESPACE: i32 = 4;

impl Wiki {
    fn next_revision(&mut self) -> u64 {
        self.n_revisions += 1;
        self.n_revisions
    }

    /// Returns the page that bears a title.
    fn bearer(&self, namespace: i32, title: u32) -> Option<u32> {
        let mut pages = self.pages.iter();
        let found = pages.find(|(_, page)| (page.namespace, page.title) == (namespace, title));
        found.map(|(id, _)| *id)
    }

    fn free_title(&self, namespace: i32, from: u32) -> u32 {
        let is_free = |title: &u32| self.bearer(namespace, *title).is_none();
        (from..).find(is_free).unwrap_or(u32::MAX)
    }

    fn add(&mut self, namespace: i32, title: u32, body: Body) {
        self.n_ids += 1;
        let revision = self.next_revision();
        let (looks, disambiguation, links) = (0, false, Vec::new());
        let page = Page { namespace, title, body, looks, revision, disambiguation, links };
        self.pages.insert(self.n_ids, page);
    }

    fn remove(&mut self, id: u32) {
        if let Some(page) = self.pages.remove(&id) {
            self.deleted.insert(id, page);
        }
    }

    /// Makes a page under the title that is asked for, or the next free one.
    fn create(&mut self, new: &NewPage, (wiki, n_wikis): (usize, usize)) {
        let title = self.free_title(0, new.title);
        self.add(0, title, new.body);
        let Some(page) = self.pages.get_mut(&self.n_ids) else { return };
        page.disambiguation = new.disambiguation;
        let homes = (0..n_wikis).filter(|to| new.linked && *to != wiki);
        page.links.extend(homes.map(|to| Link { to, target: To::Title(title), spelling: 0 }));
        page.links.extend(new.links.iter().map(|(to, target, spelling)| {
            let to = another(to, (wiki, n_wikis));
            Link { to, target: *target, spelling: *spelling }
        }));
    }
}

/// Picks one of the other wikis.
fn another(index: &Index, (wiki, n_wikis): (usize, usize)) -> usize {
    (wiki + 1 + index.index(n_wikis - 1)) % n_wikis
}

fn any(_: &Page) -> bool {
    true
}

fn is_text(page: &Page) -> bool {
    matches!(page.body, Body::Text(_))
}

fn is_redirect(page: &Page) -> bool {
    matches!(page.body, Body::Redirect(_))
}

fn is_linked(page: &Page) -> bool {
    !page.links.is_empty()
}
