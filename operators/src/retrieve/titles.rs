//! What the links of a target wiki mean in English: titles, redirects and language links, netted.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::record::{Digest, PageId};

/// Redirects in a row that are followed.
const MAX_HOPS: usize = 5;

/// Rows that come and go until they are netted.
#[derive(Debug)]
pub(super) struct Net<T>(Vec<(T, i32)>);

impl<T> Default for Net<T> {
    fn default() -> Net<T> {
        Net(Vec::new())
    }
}

impl<T: Ord> Net<T> {
    pub(super) fn change(&mut self, row: T, diff: i32) {
        self.0.push((row, diff));
    }

    /// Returns the rows that are there, in order, each once.
    pub(super) fn rows(self) -> impl Iterator<Item = T> {
        let mut rows = self.0;
        rows.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut rows = rows.into_iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let (row, mut sum) = rows.next()?;
                while let Some((_, diff)) = rows.next_if(|next| next.0 == row) {
                    sum += diff;
                }
                if 0 < sum {
                    return Some(row);
                }
            }
        })
    }
}

/// Rows about titles, as they come.
#[derive(Debug, Default)]
pub(super) struct TitleRows {
    pub(super) titles: Net<(Digest, PageId)>,
    pub(super) redirects: Net<(PageId, Digest)>,
    pub(super) names: Net<(PageId, Digest)>,
    pub(super) disambiguations: Net<PageId>,
}

/// Which page a title of the target wiki leads to, and what that page is called in English.
#[derive(Debug, Default)]
pub(super) struct Titles {
    pages: FxHashMap<Digest, PageId>,
    redirects: FxHashMap<PageId, Digest>,
    names: FxHashMap<PageId, Digest>,
    by_name: FxHashMap<Digest, PageId>,
    disambiguations: FxHashSet<PageId>,
}

impl Titles {
    /// Nets the rows. Of several the lowest counts, so that the order in which they came does not.
    pub(super) fn new(rows: TitleRows) -> Titles {
        let mut titles = Titles::default();
        for (title, page) in rows.titles.rows() {
            titles.pages.entry(title).or_insert(page);
        }
        for (page, title) in rows.redirects.rows() {
            titles.redirects.entry(page).or_insert(title);
        }
        for (page, name) in rows.names.rows() {
            titles.names.entry(page).or_insert(name);
        }
        let mut names: Vec<(Digest, PageId)> =
            titles.names.iter().map(|(page, name)| (*name, *page)).collect();
        names.sort_unstable();
        for (name, page) in names {
            titles.by_name.entry(name).or_insert(page);
        }
        titles.disambiguations.extend(rows.disambiguations.rows());
        titles
    }

    /// Returns the pages that have an English name, and the name, in order.
    pub(super) fn named(&self) -> Vec<(PageId, Digest)> {
        let mut named: Vec<_> = self.names.iter().map(|(page, name)| (*page, *name)).collect();
        named.sort_unstable();
        named
    }

    pub(super) fn is_disambiguation(&self, page: PageId) -> bool {
        self.disambiguations.contains(&page)
    }

    /// Returns the page with an English name that a title leads to, and the name.
    pub(super) fn lead_to(&self, title: Digest) -> Option<(PageId, Digest)> {
        let mut page = *self.pages.get(&title)?;
        for _ in 0..MAX_HOPS {
            let Some(next) = self.redirects.get(&page) else { break };
            page = *self.pages.get(next)?;
        }
        // A disambiguation page says nothing about anything.
        let name = self.names.get(&page).filter(|_| !self.is_disambiguation(page))?;
        Some((page, *name))
    }

    /// Returns the page of the target wiki that bears an English name.
    pub(super) fn of_name(&self, name: Digest) -> Option<PageId> {
        self.by_name.get(&name).copied().filter(|page| !self.is_disambiguation(*page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn rows_that_go_leave_nothing() {
        let mut net = Net::default();
        for (row, diff) in [(2, 1), (1, 1), (2, -1), (3, -1), (3, 2), (1, 1)] {
            net.change(row, diff);
        }
        assert_eq!(net.rows().collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn titles_lead_through_redirects() {
        let mut rows = TitleRows::default();
        for (title, page) in [("Elefante", 1), ("Elephantidae", 2), ("Loop", 3), ("Bank", 4)] {
            rows.titles.change((digest(title), page), 1);
        }
        rows.redirects.change((2, digest("Elefante")), 1);
        rows.redirects.change((3, digest("Loop")), 1);
        for (page, name) in [(1, "Elephant"), (4, "Bank (disambiguation)")] {
            rows.names.change((page, digest(name)), 1);
        }
        rows.disambiguations.change(4, 1);
        let titles = Titles::new(rows);
        let elephant = Some((1, digest("Elephant")));
        assert_eq!(titles.lead_to(digest("Elefante")), elephant);
        assert_eq!(titles.lead_to(digest("Elephantidae")), elephant);
        for title in ["Loop", "Bank", "Nothing"] {
            assert_eq!(titles.lead_to(digest(title)), None, "{title}");
        }
        assert_eq!(titles.of_name(digest("Elephant")), Some(1));
        assert_eq!(titles.of_name(digest("Bank (disambiguation)")), None);
    }
}
