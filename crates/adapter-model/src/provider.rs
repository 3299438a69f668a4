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
    /// Where it is, unless everybody has an address of their own there.
    base_url: Option<&'static str>,
    /// How names of its hosts end, besides that of the base URL.
    host_suffixes: &'static [&'static str],
    /// The usual environment variable with an address to use instead.
    pub(crate) address_variable: Option<&'static str>,
    /// The usual environment variables of its key, the preferred one first. A provider
    /// without any needs no key.
    pub(crate) key_variables: &'static [&'static str],
    /// How names of its models begin, as far as no other provider has such models.
    model_prefixes: &'static [&'static str],
}

/// The provider whose name also stands for its protocol at other servers.
const OPENAI: &str = "openai";

const PROVIDERS: &[Provider] = &[
    Provider {
        name: OPENAI,
        protocol: &OpenAi::OWN,
        base_url: Some("https://api.openai.com/v1"),
        key_variables: &["OPENAI_API_KEY"],
        model_prefixes: &["gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-"],
        address_variable: Some("OPENAI_BASE_URL"),
        ..Provider::NONE
    },
    Provider {
        name: "anthropic",
        protocol: &Anthropic,
        base_url: Some("https://api.anthropic.com/v1"),
        key_variables: &["ANTHROPIC_API_KEY"],
        model_prefixes: &["claude-"],
        address_variable: Some("ANTHROPIC_BASE_URL"),
        ..Provider::NONE
    },
    Provider {
        name: "gemini",
        protocol: &Gemini,
        base_url: Some("https://generativelanguage.googleapis.com/v1beta"),
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        model_prefixes: &["gemini-"],
        address_variable: Some("GOOGLE_GEMINI_BASE_URL"),
        ..Provider::NONE
    },
    Provider {
        name: "ollama",
        protocol: &Ollama,
        base_url: Some("http://localhost:11434"),
        address_variable: Some("OLLAMA_HOST"),
        ..Provider::NONE
    },
    Provider {
        name: "azure",
        protocol: &OpenAi::AZURE,
        host_suffixes: &[
            ".openai.azure.com",
            ".cognitiveservices.azure.com",
            ".services.ai.azure.com",
        ],
        address_variable: Some("AZURE_OPENAI_ENDPOINT"),
        key_variables: &["AZURE_OPENAI_API_KEY"],
        ..Provider::NONE
    },
    Provider {
        name: "deepseek",
        protocol: &OpenAi::STANDARD,
        base_url: Some("https://api.deepseek.com/v1"),
        key_variables: &["DEEPSEEK_API_KEY"],
        ..Provider::NONE
    },
    Provider {
        name: "groq",
        protocol: &OpenAi::STANDARD,
        base_url: Some("https://api.groq.com/openai/v1"),
        key_variables: &["GROQ_API_KEY"],
        ..Provider::NONE
    },
    Provider {
        name: "mistral",
        protocol: &OpenAi::WITHOUT_USAGE_OPTION,
        base_url: Some("https://api.mistral.ai/v1"),
        key_variables: &["MISTRAL_API_KEY"],
        ..Provider::NONE
    },
    Provider {
        name: "openrouter",
        protocol: &OpenAi::STANDARD,
        base_url: Some("https://openrouter.ai/api/v1"),
        key_variables: &["OPENROUTER_API_KEY"],
        ..Provider::NONE
    },
    Provider {
        name: "together",
        protocol: &OpenAi::STANDARD,
        base_url: Some("https://api.together.xyz/v1"),
        key_variables: &["TOGETHER_API_KEY"],
        ..Provider::NONE
    },
    Provider {
        name: "xai",
        protocol: &OpenAi::STANDARD,
        base_url: Some("https://api.x.ai/v1"),
        key_variables: &["XAI_API_KEY"],
        model_prefixes: &["grok-"],
        ..Provider::NONE
    },
];

impl Provider {
    /// What an entry of the table begins with.
    const NONE: Self = Self {
        name: "",
        protocol: &OpenAi::STANDARD,
        base_url: None,
        host_suffixes: &[],
        address_variable: None,
        key_variables: &[],
        model_prefixes: &[],
    };

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

    /// The provider that is at this address, so that it may see its key. Nobody can pretend to
    /// be it, since the connection is encrypted.
    pub(crate) fn by_address(address: &Endpoint) -> Option<&'static Self> {
        if !address.is_encrypted() || !address.has_usual_port() {
            return None;
        }
        PROVIDERS.iter().find(|provider| {
            let mut suffixes = provider.host_suffixes.iter();
            let endpoint = provider.endpoint();
            suffixes.any(|suffix| address.host().ends_with(suffix))
                || endpoint.is_some_and(|own| own.host() == address.host())
        })
    }

    /// The provider's own address.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        let base_url = self.base_url?.parse();
        Some(base_url.expect("the base URLs in the table are valid endpoints"))
    }

    /// The protocol at an address. Without a known provider it is OpenAI's, which has a variant
    /// of its own at some providers.
    pub(crate) fn protocol_at(
        address: &Endpoint,
        explicit: Option<&'static Self>,
    ) -> &'static dyn Protocol {
        let there = Self::by_address(address).map(|provider| provider.protocol);
        match explicit {
            Some(provider) if provider.name != OPENAI => provider.protocol,
            Some(_) => there
                .filter(|protocol| protocol.is_openai_variant())
                .unwrap_or(&OpenAi::STANDARD),
            None => there.unwrap_or(&OpenAi::STANDARD),
        }
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
            if let Some(endpoint) = provider.endpoint() {
                assert!(endpoint.is_encrypted() || provider.key_variables.is_empty());
                let at_address = Provider::by_address(&endpoint).map(|it| it.name);
                let expected = endpoint.is_encrypted().then_some(provider.name);
                assert_eq!(at_address, expected);
            } else {
                assert!(provider.address_variable.is_some(), "{}", provider.name);
            }
            let found = Provider::by_name(provider.name).unwrap();
            assert_eq!(found.name, provider.name);
        }
        assert!(Provider::by_name("nobody").is_none());
    }

    #[test]
    fn a_provider_is_known_by_its_address_and_only_if_nobody_can_pretend_to_be_it() {
        for (address, expected) in [
            ("https://API.openai.com", Some("openai")),
            ("https://api.openai.com:443/v1", Some("openai")),
            ("https://x.openai.azure.com/openai/v1", Some("azure")),
            ("https://x.services.ai.azure.com/models", Some("azure")),
            ("http://api.openai.com/v1", None),
            ("https://api.openai.com:8443/v1", None),
            ("https://api.openai.com.example.org/v1", None),
            ("https://openai.azure.com.example.org", None),
            ("http://localhost:11434", None),
        ] {
            let found = Provider::by_address(&address.parse().unwrap());
            assert_eq!(found.map(|it| it.name), expected, "{address}");
        }
    }
}
