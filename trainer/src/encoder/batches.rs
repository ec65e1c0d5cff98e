//! Texts of like lengths together, so that little is padding.

/// Returns the numbers of texts in batches of at most `budget` tokens, padding included, from the longest text down; a
/// text longer than that is a batch of its own.
pub(super) fn batches(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<(usize, usize)> = lengths.iter().copied().enumerate().collect();
    // The longest first: what does not fit into memory fails at once.
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut longest = 0;
    for (number, length) in order {
        match all.last_mut() {
            Some(batch) if (batch.len() + 1).saturating_mul(longest) <= budget => {
                batch.push(number);
            }
            _ => {
                all.push(vec![number]);
                longest = length;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::batches;

    #[test]
    fn texts_of_like_lengths_are_together() {
        assert_eq!(batches(&[2, 9, 3, 9, 1], 18), [vec![1, 3], vec![2, 0, 4]]);
        assert_eq!(batches(&[100, 1, 1], 4), [vec![0], vec![1, 2]]);
        assert!(batches(&[], 4).is_empty());
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch_within_the_budget(
            lengths in prop::collection::vec(1_usize..50, 0..60),
            budget in 0_usize..200,
        ) {
            let found = batches(&lengths, budget);
            for batch in &found {
                let longest = batch.iter().map(|it| lengths[*it]).max().unwrap();
                prop_assert!(batch.len() == 1 || batch.len() * longest <= budget);
            }
            let mut numbers: Vec<usize> = found.into_iter().flatten().collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..lengths.len()).collect::<Vec<_>>());
        }
    }
}
