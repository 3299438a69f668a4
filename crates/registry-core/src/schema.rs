//! Schemas of the OpenAPI document that utoipa's derive cannot express.

use utoipa::openapi::schema::{Discriminator, Object, OneOf, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A named component of the OpenAPI document.
pub(crate) type Component = (String, RefOr<Schema>);

/// Implements utoipa's traits for a type that serialises as a text of bounded length.
macro_rules! text_schema {
    ($name:ident, $description:expr, $min:expr, $max:expr, $pattern:expr) => {
        $crate::schema::text_schema!($name, $description, $min, $max, $pattern, [] as [&str; 0]);
    };
    ($name:ident, $description:expr, $min:expr, $max:expr, $pattern:expr, $examples:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description($description)
                    .min_length(Some($min))
                    .max_length(Some($max))
                    .pattern(Some($pattern))
                    .examples($examples)
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use text_schema;

/// The schema of a type that is known to be an object.
pub(crate) fn object_schema<T: PartialSchema>() -> Object {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        RefOr::T(_) | RefOr::Ref(_) => panic!("not the schema of an object"),
    }
}

/// The schema of a tagged enum `T` whose variants stand beside the fields of `common`.
///
/// Each variant becomes a component of its own, named for its tag with `suffix` behind it, so
/// that client generators make one class of each and choose it by the discriminator.
pub(crate) fn tagged_union<T: ToSchema>(
    tag: &str,
    suffix: &str,
    common: &Object,
) -> (OneOf, Vec<Component>) {
    let RefOr::T(Schema::OneOf(derived)) = T::schema() else {
        panic!("{} is not an enum with data", T::name());
    };
    let mut union = OneOf::new();
    let mut discriminator = Discriminator::new(tag);
    let mut components = Vec::new();
    for variant in derived.items {
        let RefOr::T(Schema::Object(mut variant)) = variant else {
            panic!("a variant of {} is not an object", T::name());
        };
        let value = tag_value(&variant, tag);
        let name = format!("{}{suffix}", upper_camel_case(&value));
        variant.properties.extend(common.properties.clone());
        variant.required = [common.required.clone(), variant.required].concat();
        // The discriminator says that the tag is there. Of a tag that the variant requires as
        // well, openapi-generator's Rust client says that it is missing (its issue 22344).
        variant.required.retain(|field| field != tag);
        let reference = Ref::from_schema_name(&name);
        discriminator
            .mapping
            .insert(value, reference.ref_location.clone());
        union.items.push(reference.into());
        components.push((name, variant.into()));
    }
    union.discriminator = Some(discriminator);
    (union, components)
}

/// The only value that a variant allows for the tag.
fn tag_value(variant: &Object, tag: &str) -> String {
    let Some(RefOr::T(Schema::Object(property))) = variant.properties.get(tag) else {
        panic!("a variant without the property {tag}");
    };
    let value = property
        .enum_values
        .as_ref()
        .and_then(|values| values.first());
    let value = value.and_then(|value| value.as_str());
    value.expect("a tag is a text").to_owned()
}

fn upper_camel_case(snake_case: &str) -> String {
    let words = snake_case.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}
