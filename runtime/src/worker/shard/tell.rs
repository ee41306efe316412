//! Words about instances for the log, the standard error and the reason of a stall.

use std::fmt;

use crate::engine::Episode;
use crate::model::instance::InstanceId;
use crate::registration::Location;
use crate::registry::Registry;
use crate::store::InstanceHeader;
use crate::worker::logged::{aloud, logged};

/// Why an instance cannot advance, with the place of its orchestrator where that is in the program.
pub(in crate::worker) fn reason(
    registry: &Registry,
    name: &str,
    version: Option<&str>,
    why: &(impl fmt::Display + ?Sized),
) -> String {
    match place(registry, name, version) {
        Some(place) => format!("orchestrator `{name}` at {place}: {why}"),
        None => format!("orchestrator `{name}`: {why}"),
    }
}

/// Where an orchestrator is defined.
fn place(registry: &Registry, name: &str, version: Option<&str>) -> Option<String> {
    let Location { file, line, .. } = registry.orchestrator(name, version)?.location;
    Some(format!("{file}:{line}"))
}

/// Says that an instance does not move, and why. Without a subscriber of `tracing` nobody would learn it who waits for its output, so then
/// it goes to the standard error.
pub(super) fn tell_set_aside(id: &InstanceId, reason: &str) {
    logged(|| tracing::error!(instance = %id, reason, "an instance is set aside"));
    aloud(|| format!("instance `{id}` is set aside: {reason}"));
}

/// Tells of an episode what nobody can see in its history.
pub(super) fn log(registry: &Registry, header: &InstanceHeader, episode: &Episode) {
    let failure = episode.ended.as_ref().and_then(|end| end.failure.as_ref());
    if episode.suspicion.is_none() && failure.is_none() {
        return;
    }
    let (instance, orchestrator) = (&header.id, &header.name);
    let defined_at = place(registry, orchestrator, header.version.as_deref());
    let defined_at = defined_at.as_deref();
    if let Some(suspicion) = &episode.suspicion {
        logged(|| tracing::warn!(%instance, %orchestrator, defined_at, "{suspicion}"));
    }
    if let Some(failure) = failure {
        logged(|| {
            tracing::warn!(
                %instance, %orchestrator, defined_at, failed_at = episode.failed_at.as_deref(),
                error_type = failure.error_type, error = failure.error_message, "an orchestration failed"
            )
        });
    }
}
