//! The names of articles in another language, put into packs while the language links are read.

use std::sync::Arc;

use crossic_operators::record::Digest;

use super::{SourceContext, TitleRules, article_packs::ArticlePacks, table_task::Aside};
use crate::{error::Result, store::tables::LinkRow};

/// The titles that links into one language name.
pub(super) struct Names {
    lang: String,
    rules: Arc<TitleRules>,
    packs: ArticlePacks,
}

impl Names {
    /// Returns the names that are asked for, if any are.
    pub(super) fn new(cx: &SourceContext) -> Option<Names> {
        let lang = cx.names_of.clone()?;
        let (_, rules) = cx.languages.get(&lang)?;
        let packs = ArticlePacks::new(Arc::clone(&cx.store));
        Some(Names { lang, rules: Arc::clone(rules), packs })
    }
}

impl Aside<LinkRow> for Names {
    fn put(&mut self, row: &LinkRow) -> Result<()> {
        if row.lang != self.lang {
            return Ok(());
        }
        let Some(title) = self.rules.title(&row.title) else { return Ok(()) };
        self.packs.put_aside(Digest::of(title.as_bytes()), &title)?;
        match self.packs.is_full() {
            true => self.seal(),
            false => Ok(()),
        }
    }

    fn seal(&mut self) -> Result<()> {
        self.packs.seal(&mut Vec::new())
    }
}
