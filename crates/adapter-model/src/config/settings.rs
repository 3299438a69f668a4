//! Building the configuration from an operator's settings.

use std::ffi::OsString;
use std::path::Path;

use super::{KeyFileError, ModelConfig, key_file};
use crate::model_name::{InvalidModelName, ModelName};
use crate::protocol::{OpenAi, Protocol};
use crate::provider::{Provider, provider_names};
use crate::secret::{ApiKey, Endpoint, InvalidEndpoint, InvalidKey};

/// The environment variable of the model's name.
pub const MODEL_VARIABLE: &str = "YOI_MODEL";
/// The environment variable of the base URL.
pub const ENDPOINT_VARIABLE: &str = "YOI_MODEL_ENDPOINT";
/// The environment variable of the key file's path.
pub const KEY_FILE_VARIABLE: &str = "YOI_MODEL_KEY_FILE";

/// An invalid setting. Its message says what to do and contains no setting's value.
#[derive(Debug, thiserror::Error)]
pub enum ModelConfigError {
    /// The model's name is invalid.
    #[error("the model's name ({MODEL_VARIABLE}) can't be used")]
    Model(#[source] InvalidModelName),
    /// The model's provider is neither given nor known.
    #[error(
        "the model's name ({MODEL_VARIABLE}) doesn't say whose it is: write `PROVIDER::MODEL` \
         with one of {}, or set {ENDPOINT_VARIABLE} to the base URL of a server that speaks \
         OpenAI's protocol",
        provider_names()
    )]
    ProviderUnknown,
    /// The base URL is invalid.
    #[error("the model's endpoint ({ENDPOINT_VARIABLE}) can't be used")]
    Endpoint(#[source] InvalidEndpoint),
    /// The key file is refused.
    #[error("the key file ({KEY_FILE_VARIABLE}) can't be used")]
    KeyFile(#[source] KeyFileError),
    /// The key in the provider's variable is invalid.
    #[error("the key in {variable} can't be used")]
    Key {
        /// The variable.
        variable: &'static str,
        /// The reason.
        #[source]
        error: InvalidKey,
    },
    /// The provider needs a key, and there is none.
    #[error(
        "{provider} needs a key: set {variable}, or {KEY_FILE_VARIABLE} to the path of a file \
         that holds it and that only you can read"
    )]
    KeyMissing {
        /// The provider.
        provider: &'static str,
        /// The usual variable of its key.
        variable: &'static str,
    },
    /// The HTTP client can't be set up, e.g. without certificate authorities.
    #[error("the HTTP client can't be set up; are there certificate authorities to trust?")]
    Client,
}

impl ModelConfig {
    /// Builds the configuration. `env` is asked for the provider's usual key variable.
    ///
    /// A key file takes precedence over the variable. With an endpoint, a provider's variable
    /// is only used if the model's name has that provider (`openai::gpt-5-mini`), so that the
    /// key of one provider isn't sent to another server with the same protocol.
    ///
    /// # Errors
    /// The first setting that is invalid.
    pub fn from_settings(
        model: &str,
        endpoint: Option<&str>,
        key_file: Option<&Path>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ModelConfigError> {
        let model: ModelName = model.parse().map_err(ModelConfigError::Model)?;
        let endpoint = endpoint.map(str::parse).transpose();
        let endpoint = endpoint.map_err(ModelConfigError::Endpoint)?;
        let provider = match endpoint {
            Some(_) => model.explicit_provider(),
            None => model.provider(),
        };
        let key = match key_file {
            Some(path) => Some(key_file::read(path).map_err(ModelConfigError::KeyFile)?),
            None => provider.map_or(Ok(None), |provider| key_from_env(provider, env))?,
        };
        let config = Self {
            endpoint,
            key,
            ..Self::new(model)
        };
        config.resolve()?;
        Ok(config)
    }

    /// The protocol and the endpoint. A configured endpoint may not need a key.
    pub(crate) fn resolve(&self) -> Result<(&'static dyn Protocol, Endpoint), ModelConfigError> {
        if let Some(endpoint) = &self.endpoint {
            let provider = self.model.explicit_provider();
            let protocol = provider.map(|provider| provider.protocol);
            return Ok((protocol.unwrap_or(&OpenAi::STANDARD), endpoint.clone()));
        }
        let provider = self.model.provider();
        let provider = provider.ok_or(ModelConfigError::ProviderUnknown)?;
        if let (Some(variable), None) = (provider.key_variables.first(), &self.key) {
            return Err(ModelConfigError::KeyMissing {
                provider: provider.name,
                variable,
            });
        }
        Ok((provider.protocol, provider.endpoint()))
    }
}

/// The key in the provider's usual variable. An empty variable counts as unset.
fn key_from_env(
    provider: &Provider,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<ApiKey>, ModelConfigError> {
    let key = provider.key_variables.iter().find_map(|&variable| {
        let value = env(variable).filter(|value| !value.is_empty())?;
        let text = value.to_str().ok_or(InvalidKey::ForbiddenCharacter);
        let key = text.and_then(|text| text.trim().parse());
        Some(key.map_err(|error| ModelConfigError::Key { variable, error }))
    });
    key.transpose()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn settings(
        model: &str,
        endpoint: Option<&str>,
        set: &[(&str, &str)],
    ) -> Result<ModelConfig, ModelConfigError> {
        ModelConfig::from_settings(model, endpoint, None, |variable| {
            let found = set.iter().find(|(name, _)| *name == variable);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn key(config: &ModelConfig) -> Option<&str> {
        config.key.as_ref().map(ApiKey::expose_secret)
    }

    /// The message that an operator reads.
    fn message(result: Result<ModelConfig, ModelConfigError>) -> String {
        let error = result.unwrap_err();
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        let message = format!("{error}: {source}");
        assert!(
            !format!("{message} {error:?}").contains("canary"),
            "{error:?}"
        );
        message
    }

    #[test]
    fn the_key_comes_from_the_provider_s_usual_variable() {
        let set = [
            ("OPENAI_API_KEY", "sk-openai"),
            ("GEMINI_API_KEY", ""),
            ("GOOGLE_API_KEY", " sk-google\n"),
        ];
        let openai = settings("gpt-5-mini", None, &set).unwrap();
        assert_eq!(key(&openai), Some("sk-openai"));
        let gemini = settings("gemini-2.5-flash", None, &set).unwrap();
        assert_eq!(key(&gemini), Some("sk-google"));
        let ollama = settings("ollama::qwen3:4b", None, &set).unwrap();
        assert_eq!(key(&ollama), None);
    }

    #[test]
    fn a_key_goes_to_another_endpoint_only_with_an_explicit_provider() {
        let set = [("OPENAI_API_KEY", "sk-openai")];
        let endpoint = Some("http://localhost:8000/v1");
        let implicit = settings("gpt-5-mini", endpoint, &set).unwrap();
        assert_eq!(key(&implicit), None);
        let explicit = settings("openai::gpt-5-mini", endpoint, &set).unwrap();
        assert_eq!(key(&explicit), Some("sk-openai"));
    }

    #[test]
    fn an_invalid_setting_says_what_to_do_and_repeats_no_value() {
        let missing = message(settings("claude-x", None, &[]));
        assert!(missing.contains("set ANTHROPIC_API_KEY, or YOI_MODEL_KEY_FILE"));
        let unknown = message(settings("canary:4b", None, &[]));
        assert!(unknown.contains("PROVIDER::MODEL"), "{unknown}");
        let provider = message(settings("canary::x", None, &[]));
        assert!(provider.contains("there are openai, anthropic"));
        let userinfo = message(settings("x", Some("http://me:canary@host/v1"), &[]));
        assert!(userinfo.contains("must not hold a user or password"));
        let no_url = message(settings("x", Some("canary"), &[]));
        assert!(no_url.contains("not a URL such as"));
        let bad_key = settings("gpt-5", None, &[("OPENAI_API_KEY", "canary canary")]);
        assert!(message(bad_key).contains("the key in OPENAI_API_KEY"));
        let no_file = ModelConfig::from_settings("x", None, Some(Path::new("/canary")), |_| None);
        assert!(message(no_file).contains("YOI_MODEL_KEY_FILE"));
    }
}
