//! The processes of a run: this one alone, or all of a cluster.
//!
//! Process 0 locks the corpus directories, hears all that is said and publishes; the others read
//! and write beside it in the same directories.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Settings, failure::Failure, inputs::Input, progress};
use crate::{
    cluster::{self, Cluster, error::ClusterError, mesh::Mesh},
    config::Plan,
    error::{Error, Result},
    manifest::Manifest,
    retrieval::Finished,
    store::{memos::AnswerRow, row::Row},
};

/// How a process takes part in a run of several.
#[derive(Clone, Debug)]
pub struct Place {
    /// The hosts file: where each process listens.
    pub hosts: PathBuf,
    /// Which line of it is this process, counted from 0.
    pub process: usize,
    /// How long to wait for the others to come.
    pub deadline: Duration,
}

/// The processes of a run, seen from one of them.
pub(super) struct Processes {
    cluster: Option<Cluster>,
    me: usize,
    n: usize,
}

/// What a process reports to process 0 when it is through with the dataflow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    /// The file in `memos/` that holds its answers, if there are any.
    pub(super) answers: Option<String>,
    /// Answers that were recalled and answers that had to be found.
    pub(super) asked: (u64, u64),
    /// What it leaves of the documents it searched.
    #[serde(default)]
    pub(super) retrieval: Finished,
}

impl Processes {
    /// Waits until all processes are there and agree; alone, there is nothing to wait for.
    pub(super) fn join(
        plan: &Plan,
        settings: &Settings,
        files: &[Input],
    ) -> Result<(Processes, Option<Mesh>)> {
        let Some(place) = &settings.cluster else {
            return Ok((Processes { cluster: None, me: 0, n: 1 }, None));
        };
        let hosts = cluster::hosts::read(&place.hosts)?;
        let n = hosts.len();
        let (cluster, mesh) = Cluster::join(cluster::Settings {
            hosts,
            process: place.process,
            workers: settings.workers,
            digest: digest(plan, settings.workers, files)?,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            deadline: place.deadline,
            notes: true,
        })?;
        cluster.end_process_on_failure()?;
        Ok((Processes { cluster: Some(cluster), me: place.process, n }, Some(mesh)))
    }

    /// Returns whether this process locks, hears and publishes.
    pub(super) fn is_first(&self) -> bool {
        self.me == 0
    }

    /// Makes sure, as another process than 0, that the directories are those that process 0 has
    /// prepared: it holds a lock in each.
    pub(super) fn share_directories(&self, plan: &Plan) -> Result<()> {
        let strange = plan.sinks.iter().map(|node| node.sink.dir());
        match strange.into_iter().find(|dir| !self.is_first() && !dir.join(".lock").is_file()) {
            None => Ok(()),
            Some(dir) => Err(Error::Directory {
                dir: dir.to_owned(),
                what: "is not the directory that process 0 has locked".to_owned(),
                hint: "give every process the same directory, on a disk that all of them share"
                    .to_owned(),
            }),
        }
    }

    /// Keeps the tasks of this process: the same deal everywhere gives each task to one process.
    pub(super) fn deal<T>(&self, tasks: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let (me, n) = (self.me, self.n);
        tasks.into_iter().enumerate().filter(move |(at, _)| at % n == me).map(|(_, task)| task)
    }

    /// Keeps a failure of another process, if there is one.
    pub(super) fn look(&self, failure: &Failure) {
        if let Some(words) = self.cluster.as_ref().and_then(Cluster::failure) {
            failure.set(ClusterError::Fault(words).into());
        }
    }

    /// Returns an error if another process has failed: to be asked before a manifest is replaced.
    pub(super) fn all_well(&self) -> Result<()> {
        match self.cluster.as_ref().and_then(Cluster::failure) {
            Some(words) => Err(ClusterError::Fault(words).into()),
            None => Ok(()),
        }
    }

    /// Tells process 0 that this process is through with the dataflow.
    pub(super) fn done(&self, done: &Done) -> Result<()> {
        let payload = serde_json::to_string(done)
            .unwrap_or_else(|_| unreachable!("a report of a process is plain data"));
        self.cluster.as_ref().map_or(Ok(()), |cluster| cluster.done(payload))
    }

    /// Waits as process 0 until all others are through, and returns what they report.
    pub(super) fn others(&self) -> Result<Vec<Done>> {
        let Some(cluster) = &self.cluster else { return Ok(Vec::new()) };
        let reports = cluster.wait_done()?;
        reports.iter().zip(1..).map(|(report, process)| read(report, process)).collect()
    }

    /// Ends the run well: process 0 has published, and the others wait until it has.
    pub(super) fn end(self) -> Result<()> {
        match self.cluster {
            None => {}
            Some(cluster) if self.me == 0 => cluster.published(),
            Some(cluster) => {
                cluster.wait_published()?;
                progress::note(&format!(
                    "process {} is through, and process 0 has published",
                    self.me
                ));
            }
        }
        Ok(())
    }

    /// Ends the run with an error: the others are told, and the first failure of all is returned.
    pub(super) fn fail(&self, error: Error) -> Error {
        match &self.cluster {
            Some(cluster) => cluster.fail(error),
            None => error,
        }
    }
}

/// Reads the report of a process. Its file must be one of answers, and nowhere else.
fn read(report: &str, process: usize) -> Result<Done> {
    let done: Option<Done> = serde_json::from_str(report).ok();
    let is_plain =
        |name: &str| name.chars().all(|it| it.is_ascii_alphanumeric() || "-.".contains(it));
    let is_answers = |name: &str| name.starts_with(AnswerRow::TABLE) && is_plain(name);
    let is_ours = |it: &Done| {
        it.answers.as_deref().is_none_or(is_answers)
            && it.retrieval.memos.iter().all(|name| is_plain(name))
    };
    match done.filter(is_ours) {
        Some(done) => Ok(done),
        None => {
            Err(ClusterError::Fault(format!("process {process}: its report makes no sense")).into())
        }
    }
}

/// Returns the digest of all that must be the same at every process.
fn digest(plan: &Plan, workers: usize, files: &[Input]) -> Result<[u8; 32]> {
    let mut fields = vec![workers.to_string()];
    for node in &plan.sinks {
        fields.extend([node.name.clone(), plan.resolved(node).digest().to_string()]);
        // Both must go on from the same corpus, or they would not agree on what has changed.
        let last = Manifest::find(node.sink.dir())?;
        fields.push(last.map_or_else(|| "none".to_owned(), |it| it.corpus_digest));
    }
    for file in files {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fields.extend([file.source.clone(), name, file.size.to_string()]);
    }
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
    }
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_belongs_to_one_process() {
        let mut dealt = Vec::new();
        for me in 0..3 {
            let processes = Processes { cluster: None, me, n: 3 };
            dealt.extend(processes.deal(0..8));
        }
        assert_eq!(dealt, [0, 3, 6, 1, 4, 7, 2, 5]);
    }

    #[test]
    fn a_report_names_no_file_elsewhere() {
        let report = |name: &str| format!(r#"{{"answers": "{name}", "asked": [1, 2]}}"#);
        let done = read(&report("answers-0123abcd.arrow"), 1).unwrap();
        assert_eq!((done.answers.as_deref(), done.asked), (Some("answers-0123abcd.arrow"), (1, 2)));
        assert!(read(r#"{"answers": null, "asked": [0, 0]}"#, 1).unwrap().answers.is_none());
        for strange in ["../answers-1.arrow", "answers/../../1", "pairs-1.arrow", "/etc/passwd"] {
            let error = read(&report(strange), 2).unwrap_err().to_string();
            assert!(error.starts_with("process 2:"), "{strange}: {error}");
        }
        assert!(read("[]", 1).is_err());
    }
}
