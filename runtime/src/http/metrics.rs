//! The metrics of the worker in the text format of Prometheus.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{self, encode};
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::time::timeout;

use super::Api;
use super::error::HttpError;
use crate::client::{Histogram, InstanceCounts, Metrics};
use crate::model::status::RuntimeStatus;

/// Every status has a line, so that one that falls to nothing is seen to do so.
const STATUSES: [RuntimeStatus; 7] = [
    RuntimeStatus::Pending,
    RuntimeStatus::Running,
    RuntimeStatus::Suspended,
    RuntimeStatus::Completed,
    RuntimeStatus::Failed,
    RuntimeStatus::Canceled,
    RuntimeStatus::Terminated,
];

/// How long the answer waits for the instances to be counted: less than Prometheus waits for an answer.
const COUNTING: Duration = Duration::from_secs(5);

/// Answers with all metrics, without the numbers of instances in the store when counting them takes long: the count goes on.
pub(super) async fn metrics(api: &Api) -> Result<Response, HttpError> {
    let counts = timeout(COUNTING, api.client.instance_counts()).await;
    let mut registry = Registry::with_prefix("steadfast");
    registry.register_collector(Box::new(Scrape {
        metrics: api.client.metrics(),
        counts: counts.ok().transpose()?,
    }));
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| HttpError::Metrics)?;
    let content_type = (CONTENT_TYPE, prometheus_text::CONTENT_TYPE);
    Ok(([content_type], text).into_response())
}

type Encoded = Result<(), fmt::Error>;

#[derive(Debug)]
struct Scrape {
    metrics: Metrics,
    /// `None` when it takes long to count them.
    counts: Option<Arc<InstanceCounts>>,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Encoded {
        let Metrics {
            episodes,
            replays,
            replayed_events,
            status_writes,
            activities_completed,
            activities_failed,
            activities_running,
            activities_waiting,
            instances_in_memory,
            messages_waiting,
            writes_waiting,
            timers_in_memory,
            watchers,
            threads_given_up,
            commits_failed,
            commit_writes,
            commit_seconds,
        } = &self.metrics;
        let mut out = Out(encoder);
        if let Some(counts) = &self.counts {
            let by_status = STATUSES.map(|status| {
                let count = counts.by_status.get(&status).copied();
                let status = status.as_str();
                ([("status", status)], count.unwrap_or_default())
            });
            out.gauges("instances", "Instances in the store", by_status)?;
            out.gauge(
                "instances_stalled",
                "Instances that are set aside or wait for code",
                counts.stalled,
            )?;
        }
        out.gauge(
            "instances_in_memory",
            "Instances in memory",
            *instances_in_memory,
        )?;
        out.counter("episodes", "Episodes that were run", *episodes)?;
        out.counter(
            "replays",
            "Instances that were rebuilt from their history",
            *replays,
        )?;
        out.counter(
            "replayed_events",
            "Events that replays read",
            *replayed_events,
        )?;
        out.counter(
            "status_writes",
            "Episodes that changed the custom status",
            *status_writes,
        )?;
        let results = [
            ("completed", activities_completed),
            ("failed", activities_failed),
        ];
        let results = results.map(|(result, count)| ([("result", result)], *count));
        out.counters(
            "activity_attempts",
            "Attempts of activities that ended",
            results,
        )?;
        let states = [
            ("running", activities_running),
            ("waiting", activities_waiting),
        ];
        let states = states.map(|(state, count)| ([("state", state)], *count));
        out.gauges(
            "activities",
            "Activities that run or wait for a place",
            states,
        )?;
        out.gauge(
            "messages_waiting",
            "Messages that wait for a thread of orchestrators",
            *messages_waiting,
        )?;
        out.gauge(
            "writes_waiting",
            "Writes that wait for the thread that commits",
            *writes_waiting,
        )?;
        out.gauge(
            "timers_in_memory",
            "Instances that have a timer in memory",
            *timers_in_memory,
        )?;
        out.gauge(
            "watchers",
            "Those who wait for a change or the end of an instance",
            *watchers,
        )?;
        out.gauge(
            "threads_given_up",
            "Threads that orchestrators keep which did not return",
            *threads_given_up,
        )?;
        out.counter("commits_failed", "Commits that failed", *commits_failed)?;
        out.histogram("commit_writes", "Writes in a commit", commit_writes)?;
        out.histogram(
            "commit_seconds",
            "Seconds that a commit took",
            commit_seconds,
        )
    }
}

/// Writes metrics, each with its description.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> Encoded {
        let kind = MetricType::Counter;
        let encoder = self.0.encode_descriptor(name, help, None, kind)?;
        ConstCounter::new(value).encode(encoder)
    }

    fn counters<L: EncodeLabelSet, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: [(L, u64); N],
    ) -> Encoded {
        let kind = MetricType::Counter;
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> Encoded {
        let kind = MetricType::Gauge;
        let encoder = self.0.encode_descriptor(name, help, None, kind)?;
        ConstGauge::new(gauge(value)).encode(encoder)
    }

    fn gauges<L: EncodeLabelSet, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: [(L, u64); N],
    ) -> Encoded {
        let kind = MetricType::Gauge;
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in values {
            ConstGauge::new(gauge(value)).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> Encoded {
        let kind = MetricType::Histogram;
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        let (sum, count) = (histogram.sum, histogram.count());
        // The encoder adds up what is in the buckets.
        encoder.encode_histogram::<NoLabelSet>(sum, count, &histogram.buckets, None)
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
