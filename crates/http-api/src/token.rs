//! Secrets that let a client in: the bearer token and session cookies.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

/// Bytes of a generated token: 256 bits, beyond any guessing.
const GENERATED_BYTES: usize = 32;
/// Fewest characters of a token that an operator sets: 128 bits in base64.
pub const TOKEN_MIN_CHARS: usize = 22;
/// Most characters of a token that an operator sets: well below the bound on a header.
pub const TOKEN_MAX_CHARS: usize = 512;

/// The secret of the bearer authorisation. It is compared in constant time, redacted in `Debug`,
/// and never serialised.
#[derive(Clone)]
pub struct Token(String);

/// Why a text can't be a token. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It could be guessed.
    #[error("too short: at least {TOKEN_MIN_CHARS} characters")]
    TooShort,
    /// It would not fit a header.
    #[error("too long: at most {TOKEN_MAX_CHARS} characters")]
    TooLong,
    /// A character can't stand in a bearer token (RFC 6750 §2.1).
    #[error("forbidden character")]
    ForbiddenCharacter,
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness(#[source] getrandom::Error);

/// As many random bytes from the operating system's generator, in base64.
pub(crate) fn random_text<const BYTES: usize>() -> Result<String, NoRandomness> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

impl Token {
    /// A fresh token of 256 bits from the operating system's generator.
    ///
    /// # Errors
    /// [`NoRandomness`] when it has none; a weaker token is never made.
    pub fn generate() -> Result<Self, NoRandomness> {
        random_text::<GENERATED_BYTES>().map(Self)
    }

    /// The secret itself: for the operator's terminal and the 0600 file, nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `presented` is this token, in time that depends on its length alone.
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(presented).into()
    }
}

impl FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        if text.len() < TOKEN_MIN_CHARS {
            return Err(InvalidToken::TooShort);
        }
        if text.len() > TOKEN_MAX_CHARS {
            return Err(InvalidToken::TooLong);
        }
        let unpadded = text.trim_end_matches('=');
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if unpadded.is_empty() || !unpadded.bytes().all(fits) {
            return Err(InvalidToken::ForbiddenCharacter);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_token_is_a_token_and_no_two_are_alike() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert!(one.reveal().parse::<Token>().is_ok());
        assert!(one.matches(one.reveal().as_bytes()));
        assert!(!one.matches(other.reveal().as_bytes()));
        assert!(!one.matches(&one.reveal().as_bytes()[..10]));
        assert!(!one.matches(b""));
    }

    #[test]
    fn a_token_that_differs_in_any_one_byte_does_not_match() {
        let generated = Token::generate().unwrap().reveal().len();
        for length in TOKEN_MIN_CHARS..=generated {
            let own = "x".repeat(length);
            let token: Token = own.parse().unwrap();
            assert!(token.matches(own.as_bytes()));
            for at in 0..length {
                let mut other = own.clone().into_bytes();
                other[at] ^= 1;
                assert!(!token.matches(&other), "{at} of {length}");
            }
            assert!(!token.matches("x".repeat(length + 1).as_bytes()));
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let token: Token = "correct-horse-battery-staple".parse().unwrap();
        assert_eq!(format!("{token:?}"), "Token(redacted)");
    }

    #[test]
    fn a_token_that_could_be_guessed_or_could_not_be_sent_is_refused() {
        let parse = |text: &str| text.parse::<Token>().map(|_| ());
        assert_eq!(parse("short"), Err(InvalidToken::TooShort));
        assert_eq!(parse(&"x".repeat(513)), Err(InvalidToken::TooLong));
        let spaced = "with spaces in it, which no header takes";
        assert_eq!(parse(spaced), Err(InvalidToken::ForbiddenCharacter));
        assert_eq!(
            parse(&"=".repeat(30)),
            Err(InvalidToken::ForbiddenCharacter)
        );
    }
}
