//! Log output on standard error, one line per event, as JSON or text. Lines written during a request carry its request
//! id. The id comes from a task-local value. A tracing span per request would cost time for requests that log nothing.

use std::fmt;
use std::io::IsTerminal;

use anyhow::{Context, Result};
use strongroom::request;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::settings::{LogFormat, LogSettings};

pub(crate) fn start(log: &LogSettings) -> Result<()> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter(log)?).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => builder.json().map_event_format(|json| OfRequest(json.flatten_event(true))).init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_timer(TimeAndRequest).init(),
    }
    Ok(())
}

/// Checks the filter without starting the log.
pub(crate) fn check(log: &LogSettings) -> Result<()> {
    filter(log).map(drop)
}

fn filter(log: &LogSettings) -> Result<EnvFilter> {
    EnvFilter::try_new(&log.filter).context("log.filter must be like `info` or `info,strongroom=debug`")
}

/// JSON format with the request id as the first member.
struct OfRequest(Format<Json>);

impl<S, N> FormatEvent<S, N> for OfRequest
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(id) = request::current() else { return self.0.format_event(context, writer, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        // Request ids contain no character that JSON must escape.
        write!(writer, "{{\"request_id\":\"{id}\",{}", line.strip_prefix('{').ok_or(fmt::Error)?)
    }
}

/// Text format: each line begins with the time, followed by the request id.
struct TimeAndRequest;

impl FormatTime for TimeAndRequest {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(writer)?;
        request::current().map_or(Ok(()), |id| write!(writer, " request_id={id}"))
    }
}
