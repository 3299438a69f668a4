//! How the replies of a profile's workers are made.

use std::num::NonZeroU32;
use std::str::FromStr;

use super::ProfileError;

/// How replies are made, as far as a profile says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sampling {
    /// Tokens of a reply at most.
    pub max_output_tokens: Option<NonZeroU32>,
    /// How much the words vary.
    pub temperature: Option<Temperature>,
}

/// A sampling temperature from 0 to 2, in steps of a hundredth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Temperature {
    hundredths: u8,
}

impl Temperature {
    /// The highest that a provider accepts.
    const MAX_HUNDREDTHS: u8 = 200;

    /// The temperature as a number.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }
}

impl FromStr for Temperature {
    type Err = ProfileError;

    /// A decimal number with at most two digits after the point.
    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 1 || fraction.len() > 2 {
            return Err(ProfileError::InvalidTemperature);
        }
        let hundredths = format!("{whole}{fraction:0<2}").parse();
        let hundredths = hundredths.ok().filter(|it| *it <= Self::MAX_HUNDREDTHS);
        let hundredths = hundredths.ok_or(ProfileError::InvalidTemperature)?;
        Ok(Self { hundredths })
    }
}
