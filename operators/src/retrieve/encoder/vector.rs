//! Vectors of integers, and the product of a question and a document.

/// A vector that is zero almost everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sparse {
    dims: Vec<u32>,
    weights: Vec<u16>,
}

impl Sparse {
    /// Returns the vector of these weights by dimension; those of one dimension are added, and a
    /// sum beyond `u16` stays at its end.
    pub fn new(mut entries: Vec<(u32, u16)>) -> Sparse {
        entries.sort_unstable();
        let mut sparse = Sparse::default();
        for (dim, weight) in entries {
            if weight == 0 {
                continue;
            }
            match sparse.weights.last_mut() {
                Some(last) if sparse.dims.last() == Some(&dim) => {
                    *last = last.saturating_add(weight)
                }
                _ => {
                    sparse.dims.push(dim);
                    sparse.weights.push(weight);
                }
            }
        }
        sparse
    }

    /// Returns dimensions and weights, dimensions ascending and no weight 0.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u16)> {
        self.dims.iter().copied().zip(self.weights.iter().copied())
    }

    /// Returns the number of weights.
    pub fn len(&self) -> usize {
        self.dims.len()
    }

    /// Returns whether every weight is 0.
    pub fn is_empty(&self) -> bool {
        self.dims.is_empty()
    }

    fn dot(&self, other: &Sparse) -> i64 {
        let mut others = other.entries().peekable();
        let mut sum = 0_i64;
        for (dim, weight) in self.entries() {
            while others.next_if(|(other, _)| *other < dim).is_some() {}
            if let Some((_, other)) = others.next_if(|(other, _)| *other == dim) {
                sum += i64::from(weight) * i64::from(other);
            }
        }
        sum
    }
}

/// The vector of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vector {
    /// A number for each dimension.
    Dense(Vec<i8>),
    /// The dimensions that are not zero.
    Sparse(Sparse),
}

impl Vector {
    /// Returns whether every weight is 0: such a text cannot be found, nor find anything.
    pub fn is_zero(&self) -> bool {
        match self {
            Vector::Dense(weights) => weights.iter().all(|weight| *weight == 0),
            Vector::Sparse(sparse) => sparse.is_empty(),
        }
    }
}

/// What a search is made with: one vector, or the sum of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A number for each dimension.
    Dense(Vec<i16>),
    /// The dimensions that are not zero.
    Sparse(Sparse),
}

impl Query {
    /// Returns the query of one vector.
    pub fn of(vector: &Vector) -> Query {
        match vector {
            Vector::Dense(weights) => {
                Query::Dense(weights.iter().map(|weight| i16::from(*weight)).collect())
            }
            Vector::Sparse(sparse) => Query::Sparse(sparse.clone()),
        }
    }

    /// Returns the query whose product with any document is the sum of the products of both
    /// vectors, exactly: twice their mean.
    ///
    /// Two vectors of one encoder are expected; of vectors of different kinds the second is left
    /// out.
    pub fn fused(first: &Vector, second: &Vector) -> Query {
        match (first, second) {
            (Vector::Dense(first), Vector::Dense(second)) => {
                let sum = |(a, b): (&i8, &i8)| i16::from(*a) + i16::from(*b);
                Query::Dense(first.iter().zip(second).map(sum).collect())
            }
            (Vector::Sparse(first), Vector::Sparse(second)) => {
                Query::Sparse(Sparse::new(first.entries().chain(second.entries()).collect()))
            }
            _ => Query::of(first),
        }
    }

    /// Returns the inner product with a document; 0 if the two are of different kinds.
    pub fn dot(&self, document: &Vector) -> i64 {
        match (self, document) {
            (Query::Dense(query), Vector::Dense(document)) => {
                let product = |(a, b): (&i16, &i8)| i64::from(*a) * i64::from(*b);
                query.iter().zip(document).map(product).sum()
            }
            (Query::Sparse(query), Vector::Sparse(document)) => query.dot(document),
            _ => 0,
        }
    }
}

/// Returns weights scaled to a vector of length `unit`, each rounded to the nearest integer, halves
/// away from 0; zeros if all are 0. No weight may be beyond 2^47, nor there be more than 2^16.
pub(super) fn normalised(weights: &[i64], unit: u32) -> impl Iterator<Item = i64> {
    let squares: u128 = weights.iter().map(|it| u128::from(it.unsigned_abs()).pow(2)).sum();
    // Eight more bits, so that rounding the root does not matter.
    let length = (squares << 16).isqrt().max(1);
    weights.iter().map(move |weight| {
        let scaled = (u128::from(weight.unsigned_abs()) * u128::from(unit)) << 8;
        let rounded = i64::try_from((scaled + length / 2) / length).unwrap_or(i64::MAX);
        if *weight < 0 { -rounded } else { rounded }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn sparse() -> impl Strategy<Value = Vec<(u32, u16)>> {
        prop::collection::vec((0..40_u32, 0..20_000_u16), 0..20)
    }

    /// The twin of the merge.
    fn table(entries: &[(u32, u16)]) -> BTreeMap<u32, i64> {
        let mut table = BTreeMap::new();
        for (dim, weight) in entries {
            let sum: &mut i64 = table.entry(*dim).or_default();
            *sum = (*sum + i64::from(*weight)).min(i64::from(u16::MAX));
        }
        table
    }

    proptest! {
        #[test]
        fn sparse_products_are_those_of_tables(a in sparse(), b in sparse()) {
            let (x, y) = (table(&a), table(&b));
            let expected: i64 = x.iter().filter_map(|(dim, w)| Some(w * y.get(dim)?)).sum();
            prop_assert_eq!(Sparse::new(a).dot(&Sparse::new(b)), expected);
        }

        #[test]
        fn a_fused_dense_query_scores_the_sum(a: [i8; 12], b: [i8; 12], d: [i8; 12]) {
            let [a, b, d] = [a, b, d].map(|it| Vector::Dense(it.to_vec()));
            prop_assert_eq!(Query::fused(&a, &b).dot(&d), Query::of(&a).dot(&d) + Query::of(&b).dot(&d));
        }

        #[test]
        fn normalised_weights_are_those_of_floats(
            weights in prop::collection::vec(-(1_i64 << 40)..1 << 40, 1..20),
            unit in 1..20_000_u32,
        ) {
            let length = weights.iter().map(|it| (*it as f64).powi(2)).sum::<f64>().sqrt().max(1.0);
            for (found, weight) in normalised(&weights, unit).zip(&weights) {
                let expected = *weight as f64 / length * f64::from(unit);
                prop_assert!((found as f64 - expected).abs() < 0.6 + f64::from(unit) / 250.0 / length, "{found} {expected}");
            }
        }
    }

    #[test]
    fn kinds_do_not_mix() {
        let (dense, sparse) = (Vector::Dense(vec![1]), Vector::Sparse(Sparse::new(vec![(0, 1)])));
        assert_eq!(Query::of(&dense).dot(&sparse), 0);
        assert_eq!(Query::fused(&sparse, &dense), Query::of(&sparse));
    }
}
