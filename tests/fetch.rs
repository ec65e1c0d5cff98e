//! `crossic fetch` against mirrors that break, lie, stall and refuse: what is on the disk afterwards
//! is what the mirror meant, or nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

mod common_crossic;
mod common_mirror;
use common_crossic::{DATE, Folder, Ran, files, repository};
use common_mirror::{ARTICLES, Act, Mirror, Request, at_once, dump, noise};

/// Longer than any run may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Returns a mirror with a dump of thwiki that acts by a rule on requests for its articles.
fn mirror(n_bytes: usize, rule: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Mirror {
    let of_articles = move |request: &Request| match request.path.ends_with(ARTICLES) {
        true => rule(request),
        false => Act::Serve,
    };
    let mirror = Mirror::new(of_articles);
    mirror.put_dump("thwiki", DATE, &dump(n_bytes));
    mirror
}

fn spawn(folder: &Folder, mirror: &Mirror, arguments: &[&str]) -> Child {
    let mut command = folder.command(&["fetch", "--mirror", &mirror.address]);
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for a process; ends it and panics if it takes too long.
fn wait(child: Child) -> Ran {
    let id = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(TIMEOUT) {
        Ok(output) => output.unwrap().into(),
        Err(_) => {
            Command::new("kill").args(["-9", &id]).status().unwrap();
            panic!("crossic did not end");
        }
    }
}

fn fetch(folder: &Folder, mirror: &Mirror, arguments: &[&str]) -> Ran {
    wait(spawn(folder, mirror, arguments))
}

/// Fetches the dump of thwiki, with little patience.
fn fetch_thwiki(folder: &Folder, mirror: &Mirror) -> Ran {
    fetch(folder, mirror, &["thwiki", "--date", DATE, "--deadline", "3"])
}

/// Returns the path of the articles, or of their unfinished file.
fn articles(end: &str) -> String {
    format!("dumps/thwiki/{DATE}/thwiki-{DATE}-{ARTICLES}{end}")
}

/// Panics unless the directory holds this dump and nothing else.
fn assert_fetched(folder: &Folder, n_bytes: usize) {
    let name = |end: &str| format!("thwiki/{DATE}/thwiki-{DATE}-{end}");
    let expected: BTreeMap<String, Vec<u8>> =
        dump(n_bytes).into_iter().map(|(end, bytes)| (name(end), bytes)).collect();
    let found = files(&folder.path("dumps"));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(found == expected, "the content of some file differs");
}

/// Checks that the articles come whole from a mirror with this rule; returns where requests began.
fn check(n_bytes: usize, rule: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Vec<usize> {
    let (folder, mirror) = (Folder::empty(), mirror(n_bytes, rule));
    fetch_thwiki(&folder, &mirror).done();
    assert_fetched(&folder, n_bytes);
    mirror.requests(ARTICLES).iter().map(|it| it.from.unwrap_or(0)).collect()
}

/// Checks that a fetch fails with these words, and leaves no articles.
fn check_failure(folder: &Folder, mirror: &Mirror, words: &[&str]) {
    let ran = fetch_thwiki(folder, mirror);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "no `{word}` in: {}", ran.stderr);
    }
    assert!(!ran.stdout.contains(ARTICLES), "{}", ran.stdout);
    assert!(!folder.path(&articles("")).exists());
}

#[test]
fn dumps_come_whole_and_can_be_read() {
    let folder = Folder::empty();
    let mirror = Mirror::new(|_| {
        // So that more requests at once than allowed would meet; nothing depends on how long.
        thread::sleep(Duration::from_millis(20));
        Act::Serve
    });
    for wiki in ["enwiki", "thwiki"] {
        let found = files(&repository("data-samples").join(wiki).join(DATE));
        let start = format!("{wiki}-{DATE}-");
        let dump: Vec<(&str, Vec<u8>)> = found
            .iter()
            .map(|(name, it)| (name.strip_prefix(&start).unwrap(), it.clone()))
            .collect();
        mirror.put_dump(wiki, DATE, &dump);
    }
    let arguments = ["enwiki", "thwiki", "enwiki", "--date", DATE, "--jobs", "3"];
    let printed = fetch(&folder, &mirror, &arguments).done();
    for wiki in ["enwiki", "thwiki"] {
        let fetched = folder.path("dumps").join(wiki).join(DATE);
        let sample = repository("data-samples").join(wiki).join(DATE);
        common_crossic::assert_same_files(&fetched, &sample);
    }
    assert_eq!(printed.lines().filter(|it| it.ends_with("  ok")).count(), 12, "{printed}");
    assert!(mirror.most_open() <= 3);
    let agents = mirror.requests("").into_iter().map(|it| it.agent);
    assert!(agents.into_iter().all(|it| it.starts_with("crossic/") && it.contains("(+")));

    // What is printed at the end is the beginning of a pipeline.
    let (_, sources) = printed.split_once("\n\n").unwrap();
    let (_, others) = common_crossic::PIPELINE.split_once("[operators.pairs]").unwrap();
    folder.write("pipeline.toml", format!("{sources}\n[operators.pairs]{others}").as_bytes());
    folder.run(&["check", "pipeline.toml"]).done();

    // Once more: everything is there, and only the lists are asked for.
    let n_requests = mirror.requests("").len();
    assert_eq!(fetch(&folder, &mirror, &arguments).done(), printed);
    let more: Vec<Request> = mirror.requests("").split_off(n_requests);
    assert_eq!(more.len(), 2, "{more:?}");
}

#[test]
fn a_broken_connection_is_resumed_where_it_broke() {
    let n_bytes = 50_000;
    let mut left: Vec<usize> =
        vec![1, 0, 1, 2, 7, 0, 0, 100, 1_023, 1_024, 4_096, 8_191, 8_192, 16_384, 3];
    left.push(n_bytes - left.iter().sum::<usize>() - 1);
    let mut expected = vec![0];
    expected.extend(left.iter().scan(0, |at, n| {
        *at += n;
        Some(*at)
    }));
    let begun = check(n_bytes, move |request| {
        left.get(request.n_before).map_or(Act::Serve, |n| Act::Drop(*n))
    });
    assert_eq!(begun, expected);
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let begun = check(30_000, |request| match request.n_before {
        0 => Act::Drop(20_000),
        1 => Act::Whole(10_000),
        2 => Act::Whole(25_000),
        _ => Act::Whole(usize::MAX),
    });
    assert_eq!(begun, [0, 20_000, 10_000, 25_000]);
    // One that always breaks at the same place does not keep us for ever.
    let (folder, mirror) = (Folder::empty(), mirror(30_000, |_| Act::Whole(10_000)));
    check_failure(&folder, &mirror, &["gave up after", "hint: run the same command again"]);
}

#[test]
fn an_answer_of_another_range_is_not_believed() {
    let begun = check(30_000, |request| match request.n_before {
        0 | 2 => Act::Drop(20_000),
        1 | 3 => Act::From(10_000),
        _ => Act::Serve,
    });
    // Twice, since the checksum alone would forgive it once.
    assert_eq!(begun, [0, 20_000, 0, 20_000, 0]);
}

#[test]
fn a_file_of_unknown_length_is_taken() {
    assert_eq!(check(30_000, |_| Act::Unmeasured), [0]);
}

#[test]
fn a_busy_server_is_given_time() {
    let later = |status| {
        check(1_000, move |request| match request.n_before {
            0 => Act::Status(status, "Retry-After: 1\r\n".to_owned()),
            1 => Act::Status(status, String::new()),
            _ => Act::Serve,
        });
    };
    let never = || {
        let busy = mirror(1_000, |_| Act::Status(503, "Retry-After: 1\r\n".to_owned()));
        let words = ["answered 503", "trying again in 1 s", "gave up after"];
        check_failure(&Folder::empty(), &busy, &words);
    };
    let tomorrow = || {
        let busy = mirror(1_000, |_| Act::Status(429, "Retry-After: 500\r\n".to_owned()));
        let words = ["answered 429", "asks to wait 500 s", "`--deadline 1000`"];
        check_failure(&Folder::empty(), &busy, &words);
        assert_eq!(busy.requests(ARTICLES).len(), 1);
    };
    at_once(&[&|| later(429), &|| later(500), &|| later(503), &never, &tomorrow]);
}

#[test]
fn a_silent_server_is_left_in_time() {
    let once = || {
        let begun = check(30_000, |request| match request.n_before {
            0 => Act::Stall(20_000),
            _ => Act::Serve,
        });
        assert_eq!(begun, [0, 20_000]);
    };
    let always = || {
        let silent = mirror(30_000, |_| Act::Stall(0));
        let words = ["gave up after", "nothing came for 1.0 s"];
        check_failure(&Folder::empty(), &silent, &words);
    };
    let from_the_start = || {
        let silent = Mirror::new(|_| Act::Stall(0));
        silent.put_dump("thwiki", DATE, &dump(10));
        check_failure(&Folder::empty(), &silent, &["sha1sums.txt", "gave up after"]);
    };
    // The port is of a listener that is gone at once.
    let nobody = || {
        let mut nobody = Mirror::new(|_| Act::Serve);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        nobody.address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let words = ["gave up after", "the connection failed", "refused"];
        check_failure(&Folder::empty(), &nobody, &words);
    };
    let circle = || {
        let again = |request: &Request| format!("Location: {}\r\n", request.path);
        let circle = Mirror::new(move |request| Act::Status(301, again(request)));
        check_failure(&Folder::empty(), &circle, &["gave up after", "redirect"]);
    };
    at_once(&[&once, &always, &from_the_start, &nobody, &circle]);
}

#[test]
fn wrong_bytes_are_fetched_once_more_and_never_kept() {
    let wrong = |request: &Request| {
        let mut bytes = noise(30_000);
        bytes[29_999] ^= 1;
        if request.n_before == 0 { Act::Instead(bytes) } else { Act::Serve }
    };
    assert_eq!(check(30_000, wrong), [0, 0]);
    // Of these the length is wrong as well.
    for bytes in [Vec::new(), noise(29_999), noise(30_001)] {
        let folder = Folder::empty();
        let got = format!("{:x}", <sha1::Sha1 as sha1::Digest>::digest(&bytes));
        let expected = format!("{:x}", <sha1::Sha1 as sha1::Digest>::digest(noise(30_000)));
        let lying = mirror(30_000, move |_| Act::Instead(bytes.clone()));
        let words = ["wrong SHA-1", &expected, &got, ARTICLES, "hint: the mirror may be changing"];
        check_failure(&folder, &lying, &words);
        assert_eq!(lying.requests(ARTICLES).len(), 2);
        assert!(!folder.path(&articles(".part")).exists());
    }
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let gone = mirror(10, |_| Act::Status(404, String::new()));
    check_failure(&Folder::empty(), &gone, &[ARTICLES, "is not there", "hint: dumps are removed"]);
    let forbidden = mirror(10, |_| Act::Status(403, String::new()));
    check_failure(&Folder::empty(), &forbidden, &["answered 403", "`--contact`"]);

    let other = Mirror::new(|_| Act::Serve);
    let words = ["sha1sums.txt` is not there", "hint: the mirror has no `thwiki`"];
    check_failure(&Folder::empty(), &other, &words);
    other.put("/thwiki/", b"<a href=\"20240801/\">20240801/</a> <a href=\"20240901/\">x</a>");
    check_failure(&Folder::empty(), &other, &["of `thwiki`: 20240901, 20240801; `--date latest`"]);

    let young = Mirror::new(|_| Act::Serve);
    young.put_dump("thwiki", DATE, &dump(10)[..3]);
    let words = ["no page_props.sql.gz, no pages-articles-multistream.xml.bz2", "`--date latest`"];
    check_failure(&Folder::empty(), &young, &words);
}

#[test]
fn the_latest_date_is_the_newest_that_all_wikis_have_whole() {
    let mirror = Mirror::new(|_| Act::Serve);
    for wiki in ["enwiki", "thwiki"] {
        let link = |date| format!("<a href=\"{date}/\">{date}/</a>");
        let dates = ["20240701", "20240901", "20240720", "20240801", "latest"].map(link);
        mirror.put(&format!("/{wiki}/"), dates.concat().as_bytes());
        mirror.put_dump(wiki, "20240701", &dump(10));
        mirror.put_dump(wiki, "20240720", &dump(10));
    }
    // Of the newest there is nothing but the directory, and of the next one wiki is not done.
    mirror.put_dump("enwiki", "20240801", &dump(10));
    mirror.put_dump("thwiki", "20240801", &dump(10)[..4]);
    let folder = Folder::empty();
    let ran = fetch(&folder, &mirror, &["enwiki", "thwiki", "--date", "latest"]);
    assert!(ran.stderr.contains("the newest complete date is 20240720"), "{}", ran.stderr);
    assert!(ran.done().contains("dir = \"dumps/enwiki/20240720\""));
    let alone = fetch(&folder, &mirror, &["enwiki", "--date", "latest", "--dir", "other"]);
    assert!(alone.done().contains("dir = \"other/enwiki/20240801\""));

    mirror.put("/siwiki/", b"<a href=\"20240801/\">20240801/</a>");
    let none = fetch(&folder, &mirror, &["siwiki", "--date", "latest"]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("no complete dump of siwiki"), "{}", none.stderr);
    assert!(none.stderr.contains("20240801"), "{}", none.stderr);
    mirror.put("/siwiki/", b"<a href=\"20230101/\">20230101/</a>");
    let none = fetch(&folder, &mirror, &["siwiki", "thwiki", "--date", "latest"]);
    assert!(none.stderr.contains("no date in common"), "{}", none.stderr);
}

#[test]
fn names_of_the_list_lead_nowhere_else() {
    let (folder, mirror) = (Folder::empty(), mirror(10, |_| Act::Serve));
    let list = format!("/thwiki/{DATE}/thwiki-{DATE}-sha1sums.txt");
    let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
    let mut text = String::new();
    for name in [
        "../x",
        "/tmp/x",
        "../../../pipeline.toml",
        "..",
        "",
        &format!("../thwiki-{DATE}-page.sql.gz"),
        &format!("/thwiki-{DATE}-page.sql.gz"),
        &format!("thwiki-{DATE}-page.sql.gz/../../y"),
        &format!("thwiki-{DATE}-pages-articles-multistream1.xml-p1p2/../../../z.bz2"),
        &format!("enwiki-{DATE}-page.sql.gz"),
        "thwiki-20240801-page.sql.gz",
    ] {
        text.push_str(&format!("{sha1}  {name}\n"));
    }
    for (end, bytes) in dump(10) {
        let sum = <sha1::Sha1 as sha1::Digest>::digest(bytes);
        text.push_str(&format!("{sum:x}  thwiki-{DATE}-{end}\n"));
    }
    mirror.put(&list, text.as_bytes());
    let before = files(&folder.path(""));
    fetch_thwiki(&folder, &mirror).done();
    assert_fetched(&folder, 10);
    let mut after = files(&folder.path(""));
    after.retain(|name, _| !name.starts_with("dumps/"));
    assert!(before == after);
    assert_eq!(mirror.requests("").len(), 1 + dump(10).len());
    // A list without end is not read to its end.
    mirror.put(&list, &vec![b'x'; (16 << 20) + 1]);
    check_failure(&Folder::empty(), &mirror, &["sha1sums.txt` is longer than"]);
}

#[test]
fn a_redirect_is_followed_with_its_range() {
    let (folder, mirror) = (
        Folder::empty(),
        mirror(30_000, |request| match (request.path.starts_with("/else/"), request.n_before) {
            (true, _) => Act::Serve,
            (false, 0) => Act::Drop(20_000),
            (false, _) => Act::Status(302, format!("Location: /else/{ARTICLES}\r\n")),
        }),
    );
    mirror.put(&format!("/else/{ARTICLES}"), &noise(30_000));
    fetch_thwiki(&folder, &mirror).done();
    assert_fetched(&folder, 30_000);
    let begun: Vec<_> = mirror.requests(ARTICLES).iter().map(|it| it.from).collect();
    assert_eq!(begun, [None, Some(20_000), Some(20_000)]);
}

#[test]
fn an_interrupted_run_leaves_what_the_next_one_goes_on_with() {
    // Not INT: a shell may have told what it runs in the background to pass it over.
    for signal in ["-TERM", "-KILL"] {
        let folder = Folder::empty();
        let mirror = mirror(300_000, |request| match request.n_before {
            0 => Act::Stall(200_000),
            _ => Act::Serve,
        });
        let child = spawn(&folder, &mirror, &["thwiki", "--date", DATE]);
        let part = folder.path(&articles(".part"));
        let start = Instant::now();
        while fs_err::metadata(&part).map_or(0, |it| it.len()) < 200_000 {
            assert!(start.elapsed() < TIMEOUT, "the beginning does not come");
            thread::yield_now();
        }
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert_eq!(wait(child).code, None);
        assert_eq!(fs_err::metadata(&part).unwrap().len(), 200_000);
        fetch_thwiki(&folder, &mirror).done();
        assert_fetched(&folder, 300_000);
        assert_eq!(mirror.requests(ARTICLES)[1].from, Some(200_000));
    }
}

#[test]
fn what_is_on_the_disk_already_is_checked() {
    let check = |end: &str, bytes: &[u8], expected: &[Option<usize>]| {
        let (folder, mirror) = (Folder::empty(), mirror(30_000, |_| Act::Serve));
        folder.write(&articles(end), bytes);
        let ran = fetch_thwiki(&folder, &mirror);
        ran.done();
        assert_fetched(&folder, 30_000);
        let begun: Vec<_> = mirror.requests(ARTICLES).iter().map(|it| it.from).collect();
        assert_eq!(begun, expected, "{end} of {} bytes", bytes.len());
    };
    check("", &noise(30_000), &[]);
    check("", &noise(29_999), &[None]);
    check(".part", &noise(20_000), &[Some(20_000)]);
    check(".part", &[7; 20_000], &[Some(20_000), None]);
    // All of it is there, only the name is not; or more than all.
    check(".part", &noise(30_000), &[Some(30_000)]);
    check(".part", &[7; 30_000], &[Some(30_000), None]);
    check(".part", &noise(30_001), &[Some(30_001), None]);
}

#[test]
fn two_runs_do_not_write_one_file() {
    let (folder, mirror) = (Folder::empty(), mirror(10, |_| Act::Serve));
    folder.write(&articles(".part"), b"");
    let other = fs_err::File::open(folder.path(&articles(".part"))).unwrap();
    other.file().try_lock().unwrap();
    check_failure(&folder, &mirror, &[".part` is being written by another crossic"]);
}

#[test]
fn a_full_disk_keeps_what_has_come() {
    let (folder, mirror) = (Folder::empty(), mirror(300_000, |_| Act::Serve));
    let disk = folder.path("dumps");
    fs_err::create_dir(&disk).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=128k", "tmpfs"];
    let mounted = Command::new("mount").args(mount).arg(&disk).output();
    if !mounted.is_ok_and(|it| it.status.success()) {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    let ran = fetch_thwiki(&folder, &mirror);
    let kept = fs_err::read(folder.path(&articles(".part")));
    Command::new("umount").arg(&disk).status().unwrap();
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: free some space"), "{}", ran.stderr);
    // Several files come at once: which of them meets the end of the disk is chance.
    assert!(ran.stderr.contains(".part`: No space left"), "{}", ran.stderr);
    let kept = kept.unwrap();
    assert!(!kept.is_empty() && noise(300_000).starts_with(&kept));
}

#[test]
fn a_terminal_shows_progress() {
    let (folder, mirror) = (Folder::empty(), mirror(30_000, |_| Act::Serve));
    let program = env!("CARGO_BIN_EXE_crossic");
    let line =
        format!("'{program}' fetch thwiki --date {DATE} --mirror {} >out.txt", mirror.address);
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path(""));
    let Ok(child) = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn() else {
        eprintln!("skipped: there is no `script` here");
        return;
    };
    let shown = wait(child).done();
    assert!(shown.contains("all files"), "{shown}");
    assert_fetched(&folder, 30_000);
    let printed = String::from_utf8(folder.read("out.txt")).unwrap();
    assert!(printed.contains("29.3 KiB  ok\n") && !printed.contains("all files"), "{printed}");
    let methods = mirror.requests(ARTICLES).into_iter().map(|it| it.method);
    assert_eq!(methods.collect::<Vec<_>>(), ["HEAD", "GET"]);
}

#[test]
fn a_wrong_command_line_asks_the_mirror_for_nothing() {
    let (folder, mirror) = (Folder::empty(), mirror(10, |_| Act::Serve));
    for (arguments, word) in [
        (["../x", "--date", DATE, "--jobs", "2"], "named like enwiki"),
        (["en", "--date", DATE, "--jobs", "2"], "named like enwiki"),
        (["thwiki", "--date", "../x", "--jobs", "2"], "eight digits"),
        (["thwiki", "--date", DATE, "--jobs", "4"], "1..=3"),
        (["thwiki", "--date", DATE, "--contact", "a\nb"], "the contact has a character"),
    ] {
        let ran = wait(spawn(&folder, &mirror, &arguments));
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{arguments:?}: {}", ran.stderr);
    }
    let mut other = Mirror::new(|_| Act::Serve);
    other.address = "ftp://x".to_owned();
    let ran = fetch(&folder, &other, &["thwiki", "--date", DATE]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("`ftp://x` is no address of a mirror"), "{}", ran.stderr);
    assert_eq!(mirror.requests("").len(), 0);
    assert!(!folder.path("dumps").exists());
}
