//! Definitions in modules, behind conditions, with every visibility, and seen from elsewhere.

#![deny(warnings)]

use steadfast::prelude::*;

pub mod shop {
    use steadfast::prelude::*;

    #[activity]
    pub(super) async fn for_the_parent() {}

    #[activity]
    pub(in crate::shop) async fn for_a_path() {}

    pub mod inner {
        use steadfast::prelude::*;

        /// Found by two paths.
        #[activity]
        pub(crate) async fn for_the_crate(item: String) -> String {
            item
        }

        #[orchestrator]
        pub async fn buy(ctx: OrchestrationContext, item: String) -> Result<String, String> {
            ctx.call(super::for_a_path()).await?;
            Ok(ctx.call(for_the_crate(item)).await?)
        }
    }

    pub use inner::buy;
    pub(crate) use inner::for_the_crate as fetch;
}

#[cfg(any())]
#[activity]
async fn left_out_above(missing: Missing) {}

#[activity]
#[cfg(any())]
async fn left_out_below(missing: Missing) {}

#[cfg_attr(all(), activity)]
async fn conditionally_marked() {}

#[activity]
#[cfg_attr(all(), cfg(all()), doc = "Has its documentation on a condition.", must_use)]
async fn conditionally_documented() -> u8 {
    7
}

#[cfg(all())]
#[activity(name = "on_this_platform")]
async fn one_of_two() {}

#[cfg(not(all()))]
#[activity(name = "on_other_platforms")]
async fn one_of_two() {}

#[orchestrator]
async fn visit(ctx: OrchestrationContext) -> Result<String, String> {
    ctx.call(shop::for_the_parent()).await?;
    ctx.call(conditionally_marked()).await?;
    ctx.call(conditionally_documented()).await?;
    ctx.call(one_of_two()).await?;
    let fetched = ctx.call(shop::fetch("pear".to_owned())).await?;
    Ok(ctx.call(shop::buy(fetched)).await?)
}

fn main() {
    let _: steadfast::Call<shop::buy> = shop::inner::buy("apple".to_owned());
    let _ = visit();
}
