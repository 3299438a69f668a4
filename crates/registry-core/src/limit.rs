//! Limits as clients see them: a name, a unit, a number.

use serde::{Deserialize, Serialize};

use crate::text::FixedText;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LimitUnit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
}

/// One named bound of a runtime or of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Limit {
    /// Stable, in snake_case; the name that `capacity_exhausted` gives.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub name: FixedText,
    /// What `value` counts.
    pub unit: LimitUnit,
    /// The bound, in that unit.
    pub value: u64,
}

impl Limit {
    /// A limit named by us.
    pub fn new(name: &'static str, unit: LimitUnit, value: u64) -> Self {
        Self {
            name: FixedText::new(name),
            unit,
            value,
        }
    }
}
