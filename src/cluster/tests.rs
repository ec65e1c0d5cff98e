//! Processes as threads of one: they meet, work, fail and are bothered by strays over loopback.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use timely::dataflow::operators::{Exchange, Inspect, ToStream};

use super::{
    Cluster, Settings,
    hello::{self, Hello, Kind},
    mesh::{Allocators, Mesh, mesh_of_pairs},
    message::Message,
    socket,
};
use crate::error::{Error, Result};

/// Runs a test that must not hang.
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (send, receive) = mpsc::channel();
    let running = thread::spawn(move || {
        test();
        send.send(()).unwrap();
    });
    match receive.recv_timeout(Duration::from_secs(60)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs"),
        _ => running.join().unwrap(),
    }
}

/// Returns addresses on which nobody listens.
///
/// Where the system lets us, they are of a loopback address of their own: there no connection that
/// another test opens can be given one of these ports.
fn hosts(n: usize) -> Vec<String> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let id = std::process::id().wrapping_mul(31) + NEXT.fetch_add(1, Ordering::Relaxed);
    let own = format!("127.{}.{}.{}:0", 1 + id / 62_500 % 200, id / 250 % 250, 1 + id % 250);
    let listen = |_| TcpListener::bind(&own).or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let listeners: Vec<TcpListener> = (0..n).map(listen).collect();
    listeners.iter().map(|it| it.local_addr().unwrap().to_string()).collect()
}

fn settings(hosts: &[String], process: usize) -> Settings {
    Settings {
        hosts: hosts.to_vec(),
        process,
        workers: 2,
        digest: [7; 32],
        version: "0.1.0".to_owned(),
        deadline: Duration::from_secs(20),
        notes: false,
    }
}

type Joined = Result<(Cluster, Mesh)>;

fn start(settings: Settings) -> JoinHandle<Joined> {
    thread::spawn(move || Cluster::join(settings))
}

fn cluster(n: usize) -> (Vec<String>, Vec<Cluster>) {
    let hosts = hosts(n);
    let joining: Vec<_> = (0..n).map(|it| start(settings(&hosts, it))).collect();
    let joined = joining.into_iter().map(|it| it.join().unwrap().unwrap().0);
    (hosts, joined.collect())
}

fn error(joining: JoinHandle<Joined>) -> Error {
    joining.join().unwrap().unwrap_err()
}

/// Waits until a process knows of a failure.
fn failure(cluster: &Cluster) -> String {
    loop {
        if let Some(failure) = cluster.failure() {
            return failure;
        }
        thread::yield_now();
    }
}

/// Exchanges numbers among all workers of a process, and returns which worker saw which.
fn exchange((builders, threads): Allocators) -> BTreeMap<u64, usize> {
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let kept = Arc::clone(&seen);
    let config = timely::WorkerConfig::default();
    let guards = timely::execute::execute_from(builders, threads, config, move |worker| {
        let (index, peers, seen) = (worker.index(), worker.peers() as u64, Arc::clone(&seen));
        worker.dataflow::<u64, _, _>(|scope| {
            let numbers = (0..100).map(move |it| it * peers + index as u64);
            numbers.to_stream(scope).container::<Vec<_>>().exchange(|it| it / 3).inspect(
                move |it| {
                    seen.lock().unwrap().insert(*it, index);
                },
            );
        });
    });
    guards.unwrap().join().into_iter().for_each(|it| it.unwrap());
    Arc::into_inner(kept).unwrap().into_inner().unwrap()
}

/// Checks that every number went to the worker that it belongs to, and to no other.
fn check_exchange(seen: Vec<BTreeMap<u64, usize>>, peers: u64) {
    let seen: BTreeMap<u64, usize> = seen.into_iter().flatten().collect();
    let expected = (0..100 * peers).map(|it| (it, (it / 3 % peers) as usize));
    assert_eq!(seen, expected.collect());
}

#[test]
fn pairs_of_sockets_carry_a_dataflow() {
    within_a_minute(|| {
        let all = mesh_of_pairs(3, 2).unwrap();
        let running: Vec<_> = all.into_iter().map(|it| thread::spawn(|| exchange(it))).collect();
        check_exchange(running.into_iter().map(|it| it.join().unwrap()).collect(), 6);
    });
}

#[test]
fn processes_meet_work_report_and_publish() {
    within_a_minute(|| {
        let hosts = hosts(3);
        let run = |process: usize| {
            let settings = settings(&hosts, process);
            thread::spawn(move || {
                let (cluster, mesh) = Cluster::join(settings).unwrap();
                let seen = exchange(mesh.allocators().unwrap());
                // Longer than most buffers, so that it goes in pieces.
                cluster.done(format!("{process}").repeat(1 << 20)).unwrap();
                let reports = cluster.wait_done().unwrap();
                match process {
                    0 => cluster.published(),
                    _ => cluster.wait_published().unwrap(),
                }
                (seen, reports)
            })
        };
        let running: Vec<_> = (0..3).map(run).collect();
        let (seen, mut reports): (Vec<_>, Vec<_>) =
            running.into_iter().map(|it| it.join().unwrap()).unzip();
        check_exchange(seen, 6);
        assert!(reports[0] == ["1".repeat(1 << 20), "2".repeat(1 << 20)]);
        assert!(reports.drain(1..).all(|it| it.is_empty()));
    });
}

#[test]
fn a_cluster_of_one_waits_for_nobody() {
    within_a_minute(|| {
        let (cluster, mesh) = Cluster::join(settings(&hosts(1), 0)).unwrap();
        check_exchange(vec![exchange(mesh.allocators().unwrap())], 2);
        cluster.done(String::new()).unwrap();
        assert!(cluster.wait_done().unwrap().is_empty());
        cluster.published();
    });
}

#[test]
fn who_would_do_something_else_is_named_everywhere() {
    let check = |change: fn(&mut Settings), words: &str| {
        let words = words.to_owned();
        within_a_minute(move || {
            let hosts = hosts(3);
            let good = [start(settings(&hosts, 0)), start(settings(&hosts, 1))];
            let mut other = settings(&hosts, 2);
            change(&mut other);
            let expected = format!("process 2 ({}): {words}", hosts[2]);
            for joining in good.into_iter().chain([start(other)]) {
                let error = error(joining);
                assert_eq!((error.to_string(), error.exit_code()), (expected.clone(), 1));
            }
        });
    };
    check(|it| it.digest = [8; 32], "runs another pipeline, or has other inputs, than process 0");
    check(
        |it| it.version = "0.2.0".to_owned(),
        "runs crossic 0.2.0, but process 0 runs crossic 0.1.0",
    );
    check(|it| it.workers = 3, "runs 3 workers instead of 2 as process 0 does");
    check(
        |it| it.hosts.push("127.0.0.1:1".to_owned()),
        "has a hosts file of 4 lines, but process 0 one of 3",
    );
}

#[test]
fn a_process_beyond_the_hosts_of_the_others() {
    within_a_minute(|| {
        let hosts = hosts(3);
        let first = start(settings(&hosts[..2], 0));
        let other = error(start(settings(&hosts, 2))).to_string();
        let words = "has a hosts file of 3 lines, but process 0 one of 2";
        assert_eq!(other, format!("process 2 ({}): {words}", hosts[2]));
        let error = error(first).to_string();
        assert!(error.contains("a process 2 at ") && error.ends_with(words), "{error}");
    });
}

#[test]
fn hosts_files_in_another_order() {
    within_a_minute(|| {
        let mut hosts = hosts(3);
        let second = start(Settings { deadline: Duration::from_secs(3), ..settings(&hosts, 1) });
        hosts.swap(0, 1);
        let third = error(start(settings(&hosts, 2))).to_string();
        let words = "it says it is process 1: do the hosts files differ?";
        assert_eq!(third, format!("process 0 ({}): {words}", hosts[0]));
        let error = error(second).to_string();
        assert!(error.starts_with(&format!("process 0 ({})", hosts[1])), "{error}");
    });
}

#[test]
fn who_does_not_come_is_named_everywhere() {
    within_a_minute(|| {
        let hosts = hosts(4);
        let hurried =
            |process| Settings { deadline: Duration::from_secs(2), ..settings(&hosts, process) };
        let joining = [start(hurried(0)), start(settings(&hosts, 2))];
        let expected = format!(
            "process 1 ({}): did not come within 2 s; missing too: process 3 ({})",
            hosts[1], hosts[3]
        );
        for joining in joining {
            assert_eq!(error(joining).to_string(), expected);
        }
        let lonely = error(start(hurried(1)));
        let expected = format!("process 0 ({}) did not answer within 2 s: ", hosts[0]);
        assert!(lonely.to_string().starts_with(&expected), "{lonely}");
        assert!(lonely.hint().unwrap().contains("firewall"));
    });
}

#[test]
fn hosts_that_cannot_be_used() {
    within_a_minute(|| {
        let mut hosts = hosts(2);
        let outside = Cluster::join(settings(&hosts, 2)).unwrap_err();
        assert_eq!(outside.to_string(), "there is no process 2: 2 hosts are named");
        assert_eq!(outside.exit_code(), 2);

        let _taken = TcpListener::bind(&hosts[1]).unwrap();
        let error = Cluster::join(settings(&hosts, 1)).unwrap_err();
        let expected = format!("cannot listen on `{}` as process 1: ", hosts[1]);
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(error.hint().unwrap().contains("another program listens there"));

        // An address for documentation, which no machine has.
        hosts[1] = "192.0.2.1:7700".to_owned();
        let error = Cluster::join(settings(&hosts, 1)).unwrap_err();
        assert!(error.hint().unwrap().contains("no address of this machine"), "{error}");

        hosts[0] = "nowhere.invalid:7700".to_owned();
        hosts[1] = self::hosts(1).remove(0);
        let hurried = Settings { deadline: Duration::from_secs(1), ..settings(&hosts, 1) };
        let error = Cluster::join(hurried).unwrap_err();
        assert!(error.to_string().starts_with("process 0 (nowhere.invalid:7700)"), "{error}");
    });
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Connects to a process that listens, or is about to.
fn call(host: &str) -> TcpStream {
    let until = soon();
    loop {
        match socket::connect(host, until) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    }
}

/// Connects as something that is no crossic, in every way that comes to mind.
fn bother(host: &str) -> Vec<TcpStream> {
    let first_words: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: crossic\r\n\r\n",
        &[0; 64],
        &[0xff; 5000],
        b"crossic\n\0\x01\0\x01\xff\xff",
        b"crossic\n\0\x01\0\x01\0\x02{}",
        b"cross",
    ];
    drop(call(host));
    let mut hanging = vec![call(host)];
    for words in first_words {
        let mut stream = call(host);
        stream.write_all(words).unwrap();
        hanging.push(stream);
    }
    hanging
}

#[test]
fn strays_are_turned_away_before_and_after() {
    within_a_minute(|| {
        let hosts = hosts(2);
        let first = start(settings(&hosts, 0));
        let mut strays = bother(&hosts[0]);
        let second = start(settings(&hosts, 1));
        let clusters = [first, second].map(|it| it.join().unwrap().unwrap().0);
        strays.extend(hosts.iter().flat_map(|host| bother(host)));
        // What says something else than hello gets no answer: the first of each does say nothing.
        let mut answer = Vec::new();
        strays[1].set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let heard = strays[1].read_to_end(&mut answer);
        assert!(answer.is_empty(), "{heard:?}: {answer:?}");

        // Who comes too late is told so, and does not harm the run.
        let moved = || {
            let free = self::hosts(1).remove(0);
            Settings { hosts: vec![hosts[0].clone(), free], ..settings(&hosts, 1) }
        };
        let late = error(start(moved())).to_string();
        assert_eq!(late, format!("another process 1 ({}) takes part already", hosts[1]));
        let other = error(start(Settings { digest: [8; 32], ..moved() })).to_string();
        assert!(other.contains("runs another pipeline"), "{other}");

        let [first, second] = clusters;
        second.done("{}".to_owned()).unwrap();
        assert_eq!(first.wait_done().unwrap(), ["{}"]);
        first.published();
        second.wait_published().unwrap();
    });
}

#[test]
fn a_crossic_that_speaks_otherwise() {
    within_a_minute(|| {
        let hosts = hosts(2);
        let first = start(settings(&hosts, 0));
        let mut stream = call(&hosts[0]);
        // What follows the head is the business of that protocol.
        stream.write_all(b"crossic\n\0\x02\0\x01\0\x07bonjour").unwrap();
        assert_eq!(hello::hear(&stream, soon()).unwrap().from, 0);
        let words = "speaks protocol 2 instead of 1: another version";
        assert_eq!(error(first).to_string(), format!("process 1 ({}): {words}", hosts[1]));
    });
}

#[test]
fn who_leaves_before_all_are_there_may_come_back() {
    within_a_minute(|| {
        let hosts = hosts(3);
        let first = start(settings(&hosts, 0));
        drop(greet(&hosts, 1, Kind::Control, None));
        let back = loop {
            let (stream, answer) = greet(&hosts, 1, Kind::Control, None);
            match answer.refusal {
                None => break stream,
                // Process 0 has not seen yet that the first connection is closed.
                Some(words) => assert!(words.contains("takes part already"), "{words}"),
            }
        };
        let failed = Message::Failed { process: 1, reason: "back again".to_owned() };
        failed.send(&back, 1000).unwrap();
        let expected = format!("process 1 ({}): back again", hosts[1]);
        assert_eq!(error(first).to_string(), expected);
    });
}

/// Says hello to process 0 by hand, and returns the connection with the answer.
fn greet(hosts: &[String], from: usize, kind: Kind, session: Option<u64>) -> (TcpStream, Hello) {
    let stream = call(&hosts[0]);
    let core = super::state::Core::new(settings(hosts, from));
    hello::say(&stream, &core.hello(kind, 0, session)).unwrap();
    let answer = hello::hear(&stream, soon()).unwrap();
    (stream, answer)
}

#[test]
fn connections_of_another_attempt_are_refused() {
    within_a_minute(|| {
        let (hosts, clusters) = cluster(2);
        let (_, answer) = greet(&hosts, 1, Kind::Mesh, Some(1));
        let expected = format!("process 0 ({}) is part of another run", hosts[0]);
        assert_eq!(answer.refusal, Some(expected));
        assert_eq!(clusters[0].failure(), None);
    });
}

/// Lets a process by hand say something on the control channel, and returns what comes of it.
fn by_hand(deadline: Duration, words: impl FnOnce(&TcpStream)) -> String {
    let hosts = hosts(2);
    let first = start(Settings { deadline, ..settings(&hosts, 0) });
    let (stream, answer) = greet(&hosts, 1, Kind::Control, None);
    assert_eq!(answer.refusal, None);
    assert!(matches!(Message::receive(&stream, 1000), Ok(Message::Meet { .. })));
    words(&stream);
    let error = error(first).to_string();
    let last = loop {
        match Message::receive(&stream, 10_000) {
            Ok(Message::Heartbeat) => {}
            last => break last.ok(),
        }
    };
    let reason = error.strip_prefix(&format!("process 1 ({}): ", hosts[1])).unwrap().to_owned();
    if let Some(last) = last {
        assert_eq!(last, Message::Failed { process: 1, reason: reason.clone() });
    }
    reason
}

#[test]
fn peers_that_misbehave_are_named() {
    within_a_minute(|| {
        let long = Duration::from_secs(20);
        let hung_up = by_hand(long, |stream| stream.shutdown(std::net::Shutdown::Write).unwrap());
        assert_eq!(hung_up, "ended without a word: was it killed?");
        let garbage = by_hand(long, |mut stream| stream.write_all(&[0xff; 64]).unwrap());
        assert!(garbage.contains("a message of 4294967295 bytes"), "{garbage}");
        let wrong = by_hand(long, |stream| Message::Published.send(stream, 1000).unwrap());
        assert_eq!(wrong, "does not keep to the protocol");
        let unknown = Message::Failed { process: 9, reason: String::new() };
        let wrong = by_hand(long, |stream| unknown.send(stream, 1000).unwrap());
        assert_eq!(wrong, "does not keep to the protocol");
        let rude = Message::Failed { process: 1, reason: "\u{1b}[2J".to_owned() };
        assert_eq!(by_hand(long, |stream| rude.send(stream, 1000).unwrap()), "\u{FFFD}[2J");
        let silent = by_hand(Duration::from_secs(1), |_| ());
        assert_eq!(silent, "not heard of for 1 s: stopped, or cut off from the network");
    });
}

#[test]
fn a_failure_is_told_to_all() {
    let check = |culprit: usize| {
        within_a_minute(move || {
            let (hosts, clusters) = cluster(3);
            let kept = clusters[culprit].fail(Error::Worker("no space".to_owned()));
            assert_eq!(kept.to_string(), "a worker stopped: no space");
            let name = format!("process {culprit} ({})", hosts[culprit]);
            for cluster in &clusters {
                assert_eq!(failure(cluster), format!("{name}: a worker stopped: no space"));
                // What fails later is a consequence.
                let error = cluster.fail(Error::Worker("stopped".to_owned()));
                assert_eq!(error.to_string(), failure(cluster));
            }
            assert_eq!(clusters[0].wait_done().unwrap_err().to_string(), failure(&clusters[0]));
        });
    };
    check(0);
    check(1);
}

#[test]
fn who_is_dropped_before_the_end_has_failed() {
    within_a_minute(|| {
        let (hosts, mut clusters) = cluster(3);
        clusters[2].done("{}".to_owned()).unwrap();
        drop(clusters.remove(1));
        let expected = format!("process 1 ({}): ended before the work was done", hosts[1]);
        assert_eq!(clusters[0].wait_done().unwrap_err().to_string(), expected);
        let last = clusters.remove(1).wait_published();
        assert_eq!(last.unwrap_err().to_string(), expected);
    });
}

#[test]
fn a_report_that_is_too_long_is_refused_before_it_is_sent() {
    within_a_minute(|| {
        let (_, clusters) = cluster(2);
        let error = clusters[1].done("a".repeat(64 << 20)).unwrap_err();
        assert!(error.to_string().contains("67108864 are the most"), "{error}");
        assert_eq!(clusters[1].failure(), None);
    });
}
