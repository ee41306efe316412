//! Which instances a filter is about, for whoever has them in memory.

use jiff::Timestamp;

use crate::model::instance::InstanceId;
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::model::tags::Tags;
use crate::model::time::whole_microseconds;

/// What a filter looks at.
pub(crate) struct Filtered<'a> {
    pub(crate) id: &'a InstanceId,
    pub(crate) name: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) runtime_status: RuntimeStatus,
    pub(crate) created_at: Timestamp,
    pub(crate) last_updated_at: Timestamp,
    pub(crate) parent: Option<&'a InstanceId>,
    pub(crate) tags: &'a Tags,
    pub(crate) is_stalled: bool,
}

/// Whether an instance meets every condition.
pub(crate) fn matches(filter: &InstanceFilter, instance: &Filtered<'_>) -> bool {
    let InstanceFilter {
        runtime_status,
        name,
        version,
        created_from,
        created_to,
        updated_from,
        updated_to,
        id_prefix,
        tags,
        parent,
        stalled,
    } = filter;
    (runtime_status.is_empty() || runtime_status.contains(&instance.runtime_status))
        && name
            .as_ref()
            .is_none_or(|name| name.to_lowercase() == instance.name.to_lowercase())
        && (version.is_none() || version.as_deref() == instance.version)
        && is_between(instance.created_at, *created_from, *created_to)
        && is_between(instance.last_updated_at, *updated_from, *updated_to)
        && id_prefix
            .as_ref()
            .is_none_or(|prefix| instance.id.as_str().starts_with(prefix))
        && tags
            .iter()
            .all(|(name, value)| instance.tags.get(name) == Some(value))
        && (parent.is_none() || parent.as_ref() == instance.parent)
        && stalled.is_none_or(|stalled| stalled == instance.is_stalled)
}

/// Times are compared as stores keep them.
fn is_between(time: Timestamp, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    let time = whole_microseconds(time);
    from.is_none_or(|from| whole_microseconds(from) <= time)
        && to.is_none_or(|to| time <= whole_microseconds(to))
}
