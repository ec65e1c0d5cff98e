//! Ports for processes of a test, which no other test takes meanwhile.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    net::TcpListener,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Returns two addresses on which nobody listens; each call uses an address of the machine of its
/// own where the system has more than one.
pub(crate) fn two() -> [String; 2] {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let id = process::id().wrapping_mul(31).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    let own = format!("127.{}.{}.{}:0", 1 + id / 62_500 % 200, id / 250 % 250, 1 + id % 250);
    let listen = || TcpListener::bind(&own).or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    // Both at once, or the second might be the first again.
    let both = [listen(), listen()];
    both.map(|it| it.local_addr().unwrap().to_string())
}
