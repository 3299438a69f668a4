//! Why profiles are refused.

use super::ProfileId;

/// Why a profile, or a set of them, can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// There is no id.
    #[error("profile has no id")]
    NoId,
    /// The id is empty or too long, or has a character that ids don't have.
    #[error(
        "profile id is invalid: it must be 1 to 64 of a-z, 0-9, `-`, `_`, `:` and `.`, and begin with a \
         letter or a digit"
    )]
    InvalidId,
    /// The header begins with `---` and no such line ends it.
    #[error("profile header has no `---` at its end")]
    OpenHeader,
    /// A line before the instructions isn't `key: value`.
    #[error("line {line} of the profile is not `field: value`")]
    NotAField {
        /// Which line, counted from 1.
        line: usize,
    },
    /// A field that profiles don't have.
    #[error("line {line} of the profile has the unknown field `{field}`")]
    UnknownField {
        /// Which line, counted from 1.
        line: usize,
        /// The field's name: letters, digits, `-` and `_`.
        field: String,
    },
    /// A field is given twice.
    #[error("line {line} of the profile repeats the field `{field}`")]
    RepeatedField {
        /// Which line, counted from 1.
        line: usize,
        /// The field's name.
        field: String,
    },
    /// The description is missing or empty.
    #[error("profile has no description")]
    NoDescription,
    /// The model's name is empty.
    #[error("profile names an empty model")]
    InvalidModel,
    /// The limit of output tokens is not a number from 1 to `u32::MAX`.
    #[error("profile has an invalid max_output_tokens: it must be a whole number from 1")]
    InvalidMaxOutputTokens,
    /// The temperature is not a number from 0 to 2.
    #[error("profile has an invalid temperature: it must be from 0 to 2, like 0.7")]
    InvalidTemperature,
    /// Two profiles of a set have the same id.
    #[error("profile {id} is there twice")]
    DuplicateId {
        /// The id that both have.
        id: ProfileId,
    },
}
