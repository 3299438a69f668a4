//! What can be wrong with an operator's settings.

use super::KeyFileError;
use super::proxy::InvalidProxy;
use super::settings::{ENDPOINT_VARIABLE, KEY_FILE_VARIABLE, MODEL_VARIABLE};
use crate::model_name::InvalidModelName;
use crate::provider::provider_names;
use crate::secret::{InvalidEndpoint, InvalidKey};

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
    /// An address is invalid.
    #[error("the model's endpoint ({variable}) can't be used")]
    Endpoint {
        /// The variable, or that of the flag.
        variable: &'static str,
        /// The reason.
        #[source]
        error: InvalidEndpoint,
    },
    /// The provider has no address that is the same for everybody.
    #[error("{provider} needs an address: set {variable} or {ENDPOINT_VARIABLE}")]
    EndpointMissing {
        /// The provider.
        provider: &'static str,
        /// The usual variable of its address.
        variable: &'static str,
    },
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
    /// The key in the provider's variable belongs to another server.
    #[error(
        "the provider's key variable belongs to the server in {address_variable}; unset that, or \
         set {KEY_FILE_VARIABLE} to the path of a file with a key for the model's endpoint"
    )]
    KeyOfAnotherServer {
        /// The variable with the other server's address.
        address_variable: &'static str,
    },
    /// The proxy can't be used.
    #[error("the proxy in {variable} can't be used")]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// The reason.
        #[source]
        error: InvalidProxy,
    },
    /// The limits of tokens leave no room for the conversation.
    #[error("the reply's tokens must be fewer than the context's, which hold the conversation too")]
    NoRoomForConversation,
    /// The HTTP client can't be set up, e.g. without certificate authorities.
    #[error("the HTTP client can't be set up; are there certificate authorities to trust?")]
    Client,
}
