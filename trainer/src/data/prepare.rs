//! From rows to what a run needs of them: the batches that it learns, and the windows it validates with.

use std::sync::Arc;

use crate::{
    data::{
        assemble::Assembler,
        batches::Batches,
        corpus::{CorpusInfo, Rows},
        split,
        subset::Subset,
        validation,
        window::Window,
    },
    error::Result,
    settings::Settings,
};

/// The data of a run.
pub struct Prepared {
    /// What is learned; [`crate::data::loader::Loader`] reads it.
    pub batches: Arc<Batches>,
    /// Makes windows of what the batches lay out.
    pub assembler: Assembler,
    /// What is held back: the same windows every time, none if `validation` is 0.
    pub validation: Vec<Window>,
}

/// Divides the rows by pair, lays out what is learned, and reads the windows of the validation.
///
/// # Errors
///
/// Rows, corpus and settings do not fit together, or a row of the validation cannot be read.
pub fn prepare(rows: &Arc<dyn Rows>, info: &CorpusInfo, settings: &Settings) -> Result<Prepared> {
    let assembler = Assembler::new(info, settings)?;
    let split = split::by_pair(rows.as_ref(), settings.validation, settings.validation_seed)?;
    let subset = |numbers| -> Arc<dyn Rows> { Arc::new(Subset::new(Arc::clone(rows), numbers)) };
    let batches = Arc::new(Batches::new(subset(split.train), info, settings)?);
    let validation = validation::windows(subset(split.validation), info, settings)?;
    Ok(Prepared { batches, assembler, validation })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::{
        corpus::RowKind,
        loader::Loader,
        testing::{info, rows_of},
    };

    #[test]
    fn every_row_is_learned_or_held_back_and_none_is_both() {
        let rows = rows_of(&[20; 60]);
        let settings = Settings { validation: 0.2, batch_windows: 4, ..Settings::default() };
        let Prepared { batches, assembler, validation } =
            prepare(&rows, &info(RowKind::Segments), &settings).unwrap();
        let loader = Loader::start(&batches, &assembler, batches.start(), 1, 2).unwrap();
        let learned: Vec<_> = loader.flat_map(|it| it.unwrap().windows).collect();
        let ids = |windows: &[Window]| -> BTreeSet<_> {
            windows.iter().flat_map(|it| it.rows.clone()).collect()
        };
        let (learned, held_back) = (ids(&learned), ids(&validation));
        assert!(learned.is_disjoint(&held_back) && !held_back.is_empty());
        assert_eq!(learned.len() + held_back.len(), 60);
        let settings = Settings { validation: 0.0, ..settings };
        let prepared = prepare(&rows, &info(RowKind::Segments), &settings).unwrap();
        assert_eq!(prepared.validation, []);
    }
}
