//! The providers that are known by name: what they speak, where, and under which
//! variable their key usually is.

use crate::protocol::Protocol;
use crate::secret::Endpoint;

/// A provider.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Provider {
    /// Its name before `::` in a model's name.
    pub(crate) name: &'static str,
    pub(crate) protocol: Protocol,
    base_url: &'static str,
    /// The usual variables of its key, the first one preferred; none if it needs no key.
    pub(crate) key_variables: &'static [&'static str],
    /// How its models' names begin, if no other provider's do.
    prefixes: &'static [&'static str],
}

const PROVIDERS: &[Provider] = &[
    Provider {
        name: "openai",
        protocol: Protocol::OpenAi,
        base_url: "https://api.openai.com/v1",
        key_variables: &["OPENAI_API_KEY"],
        prefixes: &["gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-"],
    },
    Provider {
        name: "anthropic",
        protocol: Protocol::Anthropic,
        base_url: "https://api.anthropic.com/v1",
        key_variables: &["ANTHROPIC_API_KEY"],
        prefixes: &["claude-"],
    },
    Provider {
        name: "gemini",
        protocol: Protocol::Gemini,
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        prefixes: &["gemini-"],
    },
    Provider {
        name: "ollama",
        protocol: Protocol::Ollama,
        base_url: "http://localhost:11434",
        key_variables: &[],
        prefixes: &[],
    },
    Provider {
        name: "deepseek",
        protocol: Protocol::OpenAi,
        base_url: "https://api.deepseek.com/v1",
        key_variables: &["DEEPSEEK_API_KEY"],
        prefixes: &[],
    },
    Provider {
        name: "groq",
        protocol: Protocol::OpenAi,
        base_url: "https://api.groq.com/openai/v1",
        key_variables: &["GROQ_API_KEY"],
        prefixes: &[],
    },
    Provider {
        name: "mistral",
        protocol: Protocol::Mistral,
        base_url: "https://api.mistral.ai/v1",
        key_variables: &["MISTRAL_API_KEY"],
        prefixes: &[],
    },
    Provider {
        name: "openrouter",
        protocol: Protocol::OpenAi,
        base_url: "https://openrouter.ai/api/v1",
        key_variables: &["OPENROUTER_API_KEY"],
        prefixes: &[],
    },
    Provider {
        name: "together",
        protocol: Protocol::OpenAi,
        base_url: "https://api.together.xyz/v1",
        key_variables: &["TOGETHER_API_KEY"],
        prefixes: &[],
    },
    Provider {
        name: "xai",
        protocol: Protocol::OpenAi,
        base_url: "https://api.x.ai/v1",
        key_variables: &["XAI_API_KEY"],
        prefixes: &["grok-"],
    },
];

impl Provider {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// The provider that alone has models of such a name.
    pub(crate) fn of_model(name: &str) -> Option<&'static Self> {
        // OpenAI's open weights, which everybody serves but OpenAI.
        if name.starts_with("gpt-oss") {
            return None;
        }
        PROVIDERS.iter().find(|provider| {
            let mut prefixes = provider.prefixes.iter();
            prefixes.any(|prefix| name.starts_with(prefix))
        })
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.base_url
            .parse()
            .expect("the table holds only endpoints that parse")
    }
}

/// The names of all providers, for a person who has to choose one.
pub(crate) fn names() -> String {
    let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_has_an_endpoint_and_is_found_by_its_name() {
        for provider in PROVIDERS {
            // A key never goes over the network in the clear.
            let url = provider.endpoint().reveal().clone();
            assert!(url.scheme() == "https" || provider.key_variables.is_empty());
            assert_eq!(Provider::named(provider.name), Some(provider));
        }
        assert_eq!(Provider::named("nobody"), None);
    }
}
