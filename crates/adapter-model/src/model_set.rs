//! Several models behind one turn engine: each worker is answered by its own.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use worker_runtime::{EngineError, EngineErrorKind, ModelInfo, Output, Turn, TurnEngine};

use crate::config::{ModelConfig, ModelConfigError};
use crate::engine::{ModelEngine, RunFailure};
use crate::model_name::{InvalidModelName, ModelName};

/// Models at most: every one stands in the runtime's summary.
pub const MODELS_MAX: usize = 32;
/// Characters of a model's public name at most: it is shown to people.
pub const PUBLIC_NAME_MAX_CHARS: usize = 80;

/// A model as operators write it: `MODEL`, or `NAME=MODEL` with the name that clients see.
#[derive(Clone)]
pub struct NamedModel {
    name: String,
    model: ModelName,
}

/// Why a text names no model. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNamedModel {
    /// The public name before `=` is no name.
    #[error("the name before `=` must have 1 to {PUBLIC_NAME_MAX_CHARS} visible ASCII characters")]
    Name,
    /// What is after it is no model's name.
    #[error(transparent)]
    Model(#[from] InvalidModelName),
}

impl NamedModel {
    /// The model's own name.
    #[must_use]
    pub fn model(&self) -> &ModelName {
        &self.model
    }
}

impl FromStr for NamedModel {
    type Err = InvalidNamedModel;

    fn from_str(text: &str) -> Result<Self, InvalidNamedModel> {
        let Some((name, model)) = text.split_once('=') else {
            let model: ModelName = text.parse()?;
            let name = model.public_name().chars();
            let name = name.take(PUBLIC_NAME_MAX_CHARS).collect();
            return Ok(Self { name, model });
        };
        let name = name.trim();
        let fits = (1..=PUBLIC_NAME_MAX_CHARS).contains(&name.len());
        if !fits || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidNamedModel::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            model: model.parse()?,
        })
    }
}

impl fmt::Debug for NamedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedModel")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Why models can't be used together.
#[derive(Debug, thiserror::Error)]
pub enum ModelSetError {
    /// There is none, or there are more than [`MODELS_MAX`].
    #[error("there must be 1 to {MODELS_MAX} models")]
    Number,
    /// Two have the same public name.
    #[error("two models have the name {name}; give them others with NAME=MODEL")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// One of them can't be used.
    #[error(transparent)]
    Config(#[from] ModelConfigError),
}

/// A turn engine with several models, the default one first.
pub struct ModelSet {
    models: Vec<(String, ModelEngine)>,
}

impl ModelSet {
    /// The engines of these models. Sends nothing yet.
    ///
    /// # Errors
    /// See [`ModelSetError`].
    pub fn new(models: &[(NamedModel, ModelConfig)]) -> Result<Self, ModelSetError> {
        if !(1..=MODELS_MAX).contains(&models.len()) {
            return Err(ModelSetError::Number);
        }
        let mut engines: Vec<(String, ModelEngine)> = Vec::new();
        for (NamedModel { name, .. }, config) in models {
            if engines.iter().any(|(known, _)| known == name) {
                let name = name.clone();
                return Err(ModelSetError::DuplicateName { name });
            }
            engines.push((name.clone(), ModelEngine::new(config)?));
        }
        Ok(Self { models: engines })
    }

    /// Gives `observer` what the provider said of each run that failed. It is called within the
    /// run's task, so it must not block.
    #[must_use]
    pub fn observing_failures(
        mut self,
        observer: impl Fn(RunFailure) + Send + Sync + 'static,
    ) -> Self {
        let observer: Arc<dyn Fn(RunFailure) + Send + Sync> = Arc::new(observer);
        for (_, engine) in &mut self.models {
            engine.failure_observer = Some(Arc::clone(&observer));
        }
        self
    }
}

#[async_trait]
impl TurnEngine for ModelSet {
    fn models(&self) -> Vec<ModelInfo> {
        let names = self.models.iter().map(|(name, _)| name.clone());
        names
            .map(|name| ModelInfo {
                name,
                offline: false,
            })
            .collect()
    }

    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let wanted = turn.model.as_deref();
        let mut models = self.models.iter();
        let found = models.find(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
        // The runtime gives workers no other models than those of `models`.
        let (_, engine) = found.ok_or(EngineError::new(EngineErrorKind::Internal))?;
        engine.run(turn, output).await
    }
}

impl fmt::Debug for ModelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.models.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_may_have_a_public_name_of_its_own() {
        let name = |text: &str| text.parse::<NamedModel>().map(|it| it.name);
        assert_eq!(name("fast=ollama::qwen3:4b").unwrap(), "fast");
        assert_eq!(name("openrouter::openai/gpt-5").unwrap(), "openai/gpt-5");
        assert_eq!(name(&"x".repeat(200)).unwrap().len(), PUBLIC_NAME_MAX_CHARS);
        let long = format!("{}=m", "x".repeat(81));
        for bad in ["=m", "two words=m", "é=m", &long] {
            assert_eq!(name(bad).unwrap_err(), InvalidNamedModel::Name, "{bad}");
        }
        assert!(matches!(name("a="), Err(InvalidNamedModel::Model(_))));
    }

    #[test]
    fn a_set_has_a_model_and_no_name_twice() {
        let model = |text: &str| {
            let named: NamedModel = text.parse().unwrap();
            let mut config = ModelConfig::new(named.model().clone());
            config.endpoint = Some("http://127.0.0.1:1/v1".parse().unwrap());
            (named, config)
        };
        let set = |texts: &[&str]| {
            let models: Vec<_> = texts.iter().map(|text| model(text)).collect();
            ModelSet::new(&models)
        };
        let names = set(&["a=x", "b=x"]).unwrap();
        assert_eq!(format!("{names:?}"), r#"["a", "b"]"#);
        let twice = set(&["x", "x"]).unwrap_err().to_string();
        assert!(twice.contains("NAME=MODEL"), "{twice}");
        assert!(matches!(set(&[]), Err(ModelSetError::Number)));
        assert!(matches!(set(&["x"; 33]), Err(ModelSetError::Number)));
    }
}
