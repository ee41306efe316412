//! Which instances a filter is about.

use jiff::Timestamp;

use super::instance::Instance;
use crate::model::query::InstanceFilter;
use crate::store::time::whole_microseconds;

/// Whether an instance meets every condition.
pub(super) fn matches(filter: &InstanceFilter, instance: &Instance) -> bool {
    let header = &instance.header;
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
    (runtime_status.is_empty() || runtime_status.contains(&header.runtime_status))
        && name
            .as_ref()
            .is_none_or(|name| name.to_lowercase() == header.name.to_lowercase())
        && (version.is_none() || *version == header.version)
        && is_between(header.created_at, *created_from, *created_to)
        && is_between(header.last_updated_at, *updated_from, *updated_to)
        && id_prefix
            .as_ref()
            .is_none_or(|prefix| header.id.as_str().starts_with(prefix))
        && tags
            .iter()
            .all(|(name, value)| instance.tags.get(name) == Some(value))
        && parent.as_ref().is_none_or(|parent| {
            let link = header.parent.as_ref();
            link.is_some_and(|link| link.instance_id == *parent)
        })
        && stalled.is_none_or(|stalled| stalled == header.stalled.is_some())
}

fn is_between(time: Timestamp, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
    from.is_none_or(|from| whole_microseconds(from) <= time)
        && to.is_none_or(|to| time <= whole_microseconds(to))
}
