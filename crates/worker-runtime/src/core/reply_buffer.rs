//! The growing reply of a run in progress.

use std::mem;
use std::sync::Arc;

/// Text that grows at its end and can be copied cheaply at any time: all but the last
/// few kilobytes are shared with the copies.
#[derive(Debug, Default)]
pub(super) struct ReplyBuffer {
    sealed: Vec<Arc<str>>,
    tail: String,
    sealed_bytes: usize,
}

/// About the most bytes that [`ReplyBuffer::pieces`] has to copy: few enough to do so under a
/// lock, and enough that the shared pieces of a reply are few.
const TAIL_BYTES: usize = 16 * 1024;

impl ReplyBuffer {
    pub(super) fn len(&self) -> usize {
        self.sealed_bytes + self.tail.len()
    }

    pub(super) fn push(&mut self, text: &str) {
        self.tail.push_str(text);
        if self.tail.len() >= TAIL_BYTES {
            self.sealed_bytes += self.tail.len();
            self.sealed.push(mem::take(&mut self.tail).into());
        }
    }

    /// The text so far, in pieces that the caller joins.
    pub(super) fn pieces(&self) -> Vec<Arc<str>> {
        let tail = (!self.tail.is_empty()).then(|| self.tail.as_str().into());
        self.sealed.iter().cloned().chain(tail).collect()
    }

    /// The whole text; none if there is none.
    pub(super) fn text(&self) -> Option<Arc<str>> {
        match (self.sealed.is_empty(), self.tail.is_empty()) {
            (true, true) => None,
            (true, false) => Some(self.tail.as_str().into()),
            (false, _) => Some(self.pieces().concat().into()),
        }
    }

    /// The text from this offset in bytes on; none if there is none. The offset is one that
    /// [`len`](Self::len) returned before.
    pub(super) fn text_after(&self, offset: usize) -> Option<String> {
        let mut skip = offset;
        let mut text = String::new();
        for piece in self
            .sealed
            .iter()
            .map(|piece| &**piece)
            .chain([&*self.tail])
        {
            text.push_str(&piece[skip.min(piece.len())..]);
            skip = skip.saturating_sub(piece.len());
        }
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_reply_has_no_text() {
        let reply = ReplyBuffer::default();
        assert_eq!((reply.len(), reply.pieces()), (0, vec![]));
        assert_eq!((reply.text(), reply.text_after(0)), (None, None));
    }

    #[test]
    fn a_long_reply_keeps_its_text_and_shares_all_but_the_end() {
        let mut reply = ReplyBuffer::default();
        let mut whole = String::new();
        for number in 0..20_000 {
            let text = format!("{number}é ");
            let before = reply.len();
            reply.push(&text);
            assert_eq!(reply.text_after(before), Some(text.clone()));
            whole.push_str(&text);
        }
        assert_eq!(reply.text_after(reply.len()), None);
        for offset in [0, 1, TAIL_BYTES, TAIL_BYTES + 10].map(|it| whole.ceil_char_boundary(it)) {
            assert_eq!(reply.text_after(offset).as_deref(), Some(&whole[offset..]));
        }
        assert_eq!(reply.len(), whole.len());

        let (first, second) = (reply.pieces(), reply.pieces());
        assert_eq!(first.concat(), whole);
        let shared = first.len() - 1;
        assert!(
            first[..shared]
                .iter()
                .zip(&second)
                .all(|(a, b)| Arc::ptr_eq(a, b))
        );
        assert!(first[shared].len() < TAIL_BYTES);
        assert_eq!(reply.text().as_deref(), Some(whole.as_str()));
    }
}
