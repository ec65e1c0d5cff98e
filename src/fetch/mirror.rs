//! What a mirror has: dates of a wiki, files of a dump, and the newest date that will do.

use std::collections::BTreeSet;

use super::{
    download::{Settings, pause, refusal},
    error::FetchError,
    http::{Client, Ended},
    list::{self, Listed, Wanted},
    patience::Patience,
};

/// Most bytes of a list; that of English Wikipedia has less than one million.
const MAX_LIST: usize = 16 << 20;

/// Most dates that are looked at for the newest; Wikimedia keeps fewer.
const MAX_DATES: usize = 24;

/// A mirror that can be asked.
pub(super) struct Mirror<'a> {
    /// The address above the directories of the wikis, without a slash at its end.
    pub(super) address: &'a str,
    pub(super) client: &'a Client<'a>,
    pub(super) settings: &'a Settings<'a>,
}

impl Mirror<'_> {
    /// Returns the address of a file of a dump.
    pub(super) fn url(&self, wiki: &str, date: &str, name: &str) -> String {
        format!("{}/{wiki}/{date}/{name}", self.address)
    }

    /// Returns the files of a dump.
    ///
    /// # Errors
    ///
    /// The mirror has no such dump, or not all of its files yet.
    pub(super) fn files(&self, wiki: &str, date: &str) -> Result<Vec<Wanted>, FetchError> {
        match self.listed(wiki, date) {
            Ok(Listed::Complete(wanted)) => Ok(wanted),
            Ok(Listed::Incomplete(missing)) => Err(FetchError::Incomplete {
                wiki: wiki.to_owned(),
                date: date.to_owned(),
                missing: missing.into_iter().map(str::to_owned).collect(),
            }),
            Err(FetchError::NotFound { url, .. }) => {
                let hint = match self.dates(wiki) {
                    Err(FetchError::NotFound { .. }) => format!(
                        "the mirror has no `{wiki}`: wikis are named like enwiki, thwiki, \
                         zh_min_nanwiki"
                    ),
                    Err(error) => return Err(error),
                    Ok(dates) if dates.is_empty() => {
                        format!("the mirror shows no dates of `{wiki}`")
                    }
                    Ok(dates) => format!(
                        "dumps are removed after some months; the mirror has these dates of \
                         `{wiki}`: {}; `--date latest` takes the newest that is complete",
                        dates.get(..dates.len().min(MAX_DATES)).unwrap_or_default().join(", ")
                    ),
                };
                Err(FetchError::NotFound { url, hint })
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the newest date of which the mirror has a complete dump of every wiki.
    ///
    /// # Errors
    ///
    /// There is none, or the mirror cannot be read.
    pub(super) fn latest(&self, wikis: &[String]) -> Result<String, FetchError> {
        let mut common: Option<BTreeSet<String>> = None;
        for wiki in wikis {
            let dates: BTreeSet<String> = self.dates(wiki)?.into_iter().collect();
            common = Some(match common {
                None => dates,
                Some(common) => common.intersection(&dates).cloned().collect(),
            });
        }
        let dates: Vec<String> =
            common.unwrap_or_default().into_iter().rev().take(MAX_DATES).collect();
        for date in &dates {
            if self.is_complete(wikis, date)? {
                return Ok(date.clone());
            }
        }
        Err(FetchError::NoDate { wikis: wikis.to_vec(), dates })
    }

    fn is_complete(&self, wikis: &[String], date: &str) -> Result<bool, FetchError> {
        for wiki in wikis {
            match self.listed(wiki, date) {
                Ok(Listed::Complete(_)) => {}
                Ok(Listed::Incomplete(_))
                | Err(FetchError::NotFound { .. } | FetchError::List { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn listed(&self, wiki: &str, date: &str) -> Result<Listed, FetchError> {
        let url = self.url(wiki, date, &format!("{wiki}-{date}-sha1sums.txt"));
        let text = self.text(&url)?;
        list::checksums(&text, wiki, date).map_err(|what| FetchError::List { url, what })
    }

    fn dates(&self, wiki: &str) -> Result<Vec<String>, FetchError> {
        Ok(list::dates(&self.text(&format!("{}/{wiki}/", self.address))?))
    }

    /// Returns a short text.
    fn text(&self, url: &str) -> Result<String, FetchError> {
        let mut patience = Patience::new(self.settings.deadline);
        loop {
            let trouble = match self.client.get(url, 0, patience.silence()) {
                Err(trouble) => trouble,
                Ok(answer) if answer.status != 200 => refusal(answer.status, answer.wait, url)?,
                Ok(answer) => {
                    let mut text = Vec::new();
                    let ended = self.client.read(answer, patience.silence(), |bytes| {
                        text.extend_from_slice(bytes);
                        if text.len() <= MAX_LIST { Ok(()) } else { Err(()) }
                    });
                    match ended {
                        // The lines that count are ASCII; whatever else there is, is passed over.
                        Ok(()) => return Ok(String::from_utf8_lossy(&text).into_owned()),
                        Err(Ended::Trouble(trouble)) => trouble,
                        Err(Ended::Taker(())) => {
                            let what = format!("is longer than {MAX_LIST} bytes");
                            return Err(FetchError::List { url: url.to_owned(), what });
                        }
                    }
                }
            };
            pause(self.settings, &mut patience, url, trouble)?;
        }
    }
}
