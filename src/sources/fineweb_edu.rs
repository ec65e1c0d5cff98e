//! Web documents: parquet files in the schema of Fineweb-edu, or JSON lines.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crossic_operators::{flow::Kind, operator::Key};
use serde::{Deserialize, Serialize};

use super::{
    Descriptor, LinkNumbers, Source, SourceContext, Tasks, TitleRules, WebDocuments, WikiInfo,
};
use crate::{
    dump::documents::{file::DocumentFile, paths, screen::Screen},
    error::Result,
};

pub(super) const SOURCE: Descriptor = Descriptor {
    name: "fineweb-edu",
    summary: "Web documents: parquet files in the schema of Fineweb-edu, or JSON lines",
    writes: Kind::Documents,
    keys: &[
        Key {
            name: "files",
            default: "",
            about: "paths, patterns with * and ?, or URLs of .parquet, .jsonl, .jsonl.gz or .jsonl.zst files",
        },
        Key {
            name: "name",
            default: "\"fineweb-edu\"",
            about: "what the collection is called in the provenance of a corpus",
        },
        Key {
            name: "language",
            default: "\"en\"",
            about: "language of the documents that are taken; \"\" takes files without the column too",
        },
        Key {
            name: "min-language-score",
            default: "none",
            about: "least `language_score` of a document, 0 to 1",
        },
        Key { name: "min-score", default: "none", about: "least `score` of a document" },
        Key { name: "min-words", default: "50", about: "fewest words of a document" },
        Key {
            name: "mirrors",
            default: "false",
            about: "take copies of Wikipedia pages, which would be found for that very page",
        },
    ],
    paper: "",
    parse: |value| Ok(Box::new(Collection { config: Config::deserialize(value)?, opened: None })),
};

/// The knobs of `fineweb-edu`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    #[serde(skip_serializing)]
    files: Vec<PathBuf>,
    #[serde(default = "default_name")]
    name: String,
    #[serde(default = "default_language")]
    language: String,
    min_language_score: Option<f64>,
    min_score: Option<f64>,
    #[serde(default = "default_words")]
    min_words: u32,
    #[serde(default)]
    mirrors: bool,
}

fn default_name() -> String {
    "fineweb-edu".to_owned()
}

fn default_language() -> String {
    "en".to_owned()
}

fn default_words() -> u32 {
    50
}

/// A collection of web documents.
#[derive(Debug)]
struct Collection {
    config: Config,
    opened: Option<(WikiInfo, WebDocuments)>,
}

impl Collection {
    fn opened(&self) -> &(WikiInfo, WebDocuments) {
        match &self.opened {
            Some(opened) => opened,
            None => unreachable!("sources are opened while the pipeline is checked"),
        }
    }
}

impl Source for Collection {
    fn open(&mut self) -> Result<()> {
        let config = &self.config;
        let files = paths::expand(&config.files)?;
        let screen = Screen {
            language: Some(config.language.clone()).filter(|it| !it.is_empty()),
            min_language_score: config.min_language_score,
            min_score: config.min_score,
            min_words: config.min_words,
            mirrors: config.mirrors,
        };
        for file in &files {
            DocumentFile::open(file, &screen)?;
        }
        let info = WikiInfo {
            wiki: config.name.clone(),
            lang: if config.language.is_empty() { "en" } else { &config.language }.to_owned(),
            date: String::new(),
            base: String::new(),
        };
        let name = |path: &Path| path.file_name().map(|it| it.to_string_lossy().into_owned());
        let names = files.iter().filter_map(|path| name(path)).collect();
        self.opened = Some((info, WebDocuments { files, names, screen }));
        Ok(())
    }

    fn writes(&self) -> Kind {
        Kind::Documents
    }

    fn documents(&self) -> Option<&WebDocuments> {
        Some(&self.opened().1)
    }

    fn info(&self) -> &WikiInfo {
        &self.opened().0
    }

    fn title_rules(&self) -> Arc<TitleRules> {
        Arc::new(TitleRules::new(None))
    }

    fn files(&self) -> Vec<PathBuf> {
        self.opened().1.files.clone()
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn count_links(&self, languages: &[String]) -> Result<LinkNumbers> {
        Ok(languages.iter().map(|language| (language.clone(), 0)).collect())
    }

    fn knobs(&self) -> BTreeMap<String, serde_json::Value> {
        super::knobs_of(&self.config)
    }

    fn article_files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn tasks(&self, _: &str, _: &SourceContext) -> Result<Tasks> {
        Ok(Tasks { remembered: Vec::new(), tables: Vec::new(), articles: Vec::new() })
    }
}
