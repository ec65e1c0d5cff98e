//! Several real processes: this test program starts itself again, once a process, and what happens
//! to one of them must end all, soon, with exit code 1 and a reason that names it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    sync::{
        atomic::{AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crossic::{
    cluster::{Cluster, Settings, hosts},
    error::{Error, Result},
};
use tempfile::TempDir;
use timely::dataflow::{
    InputHandle, ProbeHandle,
    operators::{Exchange, Input, Inspect, Probe},
};

/// Longest time from what happens to the end of all processes.
const BOUND: Duration = Duration::from_secs(60);

/// Says in a child what it is; without it, the test `child` has nothing to do.
const ROLE: &str = "CROSSIC_TEST_CLUSTER_ROLE";

/// Numbers that each worker sends.
const N: u64 = 10_000;

// What a child does.

/// The process that a child is: its settings, and how far it goes.
#[test]
fn child() {
    let Ok(role) = env::var(ROLE) else { return };
    let fields: Vec<&str> = role.split('|').collect();
    let [hosts, process, digest, version, deadline, act] = fields[..] else { panic!("{role}") };
    let read = || {
        Ok(Settings {
            hosts: hosts::read(Path::new(hosts))?,
            process: process.parse().unwrap(),
            workers: 2,
            digest: [digest.parse().unwrap(); 32],
            version: version.to_owned(),
            deadline: Duration::from_secs(deadline.parse().unwrap()),
            notes: true,
        })
    };
    let code = match read().and_then(|settings| run(settings, act)) {
        Ok(()) => 0,
        Err(error) => {
            writeln!(io::stderr(), "error: {error}").unwrap();
            if let Some(hint) = error.hint() {
                writeln!(io::stderr(), "hint: {hint}").unwrap();
            }
            error.exit_code()
        }
    };
    std::process::exit(code.into());
}

fn tell(what: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n{what}").unwrap();
}

/// Joins and exchanges numbers. `act` says what a worker does when it has: it goes on (`work`),
/// stays until a failure (`stay`), stays without asking for one (`deaf`), or panics (`panic`); or
/// what the process does then: it fails (`fail`), or publishes without end (`publish`).
fn run(settings: Settings, act: &str) -> Result<()> {
    static SUM: AtomicU64 = AtomicU64::new(0);
    let process = settings.process;
    let (cluster, mesh) = Cluster::join(settings)?;
    cluster.end_process_on_failure()?;
    let (builders, threads) = mesh.allocators()?;
    let (watcher, config) = (cluster.watcher(), timely::WorkerConfig::default());
    let then = act.to_owned();
    let guards = timely::execute::execute_from(builders, threads, config, move |worker| {
        let (index, peers) = (worker.index() as u64, worker.peers() as u64);
        let mut input = InputHandle::new();
        let probe = ProbeHandle::new();
        worker.dataflow::<u64, _, _>(|scope| {
            let numbers = scope.input_from(&mut input).container::<Vec<u64>>();
            let own = numbers.exchange(|it| it / 7).inspect(move |it| {
                assert_eq!(it / 7 % peers, index);
                SUM.fetch_add(*it, Ordering::Relaxed);
            });
            own.probe_with(&probe);
        });
        (0..N).for_each(|it| input.send(it * peers + index));
        input.advance_to(1);
        worker.step_while(|| probe.less_than(&1) && watcher().is_none());
        if index == 2 * process as u64 {
            tell("at work");
        }
        let stays = |worker: &mut timely::worker::Worker| {
            worker.step_or_park(Some(Duration::from_millis(50)));
        };
        match then.as_str() {
            "stay" => {
                while watcher().is_none() {
                    stays(worker);
                }
            }
            "deaf" => loop {
                stays(worker);
            },
            "panic" if index % 2 == 1 => panic!("a worker has had enough"),
            _ => {}
        }
        if watcher().is_some() {
            worker.installed_dataflows().into_iter().for_each(|it| worker.drop_dataflow(it));
        }
    });
    let guards = guards.unwrap();
    if act == "fail" {
        std::mem::forget(guards);
        return Err(cluster.fail(Error::Worker("no space left".to_owned())));
    }
    if act == "stay" {
        while cluster.failure().is_none() {
            thread::park_timeout(Duration::from_millis(50));
        }
        std::mem::forget(guards);
        return Err(cluster.fail(Error::Worker("stopped".to_owned())));
    }
    guards.join().into_iter().for_each(|it| it.unwrap());
    tell(&format!("sum {}", SUM.load(Ordering::Relaxed)));
    cluster.done(format!("{{\"process\": {process}}}"))?;
    let reports = cluster.wait_done()?;
    if process != 0 {
        tell("done");
        return cluster.wait_published();
    }
    assert!(
        reports.iter().zip(1..).all(|(it, process)| *it == format!("{{\"process\": {process}}}"))
    );
    if act == "publish" {
        tell("publishing");
        while cluster.failure().is_none() {
            thread::park_timeout(Duration::from_millis(50));
        }
        return Err(cluster.fail(Error::Worker("stopped".to_owned())));
    }
    cluster.published();
    Ok(())
}

// How the tests look at children.

/// Several processes with one hosts file.
struct Hosts {
    _folder: TempDir,
    path: PathBuf,
    hosts: Vec<String>,
}

impl Hosts {
    /// Writes a file of addresses on which nobody listens; where the system lets us, of a loopback
    /// address of their own, where no other connection can be given one of these ports.
    fn new(n: usize) -> Hosts {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = std::process::id().wrapping_mul(37) + NEXT.fetch_add(1, Ordering::Relaxed);
        let own = format!("127.{}.{}.{}:0", 1 + id / 62_500 % 200, id / 250 % 250, 1 + id % 250);
        let listen =
            |_| TcpListener::bind(&own).or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
        let listeners: Vec<TcpListener> = (0..n).map(listen).collect();
        let hosts: Vec<String> =
            listeners.iter().map(|it| it.local_addr().unwrap().to_string()).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        fs_err::write(&path, hosts.join("\n")).unwrap();
        Hosts { _folder: folder, path, hosts }
    }

    fn name(&self, process: usize) -> String {
        format!("process {process} ({})", self.hosts[process])
    }

    fn start(&self, process: usize, act: &str) -> Process {
        self.start_as(process, "1|0.1.0", 20, act)
    }

    fn start_as(&self, process: usize, plan: &str, deadline: u64, act: &str) -> Process {
        let role = format!("{}|{process}|{plan}|{deadline}|{act}", self.path.display());
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = text(child.stderr.take().unwrap());
        Process { child, stdout, stderr }
    }

    /// Starts processes that do the same, and waits until all are at work.
    fn at_work(&self, act: &str, deadline: u64) -> Vec<Process> {
        let start = |process| self.start_as(process, "1|0.1.0", deadline, act);
        let mut all: Vec<Process> = (0..self.hosts.len()).map(start).collect();
        all.iter_mut().for_each(|it| it.wait_for("at work"));
        all
    }
}

/// A child, with what it writes.
struct Process {
    child: Child,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
}

fn lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(io::Result::ok);
        while lines.next().is_some_and(|line| send.send(line).is_ok()) {}
    });
    receive
}

fn text(mut stderr: ChildStderr) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let _read = stderr.read_to_end(&mut text).is_ok();
        let _heard = send.send(String::from_utf8(text).unwrap()).is_ok();
    });
    receive
}

impl Process {
    /// Waits until the child has written a line, and returns what the line says after that.
    fn line(&mut self, start: &str) -> String {
        let until = Instant::now() + BOUND;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) => match line.strip_prefix(start) {
                    Some(rest) => return rest.to_owned(),
                    None => continue,
                },
                Err(_) => panic!("it did not write `{start}`: {:?}", self.end()),
            }
        }
    }

    fn wait_for(&mut self, line: &str) {
        assert_eq!(self.line(line), "");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the child has ended, and returns its exit code and what it wrote to stderr.
    fn end(&mut self) -> (Option<i32>, String) {
        let stderr = self.stderr.recv_timeout(BOUND);
        if stderr.is_err() {
            self.child.kill().unwrap();
        }
        let code = self.child.wait().unwrap().code();
        let still = || panic!("a process does not end: {:?}", self.stderr.recv_timeout(BOUND));
        (code, stderr.unwrap_or_else(|_| still()))
    }

    /// Checks that the child ends with exit code 1 and a reason.
    fn fails_with(&mut self, reason: &str) -> String {
        let (code, stderr) = self.end();
        assert!(stderr.contains(reason), "no `{reason}` in:\n{stderr}");
        assert_eq!(code, Some(1), "{stderr}");
        assert!(!stderr.contains("timely communication error"), "{stderr}");
        assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
        stderr
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Of a child that has ended there is nothing to kill.
        let _killed = self.child.kill().is_ok();
        let _ended = self.child.wait().is_ok();
    }
}

/// Checks that all processes finish, and that no number was lost.
fn check_done(mut all: Vec<Process>) {
    let sums = all.iter_mut().map(|it| it.line("sum ").parse::<u64>().unwrap());
    let (sum, n) = (sums.sum::<u64>(), N * 2 * all.len() as u64);
    assert_eq!(sum, n * (n - 1) / 2);
    for mut process in all {
        let (code, stderr) = process.end();
        assert_eq!(code, Some(0), "{stderr}");
        assert!(!stderr.contains("error"), "{stderr}");
    }
}

#[test]
fn processes_that_agree_finish_together() {
    let hosts = Hosts::new(2);
    check_done(vec![hosts.start(0, "work"), hosts.start(1, "work")]);
    // In the other order, and a third one.
    let hosts = Hosts::new(3);
    check_done(vec![hosts.start(2, "work"), hosts.start(1, "work"), hosts.start(0, "work")]);
}

#[test]
fn a_process_that_never_comes() {
    let hosts = Hosts::new(3);
    let mut first = hosts.start_as(0, "1|0.1.0", 3, "work");
    let mut second = hosts.start_as(1, "1|0.1.0", 3, "work");
    let missing = hosts.name(2);
    for process in [&mut first, &mut second] {
        let stderr = process.fails_with(&format!("error: {missing}: did not come within 3 s"));
        assert!(stderr.contains(&format!("waiting for {missing}\n")), "{stderr}");
    }
    let mut lonely = hosts.start_as(1, "1|0.1.0", 2, "work");
    let stderr = lonely.fails_with(&format!("error: {} did not answer within 2 s", hosts.name(0)));
    assert!(stderr.contains(&format!("waiting for {}: ", hosts.name(0))), "{stderr}");
    assert!(stderr.contains("hint: "), "{stderr}");
}

#[test]
fn a_process_that_would_do_something_else() {
    let check = |plan: &str, words: &str| {
        let hosts = Hosts::new(3);
        let mut all =
            [hosts.start(0, "work"), hosts.start(1, "work"), hosts.start_as(2, plan, 20, "work")];
        let reason = format!("error: {}: {words}", hosts.name(2));
        all.iter_mut().for_each(|it| drop(it.fails_with(&reason)));
    };
    check("2|0.1.0", "runs another pipeline");
    check("1|0.2.0", "runs crossic 0.2.0, but process 0 runs crossic 0.1.0");
}

#[test]
fn strays_do_no_harm() {
    let hosts = Hosts::new(2);
    let call = |host: &str| {
        let until = Instant::now() + BOUND;
        loop {
            match TcpStream::connect(host) {
                Ok(stream) => return stream,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            thread::yield_now();
        }
    };
    let bother = |host: &str| {
        drop(call(host));
        let mut garbage = call(host);
        garbage.write_all(&[0xff; 4096]).unwrap();
        [garbage, call(host)]
    };
    let first = hosts.start(0, "work");
    let mut strays = Vec::from(bother(&hosts.hosts[0]));
    let mut all = vec![first, hosts.start(1, "work")];
    all.iter_mut().for_each(|it| it.wait_for("at work"));
    check_done(all);

    let mut all = hosts.at_work("stay", 20);
    for host in &hosts.hosts {
        strays.extend(bother(host));
    }
    // They go on until something happens that is no stray.
    all[1].signal("-KILL");
    all[0].fails_with(&hosts.name(1));
}

#[test]
fn a_process_that_is_killed() {
    let check = |culprit: usize, act: &str| {
        let hosts = Hosts::new(3);
        let mut all = hosts.at_work(act, 20);
        all[culprit].signal("-KILL");
        let reason = format!("error: {}: ended without a word", hosts.name(culprit));
        for (_, process) in all.iter_mut().enumerate().filter(|(it, _)| *it != culprit) {
            let stderr = process.fails_with(&reason);
            assert!(!stderr.contains("panicked"), "{stderr}");
        }
        assert_eq!(all[culprit].end().0, None);
    };
    check(1, "stay");
    check(1, "deaf");
    check(0, "stay");
    check(0, "deaf");
}

#[test]
fn a_process_that_is_stopped() {
    let check = |culprit: usize, act: &str| {
        let hosts = Hosts::new(3);
        let mut all = hosts.at_work(act, 5);
        all[culprit].signal("-STOP");
        let reason = format!("error: {}: not heard of for 5 s", hosts.name(culprit));
        for (_, process) in all.iter_mut().enumerate().filter(|(it, _)| *it != culprit) {
            process.fails_with(&reason);
        }
        // It wakes up to hear what was said of it.
        all[culprit].signal("-CONT");
        all[culprit].fails_with(&reason);
    };
    check(1, "stay");
    check(0, "deaf");
}

#[test]
fn a_worker_that_panics() {
    let check = |culprit: usize| {
        let hosts = Hosts::new(2);
        let act = |process| if process == culprit { "panic" } else { "deaf" };
        let mut all = [0, 1].map(|process| hosts.start(process, act(process)));
        let name = hosts.name(culprit);
        for process in &mut all {
            let stderr = process.fails_with(&format!("error: {name}: thread `timely:work-1`"));
            assert!(stderr.contains("a worker has had enough"), "{stderr}");
        }
    };
    check(0);
    check(1);
}

#[test]
fn a_process_that_fails() {
    let check = |culprit: usize| {
        let hosts = Hosts::new(2);
        let act = |process| if process == culprit { "fail" } else { "deaf" };
        let mut all = [0, 1].map(|process| hosts.start(process, act(process)));
        all[culprit].fails_with("error: a worker stopped: no space left");
        let reason = format!("error: {}: a worker stopped: no space left", hosts.name(culprit));
        all[1 - culprit].fails_with(&reason);
    };
    check(0);
    check(1);
}

#[test]
fn a_process_that_dies_while_the_corpora_are_published() {
    let check = |culprit: usize| {
        let hosts = Hosts::new(2);
        let mut all = [hosts.start(0, "publish"), hosts.start(1, "work")];
        all[0].wait_for("publishing");
        all[1].wait_for("done");
        all[culprit].signal("-KILL");
        all[1 - culprit].fails_with(&format!("error: {}: ended", hosts.name(culprit)));
    };
    check(0);
    check(1);
}

#[test]
fn hosts_files_that_cannot_be_used() {
    let hosts = Hosts::new(2);
    let check = |text: &str, reason: &str| {
        fs_err::write(&hosts.path, text).unwrap();
        hosts.start_as(1, "1|0.1.0", 2, "work").fails_with(reason);
    };
    check("", "it names no host");
    check("127.0.0.1:1\n127.0.0.1", "line 2: `127.0.0.1` has no port");
    check("127.0.0.1:1\n\n127.0.0.1:1", "line 3: `127.0.0.1:1` is on line 1 already");
    check("127.0.0.1:1\n192.0.2.1:7700", "hint: that is no address of this machine");
    check(&format!("nowhere.invalid:7\n{}", hosts.hosts[1]), "process 0 (nowhere.invalid:7)");
    let taken = TcpListener::bind(&hosts.hosts[1]).unwrap();
    check(&hosts.hosts.join("\n"), "hint: another program listens there");
    drop(taken);
    let (code, stderr) = hosts.start_as(2, "1|0.1.0", 2, "work").end();
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("there is no process 2: 2 hosts are named"), "{stderr}");
}
