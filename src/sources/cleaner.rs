//! How the pages of a dump are cleaned; what its tables say of its templates is read when the first
//! page asks for it.

use std::{
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
};

use crossic_operators::wikitext::{Options, Site};

use super::{TemplateTables, WikiInfo};
use crate::{dump::siteinfo::SiteInfo, error::Result};

/// The settings of a wiki and what of its pages is kept; the workers of a process share them.
pub(super) struct Cleaner {
    lang: String,
    namespaces: Vec<(i32, String)>,
    tables: Option<TemplateTables>,
    /// What is to be kept of a page.
    pub(super) options: Options,
    site: OnceLock<Site>,
    reading: Mutex<()>,
}

impl fmt::Debug for Cleaner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cleaner").field("lang", &self.lang).finish_non_exhaustive()
    }
}

impl Cleaner {
    pub(super) fn new(
        info: &WikiInfo,
        site: Option<&SiteInfo>,
        tables: Option<TemplateTables>,
        options: Options,
    ) -> Cleaner {
        let namespaces = site.map(SiteInfo::namespace_names).unwrap_or_default();
        let (site, reading) = (OnceLock::new(), Mutex::new(()));
        Cleaner { lang: info.lang.clone(), namespaces, tables, options, site, reading }
    }

    /// Returns the settings of the wiki; the first call reads its tables, and others wait for it.
    pub(super) fn site(&self) -> Result<&Site> {
        if let Some(site) = self.site.get() {
            return Ok(site);
        }
        // Only the reading is guarded: whoever panicked in it has left nothing half done.
        let _one = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = self.site.get() {
            return Ok(site);
        }
        let mut site = Site::new(&self.lang, &self.namespaces);
        if let Some(tables) = &self.tables {
            site = tables.read()?.given_to(site);
        }
        Ok(self.site.get_or_init(|| site))
    }

    /// Returns the tables that decide how pages are cleaned.
    pub(super) fn tables(&self) -> Option<&TemplateTables> {
        self.tables.as_ref()
    }
}
