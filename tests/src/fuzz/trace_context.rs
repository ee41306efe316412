//! `traceparent` and `tracestate`: what is kept is a part of what was sent, and is read back.

use steadfast::TraceContext;

/// How long a `tracestate` is at most that is kept.
const MAX_STATE: usize = 512;

/// The first line is the `traceparent`, and the rest the `tracestate`.
pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (parent, state) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(trace) = TraceContext::parse(parent) else {
        return;
    };
    assert_eq!(trace.state(), None);
    assert!(
        parent[2..].starts_with(&trace.to_string()[2..]),
        "{parent:?}"
    );
    assert_eq!(TraceContext::parse(&trace.to_string()).as_ref(), Ok(&trace));

    let trace = trace.with_state(state);
    let stored = serde_json::to_string(&trace).unwrap();
    assert_eq!(
        serde_json::from_str::<TraceContext>(&stored).unwrap(),
        trace
    );
    let Some(kept) = trace.state().map(str::to_owned) else {
        return;
    };
    assert!((1..=MAX_STATE).contains(&kept.len()), "{kept:?}");
    assert!(kept.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    let mut sent = state
        .split(',')
        .map(|entry| entry.trim_matches([' ', '\t']));
    for entry in kept.split(',') {
        assert!(sent.any(|sent| sent == entry), "{entry:?} of {state:?}");
    }
    assert_eq!(trace.clone().with_state(&kept), trace);
}
