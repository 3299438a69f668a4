//! Entity tags of responses: equal for as long as nothing has changed (RFC 9110 §8.8.3).

use std::fmt;

use http::HeaderValue;
use twox_hash::XxHash3_128;

/// A weak entity tag, made of a response's content: the server promises equal content, not equal
/// bytes.
pub(crate) struct EntityTag(u128);

impl EntityTag {
    /// The tag of this content. The hash is fast rather than unforgeable: whoever makes two lists with
    /// the same one deceives readers of what he names himself, until the next change.
    pub(crate) fn of(content: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(content))
    }

    /// Whether a value of `If-None-Match` names it.
    pub(crate) fn is_named_in(&self, field: &[u8]) -> bool {
        names(field, format!("\"{:032x}\"", self.0).as_bytes())
    }

    /// The value of `ETag`.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("it has visible ASCII characters alone")
    }
}

/// Whether a value of `If-None-Match` names the tag `opaque`, quotes included, by weak comparison, or
/// is `*`. What can't be parsed names nothing.
pub(crate) fn names(field: &[u8], opaque: &[u8]) -> bool {
    let mut rest = field.trim_ascii();
    if rest == b"*" {
        return true;
    }
    let mut is_named = false;
    // A tag may contain commas, so the list can't be split at them; empty members count for
    // nothing (RFC 9110 §5.6.1).
    while let Some(start) = rest.iter().position(|byte| !b", \t".contains(byte)) {
        let member = &rest[start..];
        let member = member.strip_prefix(b"W/").unwrap_or(member);
        let Some(unquoted) = member.strip_prefix(b"\"") else {
            return false;
        };
        let Some(length) = unquoted.iter().position(|byte| *byte == b'"') else {
            return false;
        };
        let (tag, more) = member.split_at(length + 2);
        let more = more.trim_ascii_start();
        if !(more.is_empty() || more.starts_with(b",")) {
            return false;
        }
        is_named |= tag == opaque;
        rest = more;
    }
    is_named
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W/\"{:032x}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_is_found_in_any_list_that_names_it_and_in_no_other() {
        let tag = EntityTag::of(b"content");
        let weak = tag.to_string();
        let strong = weak.trim_start_matches("W/");
        for names in [
            weak.clone(),
            strong.to_owned(),
            format!("\"a,b\" ,\t,W/\"\",{weak}"),
            format!(" {weak} , \"other\""),
            "*".to_owned(),
            " * ".to_owned(),
        ] {
            assert!(tag.is_named_in(names.as_bytes()), "{names}");
        }
        let opaque = strong.trim_matches('"');
        for names_not in [
            String::new(),
            ",".to_owned(),
            opaque.to_owned(),
            format!("\"{opaque}"),
            format!("w/{strong}"),
            format!("\"x{opaque}\""),
            format!("\"a,{weak},b\""),
            format!("x, {weak}"),
            format!("{weak}x"),
            format!("{weak}, x"),
            format!("{weak} {weak}"),
            format!("*, {opaque}"),
            EntityTag::of(b"other").to_string(),
        ] {
            assert!(!tag.is_named_in(names_not.as_bytes()), "{names_not}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_asked_about(field: Vec<u8>, content: Vec<u8>) {
            let tag = EntityTag::of(&content);
            let _ = tag.is_named_in(&field);
            let mut list = field.clone();
            list.retain(|byte| *byte != b'"');
            let list = [b"\"", list.as_slice(), b"\", ", tag.to_string().as_bytes()].concat();
            prop_assert!(tag.is_named_in(&list));
        }
    }
}
