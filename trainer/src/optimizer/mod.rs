//! From gradients to the next parameters: learning rate, clipping, AdamW.

pub mod adamw;
pub mod clip;
pub mod parameter;
pub mod schedule;
