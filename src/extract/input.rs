//! What the command line names, as files of wikis whose language is known.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crossic_operators::wikitext::Site;

use crate::{
    dump::{
        find::find_dump,
        find_names,
        siteinfo::{SiteInfo, siteinfo_of},
        streams::Streams,
    },
    error::{Error, Result},
    sources::TitleRules,
    storage,
};

/// A wiki, as far as its pages have to be understood.
pub struct Wiki {
    /// Language code, as `th`.
    pub lang: String,
    /// What the head of the file says, if it has one.
    pub site: Option<SiteInfo>,
    /// How its wikitext is read.
    pub cleaner: Site,
    /// How its titles are written.
    pub rules: TitleRules,
}

impl fmt::Debug for Wiki {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wiki").field("lang", &self.lang).finish_non_exhaustive()
    }
}

/// A file of pages.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its size in bytes.
    pub n_bytes: u64,
    /// The wiki that it is of.
    pub wiki: Arc<Wiki>,
}

/// Returns the pages files that paths name: files as they are, and those of the dump in a directory.
///
/// `lang` is the language of the files, or chooses a dump of a directory that holds several; with
/// `skips`, damaged blocks are passed over.
///
/// # Errors
///
/// A path cannot be read, a directory has no dump, several, or one without articles, or nothing
/// tells the language of a file.
pub fn find(paths: &[PathBuf], lang: Option<&str>, skips: bool) -> Result<Vec<InputFile>> {
    let mut files: Vec<InputFile> = Vec::new();
    for path in paths {
        if is_file(path)? {
            files.push(file(path, None, (lang, skips), files.last())?);
            continue;
        }
        let wanted = lang.map(|lang| format!("{}wiki", lang.replace('-', "_")));
        let dump = find_dump(path, wanted.as_deref())?;
        if dump.articles.is_empty() {
            return Err(Error::Directory {
                dir: path.clone(),
                what: format!("holds no `pages-articles` XML of {}", dump.wiki),
                hint: "download `pages-articles-multistream.xml.bz2` of the same dump".to_owned(),
            });
        }
        for articles in &dump.articles {
            files.push(file(articles, Some(&dump.wiki), (lang, skips), files.last())?);
        }
    }
    Ok(files)
}

/// Returns whether a path is a file; of a URL its name tells.
fn is_file(path: &Path) -> Result<bool> {
    if storage::is_url(path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return Ok(name.contains(".xml"));
    }
    match fs_err::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Usage {
            what: format!("there is no `{}`", path.display()),
            hint: "name a directory of a dump, or files of pages such as \
                   `thwiki-20240720-pages-articles.xml.bz2`"
                .to_owned(),
        }),
        found => Ok(!found?.is_dir()),
    }
}

/// Returns a file with its wiki, which is that of the file before it where both are parts of one.
fn file(
    path: &Path,
    wiki: Option<&str>,
    (lang, skips): (Option<&str>, bool),
    before: Option<&InputFile>,
) -> Result<InputFile> {
    let n_bytes = storage::size(path)?;
    // Nothing that a checksum has not vouched for says what the pages are.
    let site = siteinfo_of(Streams::on_threads(path, 1, skips)?)?;
    let named = path.file_name().and_then(|name| name.to_str()).and_then(find_names::parse);
    let db = site.as_ref().map(|site| site.dbname.as_str()).filter(|name| !name.is_empty());
    let wiki = db.or(wiki).or(named.as_ref().map(|name| name.wiki));
    let of_site = || site.as_ref().map(|site| site.lang.clone()).filter(|lang| !lang.is_empty());
    let found = lang
        .map(str::to_owned)
        .or_else(|| Some(wiki?.strip_suffix("wiki")?.replace('_', "-")))
        .or_else(of_site);
    let Some(lang) = found else {
        return Err(Error::Usage {
            what: format!("nothing tells the language of `{}`", path.display()),
            hint: "name it: `--lang th`".to_owned(),
        });
    };
    let wiki = match before {
        Some(before) if before.wiki.lang == lang && before.wiki.site == site => {
            Arc::clone(&before.wiki)
        }
        _ => {
            let namespaces: Vec<(i32, String)> = site
                .iter()
                .flat_map(|site| &site.namespaces)
                .map(|namespace| (namespace.key, namespace.name.clone()))
                .collect();
            let cleaner = Site::new(&lang, &namespaces);
            let rules = TitleRules::new(site.as_ref());
            Arc::new(Wiki { lang, site, cleaner, rules })
        }
    };
    Ok(InputFile { path: path.to_owned(), n_bytes, wiki })
}
