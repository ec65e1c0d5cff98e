//! Loss and gradients of windows, one block after the other.
//!
//! The forward pass keeps of a block what its backward pass needs, or only its input, from which the rest is computed
//! again: a trade of time for memory that changes no bit of the result.

use burn::tensor::{DType, Device, IndexingUpdateOp, Int, Tensor, TensorData};

use super::{
    block::{Block, MicroBatch, Norm, Saved},
    build::{self, Builder},
    ops::{
        cross_entropy::{self, Wanted},
        dropout::Key,
    },
};
use crate::{
    adapter::peft::{EMBEDDING_ROW, HEAD_ROW},
    data::window::Window,
    error::Result,
    optimizer::parameter::{self, Gradients, Parameter},
    settings::{Method, Settings},
    weights::{config::ModelConfig, source::Weights},
};

/// A model on a device, with what is trained of it.
#[derive(Debug)]
pub struct Engine {
    config: ModelConfig,
    settings: Settings,
    device: Device,
    dtype: DType,
    embedding: Tensor<2>,
    head: Option<Tensor<2>>,
    blocks: Vec<Block>,
    norm: Norm,
    parameters: Vec<Parameter>,
    trained: TrainedEnds,
    /// Blocks, from the last, whose activations are kept for the backward pass.
    kept_blocks: usize,
}

/// Positions of the parameters outside blocks, for those that are trained.
#[derive(Clone, Copy, Debug, Default)]
struct TrainedEnds {
    embedding: Option<usize>,
    head: Option<usize>,
    row: Option<TrainedRow>,
}

/// One token whose embedding is trained, and its row of the head.
#[derive(Clone, Copy, Debug)]
struct TrainedRow {
    id: u32,
    embedding: usize,
    head: Option<usize>,
}

/// The loss of a micro-batch: a number on the device, which is read only when asked for.
#[derive(Clone, Debug)]
pub struct Loss(Tensor<1>);

impl Loss {
    /// Returns the sum as it lies on the device, shape `[1]`.
    pub fn into_inner(self) -> Tensor<1> {
        self.0
    }

    /// Returns the sum of the negative log-likelihoods of the learned tokens, in nats.
    pub fn sum(&self) -> f64 {
        f64::from(self.0.clone().into_scalar::<f32>())
    }
}

/// What of a block's forward pass is kept.
enum Kept {
    All(Box<Saved>),
    Input(Box<Tensor<2>>),
}

impl Engine {
    /// Builds a model.
    ///
    /// `new_token` is an id whose embedding the model has not learned: its row starts as the mean of all others and is
    /// trained.
    ///
    /// # Errors
    ///
    /// A weight cannot be read.
    pub fn new(
        config: ModelConfig,
        settings: &Settings,
        new_token: Option<u32>,
        weights: &Weights,
        device: &Device,
        dtype: DType,
    ) -> Result<Engine> {
        let parameters = Vec::new();
        let mut builder = Builder { config: &config, settings, weights, device, dtype, parameters };
        let (embedding, trained_embedding) = builder.embedding()?;
        let blocks: Result<Vec<Block>> =
            (0..config.n_layers).map(|number| builder.block(number)).collect();
        let blocks = blocks?;
        let norm = builder.final_norm()?;
        let (head, trained_head) = builder.head()?.unzip();
        let mut trained =
            TrainedEnds { embedding: trained_embedding, head: trained_head.flatten(), row: None };
        let (mut embedding, mut head) = (embedding, head);
        if let Some(id) = new_token {
            let mean = |matrix: &Tensor<2>| matrix.clone().cast(DType::F32).mean_dim(0);
            let rows = (mean(&embedding), head.as_ref().map(mean));
            embedding = grown(embedding, id, &rows.0);
            head = head.zip(rows.1.clone()).map(|(head, row)| grown(head, id, &row));
            match settings.method {
                Method::Full => {
                    for (index, matrix) in
                        [(trained.embedding, Some(&embedding)), (trained.head, head.as_ref())]
                    {
                        let Some((parameter, matrix)) =
                            index.and_then(|it| builder.parameters.get_mut(it)).zip(matrix)
                        else {
                            continue;
                        };
                        let dims = matrix.dims();
                        parameter.shape = dims.to_vec();
                        let value = matrix.clone().cast(DType::F32);
                        parameter.value = value.reshape([dims[0] * dims[1]]);
                    }
                }
                Method::Lora => {
                    let width = config.hidden_size;
                    let mut add = |name: &str, row: Tensor<2>| {
                        builder.add(name, &[1, width], row.reshape([width]))
                    };
                    let embedding = add(EMBEDDING_ROW, rows.0);
                    let head = rows.1.map(|row| add(HEAD_ROW, row));
                    trained.row = Some(TrainedRow { id, embedding, head });
                }
            }
        }
        let parameters = builder.parameters;
        let mut engine = Engine {
            kept_blocks: config.n_layers,
            config,
            settings: settings.clone(),
            device: device.clone(),
            dtype,
            embedding,
            head,
            blocks,
            norm,
            parameters,
            trained,
        };
        engine.refresh();
        Ok(engine)
    }

    /// Returns the configuration of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the rows of the embedding: one more than the configuration's where a token was added.
    pub fn n_embeddings(&self) -> usize {
        self.embedding.dims()[0]
    }

    /// Returns what is trained.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Returns what is trained, to be changed; [`Engine::refresh`] has to follow.
    pub fn parameters_mut(&mut self) -> &mut [Parameter] {
        &mut self.parameters
    }

    /// Returns how the model is trained.
    pub fn method(&self) -> Method {
        self.settings.method
    }

    /// Returns the bytes in use on the device; `None` where that is the memory of this process.
    pub fn device_memory(&self) -> Option<u64> {
        self.device.memory_pool_usage().map(|it| it.bytes_reserved)
    }

    /// Replaces the values of the parameters, in their order.
    pub fn set_parameters(&mut self, values: Vec<Tensor<1>>) {
        for (parameter, value) in self.parameters.iter_mut().zip(values) {
            parameter.value = value;
        }
        self.refresh();
    }

    /// Sets how many blocks, from the last, keep their activations; the others compute them again.
    pub fn keep_blocks(&mut self, n: usize) {
        self.kept_blocks = n;
    }

    /// Brings what the forward pass computes with up to date with the parameters.
    pub fn refresh(&mut self) {
        let (parameters, dtype) = (&self.parameters, self.dtype);
        for block in &mut self.blocks {
            for group in [&mut block.qkv, &mut block.output, &mut block.gate_up, &mut block.down] {
                build::refresh_group(group, parameters, dtype);
            }
            build::refresh_norm(&mut block.input_norm, parameters, dtype);
            build::refresh_norm(&mut block.middle_norm, parameters, dtype);
        }
        build::refresh_norm(&mut self.norm, parameters, dtype);
        let matrix = |index| build::matrix_of(parameters, index, dtype);
        if let Some(embedding) = matrix(self.trained.embedding) {
            self.embedding = embedding;
        }
        if let Some(head) = matrix(self.trained.head) {
            self.head = Some(head);
        }
        if let Some(row) = self.trained.row {
            if let Some(value) = matrix(Some(row.embedding)) {
                // Taken out first: a tensor that nobody else holds is changed where it lies.
                self.embedding = with_row(self.embedding.extract(), row.id, value);
            }
            let value = matrix(row.head);
            if let Some((head, value)) = self.head.take_if(|_| value.is_some()).zip(value) {
                self.head = Some(with_row(head, row.id, value));
            }
        }
    }

    /// Returns the loss of `windows` and adds its gradients, of the mean over `n_learned` tokens of the whole batch.
    ///
    /// Windows are padded to the longest. `key` says which dropout masks are drawn.
    pub fn learn(
        &self,
        windows: &[Window],
        key: Key,
        n_learned: usize,
        gradients: &mut Gradients,
    ) -> Loss {
        let Some(learned) = Learned::of(windows) else {
            return Loss(Tensor::zeros([1], (&self.device, DType::F32)));
        };
        let batch = self.micro_batch(windows, learned.length);
        let drop =
            Some((self.settings.dropout, key)).filter(|_| self.settings.method == Method::Lora);
        let ids = self.ids(windows, learned.length);
        let mut x = self.embedding.clone().select(0, ids.clone());
        let mut kept = Vec::with_capacity(self.blocks.len());
        let first_kept = self.blocks.len().saturating_sub(self.kept_blocks);
        for (number, block) in self.blocks.iter().enumerate() {
            let input = x.clone();
            let (y, saved) = block.forward(x, &batch, drop);
            kept.push(match number < first_kept {
                true => Kept::Input(Box::new(input)),
                false => Kept::All(Box::new(saved)),
            });
            x = y;
        }
        let scale = 1.0 / n_learned.max(1) as f64;
        let (loss, mut dx) = self.head_pass(x, &learned, scale, gradients);
        for (block, kept) in self.blocks.iter().zip(kept).rev() {
            let saved = match kept {
                Kept::All(saved) => *saved,
                Kept::Input(x) => block.forward(*x, &batch, drop).1,
            };
            dx = block.backward(saved, &batch, drop, dx, gradients);
        }
        self.embedding_gradients(windows, ids, learned.length, dx, gradients);
        loss
    }

    /// Returns loss and gradient of the last hidden states, and adds those of the final norm and the head.
    fn head_pass(
        &self,
        x: Tensor<2>,
        learned: &Learned,
        scale: f64,
        gradients: &mut Gradients,
    ) -> (Loss, Tensor<2>) {
        let rows = int_tensor(&learned.rows, &self.device);
        let chosen = x.clone().select(0, rows.clone());
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let (trained_head, trained_row) = match self.config.tied {
            true => (self.trained.embedding, self.trained.row.map(|it| it.embedding)),
            false => (self.trained.head, self.trained.row.and_then(|it| it.head)),
        };
        let wanted = Wanted {
            chunk: self.settings.loss_chunk,
            scale: Some(scale),
            head: trained_head.is_some(),
            row: self.trained.row.map(|it| it.id as usize),
        };
        let targets = learned.targets.as_slice();
        let normed = self.norm.forward(chosen.clone());
        let loss = cross_entropy::loss(normed, head, targets, wanted);
        if let Some(dhead) = loss.head {
            parameter::add(gradients, trained_head, || dhead);
        }
        if let Some(drow) = loss.row {
            parameter::add(gradients, trained_row, || drow);
        }
        let dnormed = loss.hidden.unwrap_or_else(|| unreachable!("gradients were asked for"));
        let dchosen = self.norm.backward(chosen, dnormed, gradients);
        let dx = x.zeros_like().select_assign(0, rows, dchosen, IndexingUpdateOp::Add);
        (Loss(loss.tokens.sum()), dx)
    }

    fn embedding_gradients(
        &self,
        windows: &[Window],
        ids: Tensor<1, Int>,
        length: usize,
        dx: Tensor<2>,
        gradients: &mut Gradients,
    ) {
        let zeros = || {
            let [rows, width] = self.embedding.dims();
            Tensor::<2>::zeros([rows, width], (&self.device, DType::F32))
        };
        let dx = || dx.clone().cast(DType::F32);
        parameter::add(gradients, self.trained.embedding, || {
            zeros().select_assign(0, ids, dx(), IndexingUpdateOp::Add)
        });
        let Some(row) = self.trained.row else { return };
        let places = windows.iter().enumerate().flat_map(|(number, window)| {
            let tokens = window.ids.iter().enumerate().filter(move |(_, id)| **id == row.id);
            tokens.map(move |(place, _)| (number * length + place) as i32)
        });
        let places: Vec<i32> = places.collect();
        if !places.is_empty() {
            parameter::add(gradients, Some(row.embedding), || {
                dx().select(0, int_tensor(&places, &self.device)).sum_dim(0)
            });
        }
    }

    /// Returns the negative log-likelihood of every token of every window, in nats: 0 for tokens that are not learned.
    pub fn token_losses(&self, windows: &[Window]) -> Vec<Vec<f32>> {
        let mut losses: Vec<Vec<f32>> = windows.iter().map(|it| vec![0.0; it.len()]).collect();
        let Some(learned) = Learned::of(windows) else { return losses };
        let x = self.hidden(windows, learned.length);
        let chosen = x.select(0, int_tensor(&learned.rows, &self.device));
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let chunk = self.settings.loss_chunk;
        let wanted = Wanted { chunk, scale: None, head: false, row: None };
        let targets = learned.targets.as_slice();
        let loss = cross_entropy::loss(self.norm.forward(chosen), head, targets, wanted);
        let tokens: Vec<f32> = loss.tokens.into_data().iter::<f32>().collect();
        for (row, loss) in learned.rows.iter().zip(tokens) {
            let row = *row as usize;
            let place = losses.get_mut(row / learned.length);
            // The row of a token predicts the token after it.
            if let Some(slot) = place.and_then(|it| it.get_mut(row % learned.length + 1)) {
                *slot = loss;
            }
        }
        losses
    }

    /// Returns the logits after every token of a window, shape `[tokens, vocabulary]`, 32 bits.
    pub fn logits(&self, window: &Window) -> Tensor<2> {
        self.logits_of(self.hidden(std::slice::from_ref(window), window.len())).cast(DType::F32)
    }

    /// Returns the logits of outputs of the last block.
    pub(super) fn logits_of(&self, x: Tensor<2>) -> Tensor<2> {
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        self.norm.forward(x).matmul(head.clone().transpose())
    }

    /// Returns the blocks in order.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Returns the embeddings of a window, shape `[tokens, width]`.
    pub(super) fn embedded(&self, window: &Window) -> Tensor<2> {
        let ids = self.ids(std::slice::from_ref(window), window.len());
        self.embedding.clone().select(0, ids)
    }

    fn hidden(&self, windows: &[Window], length: usize) -> Tensor<2> {
        let batch = self.micro_batch(windows, length);
        let mut x = self.embedding.clone().select(0, self.ids(windows, length));
        for block in &self.blocks {
            x = block.forward(x, &batch, None).0;
        }
        x
    }

    fn micro_batch(&self, windows: &[Window], length: usize) -> MicroBatch {
        let settings = &self.settings;
        let (attention, chunk) = (settings.attention, settings.attention_chunk);
        MicroBatch::new(windows, length, &self.config, attention, chunk, self.dtype, &self.device)
    }

    fn ids(&self, windows: &[Window], length: usize) -> Tensor<1, Int> {
        let ids = windows.iter().flat_map(|window| {
            let padding = std::iter::repeat_n(0, length.saturating_sub(window.len()));
            window.ids.iter().map(|id| *id as i32).chain(padding)
        });
        int_tensor(&ids.collect::<Vec<i32>>(), &self.device)
    }
}

/// Which rows of a micro-batch are learned from.
struct Learned {
    /// Tokens of the longest window.
    length: usize,
    /// Rows whose next token is learned.
    rows: Vec<i32>,
    /// These tokens.
    targets: Vec<i32>,
}

impl Learned {
    /// Returns the rows of `windows` padded to the longest; `None` if nothing is learned.
    fn of(windows: &[Window]) -> Option<Learned> {
        let length = windows.iter().map(Window::len).max()?;
        let (mut rows, mut targets) = (Vec::new(), Vec::new());
        for (number, window) in windows.iter().enumerate() {
            let tokens = window.ids.iter().zip(&window.learned).enumerate().skip(1);
            for (place, (id, _)) in tokens.filter(|(_, (_, learned))| **learned) {
                rows.push((number * length + place - 1) as i32);
                targets.push(*id as i32);
            }
        }
        (!rows.is_empty()).then_some(Learned { length, rows, targets })
    }
}

fn int_tensor(numbers: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), [numbers.len()]), (device, DType::I32))
}

/// Returns a matrix with `row` at `id`, one row longer if it ended before.
fn grown(matrix: Tensor<2>, id: u32, row: &Tensor<2>) -> Tensor<2> {
    let dtype = matrix.dtype();
    match matrix.dims()[0] <= id as usize {
        true => Tensor::cat(vec![matrix, row.clone().cast(dtype)], 0),
        false => with_row(matrix, id, row.clone().cast(dtype)),
    }
}

fn with_row(matrix: Tensor<2>, id: u32, row: Tensor<2>) -> Tensor<2> {
    let (id, width) = (id as usize, matrix.dims()[1]);
    matrix.slice_assign([id..id + 1, 0..width], row)
}
