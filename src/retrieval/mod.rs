//! The documents of a run: made into vectors a file at a time, searched a file at a time, and
//! fetched once they are found.
//!
//! What depends on one file of documents alone is kept under a key of all that decides it: its
//! vectors, the graph over them, and the answers to questions. So a new file costs one file, and an
//! article that has changed costs its own questions.

mod answers;
mod calibrate;
mod cost;
mod encode;
mod encoder;
mod figures;
mod library;
mod rank;
mod record;
mod rows;
mod segment;

pub use self::{
    calibrate::{Listener, Measured, measure},
    cost::Cost,
    encode::tasks,
    encoder::{Calibration, Encoder, Searching, Threshold},
    figures::{Answered, Curve, Figures},
    library::{DocumentLibrary, Finished, Shelf},
    rows::PairedRow,
};
use crate::error::Error;

/// Returns an error of an operator whose knobs do not fit its files.
fn usage(what: String, hint: &str) -> Error {
    Error::Usage { what, hint: hint.to_owned() }
}
