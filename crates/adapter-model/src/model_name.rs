//! The name of a model, with or without its provider.

use std::fmt;
use std::str::FromStr;

use crate::provider::{Provider, provider_names};

/// Characters of a model's name at most, without its provider.
pub const MODEL_NAME_MAX_CHARS: usize = 200;

const GEMINI: &str = "gemini";

const SEPARATOR: &str = "::";

/// How names of models in an account begin at Fireworks, Google and Amazon.
const ACCOUNT_PREFIXES: &[&str] = &["accounts/", "projects/", "arn:"];

/// The name of a model: `gpt-5-mini`, or with its provider `ollama::qwen3:4b`.
#[derive(Clone)]
pub struct ModelName {
    explicit_provider: Option<&'static Provider>,
    name: String,
}

/// Why a text can't be a model's name. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModelName {
    /// No name, or none after the provider's.
    #[error("empty")]
    Empty,
    /// Longer than [`MODEL_NAME_MAX_CHARS`].
    #[error("too long: at most {MODEL_NAME_MAX_CHARS} characters")]
    TooLong,
    /// White space, a control character, or a character beyond ASCII.
    #[error("forbidden character: a model's name is one word of visible ASCII")]
    ForbiddenCharacter,
    /// The name before `::` is not a known provider's.
    #[error("no such provider before `::`; there are {}", provider_names())]
    UnknownProvider,
}

impl ModelName {
    /// The name that may be shown to everybody: the model without its provider, account and
    /// directory. For a fine-tuned model this is the base model.
    #[must_use]
    pub fn public_name(&self) -> &str {
        // Gateways put a provider before the names of others: `bedrock/arn:…`.
        let parts = self.name.char_indices().filter(|(_, it)| *it == '/');
        let mut starts = std::iter::once(0).chain(parts.map(|(at, _)| at + 1));
        let is_account = |name: &str| {
            name.starts_with("ft:") || ACCOUNT_PREFIXES.iter().any(|it| name.starts_with(it))
        };
        let name = starts.find(|at| is_account(&self.name[*at..]));
        let Some(name) = name.map(|at| &self.name[at..]) else {
            let is_path = self.name.starts_with(['/', '.', '~']) || self.name.contains('\\');
            return if is_path {
                last_part(&self.name, &['/', '\\'])
            } else {
                &self.name
            };
        };
        match name.strip_prefix("ft:") {
            Some(tuned) => {
                let base = tuned.split(':').next();
                base.filter(|base| !base.is_empty()).unwrap_or("ft")
            }
            None if name.starts_with("arn:") => last_part(name, &['/', ':']),
            None => last_part(name, &['/']),
        }
    }

    /// The name that is sent to the provider.
    pub(crate) fn request_name(&self) -> &str {
        &self.name
    }

    /// The provider before `::`, if there is one.
    pub(crate) fn explicit_provider(&self) -> Option<&'static Provider> {
        self.explicit_provider
    }

    /// The same model with this provider as the explicit one.
    pub(crate) fn at_provider(self, provider: &'static Provider) -> Self {
        Self {
            explicit_provider: Some(provider),
            ..self
        }
    }

    /// The explicit provider, or the only one that has models of such a name.
    pub(crate) fn provider(&self) -> Option<&'static Provider> {
        self.explicit_provider()
            .or_else(|| Provider::by_model_name(&self.name))
    }
}

/// The last part of `name` that is not empty.
fn last_part<'a>(name: &'a str, separators: &[char]) -> &'a str {
    let mut parts = name.rsplit(|it| separators.contains(&it));
    parts.find(|part| !part.is_empty()).unwrap_or(name)
}

impl FromStr for ModelName {
    type Err = InvalidModelName;

    fn from_str(text: &str) -> Result<Self, InvalidModelName> {
        let text = text.trim();
        let (provider, name) = text
            .split_once(SEPARATOR)
            .map_or((None, text), |(provider, name)| (Some(provider), name));
        let name = without_resource_prefix(provider, name);
        if name.is_empty() {
            return Err(InvalidModelName::Empty);
        }
        if name.len() > MODEL_NAME_MAX_CHARS {
            return Err(InvalidModelName::TooLong);
        }
        if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidModelName::ForbiddenCharacter);
        }
        let provider = provider.map(|it| Provider::by_name(it).ok_or(Self::Err::UnknownProvider));
        Ok(Self {
            explicit_provider: provider.transpose()?,
            name: name.to_owned(),
        })
    }
}

/// Removes the `models/` with which Google's list of models and its documents begin names.
fn without_resource_prefix<'a>(provider: Option<&str>, name: &'a str) -> &'a str {
    let stripped = name.strip_prefix("models/").filter(|rest| {
        provider.or(Provider::by_model_name(rest).map(|it| it.name)) == Some(GEMINI)
    });
    stripped.unwrap_or(name)
}

/// Shows the public name.
impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.public_name())
    }
}

/// Shows the public name too, since `Debug` output ends up in logs.
impl fmt::Debug for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModelName")
            .field(&self.public_name())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ModelName {
        text.parse().unwrap()
    }

    #[test]
    fn the_provider_is_explicit_or_follows_from_the_model() {
        let provider = |text: &str| name(text).provider().map(|provider| provider.name);
        assert_eq!(provider("gpt-5-mini"), Some("openai"));
        assert_eq!(provider("o4-mini"), Some("openai"));
        assert_eq!(provider("claude-sonnet-4-5"), Some("anthropic"));
        assert_eq!(provider("gemini-2.5-flash"), Some("gemini"));
        assert_eq!(provider("ollama::qwen3:4b"), Some("ollama"));
        assert_eq!(provider("openrouter::openai/gpt-5"), Some("openrouter"));
        assert_eq!(provider("qwen3:4b"), None);
        assert_eq!(provider("gpt-oss:20b"), None);
        assert_eq!(name("ollama::qwen3:4b").request_name(), "qwen3:4b");
        for gemini in ["gemini::models/gemini-2.5-flash", "models/gemini-2.5-flash"] {
            assert_eq!(name(gemini).request_name(), "gemini-2.5-flash");
            assert_eq!(provider(gemini), Some("gemini"));
        }
        assert_eq!(name("models/tiny.gguf").request_name(), "models/tiny.gguf");
    }

    #[test]
    fn the_public_name_contains_neither_account_nor_directory() {
        for (text, public) in [
            ("ollama::qwen3:4b", "qwen3:4b"),
            ("openrouter::openai/gpt-5", "openai/gpt-5"),
            ("ft:gpt-4o-mini:my-org:name:id", "gpt-4o-mini"),
            ("/srv/models/tiny.gguf", "tiny.gguf"),
            ("openai/ft:gpt-4o:acme:suffix:id", "gpt-4o"),
            ("fireworks_ai/accounts/acme/models/x", "x"),
            (
                "bedrock/arn:aws:bedrock:us-east-1:123456789012:profile/abc",
                "abc",
            ),
            ("arn:aws:bedrock:us-east-1:123456789012:abc", "abc"),
            ("C:\\Users\\ann\\tiny.gguf", "tiny.gguf"),
            ("openai::ft:", "ft"),
            ("/srv/models/tiny/", "tiny"),
            ("accounts/my-org/models/tiny", "tiny"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:custom-model/tiny",
                "tiny",
            ),
        ] {
            assert_eq!(name(text).public_name(), public);
            assert_eq!(name(text).to_string(), public);
        }
    }

    #[test]
    fn an_invalid_model_name_is_refused() {
        let refused = |text: &str| text.parse::<ModelName>().unwrap_err();
        assert_eq!(refused(" "), InvalidModelName::Empty);
        assert_eq!(refused("ollama::"), InvalidModelName::Empty);
        assert_eq!(refused("gemini::models/"), InvalidModelName::Empty);
        assert_eq!(refused("a b"), InvalidModelName::ForbiddenCharacter);
        assert_eq!(refused(&"x".repeat(201)), InvalidModelName::TooLong);
        let unknown = refused("nobody::x");
        assert_eq!(unknown, InvalidModelName::UnknownProvider);
        assert!(unknown.to_string().contains("anthropic, gemini, ollama"));
    }
}
