//! Profiles: the named instructions that a worker starts with.
//!
//! A profile is read from a small text: `key: value` lines, an empty line, and then the
//! instructions up to the end, which may be empty. The keys are `id` and `description`, and, if
//! wanted, `model`, `max_output_tokens` and `temperature`. Lines of `---` before and after the
//! keys may take the place of the empty line.
//!
//! ```text
//! id: team:reviewer
//! description: Reads a change and says what could break.
//!
//! You review changes …
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

mod error;
mod sampling;
#[cfg(test)]
mod tests;

pub use error::ProfileError;
pub use sampling::{Sampling, Temperature};

const BUILTIN_DEFAULT: &str = include_str!("../resources/default.profile");
const BUILTIN_COMPANION: &str = include_str!("../resources/companion.profile");

/// The longest name of a field, in characters: twice that of any there is.
const FIELD_NAME_MAX: usize = 40;

/// Names a profile: 1 to 64 characters of `a-z 0-9 - _ : .`, the first of them a
/// letter or a digit. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProfileId(Arc<str>);

impl ProfileId {
    /// The longest id, in characters.
    pub const MAX_LEN: usize = 64;

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProfileId {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_:.".contains(&byte)
        };
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts_well || text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(ProfileError::InvalidId);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Named instructions for a worker, and how its replies are made. A clone is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    id: ProfileId,
    description: Arc<str>,
    model: Option<Arc<str>>,
    sampling: Sampling,
    instructions: Arc<str>,
}

impl Profile {
    /// The profile's name.
    #[must_use]
    pub fn id(&self) -> &ProfileId {
        &self.id
    }

    /// The same profile with `namespace:` before its id, unless that begins so already.
    ///
    /// # Errors
    /// [`ProfileError::InvalidId`] when the id becomes too long.
    pub fn in_namespace(self, namespace: &str) -> Result<Self, ProfileError> {
        let name = self.id.as_str();
        let name = name
            .strip_prefix(namespace)
            .and_then(|rest| rest.strip_prefix(':'))
            .unwrap_or(name);
        let id = format!("{namespace}:{name}").parse()?;
        Ok(Self { id, ..self })
    }

    /// Its purpose, in a line for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The name of the model that its workers use unless they name another.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// How replies are made.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The instructions that precede the conversation; may be empty.
    #[must_use]
    pub fn instructions(&self) -> &Arc<str> {
        &self.instructions
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let (mut id, mut description, mut model) = (None, None, None);
        let (mut max_output_tokens, mut temperature) = (None, None);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let fenced = text.lines().next().is_some_and(is_fence);
        let (mut rest, mut line_number) = (text, 0);
        if fenced {
            rest = text.split_once('\n').map_or("", |(_, after)| after);
            line_number = 1;
        }
        loop {
            if fenced && rest.is_empty() {
                return Err(ProfileError::OpenHeader);
            }
            line_number += 1;
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            let blank = line.trim().is_empty();
            if is_fence(line) && fenced || blank && !fenced {
                break;
            }
            if blank {
                continue;
            }
            let field = line.split_once(':').filter(|(key, _)| is_field_name(key));
            let (key, value) = field.ok_or(ProfileError::NotAField { line: line_number })?;
            let field = match key {
                "id" => &mut id,
                "description" => &mut description,
                "model" => &mut model,
                "max_output_tokens" => &mut max_output_tokens,
                "temperature" => &mut temperature,
                _ => {
                    return Err(ProfileError::UnknownField {
                        line: line_number,
                        field: key.to_owned(),
                    });
                }
            };
            if field.replace(value.trim()).is_some() {
                return Err(ProfileError::RepeatedField {
                    line: line_number,
                    field: key.to_owned(),
                });
            }
        }
        let description = description.filter(|text| !text.is_empty());
        if model.is_some_and(str::is_empty) {
            return Err(ProfileError::InvalidModel);
        }
        let max_output_tokens = max_output_tokens.map(str::parse).transpose();
        Ok(Self {
            id: id.ok_or(ProfileError::NoId)?.parse()?,
            description: description.ok_or(ProfileError::NoDescription)?.into(),
            model: model.map(Into::into),
            sampling: Sampling {
                max_output_tokens: max_output_tokens
                    .map_err(|_| ProfileError::InvalidMaxOutputTokens)?,
                temperature: temperature.map(str::parse).transpose()?,
            },
            instructions: rest.trim().into(),
        })
    }
}

/// The text that it is read from.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "id: {}\ndescription: {}", self.id, self.description)?;
        if let Some(model) = &self.model {
            writeln!(f, "model: {model}")?;
        }
        if let Some(tokens) = self.sampling.max_output_tokens {
            writeln!(f, "max_output_tokens: {tokens}")?;
        }
        if let Some(temperature) = self.sampling.temperature {
            writeln!(f, "temperature: {:.2}", temperature.as_f64())?;
        }
        write!(f, "\n{}", self.instructions)
    }
}

/// The line before and after a header that is set off by such lines.
fn is_fence(line: &str) -> bool {
    line.trim_end() == "---"
}

/// Whether `key` can be the name of a field, which errors show. What is before a colon in any other line
/// may be a part of the instructions.
fn is_field_name(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=FIELD_NAME_MAX).contains(&key.len()) && key.bytes().all(allowed)
}

/// The profiles that a runtime offers, and the one it takes when none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSet {
    default: Profile,
    others: Vec<Profile>,
}

impl ProfileSet {
    /// The set of `default` and `others`.
    ///
    /// # Errors
    /// [`ProfileError::DuplicateId`] when two of them have the same id.
    pub fn new(
        default: Profile,
        others: impl IntoIterator<Item = Profile>,
    ) -> Result<Self, ProfileError> {
        let mut set = Self {
            default,
            others: Vec::new(),
        };
        set.extend(others)?;
        Ok(set)
    }

    /// Adds profiles after those that are there.
    ///
    /// # Errors
    /// [`ProfileError::DuplicateId`] at the first whose id is there already.
    pub fn extend(
        &mut self,
        others: impl IntoIterator<Item = Profile>,
    ) -> Result<(), ProfileError> {
        for profile in others {
            if self.get(profile.id.as_str()).is_some() {
                return Err(ProfileError::DuplicateId { id: profile.id });
            }
            self.others.push(profile);
        }
        Ok(())
    }

    /// The profiles compiled into this crate: `builtin:default` and `builtin:companion`.
    #[must_use]
    pub fn builtin() -> Self {
        let read = |text: &str| {
            text.parse::<Profile>()
                .expect("the compiled-in profiles parse: a test reads them")
        };
        Self {
            default: read(BUILTIN_DEFAULT),
            others: vec![read(BUILTIN_COMPANION)],
        }
    }

    /// The profile of a worker that names none.
    #[must_use]
    pub fn default_profile(&self) -> &Profile {
        &self.default
    }

    /// The profile with exactly this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Profile> {
        self.iter().find(|profile| profile.id.as_str() == id)
    }

    /// All profiles, the default one first.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        std::iter::once(&self.default).chain(&self.others)
    }
}

impl Default for ProfileSet {
    fn default() -> Self {
        Self::builtin()
    }
}
