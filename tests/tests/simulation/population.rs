//! The orchestrators and activities that live in a simulation. Together they use every feature.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{Either, select};
use steadfast::prelude::*;
use steadfast::{EventError, OneOf2, Registration, RetryPolicy, definitions};

use crate::ledger::Beginning;
use crate::row::FIRST_NONCE;
use crate::stage::key_of;
use crate::world::Shared;

thread_local! {
    /// Whether the program that runs now is the later one, which asks for a patch.
    pub(crate) static LATER: Cell<bool> = const { Cell::new(false) };

    /// What side effects see. The driver sets it, so that no two are the same.
    pub(crate) static OUTSIDE: Cell<u64> = const { Cell::new(0) };
}

/// What activities get from the worker that runs them.
pub(crate) struct Bench {
    pub(crate) worker: u64,
    pub(crate) world: Shared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Returns,
    /// Fails in its first attempts, each of which says how far it is.
    FailsFirst(u32),
    /// Fails while the world is broken.
    Fragile,
    Panics,
    /// Says how far it is.
    Reports,
    /// Runs until nobody waits for it any more.
    Lingers,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) value: u64,
    pub(crate) way: Way,
    /// Whether it goes on although nobody waits for it.
    pub(crate) is_detached: bool,
}

impl Job {
    const fn new(value: u64, way: Way) -> Self {
        Self {
            value,
            way,
            is_detached: false,
        }
    }
}

/// What an activity returns: a value that is known before, and by which run it was returned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) value: u64,
    pub(crate) run: u64,
    pub(crate) attempt: u32,
}

#[activity]
pub(crate) async fn work(
    ctx: ActivityContext,
    bench: Dependency<Bench>,
    job: Job,
) -> Result<Done, String> {
    let key = key_of(&ctx);
    let Bench { worker, world } = &*bench;
    let (run, gate) = {
        let world = &mut *world.lock();
        let (run, begun) = world.stage.enter(*worker, key);
        let beginning = Beginning {
            key,
            attempt: ctx.attempt(),
            told: ctx.last_heartbeat(),
            begun,
            is_owner: world.stage.owner == *worker,
        };
        world
            .ledger
            .activity_begins(&beginning, ctx.instance_id(), &world.stage);
        world.trace.note(format!(
            "worker {worker}: {} of {} begins, attempt {}",
            key.1,
            ctx.instance_id(),
            ctx.attempt()
        ));
        let is_gated = job.way == Way::Lingers || world.stage.is_still || world.random.bool();
        (run, is_gated.then(|| world.stage.gate(*worker, key)))
    };
    if matches!(job.way, Way::Reports | Way::FailsFirst(_)) {
        world.lock().reports(key, run);
        // A report that is refused for its size would be a defect; one of a few bytes is not.
        ctx.heartbeat(&run).map_err(|error| error.to_string())?;
    }
    let mut cancelled = false;
    if let Some(gate) = gate {
        let told = std::pin::pin!(ctx.cancelled());
        cancelled = matches!(select(gate, told).await, Either::Right(_));
    }
    let world = &mut *world.lock();
    world.stage.leave(*worker, key);
    let broken = world.stage.broken;
    world.stage.returns(key, run);
    world.trace.note(format!(
        "worker {worker}: {} of {} ends",
        key.1,
        ctx.instance_id()
    ));
    let fails = match job.way {
        Way::FailsFirst(attempts) => ctx.attempt() <= attempts,
        Way::Fragile => broken,
        Way::Panics => true,
        Way::Returns | Way::Reports | Way::Lingers => false,
    };
    if fails && job.way == Way::Panics {
        panic!("on purpose: {run}");
    }
    if fails || cancelled {
        return Err(format!("on purpose: {run}"));
    }
    Ok(Done {
        value: job.value,
        run,
        attempt: ctx.attempt(),
    })
}

/// What a [`program`] does, and how far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Which start it is of.
    pub(crate) nonce: u64,
    pub(crate) seed: u64,
    pub(crate) size: u32,
    /// How many generations of children it may have.
    pub(crate) depth: u32,
    pub(crate) rounds: u32,
    pub(crate) round: u32,
    /// The ids to which it sends events.
    pub(crate) friends: Vec<String>,
    /// The events of clients that it has taken.
    pub(crate) got: Vec<u64>,
    /// Whether its parent waits for it for a while only.
    pub(crate) is_raced: bool,
}

impl Plan {
    fn child(&self, dice: &mut Dice) -> Self {
        Self {
            seed: dice.throw(u64::MAX),
            size: self.size.min(3),
            depth: self.depth - 1,
            rounds: u32::from(dice.throw(4) == 0),
            round: 0,
            got: Vec::new(),
            is_raced: false,
            ..self.clone()
        }
    }

    /// Keeps an event that it took, when a client raised it.
    fn take(&mut self, event: Result<u64, EventError>) -> Result<u64, String> {
        let event = event.map_err(|error| error.to_string())?;
        if event >= FIRST_NONCE {
            self.got.push(event);
        }
        Ok(event)
    }
}

/// What a program throws. The same throws for the same plan, so that replay is the same.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn seconds(&mut self) -> Duration {
        Duration::from_secs(self.throw(90))
    }

    fn job(&mut self) -> Job {
        let way = match self.throw(6) {
            0 => Way::Reports,
            1 => Way::FailsFirst(1),
            2 => Way::Panics,
            _ => Way::Returns,
        };
        Job::new(self.throw(1_000), way)
    }
}

/// What an orchestration publishes. It only ever grows within an incarnation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stand {
    pub(crate) n: u64,
}

/// Does what its plan says: anything, in any order.
#[orchestrator]
pub(crate) async fn program(ctx: OrchestrationContext, plan: Plan) -> Result<u64, String> {
    let mut plan = plan;
    let mut dice = Dice(plan.seed ^ u64::from(plan.round) << 40);
    let mut sum = 0;
    for step in 0..plan.size {
        let may_have_children = plan.depth > 0;
        match dice.throw(20) {
            0 | 1 => {
                let done = ctx.call(work(dice.job())).await;
                sum += done.map_or(1, |done| done.value);
            }
            2 | 3 => {
                let calls = (0..2 + dice.throw(4)).map(|_| ctx.call(work(dice.job())));
                for done in ctx.join_all(calls).await {
                    sum += done.map_or(1, |done| done.value);
                }
            }
            4 => ctx.create_timer(dice.seconds()).await,
            5 => {
                let lingering = Job {
                    way: Way::Lingers,
                    ..dice.job()
                };
                let call = ctx.call(work(lingering));
                if let OneOf2::First(done) =
                    ctx.race((call, ctx.create_timer(dice.seconds()))).await
                {
                    sum += done.map_or(1, |done| done.value);
                }
            }
            6 => {
                let go = ctx.wait_for_external_event_named::<u64>("go");
                if let Ok(go) = ctx.timeout(dice.seconds(), go).await {
                    plan.take(go)?;
                    sum += 1;
                }
            }
            7 if may_have_children => {
                let child = ctx.call(program(plan.child(&mut dice))).await;
                sum += child.unwrap_or(1);
            }
            8 if may_have_children => {
                ctx.call(program(plan.child(&mut dice))).detach();
            }
            9 if may_have_children => {
                let raced = Plan {
                    is_raced: true,
                    ..plan.child(&mut dice)
                };
                let child = ctx.call(program(raced));
                let timer = ctx.create_timer(dice.seconds());
                if let OneOf2::First(child) = ctx.race((child, timer)).await {
                    sum += child.unwrap_or(1);
                }
            }
            10 if may_have_children => {
                // Its id may be taken.
                let id = format!("shared-{}", dice.throw(3));
                let child = ctx.call(program(plan.child(&mut dice)).id(id)).await;
                sum += child.unwrap_or(1);
            }
            11 => {
                let attempts = u32::try_from(dice.throw(3)).unwrap_or_default();
                let job = Job::new(dice.throw(1_000), Way::FailsFirst(attempts));
                let policy = RetryPolicy::new(attempts + 1, Duration::from_secs(dice.throw(20)))
                    .backoff_coefficient(2.0);
                let done = ctx.call(work(job).retry(policy)).await;
                let done = done.map_err(|error| format!("miscounted: {error}"))?;
                if done.attempt != attempts + 1 {
                    return Err(format!("miscounted: {} of {attempts}", done.attempt));
                }
                sum += done.value;
            }
            12 => {
                let lingering = Job {
                    way: Way::Lingers,
                    ..dice.job()
                };
                let call = work(lingering).timeout(Duration::from_secs(1 + dice.throw(60)));
                let done = ctx.call(call).await;
                sum += done.map_or(1, |done| done.value);
            }
            13 => {
                let seen = ctx.side_effect(|| OUTSIDE.get());
                // Another way for another value, so that one that is not recorded is found.
                if seen % 2 == 0 {
                    ctx.create_timer(Duration::from_secs(seen % 10)).await;
                } else {
                    let _ = ctx.call(work(dice.job())).await;
                }
            }
            14 => {
                let friend = usize::try_from(dice.throw(plan.friends.len() as u64));
                let friend = &plan.friends[friend.unwrap_or_default()];
                ctx.send_event_named(friend.as_str(), "go", &dice.throw(1_000))?;
            }
            15 => {
                let me = ctx.instance_id().to_string();
                ctx.send_event_named(me, "self", &u64::from(step))?;
                let own = ctx.wait_for_external_event_named("self").await;
                plan.take(own)?;
            }
            16 if LATER.get() && ctx.patched(&format!("more-work-{step}")) => {
                let _ = ctx.call(work(dice.job())).await;
            }
            17 => {
                let jobs = [dice.job(), dice.job(), dice.job()];
                let calls = jobs.map(|job| ctx.call(work(job)));
                let mut ended = ctx.as_completed(calls);
                let mut factor = 1;
                while let Some((_, done)) = ended.next().await {
                    sum = sum.wrapping_add(factor * done.map_or(1, |done| done.value));
                    factor += 1;
                }
            }
            18 => {
                let go = ctx.wait_for_external_event_named("go").await;
                sum += plan.take(go)? % 7;
            }
            19 => {
                let job = Job {
                    is_detached: true,
                    ..dice.job()
                };
                let policy = RetryPolicy::new(2, dice.seconds());
                ctx.call(work(job).retry(policy)).detach();
            }
            _ => {}
        }
        let n = u64::from(plan.round) * 100 + u64::from(step) + 1;
        if dice.throw(2) == 0 {
            ctx.set_custom_status(Stand { n })
                .map_err(|error| error.to_string())?;
        }
    }
    if plan.round < plan.rounds {
        let next = Plan {
            round: plan.round + 1,
            ..plan
        };
        return ctx.continue_as_new(program(next)).await;
    }
    Ok(sum)
}

/// What a [`collector`] has, and how much it wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Basket {
    pub(crate) nonce: u64,
    pub(crate) wants: usize,
    /// How many each execution takes. What has come besides is carried over.
    pub(crate) takes: usize,
    pub(crate) got: Vec<u64>,
}

/// Collects events over several executions: none may be lost, doubled or out of order.
#[orchestrator]
pub(crate) async fn collector(
    ctx: OrchestrationContext,
    basket: Basket,
) -> Result<Vec<u64>, String> {
    let mut basket = basket;
    for _ in 0..basket.takes {
        if basket.got.len() >= basket.wants {
            return Ok(basket.got);
        }
        let status = ctx
            .custom_status()
            .and_then(|status| status.decode::<Stand>().ok());
        if status.is_some_and(|status| status.n != basket.got.len() as u64) {
            return Err("its status is not the one that it set".into());
        }
        let item = ctx.wait_for_external_event_named::<u64>("item").await;
        basket.got.push(item.map_err(|error| error.to_string())?);
        let n = basket.got.len() as u64;
        ctx.set_custom_status(Stand { n })
            .map_err(|error| error.to_string())?;
    }
    ctx.continue_as_new(collector(basket)).await
}

/// Fails while the world is broken; a rewind lets it go on.
#[orchestrator]
pub(crate) async fn fragile(ctx: OrchestrationContext, nonce: u64) -> Result<u64, String> {
    let first = ctx.call(work(Job::new(nonce, Way::Returns))).await?;
    ctx.set_custom_status(Stand { n: 1 })
        .map_err(|error| error.to_string())?;
    let job = || Job::new(1, Way::Fragile);
    let policy = RetryPolicy::new(2, Duration::from_secs(5));
    let calls = [ctx.call(work(job()).retry(policy)), ctx.call(work(job()))];
    let mut sum = first.value;
    for done in ctx.join_all(calls).await {
        match done {
            Ok(done) => sum += done.value,
            Err(error) => {
                // A rewind takes this back.
                ctx.set_custom_status(Stand { n: 2 })
                    .map_err(|error| error.to_string())?;
                return Err(error.to_string());
            }
        }
    }
    Ok(sum)
}

/// A parent whose children may fail, and are rewound with it.
#[orchestrator]
pub(crate) async fn guardian(ctx: OrchestrationContext, nonce: u64) -> Result<u64, String> {
    let children = [nonce, nonce + 1].map(|nonce| ctx.call(fragile(nonce)));
    let mut sum = 0;
    for child in ctx.join_all(children).await {
        sum += child?;
    }
    Ok(sum)
}

/// Cancels what it did when it cannot go on.
#[orchestrator]
pub(crate) async fn saga(ctx: OrchestrationContext, nonce: u64) -> Result<u64, String> {
    let job = |way| Job::new(nonce, way);
    let booked = ctx.call(work(job(Way::Returns))).await?;
    match ctx.call(work(job(Way::Fragile))).await {
        Ok(paid) => Ok(booked.value + paid.value),
        Err(_) => {
            let policy = RetryPolicy::new(4, Duration::from_secs(1)).jitter(0.5);
            let cancelled = work(job(Way::FailsFirst(2))).retry(policy);
            ctx.call(cancelled).await?;
            Err("cancelled".into())
        }
    }
}

/// Everything. The first are those that a program may lack for a while.
pub(crate) fn definitions() -> Vec<Registration> {
    definitions![work, program, collector, fragile, guardian, saga]
}
