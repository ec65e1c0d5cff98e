//! The windows that validation looks at: the same ones every time.

use std::sync::Arc;

use crate::{
    data::{
        assemble::Assembler,
        batches::Batches,
        corpus::{CorpusInfo, Rows},
        window::Window,
    },
    error::Result,
    settings::Settings,
};

/// Returns the windows of the rows that are held back, `validation-windows` at most: an even choice, shuffled by
/// `validation-seed`, laid out as those that are learned. Rows that are held back for nothing give none.
///
/// Memory: 15 bytes a token.
///
/// # Errors
///
/// A row cannot be read, or rows, sampler and N do not fit: see [`crate::data::sampler::check`].
pub fn windows(rows: Arc<dyn Rows>, info: &CorpusInfo, settings: &Settings) -> Result<Vec<Window>> {
    if rows.is_empty() || settings.validation_windows == 0 {
        return Ok(Vec::new());
    }
    let settings = Settings {
        shuffle: true,
        seed: settings.validation_seed,
        batch_windows: settings.validation_windows,
        batch_tokens: None,
        ..settings.clone()
    };
    let batches = Arc::new(Batches::new(rows, info, &settings)?);
    let mut steps = batches.steps(batches.start(), 1)?;
    let layouts = steps.next().transpose()?.map_or_else(Vec::new, |it| it.layouts);
    Assembler::new(info, &settings)?.windows(batches.rows().as_ref(), &layouts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::{
        corpus::RowKind,
        testing::{info, rows_of},
    };

    #[test]
    fn validation_sees_the_same_windows_whatever_the_training_does() {
        let rows = rows_of(&[20; 40]);
        let of = |settings: &Settings| {
            windows(rows.clone(), &info(RowKind::Segments), settings).unwrap()
        };
        let settings = Settings { validation_windows: 5, ..Settings::default() };
        let five = of(&settings);
        // Three segments of 20 and the BOS.
        assert_eq!(five.iter().map(Window::len).collect::<Vec<_>>(), [61; 5]);
        let other = Settings { seed: 7, shuffle: false, batch_tokens: Some(9), ..settings.clone() };
        assert_eq!(of(&other), five);
        let all = of(&Settings { validation_windows: 256, ..settings.clone() });
        assert_eq!(all[..5], five);
        assert_eq!(all.iter().flat_map(|it| &it.rows).collect::<BTreeSet<_>>().len(), 40);
        assert_ne!(of(&Settings { validation_seed: 7, ..settings.clone() }), five);
        assert_eq!(of(&Settings { validation_windows: 0, ..settings.clone() }), []);
        assert_eq!(windows(rows_of(&[]), &info(RowKind::Segments), &settings).unwrap(), []);
    }
}
