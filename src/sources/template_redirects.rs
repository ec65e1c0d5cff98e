//! The redirects between the templates of a wiki, from its tables or from its pages: the names that
//! its writers use for templates that the cleaner knows under others.

use std::path::{Path, PathBuf};

use crossic_operators::{record::Digest, wikitext::Site};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    dump::{find::DumpFiles, sql, xml::RawPage},
    error::Result,
};

/// The namespace of templates.
const TEMPLATE: i32 = 10;
/// The most bytes that redirects may take up; those behind it are left out.
const MAX_BYTES: usize = 128 << 20;
/// About how many bytes a redirect takes up beside its names.
const N_REDIRECT_BYTES: usize = 64;
/// The most other templates that are kept in mind.
const MAX_TEMPLATES: usize = 1 << 21;

/// The tables that say which templates are redirects, and where they lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateTables {
    /// The table of pages.
    pub page: PathBuf,
    /// The table of redirects.
    pub redirect: PathBuf,
}

impl TemplateTables {
    /// Returns the tables of a dump, if it has both.
    pub fn of(files: &DumpFiles) -> Option<TemplateTables> {
        let (page, redirect) = (files.page.clone()?, files.redirect.clone()?);
        Some(TemplateTables { page, redirect })
    }

    /// Reads both tables, passing over rows that make no sense.
    ///
    /// # Errors
    ///
    /// A table is damaged or lacks a column.
    pub fn read(&self) -> Result<TemplateRedirects> {
        let mut redirects = TemplateRedirects::default();
        let mut targets = targets(&self.redirect)?;
        if targets.is_empty() {
            return Ok(redirects);
        }
        let columns = ["page_id", "page_namespace", "page_title", "page_is_redirect"];
        let mut table = sql::Table::open(&self.page, "page", &columns)?;
        let mut buffer = Vec::new();
        while let Some(row) = table.next_row()? {
            if row.signed(1) != Some(i64::from(TEMPLATE)) {
                continue;
            }
            let title = String::from_utf8_lossy(row.text(2, &mut buffer).unwrap_or_default());
            match row.number(3) {
                Some(1) => {
                    let target = row.number(0).and_then(|page| targets.remove(&page));
                    if let Some(target) = target {
                        redirects.redirect(&title, &target);
                    }
                }
                _ => redirects.template(&title),
            }
        }
        Ok(redirects)
    }
}

/// Returns where the redirects to templates lead, by the page that they start from.
fn targets(table: &Path) -> Result<FxHashMap<u64, String>> {
    let columns = ["rd_from", "rd_namespace", "rd_title", "rd_interwiki?"];
    let mut table = sql::Table::open(table, "redirect", &columns)?;
    let mut targets = FxHashMap::default();
    let (mut n_bytes, mut buffer) = (0, Vec::new());
    while let Some(row) = table.next_row()? {
        let leaves = row.raw(3).is_some_and(|wiki| !wiki.is_empty());
        if row.signed(1) != Some(i64::from(TEMPLATE)) || leaves {
            continue;
        }
        let Some(from) = row.number(0) else { continue };
        let target = String::from_utf8_lossy(row.text(2, &mut buffer).unwrap_or_default());
        n_bytes += target.len() + N_REDIRECT_BYTES;
        if MAX_BYTES < n_bytes {
            break;
        }
        targets.insert(from, target.into_owned());
    }
    Ok(targets)
}

/// Redirects between templates, and what is needed to tell names apart that differ in capitals.
#[derive(Clone, Debug, Default)]
pub struct TemplateRedirects {
    /// Title and target, without their namespace.
    pairs: Vec<(String, String)>,
    /// Digests of the titles of other templates that have no capital behind their first letter.
    templates: FxHashSet<Digest>,
    n_bytes: usize,
}

impl TemplateRedirects {
    /// Takes a page in, if it is a template or a redirect from one to another.
    pub fn page(&mut self, page: &RawPage) {
        let Some((space, title)) = page.title.split_once(':').filter(|_| page.ns == TEMPLATE)
        else {
            return;
        };
        match &page.redirect {
            None => self.template(title),
            // Of the two, the namespace of the redirect itself is the one whose number is known.
            Some(target) => match target.split_once(':') {
                Some((of_target, target)) if of_target == space => self.redirect(title, target),
                _ => {}
            },
        }
    }

    /// Adds what others have found, behind what is here.
    pub fn append(&mut self, others: TemplateRedirects) {
        for (title, target) in &others.pairs {
            self.redirect(title, target);
        }
        let n_free = MAX_TEMPLATES.saturating_sub(self.templates.len());
        self.templates.extend(others.templates.into_iter().take(n_free));
    }

    /// Returns a site that knows what these redirects change.
    ///
    /// A wiki tells names by their capitals, the cleaner does not: such a name belongs to the
    /// template that has none but its first.
    pub fn given_to(&self, site: Site) -> Site {
        let is_free = |title: &str| {
            let plain = plain(title);
            plain == title || !self.templates.contains(&Digest::of(plain.as_bytes()))
        };
        let full = |title: &str| format!("Template:{title}");
        let pairs = self.pairs.iter().filter(|(title, _)| is_free(title));
        let pairs: Vec<_> = pairs.map(|(title, target)| (full(title), full(target))).collect();
        site.with_aliases(pairs.iter().map(|(title, target)| (title.as_str(), target.as_str())))
    }

    fn redirect(&mut self, title: &str, target: &str) {
        let n_bytes = self.n_bytes + title.len() + target.len() + N_REDIRECT_BYTES;
        if n_bytes <= MAX_BYTES {
            self.n_bytes = n_bytes;
            // As the `page` table has it; what the target is like does not matter.
            self.pairs.push((title.replace(' ', "_"), target.to_owned()));
        }
    }

    fn template(&mut self, title: &str) {
        let title = title.replace(' ', "_");
        if self.templates.len() < MAX_TEMPLATES && plain(&title) == title {
            self.templates.insert(Digest::of(title.as_bytes()));
        }
    }
}

/// Returns a title with no capital behind its first letter.
fn plain(title: &str) -> String {
    let mut letters = title.chars();
    let first = letters.next();
    first.into_iter().chain(letters.flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
#[path = "template_redirects_tests.rs"]
mod tests;
