//! Where an engine's reply goes, and how much of it at once.

use std::fmt;
use std::sync::Arc;

use super::{OutputClosed, Remark};
use crate::limits::DELTAS_AT_ONCE;
use crate::sync;

/// Where a run's reply goes. A clone is cheap, and writes to the same reply.
#[derive(Clone)]
pub struct Output {
    hearer: Arc<dyn Hearer>,
}

/// Who hears what an engine says.
pub(crate) trait Hearer: Send + Sync {
    /// Appends these texts to the reply, each as a delta of its own, until it takes no more.
    fn say(&self, texts: &[&str]) -> Result<(), OutputClosed>;

    /// Notes what is no part of the reply.
    fn remark(&self, remark: Remark);
}

impl Output {
    /// An output that gives each pushed text to `sink`: for testing an engine without
    /// a runtime.
    pub fn new(sink: impl Fn(&str) -> Result<(), OutputClosed> + Send + Sync + 'static) -> Self {
        Self::to(Arc::new(Sink(sink)))
    }

    pub(crate) fn to(hearer: Arc<dyn Hearer>) -> Self {
        Self { hearer }
    }

    /// The same output, which also gives each remark to `remarks`; without it, remarks
    /// are lost.
    #[must_use]
    pub fn with_remarks(self, remarks: impl Fn(Remark) + Send + Sync + 'static) -> Self {
        Self::to(Arc::new(Remarked {
            output: self,
            remarks,
        }))
    }

    /// Says something about the run that is no part of its reply. Once the run has begun
    /// to end, nobody hears it.
    pub fn remark(&self, remark: Remark) {
        self.hearer.remark(remark);
    }

    /// Appends `text` to the reply, and lets other tasks run now and then, so that an
    /// engine that pushes without end can be cancelled.
    ///
    /// # Errors
    /// [`OutputClosed`] when the run takes no more text: it was cancelled, has ended, or
    /// its output is full. The engine should return; nothing that it pushes is kept.
    ///
    /// # Cancellation
    /// `text` is appended whole or, if the future is dropped before it was polled, not
    /// at all.
    pub async fn push(&self, text: &str) -> Result<(), OutputClosed> {
        self.push_all(&[text]).await
    }

    /// Appends each of `texts` to the reply, as [`push`](Self::push) would one after the other,
    /// but some of them in one step: for an engine that has several ready. Readers still get an
    /// event for each.
    ///
    /// # Errors
    /// As for [`push`](Self::push). The texts of the steps before are kept.
    ///
    /// # Cancellation
    /// Takes effect between two steps. A future that is dropped has appended the texts of the
    /// steps that were taken.
    pub async fn push_all(&self, texts: &[&str]) -> Result<(), OutputClosed> {
        for step in texts.chunks(DELTAS_AT_ONCE) {
            let pushed = self.hearer.say(step);
            sync::cooperate().await;
            pushed?;
        }
        Ok(())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

/// Hears a reply and no remarks.
struct Sink<F>(F);

impl<F: Fn(&str) -> Result<(), OutputClosed> + Send + Sync> Hearer for Sink<F> {
    fn say(&self, texts: &[&str]) -> Result<(), OutputClosed> {
        texts.iter().try_for_each(|text| self.0(text))
    }

    fn remark(&self, _: Remark) {}
}

/// Hears the remarks on the way to an output.
struct Remarked<F> {
    output: Output,
    remarks: F,
}

impl<F: Fn(Remark) + Send + Sync> Hearer for Remarked<F> {
    fn say(&self, texts: &[&str]) -> Result<(), OutputClosed> {
        self.output.hearer.say(texts)
    }

    fn remark(&self, remark: Remark) {
        (self.remarks)(remark);
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;

    use super::*;

    /// Notes how many texts come in each step, and takes no more after some steps.
    struct Steps {
        seen: Mutex<Vec<usize>>,
        most: usize,
    }

    impl Hearer for Steps {
        fn say(&self, texts: &[&str]) -> Result<(), OutputClosed> {
            let mut seen = self.seen.lock().unwrap();
            seen.push(texts.len());
            (seen.len() <= self.most).then_some(()).ok_or(OutputClosed)
        }

        fn remark(&self, _: Remark) {}
    }

    #[test]
    fn many_texts_are_pushed_in_steps_until_the_output_is_closed() {
        let texts = ["x"; 2 * DELTAS_AT_ONCE + 1];
        for (most, expected) in [
            (3, &[DELTAS_AT_ONCE, DELTAS_AT_ONCE, 1][..]),
            (1, &[DELTAS_AT_ONCE, DELTAS_AT_ONCE]),
        ] {
            let steps = Arc::new(Steps {
                seen: Mutex::default(),
                most,
            });
            let output = Output::to(steps.clone());
            let pushed = output.push_all(&texts).now_or_never().unwrap();
            assert_eq!(pushed.is_ok(), most == 3);
            assert_eq!(*steps.seen.lock().unwrap(), expected);
        }
    }
}
