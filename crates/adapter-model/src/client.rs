//! Sending a request to the provider, up to the headers of its response.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};
use url::Url;
use worker_runtime::{Sampling, Temperature};

use crate::config::{ModelConfig, ModelConfigError, Proxy, Timeouts};
use crate::error::{ErrorBody, KeySent, ProviderError, Reason, error_chain, from_request_error};
use crate::prompt::Prompt;
use crate::protocol::{ChatRequest, Protocol};
use crate::redact::Redactor;
use crate::resolver::Resolver;
use crate::response_stream::{ResponseStream, deadline_after, until_late};
use crate::retry::retry_after;
use crate::secret::{ApiKey, Endpoint};

/// Bytes of an error body that are read at most, to find its reason.
const MAX_ERROR_BODY_BYTES: usize = 16 * 1024;
/// Time to read an error body; without it, the status has to suffice.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The client of one provider and model.
pub(crate) struct ProviderClient {
    client: Client,
    protocol: &'static dyn Protocol,
    url: Url,
    model: String,
    key: Option<ApiKey>,
    max_output_tokens: Option<u32>,
    context_tokens: Option<u32>,
    timeouts: Timeouts,
    redactor: Redactor,
    has_proxy: bool,
    refuses_stream_options: AtomicBool,
    refuses_system_message: AtomicBool,
    refuses_temperature: AtomicBool,
    refuses_max_tokens_field: AtomicBool,
}

/// What a request leaves out because the provider refused it before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Omissions {
    stream_options: bool,
    system_message: bool,
    temperature: bool,
    max_tokens_field: bool,
}

impl ProviderClient {
    pub(crate) fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        let (protocol, endpoint) = config.resolve()?;
        if config.key.is_some() && !endpoint.is_encrypted() && !endpoint.is_loopback() {
            warn!("the model's key is sent over the network without encryption");
        }
        let model = config.model.request_name();
        let url = protocol.url(&endpoint, model);
        let proxy = config.proxy.as_ref().filter(|proxy| proxy.is_for(&url));
        Ok(Self {
            client: http_client(&endpoint, proxy, config.timeouts)?,
            protocol,
            url,
            model: model.to_owned(),
            key: config.key.clone(),
            max_output_tokens: config.max_output_tokens,
            context_tokens: config.context_tokens,
            timeouts: config.timeouts,
            redactor: Redactor::new(config.key.as_ref(), &endpoint, config.proxy.as_ref()),
            has_proxy: proxy.is_some(),
            refuses_stream_options: AtomicBool::new(false),
            refuses_system_message: AtomicBool::new(false),
            refuses_temperature: AtomicBool::new(false),
            refuses_max_tokens_field: AtomicBool::new(false),
        })
    }

    /// What the provider refused so far.
    pub(crate) fn omissions(&self) -> Omissions {
        Omissions {
            stream_options: self.refuses_stream_options.load(Ordering::Relaxed),
            system_message: self.refuses_system_message.load(Ordering::Relaxed),
            temperature: self.refuses_temperature.load(Ordering::Relaxed),
            max_tokens_field: self.refuses_max_tokens_field.load(Ordering::Relaxed),
        }
    }

    /// Sends a prompt once.
    pub(crate) async fn send(
        &self,
        prompt: &Prompt,
        sampling: Sampling,
        omissions: Omissions,
    ) -> Result<ResponseStream, ProviderError> {
        let deadline = deadline_after(self.timeouts.first_byte);
        let request = self.client.post(self.url.clone());
        let request = request.headers(self.headers());
        let request = request.body(self.request_body(prompt, sampling, omissions));
        let response = until_late(deadline, request.send()).await;
        let response = response.ok_or(ProviderError::FirstByteTimedOut)?;
        let response = response.map_err(|error| {
            let error = error.without_url();
            debug!(error = ?self.redactor.redact(&error_chain(&error)), "provider not reached");
            from_request_error(&error, self.has_proxy)
        })?;
        if !response.status().is_success() {
            return Err(self.error_from(response).await);
        }
        let media_type = response.headers().get(CONTENT_TYPE);
        if media_type.is_some_and(|it| it.as_bytes().starts_with(b"text/html")) {
            return Err(ProviderError::HtmlPage);
        }
        let (first_byte, idle) = (self.timeouts.first_byte, self.timeouts.idle);
        let protocol = self.protocol;
        Ok(ResponseStream::new(
            response, protocol, deadline, first_byte, idle,
        ))
    }

    /// Adds to `omissions` what the provider refused of a request that left these out. Returns whether that
    /// changes the request: it may not have had what the provider's words seem to be about.
    pub(crate) fn leave_out(
        &self,
        refused: Reason,
        prompt: &Prompt,
        sampling: Sampling,
        omissions: &mut Omissions,
    ) -> bool {
        let (omission, was_sent) = match refused {
            Reason::StreamOptions => (&mut omissions.stream_options, true),
            Reason::SystemMessage => {
                let has_one = prompt.instructions.is_some();
                (&mut omissions.system_message, has_one)
            }
            Reason::Temperature => {
                let has_one = sampling.temperature.is_some();
                (&mut omissions.temperature, has_one)
            }
            Reason::MaxTokensField => {
                let is_limited = self.max_output_tokens(sampling).is_some();
                (&mut omissions.max_tokens_field, is_limited)
            }
            Reason::Credential
            | Reason::Quota
            | Reason::RateLimit
            | Reason::Overloaded
            | Reason::ModelUnknown
            | Reason::EndpointWrong
            | Reason::ContextTooLong(_)
            | Reason::OutputTokens
            | Reason::Content
            | Reason::Rejected => return false,
        };
        was_sent && !std::mem::replace(omission, true)
    }

    /// Leaves these out from now on, because a request without them had a reply.
    pub(crate) fn learn(&self, omissions: Omissions) {
        let learn = |known: &AtomicBool, is_left_out: bool| {
            is_left_out && !known.swap(true, Ordering::Relaxed)
        };
        learn(&self.refuses_stream_options, omissions.stream_options);
        learn(&self.refuses_system_message, omissions.system_message);
        learn(&self.refuses_max_tokens_field, omissions.max_tokens_field);
        if learn(&self.refuses_temperature, omissions.temperature) {
            warn!(
                model = self.model,
                "the model takes no temperature; it is left out from now on"
            );
        }
    }

    fn max_output_tokens(&self, sampling: Sampling) -> Option<u32> {
        let of_profile = sampling.max_output_tokens.map(NonZeroU32::get);
        of_profile.or(self.max_output_tokens)
    }

    /// Text of the provider that may be logged.
    pub(crate) fn redact(&self, words: &str) -> String {
        self.redactor.redact(words)
    }

    fn request_body(&self, prompt: &Prompt, sampling: Sampling, omissions: Omissions) -> String {
        let moved;
        let prompt = if omissions.system_message {
            moved = prompt.with_instructions_in_first_message();
            &moved
        } else {
            prompt
        };
        let temperature = sampling.temperature.filter(|_| !omissions.temperature);
        self.protocol.body(ChatRequest {
            model: &self.model,
            prompt,
            max_output_tokens: self.max_output_tokens(sampling),
            context_tokens: self.context_tokens,
            temperature: temperature.map(Temperature::as_f64),
            stream_options: !omissions.stream_options,
            max_tokens_field: !omissions.max_tokens_field,
        })
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.protocol.version_header());
        headers.extend(self.key.iter().map(|key| self.protocol.key_header(key)));
        headers
    }

    async fn error_from(&self, mut response: Response) -> ProviderError {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), Timestamp::now());
        let timeout = ERROR_BODY_TIMEOUT.min(self.timeouts.idle);
        let body = read_error_body(&mut response, deadline_after(timeout)).await;
        let text = self.redactor.redact(&String::from_utf8_lossy(&body));
        debug!(status, body = ?text, "provider answered with an error");
        let body = ErrorBody::from_bytes(&body);
        let key_sent = match self.key {
            Some(_) => KeySent::Yes,
            None => KeySent::No,
        };
        ProviderError::status(status, body, key_sent, retry_after)
    }
}

/// Builds the HTTP client. Redirects aren't followed, since they would send the key
/// elsewhere. Only HTTP/1.1 is enabled, so that a cancelled request closes its connection.
/// Only the configured proxy is used.
fn http_client(
    endpoint: &Endpoint,
    proxy: Option<&Proxy>,
    timeouts: Timeouts,
) -> Result<Client, ModelConfigError> {
    let mut client = Client::builder()
        .no_proxy()
        .user_agent(concat!("yoi/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(timeouts.connect)
        .dns_resolver(Arc::new(Resolver::system()));
    if let Some(proxy) = proxy {
        let proxy = proxy.to_reqwest().map_err(|_| ModelConfigError::Client)?;
        client = client.proxy(proxy);
    }
    // A machine without certificate authorities can still use a local server.
    if !endpoint.is_encrypted() && !proxy.is_some_and(Proxy::is_encrypted) {
        client = client.tls_certs_only([]);
    }
    client.build().map_err(|_| ModelConfigError::Client)
}

/// Reads an error body as far as possible within its limits.
async fn read_error_body(response: &mut Response, deadline: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < MAX_ERROR_BODY_BYTES {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.truncate(MAX_ERROR_BODY_BYTES);
    body
}
