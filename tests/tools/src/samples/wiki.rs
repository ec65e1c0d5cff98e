//! Reads the sources of a sample wiki and lays the changes over the base.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{
    dump::{
        page::{Contributor, Page},
        redirect::{self, Parsed},
        site::Site,
    },
    error::{Complaint, Error},
    samples::{
        siteinfo,
        source_page::{self, SourcePage},
    },
};

/// The folder with the changed pages.
const CHANGES: &str = "changes-20240801";

/// The state of a wiki at the two dates.
#[derive(Debug)]
pub struct Wiki {
    /// What the wiki says about itself.
    pub site: Site,
    /// The pages at the first date, by id.
    pub base: Vec<Page>,
    /// The pages at the second date, by id.
    pub changed: Vec<Page>,
}

/// Reads a wiki; all complaints about its pages come at once.
pub fn read(folder: &Path) -> Result<Wiki, Error> {
    let siteinfo_path = folder.join("siteinfo.toml");
    let site = siteinfo::parse(&siteinfo_path, &fs_err::read_to_string(&siteinfo_path)?)?;
    let mut complaints = Vec::new();
    let base = read_pages(&folder.join("pages"), &mut complaints)?;
    let changes = read_pages(&folder.join(CHANGES), &mut complaints)?;
    let deleted = read_deleted(&folder.join(CHANGES).join("deleted.txt"), &base, &mut complaints)?;
    let changed = overlay(&base, changes, &deleted, &mut complaints);
    let base_pages = to_pages(&site, &base, &base, "2024-07-20", &mut complaints);
    let changed_pages = to_pages(&site, &changed, &base, "2024-08-01", &mut complaints);
    if complaints.is_empty() {
        return Ok(Wiki { site, base: base_pages, changed: changed_pages });
    }
    complaints.sort_by(|left, right| {
        (&left.path, left.line, &left.message).cmp(&(&right.path, right.line, &right.message))
    });
    complaints.dedup_by(|left, right| {
        left.path == right.path && left.line == right.line && left.message == right.message
    });
    Err(Error::Sources(complaints))
}

/// Returns the paths of the files in a folder that end in `.wiki`, by name; a missing folder has
/// none.
fn wiki_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wiki") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_pages(
    folder: &Path,
    complaints: &mut Vec<Complaint>,
) -> Result<BTreeMap<u32, SourcePage>, Error> {
    let mut pages: BTreeMap<u32, SourcePage> = BTreeMap::new();
    for path in wiki_files(folder)? {
        let bytes = fs_err::read(&path)?;
        let source = match String::from_utf8(bytes) {
            Ok(source) => source,
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let n_lines =
                    error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
                complaints.push(Complaint { path, line: n_lines + 1, message: "not UTF-8".into() });
                continue;
            }
        };
        match source_page::parse(&path, &source) {
            Err(found) => complaints.extend(found),
            Ok(page) => {
                if let Some(other) = pages.get(&page.id) {
                    let message = format!("id {} is also that of `{}`", page.id, name(&other.path));
                    complaints.push(Complaint { path, line: 1, message });
                } else {
                    pages.insert(page.id, page);
                }
            }
        }
    }
    Ok(pages)
}

fn read_deleted(
    path: &Path,
    base: &BTreeMap<u32, SourcePage>,
    complaints: &mut Vec<Complaint>,
) -> Result<BTreeSet<u32>, Error> {
    let mut deleted = BTreeSet::new();
    if !path.is_file() {
        return Ok(deleted);
    }
    for (index, line) in fs_err::read_to_string(path)?.lines().enumerate() {
        let number = line.split('#').next().unwrap_or_default().trim();
        if number.is_empty() {
            continue;
        }
        let message = match number.parse::<u32>() {
            Ok(id) if base.contains_key(&id) => {
                deleted.insert(id);
                continue;
            }
            Ok(id) => format!("id {id} is not that of a page"),
            Err(_) => format!("`{number}` is not a page id"),
        };
        complaints.push(Complaint { path: path.to_path_buf(), line: index + 1, message });
    }
    Ok(deleted)
}

fn overlay(
    base: &BTreeMap<u32, SourcePage>,
    changes: BTreeMap<u32, SourcePage>,
    deleted: &BTreeSet<u32>,
    complaints: &mut Vec<Complaint>,
) -> BTreeMap<u32, SourcePage> {
    let mut state = base.clone();
    state.retain(|id, _| !deleted.contains(id));
    for (id, page) in changes {
        let mut complain = |message: String| {
            complaints.push(Complaint { path: page.path.clone(), line: 1, message });
        };
        if deleted.contains(&id) {
            complain(format!("id {id} is deleted in `deleted.txt` and changed here"));
        }
        if let Some(before) = base.get(&id)
            && page.revision <= before.revision
        {
            complain(format!(
                "revision {} is not larger than the one before, {}",
                page.revision, before.revision
            ));
        }
        state.insert(id, page);
    }
    state
}

fn to_pages(
    site: &Site,
    state: &BTreeMap<u32, SourcePage>,
    base: &BTreeMap<u32, SourcePage>,
    date: &str,
    complaints: &mut Vec<Complaint>,
) -> Vec<Page> {
    let mut titles: BTreeMap<(i32, String), &Path> = BTreeMap::new();
    let mut revisions: BTreeMap<u64, &Path> = BTreeMap::new();
    let mut pages = Vec::with_capacity(state.len());
    for page in state.values() {
        let mut complain = |line: usize, message: String| {
            complaints.push(Complaint { path: page.path.clone(), line, message });
        };
        if page.timestamp.as_str() >= date {
            complain(1, format!("timestamp `{}` is not before the dump of {date}", page.timestamp));
        }
        let (namespace, title) = site.split_title(&page.full_title);
        if namespace != page.namespace {
            let message = format!(
                "title `{}` is of namespace {namespace}, the header says {}",
                page.full_title, page.namespace
            );
            complain(page.title_line, message);
        }
        if page.full_title != site.full_title(namespace, &title) {
            let right = site.full_title(namespace, &title);
            complain(page.title_line, format!("title `{}` should be `{right}`", page.full_title));
        }
        if let Some(other) = titles.insert((namespace, title.clone()), &page.path) {
            complain(page.title_line, format!("title `{title}` is also that of `{}`", name(other)));
        }
        if let Some(other) = revisions.insert(page.revision, &page.path) {
            complain(1, format!("revision {} is also that of `{}`", page.revision, name(other)));
        }
        let redirect = match redirect::parse(site, &page.text) {
            Parsed::To(redirect) if page.model == "wikitext" => Some(redirect),
            Parsed::Broken => {
                complain(page.text_line, "a redirect word without a link to a title".into());
                None
            }
            Parsed::To(_) | Parsed::Ordinary => None,
        };
        let before = base.get(&page.id).filter(|before| before.revision < page.revision);
        pages.push(Page {
            id: page.id,
            namespace,
            title,
            is_new: !base.contains_key(&page.id),
            random: random_of(site, page.id),
            revision: page.revision,
            parent: before.map(|before| before.revision),
            timestamp: page.timestamp.clone(),
            contributor: contributor_of(page.id),
            comment: String::new(),
            model: page.model.clone(),
            text: page.text.clone(),
            redirect,
            langlinks: page.langlinks.clone(),
            properties: page.properties.clone(),
        });
    }
    pages
}

// The value must stay the same from date to date, as on a real wiki, so it comes from the id.
fn random_of(site: &Site, id: u32) -> u64 {
    let hash = blake3::hash(format!("{}:{id}", site.wiki).as_bytes());
    let first = hash.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    u64::from_le_bytes(first) % 1_000_000_000_000
}

fn contributor_of(id: u32) -> Contributor {
    match id % 10 {
        3 => Contributor::Address(format!("192.0.2.{}", id % 250)),
        9 => Contributor::Deleted,
        _ => Contributor::User("Sample writer".into(), 1),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
