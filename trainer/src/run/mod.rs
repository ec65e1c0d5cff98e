//! A training run: steps, validations, checkpoints, records.
