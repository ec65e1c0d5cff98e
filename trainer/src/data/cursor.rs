//! Where training stands in its data.

use crossic_operators::record::Digest;
use serde::{Deserialize, Serialize};

/// A place between two optimizer steps: from here the same windows come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cursor {
    /// The epoch, from 0.
    pub epoch: u32,
    /// Steps of the epoch that are done. After the last one, the place is that before the next epoch.
    pub step: u64,
    /// What the order of windows is a function of: see [`super::batches::Batches::order`].
    pub order: Digest,
}

impl Cursor {
    /// Returns the place after one more step of the epoch.
    pub fn after_step(self) -> Cursor {
        Cursor { step: self.step + 1, ..self }
    }

    /// Returns the start of the next epoch.
    pub fn after_epoch(self) -> Cursor {
        Cursor { epoch: self.epoch + 1, step: 0, ..self }
    }
}
