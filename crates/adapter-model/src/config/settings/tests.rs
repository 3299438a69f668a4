//! Which endpoint, key and protocol follow from the settings, and what is refused.

use std::error::Error;

use super::*;
use crate::secret::ApiKey;

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

/// A provider's key goes to the address in its variable or to the provider itself, and elsewhere
/// only if the model's name has that provider.
#[test]
fn a_key_goes_only_where_it_belongs() {
    const OPENAI: (&str, &str) = ("OPENAI_API_KEY", "sk-openai");
    const GATEWAY: (&str, &str) = ("OPENAI_BASE_URL", "https://gateway.test/v1");
    const GROQ: (&str, &str) = ("GROQ_API_KEY", "sk-groq");
    const LOCAL: Option<&str> = Some("http://localhost:8000/v1");
    for (model, endpoint, set, host, expected) in [
        (
            "gpt-5",
            None,
            &[OPENAI][..],
            "api.openai.com",
            Some("sk-openai"),
        ),
        (
            "gpt-5",
            None,
            &[OPENAI, GATEWAY],
            "gateway.test",
            Some("sk-openai"),
        ),
        (
            "openai::m",
            None,
            &[OPENAI, GATEWAY],
            "gateway.test",
            Some("sk-openai"),
        ),
        ("gpt-5", None, &[GATEWAY], "gateway.test", None),
        (
            "gpt-5",
            None,
            &[OPENAI, ("OPENAI_BASE_URL", "")],
            "api.openai.com",
            Some("sk-openai"),
        ),
        // The flag wins over the variable, whose key stays with it.
        ("gpt-5", LOCAL, &[OPENAI], "localhost", None),
        (
            "openai::m",
            LOCAL,
            &[OPENAI],
            "localhost",
            Some("sk-openai"),
        ),
        ("openai::m", LOCAL, &[OPENAI, GATEWAY], "localhost", None),
        (
            "openai::m",
            Some("https://gateway.test/x"),
            &[OPENAI, GATEWAY],
            "gateway.test",
            Some("sk-openai"),
        ),
        // The address says whose it is.
        (
            "gpt-5",
            Some("https://api.openai.com"),
            &[OPENAI],
            "api.openai.com",
            Some("sk-openai"),
        ),
        (
            "m",
            Some("https://api.groq.com/openai/v1"),
            &[OPENAI, GROQ],
            "api.groq.com",
            Some("sk-groq"),
        ),
        (
            "openai::m",
            Some("https://api.groq.com/openai/v1"),
            &[OPENAI, GROQ],
            "api.groq.com",
            Some("sk-groq"),
        ),
        (
            "gpt-5",
            Some("http://api.openai.com"),
            &[OPENAI],
            "api.openai.com",
            None,
        ),
        (
            "claude-x",
            None,
            &[
                OPENAI,
                ("ANTHROPIC_BASE_URL", "https://gateway.test"),
                ("ANTHROPIC_API_KEY", "sk-ant"),
            ],
            "gateway.test",
            Some("sk-ant"),
        ),
        (
            "ollama::q",
            None,
            &[OPENAI, ("OLLAMA_HOST", "gpu.test")],
            "gpu.test",
            None,
        ),
        ("ollama::q", None, &[GATEWAY], "localhost", None),
        (
            "azure::d",
            None,
            &[
                OPENAI,
                ("AZURE_OPENAI_ENDPOINT", "https://x.openai.azure.com/"),
                ("AZURE_OPENAI_API_KEY", "az"),
            ],
            "x.openai.azure.com",
            Some("az"),
        ),
    ] {
        let config = settings(model, endpoint, set).unwrap();
        let (_, address) = config.resolve().unwrap();
        let found = (address.host(), key(&config));
        assert_eq!(found, (host, expected), "{model} {endpoint:?} {set:?}");
    }
}

#[test]
fn the_address_and_the_model_say_which_protocol_is_spoken() {
    for (model, endpoint, set, expected) in [
        (
            "m",
            Some("http://localhost:1"),
            &[][..],
            "MaxTokens, key_header: Authorization",
        ),
        (
            "openai::m",
            Some("http://localhost:1"),
            &[],
            "MaxTokens, key_header: Authorization",
        ),
        (
            "gpt-5",
            None,
            &[("OPENAI_BASE_URL", "http://g.test")],
            "output_limit: MaxTokens",
        ),
        (
            "gpt-5",
            None,
            &[("OPENAI_API_KEY", "k")],
            "MaxCompletionTokens, key_header: Authorization",
        ),
        (
            "d",
            Some("https://x.openai.azure.com?api-version=1"),
            &[("AZURE_OPENAI_API_KEY", "k")],
            "ApiKey",
        ),
        (
            "openai::d",
            Some("https://x.cognitiveservices.azure.com"),
            &[("AZURE_OPENAI_API_KEY", "k")],
            "ApiKey",
        ),
        ("azure::d", Some("https://gateway.test"), &[], "ApiKey"),
        (
            "claude-x",
            None,
            &[("ANTHROPIC_BASE_URL", "http://g.test")],
            "Anthropic",
        ),
        ("claude-x", Some("http://localhost:1"), &[], "OpenAi"),
        (
            "gemini::m",
            Some("http://localhost:1?alt=sse"),
            &[],
            "Gemini",
        ),
    ] {
        let config = settings(model, endpoint, set).unwrap();
        let (protocol, _) = config.resolve().unwrap();
        let protocol = format!("{protocol:?}");
        assert!(
            protocol.contains(expected),
            "{model} {endpoint:?}: {protocol}"
        );
    }
}

#[test]
fn a_proxy_is_used_for_its_scheme_unless_the_address_is_on_this_machine() {
    let proxy = ("HTTPS_PROXY", "http://proxy.test:1");
    let all = ("all_proxy", "socks5h://all.test");
    for (endpoint, set, expected) in [
        (
            "https://host.test",
            &[proxy, all][..],
            Some("http://proxy.test:1/"),
        ),
        (
            "http://host.test",
            &[proxy, all],
            Some("socks5h://all.test"),
        ),
        ("http://host.test", &[proxy], None),
        (
            "https://host.test",
            &[("https_proxy", "proxy.test:1")],
            Some("http://proxy.test:1/"),
        ),
        ("http://localhost:1", &[("HTTP_PROXY", "::"), all], None),
    ] {
        let config = settings("m", Some(endpoint), set).unwrap();
        let found = config.proxy.as_ref().map(|it| it.expose_secret().as_str());
        assert_eq!(found, expected, "{endpoint} {set:?}");
    }
}

#[test]
fn limits_of_tokens_leave_room_for_the_conversation() {
    let config = || settings("ollama::q", None, &[]).unwrap();
    let limited = config().with_token_limits(Some(2_048), Some(48)).unwrap();
    assert_eq!(limited.context_bytes, 8_000);
    assert_eq!(limited.max_output_tokens, Some(48));
    let unlimited = config().with_token_limits(None, None).unwrap();
    assert_eq!(unlimited.context_bytes, 256 * 1024);
    let full = config().with_token_limits(Some(2_048), Some(2_048));
    assert!(message(full).contains("fewer than the context's"));
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
    let with = |model, endpoint, set: &[(&str, &str)]| message(settings(model, endpoint, set));
    for (variable, value, model, expected) in [
        (
            "OPENAI_API_KEY",
            "canary canary",
            "gpt-5",
            "the key in OPENAI_API_KEY",
        ),
        (
            "OPENAI_API_KEY",
            "\"canary\"",
            "gpt-5",
            "it stands in quotes",
        ),
        (
            "OPENAI_API_KEY",
            "OPENAI_API_KEY=canary",
            "gpt-5",
            "keep only what follows",
        ),
        ("OPENAI_BASE_URL", "canary", "gpt-5", "(OPENAI_BASE_URL)"),
        (
            "ANTHROPIC_BASE_URL",
            "http://h?canary",
            "claude-x",
            "(ANTHROPIC_BASE_URL)",
        ),
        ("OLLAMA_HOST", "host:canary", "ollama::q", "(OLLAMA_HOST)"),
        (
            "HTTPS_PROXY",
            "ftp://canary",
            "azure::d",
            "the proxy in HTTPS_PROXY",
        ),
        ("all_proxy", "http://", "azure::d", "the proxy in all_proxy"),
    ] {
        let azure = ("AZURE_OPENAI_ENDPOINT", "https://gateway.test");
        let found = with(model, None, &[(variable, value), azure]);
        assert!(found.contains(expected), "{found}");
    }
    let query = with("gemini::m", Some("https://h.test/v1beta?key=canary"), &[]);
    assert!(query.contains("a base URL has no query"), "{query}");
    let azure = with("azure::d", None, &[]);
    assert!(azure.contains("set AZURE_OPENAI_ENDPOINT or YOI_MODEL_ENDPOINT"));
    let own = Some("https://api.openai.com/v1");
    let keyless = with("gpt-5", own, &[]);
    assert!(keyless.contains("set OPENAI_API_KEY"), "{keyless}");
    let gateway = [
        ("OPENAI_BASE_URL", "http://canary"),
        ("OPENAI_API_KEY", "canary"),
    ];
    let elsewhere = with("gpt-5", own, &gateway);
    assert!(
        elsewhere.contains("the server in OPENAI_BASE_URL"),
        "{elsewhere}"
    );
    let no_file = ModelConfig::from_settings("x", None, Some(Path::new("/canary")), |_| None);
    assert!(message(no_file).contains("YOI_MODEL_KEY_FILE"));
}
