//! How processes find each other: all call process 0, which compares them; once all are there and
//! agree, each calls those before it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    control,
    door::{self, GREETING},
    error::ClusterError,
    hello::{self, Kind, Misheard},
    mesh::Mesh,
    message::Message,
    socket,
    state::{Core, Link, Phase, State},
};
use crate::error::{Error, Result};

/// Time between two notes about who is missing.
const NOTE: Duration = Duration::from_secs(10);

/// Longest pause between two calls.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// How long process 0 stays after the gathering failed.
const LATECOMERS: Duration = Duration::from_secs(3);

/// Longest time for the connections of the dataflow, once all are there.
const MEETING: Duration = Duration::from_secs(30);

/// Joins all processes, or tells those that are there why not.
pub(super) fn join(core: &Arc<Core>) -> Result<Mesh> {
    let until = Instant::now() + core.settings.deadline;
    let host = core.settings.hosts.get(core.me()).cloned().unwrap_or_default();
    let listener = socket::listen(&host, until).map_err(|cause| ClusterError::Listen {
        address: host,
        process: core.me(),
        cause,
    })?;
    if listener.local_addr().is_ok_and(|it| it.ip().is_loopback()) {
        note_loopback(core);
    }
    door::open(core, listener).map_err(ClusterError::Setup)?;
    control::beat(core).map_err(ClusterError::Setup)?;
    match core.me() {
        0 => gather(core, until).inspect_err(|_| tell_latecomers(core, until))?,
        _ => report(core, until)?,
    }
    meet(core)
}

/// Warns when other machines are named, but this one has a name that only it can reach: many systems
/// list their own name as a loopback address.
fn note_loopback(core: &Core) {
    let is_local = |host: &String| {
        ["127.", "localhost:", "[::1]:"].iter().any(|it| host.to_lowercase().starts_with(it))
    };
    if !core.settings.hosts.iter().all(is_local) {
        let name = core.name(core.me());
        core.note(&format!(
            "note: {name} listens on a loopback address: other machines cannot reach it"
        ));
    }
}

/// Stays a little after a failure for those that have not called yet, or they would wait in vain.
fn tell_latecomers(core: &Core, until: Instant) {
    let all = |state: &mut State| (state.answered.len() + 1 == core.processes()).then_some(());
    // Who comes later still finds nobody, and says so.
    let _told = core.wait(Some(until.min(Instant::now() + LATECOMERS)), all);
}

/// Waits as process 0 until all others are there, and opens the run.
fn gather(core: &Core, until: Instant) -> Result<()> {
    // Those that are started at the same time need no note.
    let mut note = Instant::now() + Duration::from_secs(1);
    loop {
        let complete = core.wait(Some(until.min(note)), |state| {
            if state.fault.is_some() {
                return Some(None);
            }
            if !state.links.iter().skip(1).all(Option::is_some) {
                return None;
            }
            // In the same step: from now on, nobody may leave.
            let session = RandomState::new().build_hasher().finish();
            (state.phase, state.session) = (Phase::Running, Some(session));
            Some(Some((session, state.links.clone())))
        });
        match complete {
            Some(None) => return Err(failed(core)),
            Some(Some((session, links))) => {
                for link in links.iter().flatten() {
                    // Whoever cannot be told is gone, which its reader says.
                    let _told = link.send(&Message::Meet { session }).is_ok();
                }
                core.changed();
                return Ok(());
            }
            None => {}
        }
        let links = core.lock().links.clone();
        let missing = || (1..core.processes()).filter(|it| matches!(links.get(*it), Some(None)));
        let Some(first) = missing().next() else { continue };
        if until <= Instant::now() {
            let seconds = core.settings.deadline.as_secs_f32();
            let mut reason = format!("did not come within {seconds} s");
            if 1 < missing().count() {
                reason += &format!("; missing too: {}", core.names(missing().skip(1)));
            }
            core.fault(first, &reason);
            return Err(failed(core));
        }
        core.note(&format!("waiting for {}", core.names(missing())));
        for link in links.iter().flatten() {
            let _told = link.send(&Message::Waiting { processes: missing().collect() }).is_ok();
        }
        note = Instant::now() + NOTE;
    }
}

/// Calls process 0 and waits until it opens the run. How long others may take is its decision.
fn report(core: &Arc<Core>, until: Instant) -> Result<()> {
    let stream = call(core, 0, Kind::Control, None, until)?;
    let link = Link::new(0, stream.try_clone().map_err(ClusterError::Setup)?);
    if let Some(place) = core.lock().links.first_mut() {
        *place = Some(Arc::clone(&link));
    }
    let listening = Arc::clone(core);
    thread::Builder::new()
        .name("cluster:control".to_owned())
        .spawn(move || control::listen(&listening, &link, &stream))
        .map_err(ClusterError::Setup)?;
    let opened = core.wait(None, |state| match (&state.fault, state.session) {
        (Some(_), _) => Some(false),
        (None, Some(_)) => Some(true),
        (None, None) => None,
    });
    if opened == Some(true) { Ok(()) } else { Err(failed(core)) }
}

/// Connects to those before this process, and waits for the calls of those behind it.
fn meet(core: &Core) -> Result<Mesh> {
    let until = Instant::now() + MEETING;
    let session = core.lock().session;
    for process in 0..core.me() {
        match call(core, process, Kind::Mesh, session, until) {
            Ok(stream) => {
                if let Some(place) = core.lock().mesh.get_mut(process) {
                    *place = Some(stream);
                }
            }
            Err(error) => {
                core.fault(core.me(), &error.to_string());
                return Err(failed(core));
            }
        }
    }
    // Those behind give up first, and know better why.
    let met = core.wait(Some(until + GREETING), |state| {
        let others = state.mesh.iter().enumerate().filter(|(it, _)| *it != core.me());
        let all = others.into_iter().all(|(_, stream)| stream.is_some());
        if state.fault.is_some() { Some(false) } else { all.then_some(true) }
    });
    let mut state = core.lock();
    let sockets: Vec<Option<TcpStream>> = std::mem::take(&mut state.mesh);
    drop(state);
    if met == Some(true) {
        return Ok(Mesh { sockets, process: core.me(), workers: core.settings.workers });
    }
    let missing = sockets.iter().enumerate().skip(core.me() + 1).find(|(_, it)| it.is_none());
    if let Some((process, _)) = missing {
        core.fault(process, &format!("did not connect to {}", core.name(core.me())));
    }
    Err(failed(core))
}

/// Calls a process until it answers.
fn call(
    core: &Core,
    process: usize,
    kind: Kind,
    session: Option<u64>,
    until: Instant,
) -> Result<TcpStream> {
    let host = core.settings.hosts.get(process).map_or("", String::as_str);
    let start = Instant::now();
    let (mut pause, mut note) = (Duration::from_millis(20), start + Duration::from_secs(1));
    loop {
        let cause = match attempt(core, process, host, kind, session, until) {
            Ok(stream) => return Ok(stream),
            Err(Attempt::Refused(words)) => return Err(ClusterError::Fault(words).into()),
            Err(Attempt::Again(cause)) => cause,
        };
        if core.lock().fault.is_some() {
            return Err(failed(core));
        }
        if note <= Instant::now() {
            core.note(&format!("waiting for {}: {cause}", core.name(process)));
            note = Instant::now() + NOTE;
        }
        thread::sleep(pause.min(until.saturating_duration_since(Instant::now())));
        if until <= Instant::now() {
            let seconds = until.saturating_duration_since(start).as_secs_f32().round();
            return Err(ClusterError::Missing { name: core.name(process), seconds, cause }.into());
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// What came of a call that was not let in.
enum Attempt {
    /// It will be refused again.
    Refused(String),
    /// It may go better next time.
    Again(String),
}

fn attempt(
    core: &Core,
    process: usize,
    host: &str,
    kind: Kind,
    session: Option<u64>,
    until: Instant,
) -> std::result::Result<TcpStream, Attempt> {
    let again = |error: std::io::Error| Attempt::Again(error.to_string());
    let stream = socket::connect(host, until).map_err(again)?;
    stream.set_write_timeout(Some(GREETING)).map_err(again)?;
    hello::say(&stream, &core.hello(kind, process, session)).map_err(again)?;
    // Longer than the other side takes to make up its mind.
    let patience = GREETING + GREETING;
    let answer = hello::hear(&stream, until.min(Instant::now() + patience));
    let answer = answer.map_err(|misheard| match misheard {
        Misheard::Stray(error) => again(error),
        Misheard::Protocol { what, .. } => Attempt::Refused(core.words(process, &what)),
    })?;
    if answer.from != process {
        let (name, found) = (core.name(process), answer.from);
        let words = format!("{name}: it says it is process {found}: do the hosts files differ?");
        return Err(Attempt::Refused(words));
    }
    if let Some(words) = core.common().differs_from(&answer.common, process) {
        return Err(Attempt::Refused(core.words(core.me(), &words)));
    }
    if let Some(refusal) = answer.refusal {
        return Err(Attempt::Refused(hello::tame(&refusal)));
    }
    stream.set_write_timeout(None).map_err(again)?;
    Ok(stream)
}

/// Returns the first failure as an error.
pub(super) fn failed(core: &Core) -> Error {
    let failure = core.failure().unwrap_or_else(|| "the cluster is gone".to_owned());
    ClusterError::Fault(failure).into()
}
