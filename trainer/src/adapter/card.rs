//! The model card.
