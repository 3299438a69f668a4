//! What the schemas of ids, tokens and texts say to whoever generates a client of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

use crate::projection::tests::example::{detail, entry};
use crate::projection::{TranscriptEntry, WorkerDetail, WorkerEvent, WorkerSummary};
use crate::{
    Capability, CapabilitySet, Cursor, DisplayName, IdempotencyKey, PageToken, ProfileId, RunId,
    RuntimeId, WorkerId,
};

fn schema<T: JsonSchema>() -> Value {
    T::json_schema(&mut SchemaGenerator::default()).to_value()
}

/// Name, longest text and pattern.
fn text<T: JsonSchema>() -> (String, Value, String) {
    let schema = schema::<T>();
    assert_eq!(schema["type"], "string");
    let pattern = schema["pattern"].as_str().unwrap().to_owned();
    (
        T::schema_name().into_owned(),
        schema["maxLength"].clone(),
        pattern,
    )
}

#[test]
fn texts_are_named_bounded_and_spelled_as_their_parsers_want_them() {
    let slug = "^[a-z0-9][a-z0-9_-]*$";
    let expected = [
        (text::<RuntimeId>(), "RuntimeId", 64, slug),
        (text::<WorkerId>(), "WorkerId", 64, slug),
        (text::<RunId>(), "RunId", 64, slug),
        (
            text::<ProfileId>(),
            "ProfileId",
            64,
            "^[a-z0-9][a-z0-9_:.-]*$",
        ),
        (text::<IdempotencyKey>(), "IdempotencyKey", 128, "^[!-~]+$"),
        (text::<Cursor>(), "Cursor", 22, "^[A-Za-z0-9_-]{21}[AQgw]$"),
        (text::<PageToken>(), "PageToken", 256, "^[A-Za-z0-9_-]+$"),
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
    let set = schema::<CapabilitySet>();
    assert_eq!(
        (&set["type"], &set["uniqueItems"]),
        (&json!("array"), &json!(true))
    );
    assert_eq!(set["maxItems"], Capability::ALL.len());
    // It stands where it is used, and its elements under their name.
    assert!(CapabilitySet::inline_schema());
    assert_eq!(CapabilitySet::schema_name(), "CapabilitySet");
    assert!(
        set["items"]["$ref"]
            .as_str()
            .unwrap()
            .ends_with("/Capability")
    );
}

/// What is serialised by hand, too: the schema says what is always there.
#[test]
fn a_schema_requires_what_is_there_when_everything_else_is_absent() {
    let least = detail(Timestamp::UNIX_EPOCH, None);
    assert_eq!(required::<WorkerDetail>(), fields(&least));
    assert_eq!(required::<WorkerSummary>(), fields(&least.summary));
    let entry = entry(Timestamp::UNIX_EPOCH, "text", false);
    assert_eq!(required::<TranscriptEntry>(), fields(&entry));
}

/// The names of the fields that an answer always has.
fn required<T: JsonSchema>() -> BTreeSet<String> {
    let settings = SchemaSettings::default().for_serialize();
    let schema = T::json_schema(&mut settings.into_generator()).to_value();
    serde_json::from_value(schema["required"].clone()).unwrap()
}

fn fields(projection: &impl Serialize) -> BTreeSet<String> {
    let value = serde_json::to_value(projection).unwrap();
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn each_kind_of_event_is_a_whole_object_that_the_discriminator_names() {
    let mut components = Vec::new();
    <WorkerEvent as utoipa::ToSchema>::schemas(&mut components);
    let components: BTreeMap<_, _> = components.into_iter().collect();
    let union = serde_json::to_value(<WorkerEvent as utoipa::PartialSchema>::schema()).unwrap();
    assert_eq!(union["oneOf"].as_array().unwrap().len(), 5);
    assert_eq!(union["discriminator"]["propertyName"], "kind");
    for (kind, reference) in union["discriminator"]["mapping"].as_object().unwrap() {
        let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
        let variant = serde_json::to_value(&components[name]).unwrap();
        assert_eq!(variant["properties"]["kind"]["enum"], json!([kind]));
        for always in ["cursor", "at", "kind"] {
            let required = variant["required"].as_array().unwrap();
            assert!(required.contains(&json!(always)), "{name}: {always}");
        }
    }
}
