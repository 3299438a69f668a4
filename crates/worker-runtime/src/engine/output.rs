//! The output to which an engine pushes its reply.

use std::fmt;
use std::sync::Arc;

use crate::run::Report;
use crate::sync;

/// The run takes no more text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run takes no more output")]
pub struct OutputClosed;

/// The output of a run. A clone is cheap, and writes to the same reply.
#[derive(Clone)]
pub struct Output {
    sink: Arc<dyn OutputSink>,
}

/// Receives what an engine pushes and reports.
pub(crate) trait OutputSink: Send + Sync {
    /// Appends `text` to the reply.
    fn write(&self, text: &str) -> Result<(), OutputClosed>;

    /// Whether readers wait for what is written.
    fn has_readers(&self) -> bool;

    /// Appends `text` to the reasoning.
    fn write_reasoning(&self, text: &str) -> Result<(), OutputClosed>;

    /// Records something about the run.
    fn report(&self, report: Report);
}

impl Output {
    /// An output that gives each pushed text to `sink`, and drops reasoning and reports: for
    /// testing an engine without a runtime.
    pub fn new(sink: impl Fn(&str) -> Result<(), OutputClosed> + Send + Sync + 'static) -> Self {
        Self::from_sink(Arc::new(FnSink(sink)))
    }

    pub(crate) fn from_sink(sink: Arc<dyn OutputSink>) -> Self {
        Self { sink }
    }

    /// The same output, with each report given to `on_report` instead.
    #[must_use]
    pub fn with_reports(self, on_report: impl Fn(Report) + Send + Sync + 'static) -> Self {
        Self::from_sink(Arc::new(ReportSink {
            output: self,
            on_report,
        }))
    }

    /// Reports something about the run that is no part of its reply. It is dropped once the run
    /// has begun to end. A retry is an event; where there are no bytes left for it, the run ends.
    pub fn report(&self, report: impl Into<Report>) {
        self.sink.report(report.into());
    }

    /// Appends `text` to the reply, and yields: to readers that wait for it, and now and then, so
    /// that an engine that pushes without end can be cancelled.
    ///
    /// # Errors
    /// [`OutputClosed`] when the run takes no more text: it was cancelled, has ended,
    /// its output is full, or there are no bytes left for it. The engine should return; nothing that it pushes is kept.
    ///
    /// # Cancellation
    /// `text` is appended whole or, if the future is dropped before it was polled, not
    /// at all.
    pub async fn push(&self, text: &str) -> Result<(), OutputClosed> {
        let appended = self.append(text);
        self.let_readers_run().await;
        appended
    }

    /// Appends `text` to the reply without yielding: for an engine that waits for something else right
    /// after, and so lets readers run anyway.
    ///
    /// # Errors
    /// As with [`push`](Self::push).
    pub fn append(&self, text: &str) -> Result<(), OutputClosed> {
        self.sink.write(text)
    }

    /// Appends `text` to the model's reasoning, which readers see beside the reply, and yields as
    /// [`push`](Self::push) does. What exceeds [`Limits::reasoning_bytes`](crate::Limits) is dropped.
    /// An empty text shows readers that the model reasons, and nothing of what.
    ///
    /// # Errors
    /// [`OutputClosed`] when the run takes nothing more.
    ///
    /// # Cancellation
    /// As with [`push`](Self::push).
    pub async fn push_reasoning(&self, text: &str) -> Result<(), OutputClosed> {
        let appended = self.append_reasoning(text);
        self.let_readers_run().await;
        appended
    }

    /// Appends `text` to the model's reasoning without yielding, as [`append`](Self::append) does to
    /// the reply.
    ///
    /// # Errors
    /// As with [`push_reasoning`](Self::push_reasoning).
    pub fn append_reasoning(&self, text: &str) -> Result<(), OutputClosed> {
        self.sink.write_reasoning(text)
    }

    async fn let_readers_run(&self) {
        if self.sink.has_readers() {
            // tokio runs a task that was just woken on this thread next, where no other thread can
            // take it: an engine that goes on to compute would hold that reader up.
            sync::yield_now().await;
        } else {
            sync::cooperate().await;
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

struct FnSink<F>(F);

impl<F: Fn(&str) -> Result<(), OutputClosed> + Send + Sync> OutputSink for FnSink<F> {
    fn write(&self, text: &str) -> Result<(), OutputClosed> {
        self.0(text)
    }

    fn has_readers(&self) -> bool {
        false
    }

    fn write_reasoning(&self, _: &str) -> Result<(), OutputClosed> {
        Ok(())
    }

    fn report(&self, _: Report) {}
}

struct ReportSink<F> {
    output: Output,
    on_report: F,
}

impl<F: Fn(Report) + Send + Sync> OutputSink for ReportSink<F> {
    fn write(&self, text: &str) -> Result<(), OutputClosed> {
        self.output.sink.write(text)
    }

    fn has_readers(&self) -> bool {
        self.output.sink.has_readers()
    }

    fn write_reasoning(&self, text: &str) -> Result<(), OutputClosed> {
        self.output.sink.write_reasoning(text)
    }

    fn report(&self, report: Report) {
        (self.on_report)(report);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::run::RunDiagnostic;

    #[cfg(not(feature = "shuttle"))]
    #[tokio::test]
    async fn text_and_reasoning_go_on_to_the_output_behind_reports() {
        let written = Arc::new(Mutex::new(String::new()));
        let text = Arc::clone(&written);
        let output = Output::new(move |pushed| {
            text.lock().unwrap().push_str(pushed);
            Ok(())
        });
        let output = output.with_reports(drop);
        assert_eq!(output.push_reasoning("hm").await, Ok(()));
        assert_eq!(output.push("hello").await, Ok(()));
        assert_eq!(*written.lock().unwrap(), "hello");
    }

    #[test]
    fn a_report_reaches_its_callback_and_nobody_else() {
        let reported = Arc::new(Mutex::new(Vec::new()));
        let reports = Arc::clone(&reported);
        let output = Output::new(|_| Ok(()));
        output.report(RunDiagnostic::ReplyCutShort);
        let output = output.with_reports(move |report| reports.lock().unwrap().push(report));
        let truncated = RunDiagnostic::ContextTruncated { entries: 3 };
        output.report(truncated);
        assert_eq!(*reported.lock().unwrap(), [truncated.into()]);
        assert_eq!(format!("{output:?}"), "Output { .. }");
    }
}
