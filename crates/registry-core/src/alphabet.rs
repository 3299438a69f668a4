//! Whether a text keeps to an alphabet, found several bytes at a time.

/// Bytes that are looked at in one step.
const BLOCK: usize = 16;
/// The same for a text that is shorter.
const HALF: usize = BLOCK / 2;

/// Whether each of the bytes is allowed.
#[inline]
pub(crate) fn all(bytes: &[u8], allowed: impl Fn(u8) -> bool + Copy) -> bool {
    let halves = (bytes.first_chunk::<HALF>(), bytes.last_chunk::<HALF>());
    match (bytes.last_chunk::<BLOCK>(), halves) {
        // The last block reaches back into the one before it.
        (Some(last), _) => {
            let (blocks, _) = bytes.as_chunks::<BLOCK>();
            whole(last, allowed) && blocks.iter().all(|block| whole(block, allowed))
        }
        (None, (Some(first), Some(last))) => whole(first, allowed) && whole(last, allowed),
        (None, _) => bytes.iter().all(|byte| allowed(*byte)),
    }
}

/// Where the first byte is that is not allowed.
pub(crate) fn first_foreign(bytes: &[u8], allowed: impl Fn(u8) -> bool + Copy) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let kept = blocks.iter().take_while(|block| whole(block, allowed));
    let before = kept.count() * BLOCK;
    let after = bytes[before..].iter().position(|byte| !allowed(*byte));
    after.map(|at| before + at)
}

/// Whether all bytes of a block are allowed. Its length is a constant: without a way out of the
/// loop, all of them are looked at at once. Inlined, because that is less than the call.
#[inline(always)]
fn whole<const BYTES: usize>(block: &[u8; BYTES], allowed: impl Fn(u8) -> bool) -> bool {
    block.iter().fold(true, |all, byte| all & allowed(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_foreign_byte_is_found_wherever_it_stands() {
        for length in 0..=3 * BLOCK {
            let mut bytes = vec![b'a'; length];
            assert!(all(&bytes, |byte| byte == b'a'), "{length}");
            assert_eq!(first_foreign(&bytes, |byte| byte == b'a'), None);
            for at in 0..length {
                bytes[at] = b'b';
                assert!(!all(&bytes, |byte| byte == b'a'), "{at} of {length}");
                assert_eq!(first_foreign(&bytes, |byte| byte == b'a'), Some(at));
                bytes[at] = b'a';
            }
        }
    }
}
