//! The rows that a delta names: training goes on with what is new in a corpus.

use std::sync::Arc;

use crossic_operators::record::Digest;
use rustc_hash::FxHashSet;

use crate::{
    data::{corpus::Rows, order, subset::Subset},
    error::{Error, Result},
};

/// Returns the rows whose ids are in `ids`, in the order of the corpus.
///
/// # Errors
///
/// The corpus has none of them, or more rows than can be numbered.
pub fn since(rows: Arc<dyn Rows>, ids: &FxHashSet<Digest>) -> Result<Subset> {
    let numbers: Vec<u32> = order::numbers(rows.as_ref())?
        .filter(|row| ids.contains(&rows.id(*row as usize)))
        .collect();
    if numbers.is_empty() {
        return Err(Error::refused(
            format!("none of the {} new rows is in the corpus", ids.len()),
            "nothing has been added since that manifest, or it is the manifest of another corpus",
        ));
    }
    Ok(Subset::new(rows, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{assert_same_rows, rows_of};

    #[test]
    fn only_rows_of_the_delta_are_left() {
        let rows = rows_of(&[3, 5, 7]);
        let ids = [rows.id(2), rows.id(0), Digest::of(b"gone")].into_iter().collect();
        let subset = since(rows.clone(), &ids).unwrap();
        assert_same_rows(&subset, &[rows.read(0).unwrap(), rows.read(2).unwrap()]);
        let ids = [Digest::of(b"gone")].into_iter().collect();
        assert!(since(rows, &ids).is_err());
    }
}
