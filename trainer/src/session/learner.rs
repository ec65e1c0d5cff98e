//! The engine as what the loop trains.

use burn::tensor::Tensor;

use crate::{
    data::window::Window,
    error::Result,
    model::{Key, engine::Engine},
    optimizer::parameter::{Gradients, Parameter},
    run::{
        learner::{Learner, Place},
        progress::Shape,
    },
    settings::Method,
    weights::names::{self, Role},
};

impl Learner for Engine {
    fn parameters(&self) -> &[Parameter] {
        Engine::parameters(self)
    }

    fn parameters_mut(&mut self) -> &mut [Parameter] {
        Engine::parameters_mut(self)
    }

    fn moved(&mut self) {
        self.refresh();
    }

    fn learn(
        &self,
        windows: &[Window],
        place: Place,
        n_learned: usize,
        gradients: &mut Gradients,
    ) -> Result<Tensor<1>> {
        let key = Key::new(place.seed, place.step, u64::from(place.part));
        Ok(Engine::learn(self, windows, key, n_learned, gradients).into_inner())
    }

    fn token_losses(&self, windows: &[Window]) -> Result<Vec<Vec<f32>>> {
        Ok(Engine::token_losses(self, windows))
    }

    fn flops_per_token(&self, n_tokens: f64) -> f64 {
        let config = self.config();
        let matrices = names::expected(config);
        // A lookup in the embedding is no product; as a head it is one.
        let products = matrices
            .iter()
            .filter(|it| it.role == Role::Matrix && (config.tied || it.name != names::EMBEDDING));
        let n_weights: f64 = products.map(|it| it.shape.iter().product::<usize>() as f64).sum();
        let trained: usize = Engine::parameters(self).iter().map(|it| it.value.dims()[0]).sum();
        let (n_trained, n_adapter) = match self.method() {
            Method::Full => (n_weights, 0.0),
            Method::Lora => (0.0, trained as f64),
        };
        let shape = Shape {
            n_weights,
            n_trained,
            n_adapter,
            n_layers: config.n_layers as f64,
            attention_width: (config.n_heads * config.head_dim) as f64,
        };
        shape.flops_per_token(n_tokens)
    }

    fn memory(&self) -> Option<u64> {
        self.device_memory()
    }
}
