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

/// The same for a block, whose length is a constant: without a way out of the loop, all of its
/// bytes are looked at at once. Inlined, because that is less than the call.
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
            for at in 0..length {
                bytes[at] = b'b';
                assert!(!all(&bytes, |byte| byte == b'a'), "{at} of {length}");
                bytes[at] = b'a';
            }
        }
    }
}
