//! What the schemas of ids, tokens and texts say to whoever generates a client of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::projection::{
    CancelResult, EntryRole, ImplementationKind, RuntimeSummary, TranscriptEntry, WorkerDetail,
    WorkerEvent, WorkerSummary,
};
use crate::test_values::worker_detail;
use crate::{
    Capability, Cursor, DisplayName, IdempotencyKey, PageToken, ProfileId, RunId, RuntimeId,
    WorkerId,
};

fn schema<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap()
}

fn components<T: ToSchema>() -> BTreeMap<String, Value> {
    let mut components = Vec::new();
    T::schemas(&mut components);
    let components = components.into_iter();
    components
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap()))
        .collect()
}

/// Name, longest text and pattern.
fn text<T: ToSchema>() -> (String, Value, String) {
    let schema = schema::<T>();
    assert_eq!(schema["type"], "string");
    let pattern = schema["pattern"].as_str().unwrap().to_owned();
    let name = T::name().into_owned();
    (name, schema["maxLength"].clone(), pattern)
}

#[test]
fn texts_are_named_bounded_and_spelled_as_their_parsers_want_them() {
    let slug = "^[a-z0-9][a-z0-9_-]*$";
    let profile = "^[a-z0-9][a-z0-9_:.-]*$";
    let expected = [
        (text::<RuntimeId>(), "RuntimeId", 64, slug),
        (text::<WorkerId>(), "WorkerId", 64, slug),
        (text::<RunId>(), "RunId", 64, slug),
        (text::<ProfileId>(), "ProfileId", 64, profile),
        (text::<IdempotencyKey>(), "IdempotencyKey", 128, "^[!-~]+$"),
        (text::<Cursor>(), "Cursor", 22, "^[A-Za-z0-9_-]{21}[AQgw]$"),
        (text::<PageToken>(), "PageToken", 256, "^[A-Za-z0-9_-]+$"),
        (
            text::<ImplementationKind>(),
            "ImplementationKind",
            32,
            "^[a-z][a-z0-9_]*$",
        ),
    ];
    for ((name, longest, pattern), wanted, length, spelling) in expected {
        assert_eq!((name.as_str(), pattern.as_str()), (wanted, spelling));
        assert_eq!(longest, length, "{name}");
    }
    let (name, longest, pattern) = text::<DisplayName>();
    assert_eq!((name.as_str(), longest), ("DisplayName", json!(80)));
    assert!(pattern.contains("\\u202e"), "{pattern}");
}

#[test]
fn a_set_of_capabilities_is_a_list_of_each_at_most_once() {
    let all = json!(Capability::ALL);
    assert_eq!(schema::<Capability>()["enum"], all);
    for holder in [schema::<WorkerSummary>(), schema::<RuntimeSummary>()] {
        let set = &holder["properties"]["capabilities"];
        assert_eq!(
            (&set["type"], &set["uniqueItems"]),
            (&json!("array"), &json!(true))
        );
        assert_eq!(set["maxItems"], Capability::ALL.len());
        assert_eq!(set["items"]["$ref"], "#/components/schemas/Capability");
    }
}

#[test]
fn a_schema_requires_what_is_there_when_everything_else_is_absent() {
    let least = worker_detail(None);
    assert_eq!(required::<WorkerDetail>(), fields(&least));
    assert_eq!(required::<WorkerSummary>(), fields(&least.summary));
    let entry = TranscriptEntry {
        sequence: 7,
        role: EntryRole::User,
        content: "text".into(),
        run_id: "run".parse().unwrap(),
        created_at: Timestamp::UNIX_EPOCH,
        partial: false,
        unanswered: false,
        reasoning: None,
        diagnostics: Vec::new(),
    };
    assert_eq!(required::<TranscriptEntry>(), fields(&entry));
}

/// What may be absent is never null, and a detail is one flat object.
#[test]
fn a_worker_s_optional_fields_are_not_nullable() {
    let detail = schema::<WorkerDetail>();
    assert_eq!(detail["type"], "object");
    let summary = schema::<WorkerSummary>();
    for (name, property) in summary["properties"].as_object().unwrap() {
        assert_eq!(detail["properties"][name], *property);
    }
    assert!(!detail.to_string().contains("null"), "{detail}");
    let at = &detail["properties"]["created_at"];
    assert_eq!(
        (&at["type"], &at["format"]),
        (&json!("string"), &json!("date-time"))
    );
}

#[test]
fn each_variant_of_a_union_is_a_whole_object_that_the_discriminator_names() {
    check_union::<WorkerEvent>("kind", 7, &["cursor", "at"]);
    check_union::<CancelResult>("result", 2, &[]);
}

fn check_union<T: ToSchema>(tag: &str, variants: usize, always: &[&str]) {
    let components = components::<T>();
    let union = schema::<T>();
    assert_eq!(union["oneOf"].as_array().unwrap().len(), variants);
    assert_eq!(union["discriminator"]["propertyName"], tag);
    for (value, reference) in union["discriminator"]["mapping"].as_object().unwrap() {
        let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
        let variant = &components[name];
        assert_eq!(variant["properties"][tag]["enum"], json!([value]));
        for field in always {
            let required = variant["required"].as_array().unwrap();
            assert!(required.contains(&json!(field)), "{name}: {field}");
        }
    }
}

/// The names of the fields that an answer always has.
fn required<T: PartialSchema>() -> BTreeSet<String> {
    serde_json::from_value(schema::<T>()["required"].clone()).unwrap()
}

fn fields(projection: &impl Serialize) -> BTreeSet<String> {
    let value = serde_json::to_value(projection).unwrap();
    value.as_object().unwrap().keys().cloned().collect()
}
