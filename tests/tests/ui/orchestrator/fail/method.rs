use steadfast::prelude::*;

struct Shop;

impl Shop {
    #[orchestrator]
    async fn order(self, ctx: OrchestrationContext) {
        drop(ctx);
    }
}

fn main() {}
