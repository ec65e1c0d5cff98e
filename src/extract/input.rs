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
    sources::{TemplateRedirects, TemplateTables, TitleRules},
    storage,
};

/// A wiki, as far as its pages have to be understood.
pub struct Wiki {
    /// Language code, as `th`.
    pub lang: String,
    /// What the head of the file says, if it has one.
    pub site: Option<SiteInfo>,
    /// The tables of its dump that name the redirects between templates, if they lie there.
    pub tables: Option<TemplateTables>,
    /// How its wikitext is read.
    pub cleaner: Site,
    /// How its titles are written.
    pub rules: TitleRules,
}

impl Wiki {
    /// Returns a wiki; its tables are read, if there are any.
    fn new(lang: String, site: Option<SiteInfo>, tables: Option<TemplateTables>) -> Result<Wiki> {
        let rules = TitleRules::new(site.as_ref());
        let mut wiki = Wiki { cleaner: Site::new(&lang, &[]), lang, site, tables, rules };
        wiki.cleaner = wiki.cleaner_with(&match &wiki.tables {
            Some(tables) => tables.read()?,
            None => TemplateRedirects::default(),
        });
        Ok(wiki)
    }

    /// Returns how wikitext is read where these redirects hold between templates.
    pub(super) fn cleaner_with(&self, redirects: &TemplateRedirects) -> Site {
        let namespaces = self.site.as_ref().map(SiteInfo::namespace_names).unwrap_or_default();
        redirects.given_to(Site::new(&self.lang, &namespaces))
    }
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
            let of = Of { wiki: None, tables: tables_beside(path) };
            files.push(file(path, of, (lang, skips), files.last())?);
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
            let of = Of { wiki: Some(&dump.wiki), tables: TemplateTables::of(&dump) };
            files.push(file(articles, of, (lang, skips), files.last())?);
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

/// Returns the tables of the dump that a file is of by its name, if they lie beside it; a server
/// is not searched for them.
fn tables_beside(path: &Path) -> Option<TemplateTables> {
    let name = find_names::parse(path.file_name()?.to_str()?)?;
    if storage::is_url(path) {
        return None;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let dump = find_dump(folder, Some(&format!("{}-{}", name.wiki, name.date))).ok()?;
    TemplateTables::of(&dump)
}

/// What is known of a file by where it lies.
struct Of<'a> {
    wiki: Option<&'a str>,
    tables: Option<TemplateTables>,
}

/// Returns a file with its wiki, which is that of the file before it where both are parts of one.
fn file(
    path: &Path,
    Of { wiki, tables }: Of<'_>,
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
    let is_same = |it: &Wiki| it.lang == lang && it.site == site && it.tables == tables;
    let wiki = match before.filter(|before| is_same(&before.wiki)) {
        Some(before) => Arc::clone(&before.wiki),
        None => Arc::new(Wiki::new(lang, site, tables)?),
    };
    Ok(InputFile { path: path.to_owned(), n_bytes, wiki })
}
