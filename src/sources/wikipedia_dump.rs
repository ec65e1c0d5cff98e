//! A wiki's dump of one date: SQL tables and article XML, as the Wikimedia Foundation publishes them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crossic_operators::{
    flow::Kind,
    operator::Key,
    record::Digest,
    wikitext::{Headings, Options},
};
use serde::{Deserialize, Serialize};

use super::{
    Descriptor, Finding, LinkNumbers, Source, SourceContext, Task, Tasks, TemplateTables,
    TitleRules, WikiInfo,
    cleaner::Cleaner,
    dump_articles::{ArticleFile, DumpArticles},
    dump_tables,
    indexed_articles::{IndexedArticles, WantedStreams},
    same_files::{SameFiles, Unless},
};
use crate::{
    dump::{
        find::{DumpFiles, find_dump},
        index,
        siteinfo::{SiteInfo, siteinfo_of},
        streams::{self, Streams},
    },
    error::{Error, Result},
};

pub(super) const SOURCE: Descriptor = Descriptor {
    name: "wikipedia-dump",
    summary: "A wiki's dump of one date: SQL tables and article XML",
    writes: Kind::Wiki,
    keys: &[
        Key {
            name: "dir",
            default: "",
            about: "directory of the dump's files, under their standard names",
        },
        Key {
            name: "wiki",
            default: "the only one there",
            about: "name of the wiki, such as \"thwiki\", where a directory holds several",
        },
        Key {
            name: "headings",
            default: "\"glue\"",
            about: "section headings: glue to the paragraph that follows, keep as paragraphs, or drop",
        },
        Key { name: "lists", default: "true", about: "keep list items" },
        Key {
            name: "boilerplate",
            default: "false",
            about: "keep sections such as References, See also and External links",
        },
        Key { name: "math", default: "false", about: "keep formulas as $…$" },
        Key {
            name: "skip-damaged",
            default: "false",
            about: "pass over damaged parts of .bz2 article files, whose pages are then missing",
        },
    ],
    paper: "headings = \"keep\"",
    parse: |value| Ok(Box::new(Dump { config: Config::deserialize(value)?, opened: None })),
};

/// The knobs of `wikipedia-dump`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    #[serde(skip_serializing)]
    dir: PathBuf,
    #[serde(skip_serializing)]
    wiki: Option<String>,
    #[serde(default)]
    headings: HeadingStyle,
    #[serde(default = "yes")]
    lists: bool,
    #[serde(default)]
    boilerplate: bool,
    #[serde(default)]
    math: bool,
    #[serde(default)]
    skip_damaged: bool,
}

fn yes() -> bool {
    true
}

/// What becomes of section headings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum HeadingStyle {
    #[default]
    Glue,
    Keep,
    Drop,
}

/// A dump directory.
#[derive(Debug)]
struct Dump {
    config: Config,
    opened: Option<Opened>,
}

/// What is known of a dump once its directory has been looked at.
#[derive(Debug)]
struct Opened {
    files: DumpFiles,
    site: Option<SiteInfo>,
    info: WikiInfo,
    cleaner: Arc<Cleaner>,
}

/// Returns what a wiki is called, from the name of its files and its site information.
pub(super) fn wiki_info(files: &DumpFiles, site: Option<&SiteInfo>) -> WikiInfo {
    let lang = files.wiki.strip_suffix("wiki").unwrap_or(&files.wiki).replace('_', "-");
    let base = match site {
        Some(site) if !site.base.is_empty() => site.base.clone(),
        _ => format!("https://{lang}.wikipedia.org/wiki/"),
    };
    WikiInfo { wiki: files.wiki.clone(), lang, date: files.date.clone(), base }
}

/// Returns an error if a dump lacks the tables that every pairing needs.
pub(super) fn require_tables(dir: &Path, files: &DumpFiles) -> Result<()> {
    for (table, file) in [("page", &files.page), ("langlinks", &files.langlinks)] {
        if file.is_none() {
            return Err(Error::Directory {
                dir: dir.to_owned(),
                what: format!(
                    "holds no `{table}` table of {wiki}: `{wiki}-{date}-{table}.sql.gz` is missing",
                    wiki = files.wiki,
                    date = files.date
                ),
                hint: "download it from the same dump, next to the others".to_owned(),
            });
        }
    }
    Ok(())
}

/// Says which optional tables are absent and what follows.
pub(super) fn absent_tables(files: &DumpFiles) -> Vec<String> {
    let mut notes = Vec::new();
    if files.redirect.is_none() {
        notes.push(format!(
            "{}: no `redirect` table: links to redirects cannot be resolved",
            files.wiki
        ));
    }
    if files.page_props.is_none() {
        notes.push(format!(
            "{}: no `page_props` table: disambiguation pages are known by their templates only",
            files.wiki
        ));
    }
    notes
}

impl Dump {
    fn opened(&self) -> &Opened {
        match &self.opened {
            Some(opened) => opened,
            None => unreachable!("sources are opened while the pipeline is checked"),
        }
    }
}

impl Source for Dump {
    fn open(&mut self) -> Result<()> {
        let files = find_dump(&self.config.dir, self.config.wiki.as_deref())?;
        require_tables(&self.config.dir, &files)?;
        let Some(first) = files.articles.first() else {
            return Err(Error::Directory {
                dir: self.config.dir.clone(),
                what: format!("holds no `pages-articles` XML of {}", files.wiki),
                hint: "download `pages-articles-multistream.xml.bz2` of the same dump".to_owned(),
            });
        };
        // Nothing that a checksum has not vouched for says what the pages are. The head is never
        // passed over: all pages are cleaned by its namespaces.
        let site = siteinfo_of(Streams::blocks(first, 0..u64::MAX, false)?)?;
        if let Some(site) = &site
            && !site.dbname.is_empty()
            && site.dbname != files.wiki
        {
            return Err(Error::Directory {
                dir: self.config.dir.clone(),
                what: format!(
                    "mixes wikis: `{}` is of {}, but the tables are of {}",
                    first.display(),
                    site.dbname,
                    files.wiki
                ),
                hint: "keep each wiki's dump in a directory of its own".to_owned(),
            });
        }
        let info = wiki_info(&files, site.as_ref());
        let options = Options {
            headings: match self.config.headings {
                HeadingStyle::Glue => Headings::Glue,
                HeadingStyle::Keep => Headings::Keep,
                HeadingStyle::Drop => Headings::Drop,
            },
            lists: self.config.lists,
            boilerplate: self.config.boilerplate,
            math: self.config.math,
        };
        let tables = TemplateTables::of(&files);
        let cleaner = Arc::new(Cleaner::new(&info, site.as_ref(), tables, options));
        self.opened = Some(Opened { files, site, info, cleaner });
        Ok(())
    }

    fn info(&self) -> &WikiInfo {
        &self.opened().info
    }

    fn title_rules(&self) -> Arc<TitleRules> {
        Arc::new(TitleRules::new(self.opened().site.as_ref()))
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = &self.opened().files;
        let tables = [&files.page, &files.langlinks, &files.redirect, &files.page_props];
        tables.into_iter().flatten().chain(&files.articles).cloned().collect()
    }

    fn notes(&self) -> Vec<String> {
        absent_tables(&self.opened().files)
    }

    fn count_links(&self, languages: &[String]) -> Result<LinkNumbers> {
        dump_tables::count_links(&self.opened().files, languages)
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        super::knobs_of(&self.config)
    }

    fn article_files(&self) -> Vec<PathBuf> {
        self.opened().files.articles.clone()
    }

    fn template_tables(&self) -> Option<&TemplateTables> {
        self.opened().cleaner.tables()
    }

    fn template_aliases(&self) -> Result<Option<Digest>> {
        Ok(self.opened().cleaner.site()?.aliases())
    }

    fn tasks(&self, name: &str, cx: &SourceContext) -> Result<Tasks> {
        let Opened { files, site, cleaner, .. } = self.opened();
        let mut tasks = Tasks::remembering(&cx.before)?;
        dump_tables::add_tasks(&mut tasks, name, files, self.title_rules(), cx)?;
        let indexed = index::of(files);
        let links = cx.keep_links.then(|| self.title_rules());
        let n_indexes = indexed.iter().filter(|(_, index)| index.is_some()).count();
        let all_or_none = (n_indexes == 0 || n_indexes == indexed.len()).then_some(n_indexes != 0);
        let same = SameFiles::new(Arc::clone(&cx.before), all_or_none);
        let skips = self.config.skip_damaged;
        for (path, index) in indexed {
            let articles = Arc::new(ArticleFile {
                path: path.clone(),
                // Of a file of one stream, streams would all be one worker's.
                by_blocks: skips || index.is_none() && streams::is_one_stream(&path)?,
                skips,
                site: site.clone(),
                cleaner: Arc::clone(cleaner),
                links: links.clone(),
                store: Arc::clone(&cx.store),
            });
            let streams = index.map(|index| {
                Arc::new(WantedStreams::new(path.clone(), index, skips, Arc::clone(&cx.before)))
            });
            // The cut depends on the file alone, so that packs are the same for any workers.
            for range in streams::ranges(&path, 64, 1 << 20)? {
                let articles = Arc::clone(&articles);
                let task: Box<dyn Task<Finding>> = match &streams {
                    None => Box::new(DumpArticles::new(articles, range)),
                    Some(streams) => {
                        Box::new(IndexedArticles::new(articles, range, Arc::clone(streams)))
                    }
                };
                tasks.articles.push(Unless::reads(&same, tasks.articles.is_empty(), task));
            }
        }
        Ok(tasks)
    }
}
