//! Vectors of integers, and the product of a question and a document.
//!
//! The step of a vector is a property of its encoder (a unit vector has the same length everywhere),
//! so vectors and their products are the same numbers in every segment and on every machine.

use std::fmt;

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

    /// Returns the vector of these columns, or `None` if the dimensions are not ascending, a weight
    /// is 0, or the columns are not of one length.
    pub fn of_columns(dims: Vec<u32>, weights: Vec<u16>) -> Option<Sparse> {
        let is_sparse = dims.len() == weights.len()
            && dims.is_sorted_by(|left, right| left < right)
            && !weights.contains(&0);
        is_sparse.then_some(Sparse { dims, weights })
    }

    /// Returns the dimensions, ascending.
    pub fn dims(&self) -> &[u32] {
        &self.dims
    }

    /// Returns the weights beside the dimensions; none is 0.
    pub fn weights(&self) -> &[u16] {
        &self.weights
    }

    /// Returns the square of its length.
    pub fn square(&self) -> u64 {
        self.weights.iter().map(|it| u64::from(*it).pow(2)).sum()
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
    /// Returns which queries it has a product with.
    pub fn form(&self) -> Form {
        match self {
            Vector::Dense(weights) => Form::Dense { dims: weights.len() },
            Vector::Sparse(_) => Form::Sparse,
        }
    }

    /// Returns the square of its length.
    pub fn square(&self) -> u64 {
        match self {
            Vector::Dense(weights) => {
                weights.iter().map(|it| u64::from(it.unsigned_abs()).pow(2)).sum()
            }
            Vector::Sparse(sparse) => sparse.square(),
        }
    }

    /// Returns whether every weight is 0: such a text cannot be found, nor find anything.
    pub fn is_zero(&self) -> bool {
        match self {
            Vector::Dense(weights) => weights.iter().all(|weight| *weight == 0),
            Vector::Sparse(sparse) => sparse.is_empty(),
        }
    }
}

/// What kind of vector it is: only vectors of one form have a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// So many numbers.
    Dense {
        /// How many.
        dims: usize,
    },
    /// Any dimensions.
    Sparse,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Dense { dims } => write!(f, "{dims} dimensions"),
            Form::Sparse => f.write_str("sparse dimensions"),
        }
    }
}

/// What a search is made with: one vector, or the sum of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    weights: Weights,
    n_vectors: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Weights {
    Dense(Vec<i16>),
    Sparse(Sparse),
}

impl Query {
    /// Returns the query of one vector.
    pub fn of(vector: &Vector) -> Query {
        let weights = match vector {
            Vector::Dense(weights) => Weights::Dense(widened(weights)),
            Vector::Sparse(sparse) => Weights::Sparse(sparse.clone()),
        };
        Query { weights, n_vectors: 1 }
    }

    /// Returns the query whose product with any document is the sum of the products of both
    /// vectors, exactly. Its scores are means: half of what the sum is worth.
    ///
    /// Two vectors of one encoder are expected; of vectors of different forms the second counts as
    /// a vector of zeros.
    pub fn fused(first: &Vector, second: &Vector) -> Query {
        let weights = match (first, second) {
            (Vector::Dense(first), Vector::Dense(second)) if first.len() == second.len() => {
                let sum = |(a, b): (&i8, &i8)| i16::from(*a) + i16::from(*b);
                Weights::Dense(first.iter().zip(second).map(sum).collect())
            }
            (Vector::Sparse(first), Vector::Sparse(second)) => {
                Weights::Sparse(Sparse::new(first.entries().chain(second.entries()).collect()))
            }
            _ => Query::of(first).weights,
        };
        Query { weights, n_vectors: 2 }
    }

    /// Returns how many vectors were summed: a score is their mean.
    pub fn n_vectors(&self) -> u32 {
        self.n_vectors
    }

    /// Returns which vectors it has a product with.
    pub fn form(&self) -> Form {
        match &self.weights {
            Weights::Dense(weights) => Form::Dense { dims: weights.len() },
            Weights::Sparse(_) => Form::Sparse,
        }
    }

    /// Returns the numbers of a dense query; none of a sparse one.
    pub fn dense(&self) -> &[i16] {
        match &self.weights {
            Weights::Dense(weights) => weights,
            Weights::Sparse(_) => &[],
        }
    }

    /// Returns dimensions and weights of a sparse query, as [`Sparse::entries`]; none of a dense one.
    pub fn sparse(&self) -> impl Iterator<Item = (u32, u16)> {
        let sparse = match &self.weights {
            Weights::Dense(_) => None,
            Weights::Sparse(sparse) => Some(sparse),
        };
        sparse.into_iter().flat_map(Sparse::entries)
    }

    /// Returns the square of its length.
    pub fn square(&self) -> u64 {
        match &self.weights {
            Weights::Dense(weights) => {
                weights.iter().map(|it| u64::from(it.unsigned_abs()).pow(2)).sum()
            }
            Weights::Sparse(sparse) => sparse.square(),
        }
    }

    /// Returns the inner product with a document; 0 if the two are of different forms.
    pub fn dot(&self, document: &Vector) -> i64 {
        match (&self.weights, document) {
            (Weights::Dense(query), Vector::Dense(document)) if query.len() == document.len() => {
                let product = |(a, b): (&i16, &i8)| i64::from(*a) * i64::from(*b);
                query.iter().zip(document).map(product).sum()
            }
            (Weights::Sparse(_), Vector::Sparse(document)) => self.dot_sparse(document),
            _ => 0,
        }
    }

    /// Returns the inner product with a sparse document; 0 for a dense query.
    pub(super) fn dot_sparse(&self, document: &Sparse) -> i64 {
        match &self.weights {
            Weights::Dense(_) => 0,
            Weights::Sparse(query) => query.dot(document),
        }
    }
}

/// Returns a dense vector as the numbers of a query.
pub(super) fn widened(weights: &[i8]) -> Vec<i16> {
    weights.iter().map(|weight| i16::from(*weight)).collect()
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
    }

    #[test]
    fn forms_do_not_mix() {
        let (dense, sparse) = (Vector::Dense(vec![1]), Vector::Sparse(Sparse::new(vec![(0, 1)])));
        let longer = Vector::Dense(vec![1, 1]);
        assert_eq!(Query::of(&dense).dot(&sparse), 0);
        assert_eq!(Query::of(&dense).dot(&longer), 0);
        for (first, second) in [(&sparse, &dense), (&dense, &longer)] {
            let fused = Query::fused(first, second);
            assert_eq!((fused.dot(first), fused.dot(second), fused.n_vectors()), (1, 0, 2));
            assert_eq!(fused.form(), first.form());
        }
    }
}
