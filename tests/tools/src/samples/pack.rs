//! Packs the sample wikis into dumps of two dates.

use std::path::{Path, PathBuf};

use crate::{
    dump::{
        batch::Batch,
        files::{DumpFiles, Totals},
        page::Page,
        site::Site,
    },
    error::Error,
    samples::wiki,
};

/// How many pages a stream holds; Wikimedia's have 100, but the samples are small.
const PAGES_PER_STREAM: usize = 10;

/// What was packed.
#[derive(Debug)]
pub struct Packed {
    /// The database name of the wiki.
    pub wiki: String,
    /// The date of the dump.
    pub date: &'static str,
    /// How much it holds.
    pub totals: Totals,
}

/// Packs every wiki below `sources` into `<out>/<wiki>/<date>/`; nothing is written if a source is
/// bad.
pub fn pack(sources: &Path, out: &Path) -> Result<Vec<Packed>, Error> {
    let mut wikis = Vec::new();
    let mut complaints = Vec::new();
    for folder in wiki_folders(sources)? {
        match wiki::read(&folder) {
            Ok(wiki) => wikis.push(wiki),
            Err(Error::Sources(found)) => complaints.extend(found),
            Err(error) => return Err(error),
        }
    }
    if !complaints.is_empty() {
        return Err(Error::Sources(complaints));
    }
    let mut packed = Vec::new();
    for wiki in &wikis {
        for (date, pages) in [("20240720", &wiki.base), ("20240801", &wiki.changed)] {
            let totals = write_dump(out, &wiki.site, date, pages)?;
            packed.push(Packed { wiki: wiki.site.wiki.clone(), date, totals });
        }
    }
    Ok(packed)
}

fn wiki_folders(sources: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = Vec::new();
    for entry in fs_err::read_dir(sources)? {
        let path = entry?.path();
        if path.join("siteinfo.toml").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    if folders.is_empty() {
        let message = format!("no folder with a `siteinfo.toml` below `{}`", sources.display());
        return Err(Error::Request(message));
    }
    Ok(folders)
}

fn write_dump(out: &Path, site: &Site, date: &str, pages: &[Page]) -> Result<Totals, Error> {
    let mut files = DumpFiles::create(out, site, date)?;
    for chunk in pages.chunks(PAGES_PER_STREAM) {
        files.write(&Batch::encode(site, chunk)?)?;
    }
    Ok(files.finish()?)
}
