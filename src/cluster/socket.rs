//! Sockets: resolved, connected and read within a deadline, and told to notice a dead peer.

use std::{
    io::{self, Read},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use socket2::{SockRef, TcpKeepalive};

/// Longest wait for one attempt to connect; the next attempt may find the peer.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest time that sent bytes may stay unacknowledged.
///
/// It is longer than any silence that the control channel bears, which knows better what to say.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Returns the addresses of a host; asking a name server may take no longer than the deadline.
pub(super) fn resolve(host: &str, until: Instant) -> io::Result<Vec<SocketAddr>> {
    let (send, receive) = mpsc::channel();
    let name = host.to_owned();
    thread::Builder::new().name("resolve".to_owned()).spawn(move || {
        let found = name.to_socket_addrs().map(Vec::from_iter);
        // Nobody listens when the deadline is over.
        let _heard = send.send(found).is_ok();
    })?;
    let left = until.saturating_duration_since(Instant::now());
    let found = receive.recv_timeout(left).map_err(|_| io::ErrorKind::TimedOut)??;
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        false => Ok(found),
    }
}

/// Listens on the first address of a host that this machine has.
pub(super) fn listen(host: &str, until: Instant) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(resolve(host, until)?.as_slice())?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to a host, trying each of its addresses once.
pub(super) fn connect(host: &str, until: Instant) -> io::Result<TcpStream> {
    let mut cause = io::Error::from(io::ErrorKind::TimedOut);
    for address in resolve(host, until)? {
        let left = until.saturating_duration_since(Instant::now()).min(CONNECT);
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            // A port of this machine on which nobody listens may be given to the very socket that
            // calls it: then it talks to itself.
            Ok(stream) if stream.local_addr()? == stream.peer_addr()? => {
                cause = io::ErrorKind::ConnectionRefused.into();
            }
            Ok(stream) => {
                tune(&stream)?;
                return Ok(stream);
            }
            Err(error) => cause = error,
        }
    }
    Err(cause)
}

/// Sends at once what is written, and gives up a peer whose machine or network is gone.
pub(super) fn tune(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(10));
    #[cfg(target_os = "linux")]
    let keepalive = keepalive.with_interval(Duration::from_secs(5)).with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

/// Fills a buffer before the deadline, however slowly the bytes drip.
pub(super) fn read_until(
    mut stream: &TcpStream,
    mut buffer: &mut [u8],
    until: Instant,
) -> io::Result<()> {
    while !buffer.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n_read) => buffer = buffer.get_mut(n_read..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.set_read_timeout(None)
}
