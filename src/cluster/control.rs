//! The control channel: one thread that listens to each peer, one that tells all of them "alive".

use std::{
    io,
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    message::Message,
    state::{Core, Link, Phase, most_to},
};

/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Listens to a peer until it hangs up or is silent for too long.
pub(super) fn listen(core: &Core, link: &Arc<Link>, stream: &TcpStream) {
    let timeouts = stream
        .set_read_timeout(Some(core.silence))
        .and_then(|()| stream.set_write_timeout(Some(core.silence)));
    if let Err(error) = timeouts {
        core.gone(link, &error);
        return;
    }
    loop {
        match Message::receive(stream, most_to(core.me())) {
            Ok(message) => core.hear(link.process, message),
            Err(error) => {
                core.gone(link, &error);
                return;
            }
        }
    }
}

/// Sends signs of life to all peers until the run is over.
pub(super) fn beat(core: &Arc<Core>) -> io::Result<()> {
    let core = Arc::clone(core);
    let pause = HEARTBEAT.min(core.silence / 5);
    thread::Builder::new().name("cluster:heartbeat".to_owned()).spawn(move || {
        loop {
            let over = |phase| (phase == Phase::Over).then_some(());
            if core.wait(Some(Instant::now() + pause), |state| over(state.phase)).is_some() {
                return;
            }
            let links = core.lock().links.clone();
            for link in links.iter().flatten() {
                // The thread that listens to this peer finds out what is wrong with it.
                let _sent = link.send(&Message::Heartbeat).is_ok();
            }
        }
    })?;
    Ok(())
}
