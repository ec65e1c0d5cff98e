//! The listening side: hears who calls, and lets in those who belong here.
//!
//! It stays open for the whole run, so that latecomers and strays get an answer and nobody else
//! listens on the port meanwhile.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    control,
    hello::{self, Hello, Kind, Misheard},
    socket,
    state::{Core, Link, Phase},
};

/// Longest time from a call to its hello; also the longest wait for an answer.
pub(super) const GREETING: Duration = Duration::from_secs(5);

/// Most callers that are listened to at once; more are turned away and may call again.
const MAX_CALLERS: usize = 256;

/// Answers calls until the run is over. The listener does not block.
pub(super) fn open(core: &Arc<Core>, listener: TcpListener) -> io::Result<()> {
    let core = Arc::clone(core);
    let callers = Arc::new(AtomicUsize::new(0));
    let watch = move || {
        loop {
            let phase = core.lock().phase;
            match listener.accept() {
                _ if phase == Phase::Over => return,
                Ok((stream, address)) if callers.load(Ordering::Relaxed) < MAX_CALLERS => {
                    let (core, caller) = (Arc::clone(&core), Caller::new(&callers));
                    // A caller for whom there is no thread is hung up on, and calls again.
                    let _started = thread::Builder::new()
                        .name("cluster:caller".to_owned())
                        .spawn(move || answer(&core, stream, address, caller))
                        .is_ok();
                }
                Ok(_) => {}
                // Nobody there, or no descriptor left for a caller: either may pass.
                Err(_) if phase == Phase::Gathering => thread::sleep(Duration::from_millis(10)),
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    };
    thread::Builder::new().name("cluster:door".to_owned()).spawn(watch)?;
    Ok(())
}

/// Counts a caller until it has been greeted or turned away.
struct Caller(Arc<AtomicUsize>);

impl Caller {
    fn new(callers: &Arc<AtomicUsize>) -> Caller {
        callers.fetch_add(1, Ordering::Relaxed);
        Caller(Arc::clone(callers))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(core: &Arc<Core>, stream: TcpStream, address: SocketAddr, caller: Caller) {
    let until = Instant::now() + GREETING;
    let tuned = stream.set_nonblocking(false).and_then(|()| socket::tune(&stream));
    if tuned.and_then(|()| stream.set_write_timeout(Some(GREETING))).is_err() {
        return;
    }
    match hello::hear(&stream, until) {
        // A stray: nothing is said to it, and nothing about it.
        Err(Misheard::Stray(_)) => {}
        Err(Misheard::Protocol { from, what }) => {
            turn_away(core, &stream, Kind::Control, from, None);
            blame(core, address, from, &what);
        }
        Ok(hello) => {
            if let Some(words) = hello.common.differs_from(&core.common(), core.me()) {
                let refusal = core.words(hello.from, &words);
                turn_away(core, &stream, hello.kind, hello.from, Some(refusal));
                blame(core, address, hello.from, &words);
            } else if core.processes() <= hello.from || hello.from == core.me() {
                let refusal = Some(format!("there can be no process {} here", hello.from));
                turn_away(core, &stream, hello.kind, hello.from, refusal);
            } else if hello.kind == Kind::Control {
                control(core, stream, &hello, caller);
            } else {
                mesh(core, stream, &hello, until);
            }
        }
    }
}

/// Ends the gathering because of a process that would do something else; a run goes on.
fn blame(core: &Core, address: SocketAddr, process: usize, words: &str) {
    if core.lock().phase != Phase::Gathering {
        return;
    }
    if process < core.processes() && process != core.me() {
        core.fault(process, words);
    } else {
        core.fault(core.me(), &format!("a process {process} at {address} {words}"));
    }
}

fn turn_away(core: &Core, stream: &TcpStream, kind: Kind, to: usize, refusal: Option<String>) {
    let hello = Hello { refusal, ..core.hello(kind, to, None) };
    // A caller that does not listen any more has given up itself.
    let _told = hello::say(stream, &hello).and_then(|()| stream.shutdown(Shutdown::Write)).is_ok();
    answered(core, to);
}

fn answered(core: &Core, process: usize) {
    if process < core.processes() && process != core.me() {
        core.lock().answered.insert(process);
    }
    core.changed();
}

/// Lets a process into the control channel, and listens to it from then on.
fn control(core: &Arc<Core>, stream: TcpStream, hello: &Hello, caller: Caller) {
    let from = hello.from;
    let Ok(sender) = stream.try_clone() else { return };
    let link = Link::new(from, sender);
    // Held until the answer is out, so that nothing else is said before it.
    let turn = link.turn();
    let refusal = {
        let state = &mut *core.lock();
        let (me, gathering) = (core.me(), state.phase == Phase::Gathering);
        match (&state.fault, state.links.get_mut(from)) {
            (Some((process, reason)), _) if gathering => Some(core.words(*process, reason)),
            // A run that is about to end: the one that the caller means is yet to begin.
            (Some(_), _) => return,
            _ if me != 0 => Some(format!("{} is not process 0", core.name(me))),
            (None, Some(place @ None)) if gathering => {
                *place = Some(Arc::clone(&link));
                None
            }
            _ => Some(format!("another {} takes part already", core.name(from))),
        }
    };
    if refusal.is_some() {
        turn_away(core, &stream, Kind::Control, from, refusal);
        return;
    }
    let said = hello::say(&stream, &core.hello(Kind::Control, from, None));
    drop(turn);
    drop(caller);
    answered(core, from);
    match said {
        Ok(()) => control::listen(core, &link, &stream),
        Err(error) => core.gone(&link, &error),
    }
}

/// Keeps a connection for the records of the dataflow, if it belongs to this run.
fn mesh(core: &Core, stream: TcpStream, hello: &Hello, until: Instant) {
    // The caller may have heard from process 0 before this process did.
    let session = core.wait(Some(until), |state| match &state.fault {
        Some(_) => Some(None),
        None => state.session.map(Some),
    });
    let Some(Some(session)) = session else { return };
    let from = hello.from;
    if hello.session != Some(session) || hello.to != core.me() || from < core.me() {
        let refusal = format!("{} is part of another run", core.name(core.me()));
        turn_away(core, &stream, Kind::Mesh, from, Some(refusal));
        return;
    }
    if hello::say(&stream, &core.hello(Kind::Mesh, from, Some(session))).is_err()
        || stream.set_write_timeout(None).is_err()
    {
        return;
    }
    let mut state = core.lock();
    if let Some(place @ None) = state.mesh.get_mut(from) {
        *place = Some(stream);
    }
    drop(state);
    core.changed();
}
