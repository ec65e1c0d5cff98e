//! The order in which an epoch sees the rows.

use crossic_operators::record::Digest;

use crate::{
    data::{corpus::Rows, keyed::Keyed},
    error::{Error, Result},
};

/// Returns the numbers of all rows.
///
/// # Errors
///
/// There are more rows than 32 bits can number.
pub fn numbers(rows: &dyn Rows) -> Result<std::ops::Range<u32>> {
    let n_rows = u32::try_from(rows.len()).map_err(|_| {
        let what = format!("a corpus of {} rows cannot be trained on at once", rows.len());
        Error::refused(what, format!("{} rows are the most: train on parts of it", u32::MAX))
    })?;
    Ok(0..n_rows)
}

/// Returns the numbers of all rows in the order of an epoch: a function of seed, epoch and the ids of the rows.
///
/// Rows are sorted by a keyed hash of their ids, so a row that comes or goes leaves the order of the others alone. Rows
/// with one id keep the order of the corpus. Takes 16 bytes a row while it sorts, 4 afterwards.
///
/// # Errors
///
/// There are more rows than 32 bits can number.
pub fn shuffled(rows: &dyn Rows, seed: u64, epoch: u32) -> Result<Vec<u32>> {
    let key = Keyed::new("crossic-trainer order of rows", &[seed, u64::from(epoch)]);
    let bits = |row: u32| -> u64 { key.bits(id(rows, row)) };
    let mut keyed: Vec<(u64, u32)> = numbers(rows)?.map(|row| (bits(row), row)).collect();
    keyed.sort_unstable();
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

fn id(rows: &dyn Rows, row: u32) -> Digest {
    rows.id(row as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::data::{subset::Subset, testing::rows_of};

    #[test]
    fn seed_and_epoch_make_the_order() {
        let rows = rows_of(&[4; 200]);
        let order = shuffled(rows.as_ref(), 32, 0).unwrap();
        assert_eq!(order, shuffled(rows.as_ref(), 32, 0).unwrap());
        assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), (0..200).collect());
        let others = [shuffled(rows.as_ref(), 32, 1), shuffled(rows.as_ref(), 33, 0)];
        for other in others {
            let other = other.unwrap();
            let n_kept = order.iter().zip(&other).filter(|(one, two)| one == two).count();
            assert!(n_kept < 12, "{n_kept} of 200 rows stayed where they were");
        }
        // Neighbours of the corpus are torn apart.
        let n_next = order.windows(2).filter(|it| it[0] + 1 == it[1]).count();
        assert!(n_next < 12, "{n_next} neighbours of 199 are still neighbours");
    }

    proptest! {
        #[test]
        fn rows_that_go_leave_the_order_of_the_others(kept in prop::collection::vec(any::<bool>(), 1..60)) {
            let rows = rows_of(&vec![4; kept.len()]);
            let numbers: Vec<u32> = (0..kept.len() as u32).filter(|it| kept[*it as usize]).collect();
            let part = Subset::new(rows.clone(), numbers.clone());
            let ids = |rows: &dyn Rows| -> Vec<Digest> {
                shuffled(rows, 7, 3).unwrap().into_iter().map(|it| id(rows, it)).collect()
            };
            let left: BTreeSet<Digest> = numbers.iter().map(|it| rows.id(*it as usize)).collect();
            let expected: Vec<_> = ids(rows.as_ref()).into_iter().filter(|it| left.contains(it)).collect();
            prop_assert_eq!(ids(&part), expected);
        }
    }
}
