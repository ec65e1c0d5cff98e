//! One build by two real processes, which meet on ports of their own.

use std::{
    io::{Read, Seek},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use fs_err::File;

use super::{PATIENCE, ports};

/// A running process and the files of what it says; it is killed when this is dropped.
struct Process {
    child: Child,
    stdout: File,
    stderr: File,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _killed = self.child.kill().is_ok() && self.child.wait().is_ok();
    }
}

impl Process {
    fn start(dir: &Path, process: usize, n_workers: usize) -> Process {
        let said = |name: &str| {
            let path = dir.join(format!("{name}-{process}"));
            File::options().create(true).truncate(true).read(true).write(true).open(path).unwrap()
        };
        let (stdout, stderr) = (said("stdout"), said("stderr"));
        let to = |file: &File| Stdio::from(file.try_clone().unwrap().into_parts().0);
        let child = Command::new(env!("CARGO_BIN_EXE_crossic"))
            .args(["build", "pipeline.toml", "--json", "--hosts", "hosts.txt"])
            .args(["--process", &process.to_string(), "--workers", &n_workers.to_string()])
            .current_dir(dir)
            .env_remove("RUST_BACKTRACE")
            .stdout(to(&stdout))
            .stderr(to(&stderr))
            .spawn()
            .unwrap();
        Process { child, stdout, stderr }
    }

    /// Waits until the process has ended, and returns its exit code and what it has said on stdout
    /// and on stderr; panics if it does not end.
    fn end(mut self) -> (Option<i32>, String, String) {
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if PATIENCE < start.elapsed() => {
                    panic!("a process does not end; it has said: {}", text(&mut self.stderr))
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        (status.code(), text(&mut self.stdout), text(&mut self.stderr))
    }
}

/// Returns all that a file holds; the process that wrote it shares its position.
fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// Builds a pipeline by two processes that run in a directory, and returns what process 0 prints
/// as JSON, or the reason that both have ended with.
pub(super) fn build(pipeline: &str, dir: &Path, n_workers: usize) -> Result<String, String> {
    let hosts = ports::two();
    fs_err::write(dir.join("pipeline.toml"), pipeline).unwrap();
    fs_err::write(dir.join("hosts.txt"), hosts.join("\n")).unwrap();
    let both = [0, 1].map(|process| Process::start(dir, process, n_workers));
    let [first, second] = both.map(Process::end);
    match (first.0, second.0) {
        (Some(0), Some(0)) => Ok(first.1),
        (Some(1 | 2), Some(1 | 2)) => {
            let [reason, other] = [&first.2, &second.2].map(|stderr| reason(stderr, &hosts));
            assert_eq!(reason, other, "both end with one reason");
            Err(reason)
        }
        _ => panic!("one process builds and the other does not: {first:?} {second:?}"),
    }
}

/// Returns the error that a process ends with, without the name of the process that it comes from.
fn reason(stderr: &str, hosts: &[String; 2]) -> String {
    let error = stderr.lines().find_map(|line| line.strip_prefix("error: "));
    let mut reason = error.unwrap_or(stderr);
    for (host, process) in hosts.iter().zip(0..) {
        let name = format!("process {process} ({host}): ");
        reason = reason.strip_prefix(&name).unwrap_or(reason);
    }
    reason.to_owned()
}
