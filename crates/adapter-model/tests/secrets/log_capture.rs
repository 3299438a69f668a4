//! Captures everything that a process logs through `tracing` and `log`, and its panics.

use std::fmt::{Debug, Write as _};
use std::panic;
use std::sync::{Arc, Mutex};

use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

#[derive(Clone, Default)]
pub(crate) struct LogCapture {
    /// Targets and texts.
    logs: Arc<Mutex<Vec<(String, String)>>>,
    panics: Arc<Mutex<String>>,
}

impl LogCapture {
    /// Captures the whole process, at every level.
    pub(crate) fn install() -> Self {
        let capture = Self::default();
        let subscriber = tracing_subscriber::registry().with(capture.clone());
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log::set_boxed_logger(Box::new(capture.clone())).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let panics = Arc::clone(&capture.panics);
        panic::set_hook(Box::new(move |panic| {
            let _ = write!(panics.lock().unwrap(), "{panic}");
        }));
        capture
    }

    pub(crate) fn logs(&self) -> Vec<(String, String)> {
        self.logs.lock().unwrap().clone()
    }

    pub(crate) fn panics(&self) -> String {
        self.panics.lock().unwrap().clone()
    }

    fn record(&self, target: &str, text: String) {
        self.logs.lock().unwrap().push((target.to_owned(), text));
    }
}

/// All fields of an event or a span.
#[derive(Default)]
struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogCapture {
    fn on_new_span(
        &self,
        span: &tracing::span::Attributes<'_>,
        _: &tracing::Id,
        _: Context<'_, S>,
    ) {
        let mut fields = Fields::default();
        span.record(&mut fields);
        self.record(span.metadata().target(), fields.0);
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.record(event.metadata().target(), fields.0);
    }
}

impl log::Log for LogCapture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.record(record.target(), record.args().to_string());
    }

    fn flush(&self) {}
}
