//! Counters for Prometheus. Labels are the route's pattern, the method and the status: never an id, a name or an address.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    problem: &'static str,
}

/// The server's counters.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    problems: Family<Refused, Counter>,
    seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("strongroom");
        let requests = Family::<Request, Counter>::default();
        let problems = Family::<Refused, Counter>::default();
        let seconds = Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0]);
        registry.register("requests", "Requests answered", requests.clone());
        registry.register("problems", "Problem responses by type", problems.clone());
        registry.register("request_seconds", "Time from request head to response", seconds.clone());
        Self { registry, requests, problems, seconds }
    }
}

impl Metrics {
    pub(crate) fn answered(&self, method: &axum::http::Method, route: &str, status: u16, took: Duration) {
        // Methods are an open set; a scanner must not be able to add labels.
        let method = match method.as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "other",
        };
        self.requests.get_or_create(&Request { method, route: route.to_owned(), status }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn refused(&self, problem: &'static str) {
        self.problems.get_or_create(&Refused { problem }).inc();
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
