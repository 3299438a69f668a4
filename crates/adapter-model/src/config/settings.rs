//! Building the configuration from an operator's settings.

use std::ffi::OsString;
use std::path::Path;

use tracing::warn;

use super::environment::Environment;
use super::{ModelConfig, ModelConfigError, key_file};
use crate::model_name::ModelName;
use crate::protocol::Protocol;
use crate::provider::Provider;
use crate::secret::{Endpoint, InvalidEndpoint};

/// The environment variable of the model's name.
pub const MODEL_VARIABLE: &str = "YOI_MODEL";
/// The environment variable of the base URL.
pub const ENDPOINT_VARIABLE: &str = "YOI_MODEL_ENDPOINT";
/// The environment variable of the key file's path.
pub const KEY_FILE_VARIABLE: &str = "YOI_MODEL_KEY_FILE";

impl ModelConfig {
    /// Builds the configuration. `env` is asked for the variables that the provider's own tools
    /// read: its address, unless there is an endpoint, and its key, unless there is a key file;
    /// and for the usual variables of proxies.
    ///
    /// A provider's key is sent to the address in its variable, or else to the provider itself.
    /// To an endpoint it is sent if that is the provider's own, or if the model's name has that
    /// provider (`openai::gpt-5-mini`), so that the key of one provider isn't sent to another
    /// server with the same protocol.
    ///
    /// # Errors
    /// The first setting that is invalid.
    pub fn from_settings(
        model: &str,
        endpoint: Option<&str>,
        key_file: Option<&Path>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ModelConfigError> {
        let model = model.parse().map_err(ModelConfigError::Model)?;
        Self::for_model(model, endpoint, key_file, env)
    }

    /// The same for a name that was parsed before.
    ///
    /// # Errors
    /// As [`from_settings`](Self::from_settings).
    pub fn for_model(
        mut model: ModelName,
        endpoint: Option<&str>,
        key_file: Option<&Path>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ModelConfigError> {
        let env = Environment::new(&env);
        let given = endpoint.map(|text| {
            let endpoint = text.parse();
            endpoint.map_err(|error| endpoint_error(ENDPOINT_VARIABLE, error))
        });
        let given: Option<Endpoint> = given.transpose()?;
        let (endpoint, variable) = match (given, model.provider()) {
            (Some(given), _) => (Some(given), ENDPOINT_VARIABLE),
            (None, Some(provider)) => {
                let variable = provider.address_variable.unwrap_or(ENDPOINT_VARIABLE);
                let address = env.address_of(provider)?;
                if address.is_some() {
                    model = model.at_provider(provider);
                }
                (address, variable)
            }
            (None, None) => (None, ENDPOINT_VARIABLE),
        };
        let key = match key_file {
            Some(path) => Some(key_file::read(path).map_err(ModelConfigError::KeyFile)?),
            None => match key_provider(&model, endpoint.as_ref(), &env)? {
                Some(provider) => env.key_of(provider)?,
                None => None,
            },
        };
        let mut config = Self {
            endpoint,
            key,
            ..Self::new(model)
        };
        let (_, address) = config.resolve_endpoint(variable)?;
        config.proxy = env.proxy_to(&address)?;
        Ok(config)
    }

    /// This configuration with limits of tokens; `None` leaves one as it is.
    ///
    /// # Errors
    /// [`ModelConfigError::NoRoomForConversation`].
    pub fn with_token_limits(
        mut self,
        context: Option<u32>,
        output: Option<u32>,
    ) -> Result<Self, ModelConfigError> {
        self.context_tokens = context.or(self.context_tokens);
        self.max_output_tokens = output.or(self.max_output_tokens);
        if let Some(context) = self.context_tokens {
            let reply = self.max_output_tokens.unwrap_or(0);
            let conversation = context.checked_sub(reply).filter(|&tokens| tokens > 0);
            let tokens = conversation.ok_or(ModelConfigError::NoRoomForConversation)?;
            let tokens = usize::try_from(tokens).unwrap_or(usize::MAX);
            self.context_bytes = tokens.saturating_mul(BYTES_PER_TOKEN);
        }
        Ok(self)
    }

    /// The protocol and the endpoint. A configured endpoint may not need a key, unless it is a
    /// known provider's.
    pub(crate) fn resolve(&self) -> Result<(&'static dyn Protocol, Endpoint), ModelConfigError> {
        self.resolve_endpoint(ENDPOINT_VARIABLE)
    }

    /// Whether requests to both go to the same server, so that one key is for both.
    #[must_use]
    pub fn has_address_of(&self, other: &Self) -> bool {
        let address = |config: &Self| config.resolve().ok().map(|(_, endpoint)| endpoint);
        match (address(self), address(other)) {
            (Some(own), Some(other)) => own.has_origin_of(&other),
            _ => false,
        }
    }

    /// `variable` is where the endpoint comes from, for errors.
    fn resolve_endpoint(
        &self,
        variable: &'static str,
    ) -> Result<(&'static dyn Protocol, Endpoint), ModelConfigError> {
        let explicit = self.model.explicit_provider();
        let (protocol, endpoint, provider) = match &self.endpoint {
            Some(endpoint) => {
                let protocol = Provider::protocol_at(endpoint, explicit);
                (protocol, endpoint.clone(), Provider::by_address(endpoint))
            }
            None => {
                let provider = self.model.provider();
                let provider = provider.ok_or(ModelConfigError::ProviderUnknown)?;
                let endpoint = provider.endpoint();
                let endpoint = endpoint.ok_or(ModelConfigError::EndpointMissing {
                    provider: provider.name,
                    variable: provider.address_variable.unwrap_or(ENDPOINT_VARIABLE),
                })?;
                (provider.protocol, endpoint, Some(provider))
            }
        };
        let allows_query = protocol.is_openai_variant();
        if !allows_query && endpoint.query().is_some_and(|it| it != GEMINI_QUERY) {
            return Err(endpoint_error(variable, InvalidEndpoint::Query));
        }
        let needed = provider.and_then(|it| Some((it.name, it.key_variables.first()?)));
        match needed.filter(|_| self.key.is_none()) {
            Some((provider, variable)) => Err(ModelConfigError::KeyMissing { provider, variable }),
            None => Ok((protocol, endpoint)),
        }
    }
}

/// The query of each request to Gemini, which is part of a URL that was pasted whole.
const GEMINI_QUERY: &str = "alt=sse";

/// An estimate for English text and most tokenizers.
const BYTES_PER_TOKEN: usize = 4;

fn endpoint_error(variable: &'static str, error: InvalidEndpoint) -> ModelConfigError {
    ModelConfigError::Endpoint { variable, error }
}

/// The provider whose variable has the key for the endpoint. See
/// [`ModelConfig::from_settings`].
fn key_provider(
    model: &ModelName,
    endpoint: Option<&Endpoint>,
    env: &Environment<'_>,
) -> Result<Option<&'static Provider>, ModelConfigError> {
    let Some(endpoint) = endpoint else {
        return Ok(model.provider());
    };
    let own = Provider::by_address(endpoint);
    let from_variable = |provider: &Provider| {
        let address = env.address_of(provider);
        address.map(|it| it.is_some_and(|it| it.has_origin_of(endpoint)))
    };
    // At the address in its variable, a provider's key is welcome even if another is there.
    if let Some(provider) = model.explicit_provider()
        && from_variable(provider)?
    {
        return Ok(Some(provider));
    }
    let Some(provider) = own.or(model.explicit_provider()) else {
        return Ok(None);
    };
    match provider.address_variable {
        Some(address_variable)
            if env.address_of(provider)?.is_some() && !from_variable(provider)? =>
        {
            if own.is_some() {
                return Err(ModelConfigError::KeyOfAnotherServer { address_variable });
            }
            warn!("the key of {address_variable} is not sent to the model's endpoint");
            Ok(None)
        }
        _ => Ok(Some(provider)),
    }
}

#[cfg(test)]
mod tests;
