//! Plain texts in the schema of `wikimedia/wikipedia`, with the SQL tables of a dump.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crossic_operators::{
    flow::Kind,
    operator::Key,
    record::{Article, Digest, Text},
    text::canonical,
    wikitext::{ArticleResidue, Site, residue},
};
use serde::{Deserialize, Serialize};

use super::{
    Descriptor, Finding, LinkNumbers, Source, SourceContext, SourceCounts, Task, Tasks, TitleRules,
    Wanted, WikiInfo,
    article_packs::ArticlePacks,
    dump_tables,
    same_files::{SameFiles, Unless},
    wikipedia_dump,
};
use crate::{
    dump::{
        find::{DumpFiles, find_dump},
        parquet::{ArticleParquet, ParquetArticle},
    },
    error::{Error, Result},
    work::Work,
};

pub(super) const SOURCE: Descriptor = Descriptor {
    name: "wikipedia-parquet",
    summary: "Plain texts in the schema of wikimedia/wikipedia, with the SQL tables of a dump",
    writes: Kind::Wiki,
    keys: &[
        Key {
            name: "files",
            default: "",
            about: "parquet files with the columns id, url, title, text",
        },
        Key {
            name: "tables",
            default: "",
            about: "directory with the page and langlinks tables (redirect, page_props) of the dump of that date",
        },
        Key {
            name: "wiki",
            default: "the only one there",
            about: "name of the wiki, such as \"thwiki\", where `tables` holds several",
        },
    ],
    paper: "",
    parse: |value| Ok(Box::new(Parquet { config: Config::deserialize(value)?, opened: None })),
};

/// The knobs of `wikipedia-parquet`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    #[serde(skip_serializing)]
    files: Vec<PathBuf>,
    #[serde(skip_serializing)]
    tables: PathBuf,
    #[serde(skip_serializing)]
    wiki: Option<String>,
}

/// Parquet files and tables.
#[derive(Debug)]
struct Parquet {
    config: Config,
    opened: Option<(DumpFiles, WikiInfo)>,
}

impl Parquet {
    fn opened(&self) -> &(DumpFiles, WikiInfo) {
        match &self.opened {
            Some(opened) => opened,
            None => unreachable!("sources are opened while the pipeline is checked"),
        }
    }
}

impl Source for Parquet {
    fn open(&mut self) -> Result<()> {
        let files = find_dump(&self.config.tables, self.config.wiki.as_deref())?;
        wikipedia_dump::require_tables(&self.config.tables, &files)?;
        if self.config.files.is_empty() {
            return Err(Error::Usage {
                what: "`files` names no parquet file".to_owned(),
                hint: "name the files of `wikimedia/wikipedia` for this language".to_owned(),
            });
        }
        for path in &self.config.files {
            ArticleParquet::open(path)?;
        }
        let info = wikipedia_dump::wiki_info(&files, None);
        self.opened = Some((files, info));
        Ok(())
    }

    fn info(&self) -> &WikiInfo {
        &self.opened().1
    }

    fn title_rules(&self) -> Arc<TitleRules> {
        Arc::new(TitleRules::new(None))
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = &self.opened().0;
        let tables = [&files.page, &files.langlinks, &files.redirect, &files.page_props];
        tables.into_iter().flatten().chain(&self.config.files).cloned().collect()
    }

    fn notes(&self) -> Vec<String> {
        wikipedia_dump::absent_tables(&self.opened().0)
    }

    fn count_links(&self, languages: &[String]) -> Result<LinkNumbers> {
        dump_tables::count_links(&self.opened().0, languages)
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        super::knobs_of(&self.config)
    }

    fn article_files(&self) -> Vec<PathBuf> {
        self.config.files.clone()
    }

    fn tasks(&self, name: &str, cx: &SourceContext) -> Result<Tasks> {
        let mut tasks = Tasks::remembering(&cx.before)?;
        dump_tables::add_tasks(&mut tasks, name, &self.opened().0, self.title_rules(), cx)?;
        let same = SameFiles::new(Arc::clone(&cx.before), Some(false));
        let site = Arc::new(Site::new(&self.info().lang, &[]));
        for path in &self.config.files {
            let task = Box::new(ParquetArticles {
                path: path.clone(),
                site: Arc::clone(&site),
                file: None,
                packs: ArticlePacks::new(Arc::clone(&cx.store)),
                batch: Vec::new(),
                n_bytes: 0,
                work: Work::default(),
            });
            tasks.articles.push(Unless::reads(&same, tasks.articles.is_empty(), task));
        }
        Ok(tasks)
    }
}

/// Reads one parquet file.
struct ParquetArticles {
    path: PathBuf,
    /// Knows the names of namespaces that somebody else's cleaner may have left.
    site: Arc<Site>,
    file: Option<ArticleParquet>,
    packs: ArticlePacks,
    batch: Vec<ParquetArticle>,
    n_bytes: u64,
    work: Work,
}

impl ParquetArticles {
    fn article(&mut self, article: &ParquetArticle) -> Result<(Article, ArticleResidue)> {
        let paragraphs = paragraphs(&article.text);
        if paragraphs.is_empty() {
            return Ok((Article::Empty, ArticleResidue::default()));
        }
        // Where something was dropped, such a text does not tell: it has no holes.
        let residue = ArticleResidue::new(&residue(&paragraphs, &self.site), 0);
        let text = canonical(article.title.trim(), &paragraphs);
        let digest = Digest::of(text.as_bytes());
        self.packs.put(digest, &text)?;
        let text = Text {
            digest,
            revision: 0,
            n_chars: text.chars().count() as u32,
            n_paragraphs: paragraphs.len() as u32,
            links: Digest::default(),
        };
        Ok((Article::Text(text), residue))
    }
}

/// Splits plain text at its blank lines; white space around lines goes.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            paragraphs.push(std::mem::take(&mut open));
            continue;
        }
        if !open.is_empty() {
            open.push('\n');
        }
        open.push_str(line);
    }
    paragraphs.push(open);
    paragraphs.retain(|paragraph| paragraph.chars().any(char::is_alphanumeric));
    paragraphs
}

impl Task<Finding> for ParquetArticles {
    fn step(&mut self, budget: usize, wanted: &Wanted, rows: &mut Vec<Finding>) -> Result<bool> {
        let mut spent = 0;
        while spent < budget {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(ArticleParquet::open(&self.path)?),
            };
            let mut batch = std::mem::take(&mut self.batch);
            let more = file.next_batch(&mut batch)?;
            self.n_bytes = match file.n_rows() {
                0 => file.n_bytes(),
                n_rows => file.n_bytes() * file.n_rows_read() / n_rows,
            };
            let n_malformed = file.malformed().len() as u64;
            self.work.pages_malformed += n_malformed;
            self.work.pages_read += n_malformed + batch.len() as u64;
            for article in &batch {
                spent += article.text.len() + 256;
                if !wanted.0.contains(&article.id) {
                    continue;
                }
                self.work.pages_cleaned += 1;
                let (found, residue) = self.article(article)?;
                let finding = Finding::Read(article.id, found, Digest::default(), residue);
                self.packs.push(finding, rows)?;
            }
            self.batch = batch;
            if !more {
                self.packs.seal(rows)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn bytes_read(&self) -> u64 {
        self.n_bytes
    }

    fn counts(&mut self) -> SourceCounts {
        SourceCounts::new()
    }

    fn work(&mut self) -> Work {
        let mut work = std::mem::take(&mut self.work);
        work += self.packs.work();
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_part_paragraphs() {
        assert_eq!(paragraphs("One.\nTwo. \n\n\n \nสาม\n\n—\n"), ["One.\nTwo.", "สาม"]);
    }
}
