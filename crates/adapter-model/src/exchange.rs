//! One question to a provider, up to the head of its answer.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};
use url::Url;

use crate::config::{ModelConfig, ModelConfigError, Timeouts};
use crate::conversation::Conversation;
use crate::fault::{Fault, Reason, in_request, stated_reason, story};
use crate::protocol::{Protocol, Question};
use crate::reply::{Reply, after};
use crate::retry::asked_pause;
use crate::secret::{ApiKey, Endpoint};
use crate::strike::Strikes;

/// Bytes of an error's body that are read at most, to find its reason.
pub const ERROR_BODY_BYTES: usize = 16 * 1024;
/// How long that may take at most: the status alone tells enough.
pub const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// A provider, ready to be asked.
pub(crate) struct Exchange {
    client: Client,
    protocol: Protocol,
    url: Url,
    model: String,
    key: Option<ApiKey>,
    max_output_tokens: u32,
    timeouts: Timeouts,
    strikes: Strikes,
}

impl Exchange {
    pub(crate) fn new(config: &ModelConfig) -> Result<Self, ModelConfigError> {
        let (protocol, endpoint) = config.target()?;
        if config.key.is_some() && !endpoint.is_encrypted() && !endpoint.is_loopback() {
            warn!("the model's key is sent over the network without encryption");
        }
        Ok(Self {
            client: client(&endpoint, config.timeouts)?,
            protocol,
            url: protocol.url(&endpoint, config.model.wire()),
            model: config.model.wire().to_owned(),
            key: config.key.clone(),
            max_output_tokens: config.max_output_tokens,
            timeouts: config.timeouts,
            strikes: Strikes::new(config.key.as_ref(), &endpoint),
        })
    }

    /// The question that continues `conversation`, to be sent as often as it takes.
    pub(crate) fn question(&self, conversation: &Conversation) -> Result<Bytes, Fault> {
        let question = Question {
            model: &self.model,
            conversation,
            max_output_tokens: self.max_output_tokens,
        };
        let body = self.protocol.body(question);
        body.map(Bytes::from).map_err(|_| Fault::Unsendable)
    }

    /// Sends a question once.
    pub(crate) async fn ask(&self, question: Bytes) -> Result<Reply, Fault> {
        let due = after(self.timeouts.first_byte);
        let request = self.client.post(self.url.clone());
        let request = request.headers(self.headers()).body(question);
        let response = timeout_at(due, request.send()).await;
        let response = response.map_err(|_| Fault::FirstByteTimedOut)?;
        let response = response.map_err(|error| {
            let error = error.without_url();
            debug!(error = ?self.strikes.out_of(&story(&error)), "provider not reached");
            in_request(&error)
        })?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let idle = self.timeouts.idle;
        Ok(Reply::new(response, self.protocol, due, idle))
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.protocol.version());
        headers.extend(self.key.iter().map(|key| self.protocol.credential(key)));
        headers
    }

    /// What an answer other than a reply means.
    async fn refusal(&self, mut response: Response) -> Fault {
        let status = response.status().as_u16();
        let retry_after = asked_pause(response.headers(), Timestamp::now());
        let patience = ERROR_BODY_TIME.min(self.timeouts.idle);
        let body = beginning(&mut response, after(patience)).await;
        let text = self.strikes.out_of(&String::from_utf8_lossy(&body));
        debug!(status, body = ?text, "provider answered with an error");
        let body = serde_json::from_slice::<Value>(&body);
        let reason = body.map_or(Reason::Unstated, |body| stated_reason(&body));
        Fault::Status {
            status,
            reason,
            retry_after,
        }
    }
}

/// The client of one provider. Redirects aren't followed, since they would take the key
/// elsewhere; and HTTP/1.1 is spoken, so that a cancelled request ends its connection.
/// The usual proxy variables hold, but not for this machine.
fn client(endpoint: &Endpoint, timeouts: Timeouts) -> Result<Client, ModelConfigError> {
    let client = Client::builder()
        .user_agent(concat!("yoi/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(timeouts.connect);
    let client = if endpoint.is_loopback() {
        client.no_proxy()
    } else {
        client
    };
    // Whoever asks a local server may have no certificate authorities, and needs none.
    let client = if endpoint.is_encrypted() {
        client
    } else {
        client.tls_certs_only([])
    };
    client.build().map_err(|_| ModelConfigError::Client)
}

/// As much of an error's body as is of use; what can't be read is no loss.
async fn beginning(response: &mut Response, due: Instant) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < ERROR_BODY_BYTES {
        match timeout_at(due, response.chunk()).await {
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.truncate(ERROR_BODY_BYTES);
    body
}
