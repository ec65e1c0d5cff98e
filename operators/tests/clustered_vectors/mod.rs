//! Vectors that lie as those of texts do: in clusters of very different sizes, in fewer directions
//! than they have dimensions. From a seed, with nothing but sums, products and roots.

use crossic_operators::{
    record::Digest,
    retrieve::{
        index::{shape::Shape, vectors::Vectors},
        vector::{Form, Vector},
    },
};

/// Directions in which vectors differ much.
const TOPICS: usize = 64;
/// Share of a vector that is its own and not its cluster's.
const OWN: f32 = 0.5;

/// Draws vectors.
pub(crate) struct Draws {
    state: u64,
    shape: Shape,
    /// What a topic looks like, for each topic.
    topics: Vec<Vec<f32>>,
    /// What a cluster is about: a weight for each topic.
    clusters: Vec<Vec<f32>>,
}

impl Draws {
    /// Returns a source of vectors around so many clusters.
    pub(crate) fn new(seed: u64, shape: Shape, n_clusters: usize) -> Draws {
        let mut draws = Draws { state: seed, shape, topics: Vec::new(), clusters: Vec::new() };
        let n_topics = TOPICS.min(shape.dims());
        draws.topics = (0..n_topics).map(|_| draws.noise(shape.dims())).collect();
        draws.clusters = (0..n_clusters).map(|_| draws.noise(n_topics)).collect();
        draws
    }

    /// Returns the next number below a limit.
    fn below(&mut self, limit: usize) -> usize {
        (self.uniform() * limit as f64) as usize
    }

    /// Returns the next vector of any cluster; the first clusters are drawn far more often.
    pub(crate) fn vector(&mut self) -> Vector {
        let place = self.uniform();
        let cluster = (place * place * place * self.clusters.len() as f64) as usize;
        loop {
            let own = self.noise(self.topics.len());
            let weights: Vec<f32> = self.clusters[cluster]
                .iter()
                .zip(&own)
                .map(|(cluster, own)| (1.0 - OWN) * cluster + OWN * own)
                .collect();
            let mut values = vec![0.0; self.shape.dims()];
            for (weight, topic) in weights.iter().zip(&self.topics) {
                for (value, part) in values.iter_mut().zip(topic) {
                    *value += weight * part;
                }
            }
            if let Some(vector) = quantised(self.shape, &values) {
                return vector;
            }
        }
    }

    /// Returns so many vectors, with documents whose digests are in no order.
    pub(crate) fn vectors(&mut self, n: usize) -> Vectors {
        let drawn: Vec<Vector> = (0..n).map(|_| self.vector()).collect();
        vectors(self.shape, &drawn)
    }

    fn noise(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| (0..4).map(|_| self.uniform() as f32 - 0.5).sum()).collect()
    }

    /// SplitMix64, as a number from 0 to below 1.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Returns a shape whose largest byte is four times a component of usual size.
pub(crate) fn usual_shape(dims: usize) -> Shape {
    let unit = (127.0 / 4.0 * (dims as f64).sqrt()) as u32;
    Shape::new(Form::Dense { dims }, unit).unwrap()
}

/// Returns a vector of floats, brought to the length of the shape, as bytes; components beyond 127
/// are cut. `None` if it has no direction, or too little is left of it.
pub(crate) fn quantised(shape: Shape, values: &[f32]) -> Option<Vector> {
    let square: f64 = values.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
    let step = f64::from(shape.unit()) / square.sqrt();
    let bytes = |&it: &f32| (f64::from(it) * step).round().clamp(-127.0, 127.0) as i8;
    let vector = Vector::Dense(values.iter().map(bytes).collect());
    (0.0 < square && shape.takes(&vector)).then_some(vector)
}

/// Returns the document of a number.
pub(crate) fn document(number: usize) -> Digest {
    Digest::of(&number.to_le_bytes())
}

/// Returns vectors with the documents 0, 1, 2 …
pub(crate) fn numbered(drawn: &[Vector]) -> Vec<(Digest, Vector)> {
    (0..).map(document).zip(drawn.iter().cloned()).collect()
}

/// Returns vectors as those of the documents 0, 1, 2 …
pub(crate) fn vectors(shape: Shape, drawn: &[Vector]) -> Vectors {
    Vectors::of(shape, &numbered(drawn)).unwrap()
}

/// Returns one vector many times over, each time with another few components a step off.
pub(crate) fn near_copies(draws: &mut Draws, shape: Shape, n: usize) -> Vec<Vector> {
    let Vector::Dense(model) = draws.vector() else { unreachable!("draws are dense") };
    let mut copies: Vec<Vector> = Vec::new();
    while copies.len() < n {
        let mut values = model.clone();
        for _ in 0..4 {
            let place = draws.below(values.len());
            values[place] = values[place].saturating_add(if draws.below(2) == 0 { 1 } else { -1 });
        }
        copies.extend(Some(Vector::Dense(values)).filter(|it| shape.takes(it)));
    }
    copies
}
