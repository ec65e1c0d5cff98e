//! Placeholder while the test is written.
#![allow(unused_crate_dependencies)]
use proptest as _;
