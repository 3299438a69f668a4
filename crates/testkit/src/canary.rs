//! Searching for planted secrets.

/// Characters that a failure quotes on each side of what was found.
const QUOTED_BYTES: usize = 120;

/// Panics when one of `secrets` is part of `text`, in upper or lower case.
#[track_caller]
pub fn assert_absent(place: &str, text: &str, secrets: &[impl AsRef<str>]) {
    let lower = text.to_lowercase();
    for secret in secrets {
        let secret = secret.as_ref().to_lowercase();
        if let Some(at) = lower.find(&secret) {
            let from = lower.floor_char_boundary(at.saturating_sub(QUOTED_BYTES));
            let to = lower.ceil_char_boundary(at + secret.len() + QUOTED_BYTES);
            panic!("{secret} in {place}: {}", &lower[from..to]);
        }
    }
}
