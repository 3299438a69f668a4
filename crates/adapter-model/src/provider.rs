//! The table of known providers.
//!
//! To add a provider, add an entry to `PROVIDERS`. If it has a protocol of its own, write
//! that first: see `protocol.rs`.

use crate::protocol::{Anthropic, Gemini, Ollama, OpenAi, Protocol};
use crate::secret::Endpoint;

/// A provider.
#[derive(Debug)]
pub(crate) struct Provider {
    /// The name that operators write before `::` in a model's name.
    pub(crate) name: &'static str,
    pub(crate) protocol: &'static dyn Protocol,
    base_url: &'static str,
    /// The usual environment variables of its key, the preferred one first. A provider
    /// without any needs no key.
    pub(crate) key_variables: &'static [&'static str],
    /// How names of its models begin, as far as no other provider has such models.
    model_prefixes: &'static [&'static str],
}

const PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        protocol: &OpenAi::STANDARD,
        base_url: "https://api.openai.com/v1",
        key_variables: &["OPENAI_API_KEY"],
        model_prefixes: &["gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-"],
    },
    Provider {
        name: "anthropic",
        protocol: &Anthropic,
        base_url: "https://api.anthropic.com/v1",
        key_variables: &["ANTHROPIC_API_KEY"],
        model_prefixes: &["claude-"],
    },
    Provider {
        name: "gemini",
        protocol: &Gemini,
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        model_prefixes: &["gemini-"],
    },
    Provider {
        name: "ollama",
        protocol: &Ollama,
        base_url: "http://localhost:11434",
        key_variables: &[],
        model_prefixes: &[],
    },
    Provider {
        name: "deepseek",
        protocol: &OpenAi::STANDARD,
        base_url: "https://api.deepseek.com/v1",
        key_variables: &["DEEPSEEK_API_KEY"],
        model_prefixes: &[],
    },
    Provider {
        name: "groq",
        protocol: &OpenAi::STANDARD,
        base_url: "https://api.groq.com/openai/v1",
        key_variables: &["GROQ_API_KEY"],
        model_prefixes: &[],
    },
    Provider {
        name: "mistral",
        protocol: &OpenAi::WITHOUT_USAGE_OPTION,
        base_url: "https://api.mistral.ai/v1",
        key_variables: &["MISTRAL_API_KEY"],
        model_prefixes: &[],
    },
    Provider {
        name: "openrouter",
        protocol: &OpenAi::STANDARD,
        base_url: "https://openrouter.ai/api/v1",
        key_variables: &["OPENROUTER_API_KEY"],
        model_prefixes: &[],
    },
    Provider {
        name: "together",
        protocol: &OpenAi::STANDARD,
        base_url: "https://api.together.xyz/v1",
        key_variables: &["TOGETHER_API_KEY"],
        model_prefixes: &[],
    },
    Provider {
        name: "xai",
        protocol: &OpenAi::STANDARD,
        base_url: "https://api.x.ai/v1",
        key_variables: &["XAI_API_KEY"],
        model_prefixes: &["grok-"],
    },
];

impl Provider {
    pub(crate) fn by_name(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// The only provider that has models of such a name.
    pub(crate) fn by_model_name(name: &str) -> Option<&'static Self> {
        // OpenAI's open weights are served by everybody but OpenAI.
        if name.starts_with("gpt-oss") {
            return None;
        }
        PROVIDERS.iter().find(|provider| {
            let mut prefixes = provider.model_prefixes.iter();
            prefixes.any(|prefix| name.starts_with(prefix))
        })
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.base_url
            .parse()
            .expect("the base URLs in the table are valid endpoints")
    }
}

/// The names of all providers, for error messages.
pub(crate) fn provider_names() -> String {
    let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_has_an_encrypted_or_keyless_endpoint_and_is_found_by_name() {
        for provider in PROVIDERS {
            let endpoint = provider.endpoint();
            assert!(endpoint.is_encrypted() || provider.key_variables.is_empty());
            let found = Provider::by_name(provider.name).unwrap();
            assert_eq!(found.name, provider.name);
        }
        assert!(Provider::by_name("nobody").is_none());
    }
}
