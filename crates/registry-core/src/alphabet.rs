//! Whether a text keeps to an alphabet, found several bytes at a time.

/// Bytes that are looked at in one step.
const BLOCK: usize = 16;
/// The same for a text that is shorter.
const HALF: usize = BLOCK / 2;

/// Whether each of the bytes is allowed.
#[inline]
pub(crate) fn all(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> bool {
    // Without a way out of the loop, all bytes of a block are looked at at once.
    let whole = |block: &[u8]| block.iter().fold(true, |all, byte| all & allowed(*byte));
    // The last block reaches back into the one before it.
    if let Some(last) = bytes.last_chunk::<BLOCK>() {
        let (blocks, _) = bytes.as_chunks::<BLOCK>();
        whole(last) && blocks.iter().all(|block| whole(block))
    } else if let (Some(first), Some(last)) =
        (bytes.first_chunk::<HALF>(), bytes.last_chunk::<HALF>())
    {
        whole(first) & whole(last)
    } else {
        whole(bytes)
    }
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
