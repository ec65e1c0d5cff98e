//! Tests of the lease, over a store in memory.

use std::{sync::Arc, time::Duration};

use object_store::memory::InMemory;

use super::*;
use crate::storage::place::Url;

const SHORT: Duration = Duration::from_millis(120);

fn folder() -> Remote {
    let url = Url::parse("s3://bucket/corpus").unwrap().unwrap();
    Remote::over(Arc::new(InMemory::new()), &url)
}

/// Writes the claim of a holder that has died.
fn dead(folder: &Remote) {
    let holder = "process 7 on mars".to_owned();
    let claim = Claim { holder, nonce: 1, beat: 3, lease_ms: SHORT.as_millis() as u64 };
    folder.join(FILE_NAME).unwrap().put(bytes(&claim)).unwrap();
}

#[test]
fn a_lock_is_held_and_given_back() {
    let folder = folder();
    for _ in 0..2 {
        let lease = Lease::take(&folder, LEASE).unwrap();
        lease.check().unwrap();
        assert!(read(&folder.join(FILE_NAME).unwrap()).unwrap().is_some());
        drop(lease);
        assert!(read(&folder.join(FILE_NAME).unwrap()).unwrap().is_none());
    }
}

#[test]
fn a_live_holder_is_named() {
    let folder = folder();
    let lease = Lease::take(&folder, Duration::from_secs(3)).unwrap();
    let error = Lease::take(&folder, SHORT).unwrap_err();
    let holder = format!("process {} on", process::id());
    assert!(error.to_string().contains(&holder), "{error}");
    assert!(error.to_string().contains("s3://bucket/corpus/.lock"), "{error}");
    drop(lease);
    Lease::take(&folder, SHORT).unwrap();
}

#[test]
fn a_dead_holder_is_followed() {
    let folder = folder();
    dead(&folder);
    let lease = Lease::take(&folder, LEASE).unwrap();
    lease.check().unwrap();
    let (claim, _) = read(&folder.join(FILE_NAME).unwrap()).unwrap().unwrap();
    assert_eq!(claim.holder, holder());
}

#[test]
fn a_damaged_lock_is_waited_for_like_any_other() {
    let folder = folder();
    let object = folder.join(FILE_NAME).unwrap();
    object.put(b"\xff{".to_vec()).unwrap();
    let (claim, _) = read(&object).unwrap().unwrap();
    assert_eq!((claim.holder.as_str(), claim.lease_ms), ("somebody unknown", 60_000));
}

#[test]
fn a_lock_that_was_taken_over_is_lost_and_left_alone() {
    let folder = folder();
    let lease = Lease::take(&folder, LEASE).unwrap();
    dead(&folder);
    lease.held.beat();
    let error = lease.check().unwrap_err();
    assert!(error.to_string().contains("the lock was lost"), "{error}");
    drop(lease);
    let (claim, _) = read(&folder.join(FILE_NAME).unwrap()).unwrap().unwrap();
    assert_eq!(claim.holder, "process 7 on mars");
}

#[test]
fn of_several_that_come_at_once_one_gets_the_lock() {
    let folder = folder();
    dead(&folder);
    let take = |folder: Remote| move || Lease::take(&folder, Duration::from_secs(3));
    let threads: Vec<_> = (0..6).map(|_| thread::spawn(take(folder.clone()))).collect();
    let taken: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(taken.iter().filter(|lease| lease.is_ok()).count(), 1, "{taken:?}");
}
