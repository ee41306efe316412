use steadfast::prelude::*;

#[orchestrator(version = "v1", event(Approved), timeout = "30s")]
pub fn order<T>(item: &T, ctx: OrchestrationContext, mail: Dependency<String>) -> &'static str {
    "done"
}

fn main() {}
