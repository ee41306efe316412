//! In which order things happen that could happen in any.

use crate::engine::Random;
use crate::worker::message::{Request, ShardInput, TaskKey};

use super::Turn;
use crate::model::instance::InstanceId;

/// In which order a [`SingleThreaded`](super::SingleThreaded) worker takes what can happen next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// First come, first served: what a worker does while it has nothing else to do.
    #[default]
    Fixed,
    /// As threads and a slow disk might have it, and the same for the same seed. Commits gather and are acknowledged late, rows are read
    /// and timers noticed late, activities begin and end in any order, and messages overtake each other: but never those
    /// of one sender to one instance.
    Seeded(u64),
}

/// Makes the choices of an [`Order`]. In the fixed one it is always the first.
#[derive(Debug)]
pub(super) struct Choices(Option<Seeded>);

#[derive(Debug)]
struct Seeded {
    random: Random,
    /// How eager each kind of turn is. Drawn once, so that in some orders commits are slow all the time, and in others activities.
    eagerness: [u64; Turn::ALL.len()],
}

impl Choices {
    pub(super) fn new(order: Order) -> Self {
        Self(match order {
            Order::Fixed => None,
            Order::Seeded(seed) => {
                let mut random = Random::of_seed(seed);
                let eagerness = Turn::ALL.map(|_| [1, 4, 16][below(&mut random, 3)]);
                Some(Seeded { random, eagerness })
            }
        })
    }

    /// One of so many things that can happen.
    pub(super) fn one_of(&mut self, count: usize) -> usize {
        match &mut self.0 {
            Some(seeded) if count > 1 => below(&mut seeded.random, count),
            _ => 0,
        }
    }

    /// Whether something that could happen at once is put off.
    pub(super) fn put_off(&mut self) -> bool {
        self.one_of(3) == 1
    }

    pub(super) const fn are_free(&self) -> bool {
        self.0.is_some()
    }

    /// The order in which the kinds of turns are tried.
    pub(super) fn turns(&mut self) -> [Turn; Turn::ALL.len()] {
        let mut turns = Turn::ALL;
        let Some(Seeded { random, eagerness }) = &mut self.0 else {
            return turns;
        };
        for place in 0..turns.len() {
            let left = &turns[place..];
            let sum: u64 = left.iter().map(|turn| eagerness[*turn as usize]).sum();
            let mut at = random.next() % sum;
            let mut chosen = place;
            while let Some(rest) = at.checked_sub(eagerness[turns[chosen] as usize]) {
                at = rest;
                chosen += 1;
            }
            turns.swap(place, chosen);
        }
        turns
    }

    /// Takes the next input out of those that wait.
    pub(super) fn take(
        &mut self,
        inputs: &mut std::collections::VecDeque<ShardInput>,
    ) -> Option<ShardInput> {
        // Nothing overtakes the end of an account.
        let end = inputs
            .iter()
            .position(|input| matches!(input, ShardInput::Accounted));
        let count = end.map_or(inputs.len(), |end| end.max(1));
        let chosen = inputs.get(self.one_of(count))?;
        let sender = Sender::of(chosen);
        let first = inputs
            .iter()
            .position(|input| Sender::of(input) == sender)?;
        inputs.remove(first)
    }
}

fn below(random: &mut Random, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    usize::try_from(random.next() % count).unwrap_or_default()
}

/// Whom an input comes from, and to which instance. What one sender tells one instance arrives in its order.
#[derive(Debug, PartialEq, Eq)]
enum Sender<'a> {
    Client(Option<&'a InstanceId>),
    Store(&'a InstanceId),
    /// Answers come in the order of the writes, whatever they are about.
    Writer,
    Activity(TaskKey),
    Dispatcher,
    Timers(&'a InstanceId),
    Instances(&'a InstanceId),
    Recovery,
    Outside(&'a InstanceId),
    Clock,
}

impl<'a> Sender<'a> {
    fn of(input: &'a ShardInput) -> Self {
        match input {
            ShardInput::Request(request) => Self::Client(Request::id(request)),
            ShardInput::Loaded { id, .. } | ShardInput::Inbox { id, .. } => Self::Store(id),
            ShardInput::Written(_) => Self::Writer,
            ShardInput::TaskEnded { key, .. }
            | ShardInput::HandedOut { key, .. }
            | ShardInput::Progress { key, .. } => Self::Activity(*key),
            ShardInput::TimerDue(id) => Self::Timers(id),
            ShardInput::Mail(id) | ShardInput::Attend(id) => Self::Instances(id),
            ShardInput::Accounted => Self::Dispatcher,
            ShardInput::RecoveryFailed => Self::Recovery,
            ShardInput::ForeignWake { id, .. } => Self::Outside(id),
            ShardInput::Tick => Self::Clock,
        }
    }
}
