//! The name of a model, with or without its provider.

use std::fmt;
use std::str::FromStr;

use crate::provider::{Provider, names};

/// Most characters of a model's name.
pub const MODEL_NAME_MAX_CHARS: usize = 200;

/// Between a provider's name and a model's.
const SEPARATOR: &str = "::";

/// How the names begin that resources in an account have, at Fireworks, Google and Amazon.
const OWNED: &[&str] = &["accounts/", "projects/", "arn:"];

/// Which model to ask: `gpt-5-mini`, `claude-…`, or with its provider `ollama::qwen3:4b`.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelName {
    provider: Option<String>,
    name: String,
}

/// Why a text can't be a model's name. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModelName {
    /// There is none, or none after the provider's.
    #[error("empty")]
    Empty,
    /// Longer than [`MODEL_NAME_MAX_CHARS`].
    #[error("too long: at most {MODEL_NAME_MAX_CHARS} characters")]
    TooLong,
    /// A space, a control character, or one beyond ASCII.
    #[error("forbidden character: a model's name is one word of visible ASCII")]
    ForbiddenCharacter,
    /// No provider goes by the name before `::`.
    #[error("no such provider before `::`; there are {}", names())]
    UnknownProvider,
}

impl ModelName {
    /// What may be shown to everybody: the model without its provider. Of a fine-tuned
    /// model it names the base, since the rest names the account; of a resource in an
    /// account, the resource; of a file, the file without its directory.
    #[must_use]
    pub fn public(&self) -> &str {
        let name = self.name.as_str();
        if let Some(tuned) = name.strip_prefix("ft:") {
            let base = tuned.split(':').next();
            return base.filter(|base| !base.is_empty()).unwrap_or("ft");
        }
        let is_path = name.starts_with(['/', '.', '~']);
        if is_path || OWNED.iter().any(|owned| name.starts_with(owned)) {
            let mut parts = name.rsplit('/').filter(|part| !part.is_empty());
            return parts.next().unwrap_or(name);
        }
        name
    }

    /// What the provider knows the model by.
    pub(crate) fn wire(&self) -> &str {
        &self.name
    }

    /// The provider that is named, if one is.
    pub(crate) fn named_provider(&self) -> Option<&'static Provider> {
        self.provider.as_deref().and_then(Provider::named)
    }

    /// The provider that is named, or is the only one to have such models.
    pub(crate) fn provider(&self) -> Option<&'static Provider> {
        self.named_provider()
            .or_else(|| Provider::of_model(&self.name))
    }
}

impl FromStr for ModelName {
    type Err = InvalidModelName;

    fn from_str(text: &str) -> Result<Self, InvalidModelName> {
        let text = text.trim();
        let (provider, name) = match text.split_once(SEPARATOR) {
            Some((provider, name)) => (Some(provider), name),
            None => (None, text),
        };
        if name.is_empty() {
            return Err(InvalidModelName::Empty);
        }
        if name.len() > MODEL_NAME_MAX_CHARS {
            return Err(InvalidModelName::TooLong);
        }
        if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidModelName::ForbiddenCharacter);
        }
        if provider.is_some_and(|provider| Provider::named(provider).is_none()) {
            return Err(InvalidModelName::UnknownProvider);
        }
        Ok(Self {
            provider: provider.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

/// The public name, nothing else.
impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.public())
    }
}

/// The public name too: `Debug` is what ends up in logs.
impl fmt::Debug for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModelName").field(&self.public()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ModelName {
        text.parse().unwrap()
    }

    #[test]
    fn the_provider_is_named_or_follows_from_the_model() {
        let provider = |text: &str| name(text).provider().map(|provider| provider.name);
        assert_eq!(provider("gpt-5-mini"), Some("openai"));
        assert_eq!(provider("o4-mini"), Some("openai"));
        assert_eq!(provider("claude-sonnet-4-5"), Some("anthropic"));
        assert_eq!(provider("gemini-2.5-flash"), Some("gemini"));
        assert_eq!(provider("ollama::qwen3:4b"), Some("ollama"));
        assert_eq!(provider("openrouter::openai/gpt-5"), Some("openrouter"));
        assert_eq!(provider("qwen3:4b"), None);
        assert_eq!(provider("gpt-oss:20b"), None);
        assert_eq!(name("ollama::qwen3:4b").wire(), "qwen3:4b");
    }

    #[test]
    fn the_public_name_tells_neither_account_nor_directory() {
        for (text, public) in [
            ("ollama::qwen3:4b", "qwen3:4b"),
            ("openrouter::openai/gpt-5", "openai/gpt-5"),
            ("ft:gpt-4o-mini:my-org:name:id", "gpt-4o-mini"),
            ("/srv/models/tiny.gguf", "tiny.gguf"),
            ("openai::ft:", "ft"),
            ("/srv/models/tiny/", "tiny"),
            ("accounts/my-org/models/tiny", "tiny"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:custom-model/tiny",
                "tiny",
            ),
        ] {
            assert_eq!(name(text).public(), public);
            assert_eq!(name(text).to_string(), public);
        }
    }

    #[test]
    fn a_name_that_no_provider_could_have_is_refused() {
        let refused = |text: &str| text.parse::<ModelName>().unwrap_err();
        assert_eq!(refused(" "), InvalidModelName::Empty);
        assert_eq!(refused("ollama::"), InvalidModelName::Empty);
        assert_eq!(refused("a b"), InvalidModelName::ForbiddenCharacter);
        assert_eq!(refused(&"x".repeat(201)), InvalidModelName::TooLong);
        let unknown = refused("nobody::x");
        assert_eq!(unknown, InvalidModelName::UnknownProvider);
        assert!(unknown.to_string().contains("anthropic, gemini, ollama"));
    }
}
