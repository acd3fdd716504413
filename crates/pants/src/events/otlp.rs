//! A run as spans for a collector of OpenTelemetry: OTLP over HTTP, in JSON. Where it is and what it wants to be told are
//! the variables of the OpenTelemetry specification.

use std::collections::BTreeMap;
use std::time::Duration;

use packaging::index::Post;
use serde_json::{Value, json};

use super::{End, Event, How, Line, Phase, Started, moment};
use crate::environment::Environment;

/// How long the end of a run waits for a collector.
const LIMIT: Duration = Duration::from_secs(2);
/// `SPAN_KIND_INTERNAL` of the protocol.
const INTERNAL: u8 = 1;
/// `STATUS_CODE_ERROR` of the protocol.
const ERROR: u8 = 2;

/// Where spans go.
#[derive(Debug)]
pub(super) struct Collector {
    url: String,
    headers: Vec<(String, String)>,
    service: String,
    /// What is said of the resource besides its name.
    attributes: Vec<(String, String)>,
    /// The trace and the span that the run belongs to (W3C Trace Context).
    parent: Option<(String, String)>,
    variables: BTreeMap<String, String>,
}

impl Collector {
    /// The collector that the variables name, if they name one.
    pub(super) fn of(environment: &Environment) -> Option<Collector> {
        if environment.get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return None;
        }
        // What is sent is JSON; whoever wants gRPC, or none of it, has somebody else tell.
        let exporter = environment.get("OTEL_TRACES_EXPORTER");
        if exporter.is_some_and(|names| !names.split(',').any(|name| name.trim() == "otlp")) {
            return None;
        }
        let general = |name: &str| environment.get(&format!("OTEL_EXPORTER_OTLP_{name}"));
        let of_traces = |name: &str| environment.get(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
        if of_traces("PROTOCOL").or_else(|| general("PROTOCOL")) == Some("grpc") {
            return None;
        }
        let whole = of_traces("ENDPOINT").map(ToOwned::to_owned);
        let url =
            whole.or_else(|| Some(format!("{}/v1/traces", general("ENDPOINT")?.trim_end_matches('/'))))?;
        let pairs = |text: Option<&str>| -> Vec<(String, String)> {
            let parts = text.unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
            parts.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect()
        };
        Some(Collector {
            url,
            headers: pairs(of_traces("HEADERS").or_else(|| general("HEADERS"))),
            service: environment.get("OTEL_SERVICE_NAME").unwrap_or("pants").to_owned(),
            attributes: pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES")),
            parent: environment.get("TRACEPARENT").and_then(parent),
            variables: environment.variables.clone(),
        })
    }

    /// Where it is.
    pub(super) fn address(&self) -> &str {
        &self.url
    }

    /// Sends the spans of a run.
    ///
    /// # Errors
    /// Why they did not arrive, for people.
    pub(super) fn send(&self, started: &Started, lines: &[Line]) -> Result<(), String> {
        let body = self.spans(started, lines).to_string();
        let kind = ("Content-Type".to_owned(), "application/json".to_owned());
        let headers: Vec<_> = self.headers.iter().cloned().chain([kind]).collect();
        let post = Post { url: &self.url, headers: &headers, body: body.as_bytes(), limit: LIMIT };
        post.send(&self.variables)
    }

    /// An `ExportTraceServiceRequest`.
    fn spans(&self, started: &Started, lines: &[Line]) -> Value {
        let identity = blake3::hash(format!("{}\0{:?}", started.run, started.root).as_bytes()).to_hex();
        let (trace, above) = match &self.parent {
            Some((trace, span)) => (trace.clone(), Some(span)),
            None => (identity[..32].to_owned(), None),
        };
        let root = identity[32..48].to_owned();
        let begin = moment(&started.time).unwrap_or_default();
        let at = |seconds: f64| (begin + Duration::from_secs_f64(seconds.max(0.0))).as_nanos().to_string();
        let span = |id: &str, parent: Option<&String>, name: &str, (start, end): (f64, f64), failed: bool| {
            let mut span = json!({
                "traceId": trace, "spanId": id, "name": name, "kind": INTERNAL,
                "startTimeUnixNano": at(start), "endTimeUnixNano": at(end),
                "status": if failed { json!({ "code": ERROR }) } else { json!({}) },
            });
            if let Some(parent) = parent {
                span["parentSpanId"] = json!(parent);
            }
            span
        };
        let mut spans = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let id = &blake3::hash(format!("{identity}{number}").as_bytes()).to_hex()[..16];
            match &line.event {
                Event::Phase(Phase { phase, seconds }) => {
                    spans.push(span(id, Some(&root), phase, (line.at - seconds, line.at), false));
                }
                Event::ActionFinished(one) if one.how != How::Skipped => {
                    let failed = one.how == How::Failed;
                    let times = (line.at - one.seconds, line.at);
                    let mut made = span(id, Some(&root), &one.description, times, failed);
                    made["attributes"] = attributes(&[
                        ("pants.verb", Some(one.verb.as_str())),
                        ("pants.key", one.key.as_deref()),
                        ("pants.target", one.target.as_deref()),
                        ("pants.cached", Some(if one.how == How::Cached { "true" } else { "false" })),
                    ]);
                    spans.push(made);
                }
                Event::RunFinished(End { exit_code, seconds, .. }) => {
                    let name = format!("pants {}", started.goal);
                    let mut made = span(&root, above, &name, (0.0, *seconds), *exit_code != 0);
                    let (arguments, exit) = (started.arguments.join(" "), exit_code.to_string());
                    made["attributes"] = attributes(&[
                        ("pants.run", Some(started.run.as_str())),
                        ("pants.arguments", Some(&arguments)),
                        ("process.exit.code", Some(&exit)),
                    ]);
                    spans.push(made);
                }
                _ => {}
            }
        }
        let mut about = vec![("service.name", Some(self.service.as_str()))];
        about.extend(self.attributes.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))));
        json!({ "resourceSpans": [{
            "resource": { "attributes": attributes(&about) },
            "scopeSpans": [{ "scope": { "name": "pants", "version": started.version }, "spans": spans }],
        }] })
    }
}

/// Those attributes that have a value.
fn attributes(all: &[(&str, Option<&str>)]) -> Value {
    let known = all.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    known.map(|(name, value)| json!({ "key": name, "value": { "stringValue": value } })).collect()
}

/// The trace and the span of a `traceparent` (W3C Trace Context, section 3.2).
fn parent(text: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = text.trim().split('-').collect();
    let is_hex = |text: &str, length| {
        text.len() == length
            && text.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
            && text.bytes().any(|b| b != b'0')
    };
    match parts[..] {
        [_, trace, span, _, ..] if is_hex(trace, 32) && is_hex(span, 16) => {
            Some((trace.to_owned(), span.to_owned()))
        }
        _ => None,
    }
}

/// A value of a list of pairs, whose letters may be written as `%20`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_whoever_started_it_is_taken_over() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(trace, span)| (trace.to_owned(), span.to_owned()));
            assert_eq!(parent(text), expect, "{text}");
        };
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        check(&format!("00-{trace}-{span}-01"), Some((trace, span)));
        check(&format!("00-{}-{span}-01", "0".repeat(32)), None);
        check(&format!("00-{}-{span}-01", trace.to_uppercase()), None);
        check("00-1-2-01", None);
        check("", None);
    }

    #[test]
    fn values_of_headers_are_decoded() {
        let check = |text: &str, expect: &str| assert_eq!(decoded(text), expect);
        check("Bearer%20a%2Cb", "Bearer a,b");
        check("100%", "100%");
        check("%zz%41", "%zzA");
    }
}
