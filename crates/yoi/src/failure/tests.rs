//! Every failure has words of its own, names the settings that matter and no others, and stands
//! in the documentation.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::*;
use crate::api_name::api_name;

const KEY: &str = "YOI_MODEL_KEY_FILE";
const ENDPOINT: &str = "YOI_MODEL_ENDPOINT";
const MODEL: &str = "YOI_MODEL";
const PROVIDER: &str = "::MODEL";
const OUTPUT_TOKENS: &str = "--model-max-output-tokens";

/// The settings that people may be sent to.
const SETTINGS: &[&str] = &[
    KEY,
    ENDPOINT,
    MODEL,
    PROVIDER,
    OUTPUT_TOKENS,
    "--model-connect-timeout-ms",
    "--model-first-byte-timeout-ms",
    "--model-idle-timeout-ms",
    "--model-context-tokens",
    "run_time_ms",
    "output_bytes",
    "total_bytes",
    "_PROXY",
    "SSL_CERT_FILE",
];

/// Each code with the settings that its hint names.
const CODES: &[(RunErrorCode, &[&str])] = &[
    (RunErrorCode::Unauthorized, &[KEY]),
    (RunErrorCode::QuotaExhausted, &[]),
    (RunErrorCode::RateLimited, &[]),
    (RunErrorCode::Overloaded, &[]),
    (RunErrorCode::Unreachable, &[ENDPOINT]),
    (RunErrorCode::ModelUnknown, &[MODEL]),
    (RunErrorCode::EndpointWrong, &[ENDPOINT]),
    (RunErrorCode::RequestRejected, &[]),
    (RunErrorCode::Refused, &[]),
    (RunErrorCode::EmptyReply, &[]),
    (RunErrorCode::ReplyCutOff, &[]),
    (RunErrorCode::InvalidResponse, &[PROVIDER, ENDPOINT]),
    (RunErrorCode::TimedOut, &[]),
    (RunErrorCode::ContextTooLong, &["--model-context-tokens"]),
    (RunErrorCode::Misconfigured, &[]),
    (RunErrorCode::Internal, &[]),
    (RunErrorCode::EnginePanicked, &[]),
    (RunErrorCode::OutputLimit, &["output_bytes"]),
    (RunErrorCode::CapacityExhausted, &["total_bytes"]),
    (RunErrorCode::Interrupted, &[]),
    (RunErrorCode::StoreFailed, &[]),
];

/// Each detail with its code and the settings that its hint names.
const DETAILS: &[(RunErrorCode, RunErrorDetail, &[&str])] = {
    use RunErrorCode::{EmptyReply, RequestRejected, TimedOut, Unauthorized, Unreachable};
    use RunErrorDetail as Detail;
    &[
        (Unauthorized, Detail::NoKeySent, &[KEY, PROVIDER]),
        (Unauthorized, Detail::KeyRefused, &[KEY]),
        (Unreachable, Detail::NameLookup, &[ENDPOINT]),
        (Unreachable, Detail::Connect, &[ENDPOINT]),
        (
            Unreachable,
            Detail::TlsCertificate,
            &["SSL_CERT_FILE", ENDPOINT],
        ),
        (Unreachable, Detail::TlsHandshake, &[ENDPOINT]),
        (Unreachable, Detail::Proxy, &["_PROXY"]),
        (
            TimedOut,
            Detail::ConnectTimeout,
            &["--model-connect-timeout-ms"],
        ),
        (
            TimedOut,
            Detail::FirstByteTimeout,
            &["--model-first-byte-timeout-ms"],
        ),
        (TimedOut, Detail::IdleTimeout, &["--model-idle-timeout-ms"]),
        (EmptyReply, Detail::ReasoningOnly, &[OUTPUT_TOKENS]),
        (EmptyReply, Detail::ToolCallsOnly, &[]),
        (RequestRejected, Detail::OutputTokens, &[OUTPUT_TOKENS]),
    ]
};

/// Every failure: the names of its code and detail, its words, and the settings they name.
fn failures() -> Vec<(String, String, Failure, &'static [&'static str])> {
    let none = || "–".to_owned();
    let of_code = CODES
        .iter()
        .map(|&(code, settings)| (code_cell(code), none(), failure(code, None), settings));
    let of_detail = DETAILS.iter().map(|&(code, detail, settings)| {
        let detail_cell = format!("`{}`", api_name(detail));
        (
            code_cell(code),
            detail_cell,
            failure(code, Some(detail)),
            settings,
        )
    });
    let outcome = "outcome `timed_out`".to_owned();
    let run = (outcome, none(), RUN_TIMED_OUT, &["run_time_ms"][..]);
    of_code.chain(of_detail).chain([run]).collect()
}

fn code_cell(code: RunErrorCode) -> String {
    format!("`{}`", api_name(code))
}

/// All names of a fieldless enum, as the error about a wrong one lists them.
fn names<T: DeserializeOwned + std::fmt::Debug>() -> BTreeSet<String> {
    let error = serde_json::from_value::<T>("".into()).unwrap_err();
    let error = error.to_string();
    error
        .split('`')
        .skip(3)
        .step_by(2)
        .map(Into::into)
        .collect()
}

#[test]
fn no_code_and_no_detail_is_left_out() {
    let codes = CODES.iter().map(|(code, _)| api_name(code)).collect();
    assert_eq!(names::<RunErrorCode>(), codes);
    let details = DETAILS.iter().map(|(_, detail, _)| api_name(detail));
    assert_eq!(names::<RunErrorDetail>(), details.collect());
}

#[test]
fn each_hint_names_the_settings_that_matter_and_no_others() {
    for (code, detail, Failure { cause, advice }, settings) in failures() {
        let named = |setting: &&&str| match **setting {
            // The other variables begin with this one's name.
            MODEL => advice.replace("YOI_MODEL_", "").contains(MODEL),
            setting => advice.contains(setting),
        };
        let named: BTreeSet<_> = SETTINGS.iter().filter(named).collect();
        assert_eq!(
            named,
            settings.iter().collect(),
            "{code} {detail}: {advice}"
        );
        let about_content = code == "`refused`";
        assert_eq!(advice.contains("rephrase"), about_content, "{advice}");
        assert!(!format!("{cause}{advice}").contains(['|', '\n']), "{code}");
    }
}

#[test]
fn no_two_failures_have_the_same_words() {
    let words: BTreeSet<_> = failures().iter().map(|row| row.2.cause).collect();
    assert_eq!(words.len(), failures().len());
}

#[test]
fn the_documentation_has_every_failure_with_the_same_words() {
    let document = include_str!("../../../../docs/failures.md");
    for (code, detail, Failure { cause, advice }, _) in failures() {
        let row = format!("| {code} | {detail} | {cause} | {advice} |\n");
        assert!(document.contains(&row), "docs/failures.md lacks {row}");
    }
}
