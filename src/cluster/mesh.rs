//! Sockets to timely's allocators: the way that records go between processes.

use std::{any::Any, io, net::TcpStream};

use timely::communication::{
    AllocatorBuilder, Hooks,
    allocator::{
        ProcessBuilder,
        zero_copy::{initialize::initialize_networking_from_sockets, stream::Stream},
    },
};

use super::error::ClusterError;
use crate::error::Result;

/// What `timely::execute::execute_from` takes: a builder for each worker, and what holds the threads
/// that send and receive.
pub type Allocators = (Vec<AllocatorBuilder>, Box<dyn Any + Send>);

/// The sockets of one process to all others, agreed and not yet used.
#[derive(Debug)]
pub struct Mesh {
    pub(super) sockets: Vec<Option<TcpStream>>,
    pub(super) process: usize,
    pub(super) workers: usize,
}

impl Mesh {
    /// Starts the threads that send and receive, and returns the allocators of the workers.
    ///
    /// # Errors
    ///
    /// A socket or a thread cannot be had.
    pub fn allocators(self) -> Result<Allocators> {
        Ok(allocators(self.sockets, self.process, self.workers).map_err(ClusterError::Setup)?)
    }
}

fn allocators<S: Stream + 'static>(
    sockets: Vec<Option<S>>,
    process: usize,
    workers: usize,
) -> io::Result<Allocators> {
    let hooks = Hooks::default();
    let (refill, spill) = (hooks.refill.clone(), hooks.spill.clone());
    let local = ProcessBuilder::new_typed_vector(workers, refill, spill);
    let (builders, threads) =
        initialize_networking_from_sockets(local, sockets, process, workers, hooks)?;
    Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Box::new(threads)))
}

/// Returns the allocators of several "processes" that are threads of this one, for tests: records
/// are serialised and progress is told as between machines, but there are no ports.
///
/// # Errors
///
/// A socket or a thread cannot be had.
#[cfg(unix)]
pub fn mesh_of_pairs(processes: usize, workers: usize) -> Result<Vec<Allocators>> {
    use std::os::unix::net::UnixStream;

    // Process by process: its sockets to those before it are there when it comes, in their order.
    let mut sockets: Vec<Vec<Option<UnixStream>>> = Vec::new();
    for _ in 0..processes {
        let mut own = Vec::new();
        for earlier in &mut sockets {
            let (theirs, ours) = UnixStream::pair().map_err(ClusterError::Setup)?;
            earlier.push(Some(theirs));
            own.push(Some(ours));
        }
        own.push(None);
        sockets.push(own);
    }
    let each = sockets.into_iter().enumerate();
    let made = each.map(|(process, sockets)| allocators(sockets, process, workers));
    Ok(made.collect::<io::Result<_>>().map_err(ClusterError::Setup)?)
}
