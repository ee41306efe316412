//! External events: buffered in order of arrival for each name, given to waits in the order in which the waits began.
//!
//! Names are matched without regard to case.

use std::collections::VecDeque;
use std::panic::Location;

use jiff::Timestamp;

use super::awaits::Kept;
use crate::hash::Map;
use crate::model::history::{EventRaised, HistoryEvent};
use crate::model::waiting::{WaitingFor, WaitingOn};

#[derive(Debug, Default)]
pub(super) struct Mailbox {
    arrivals: u64,
    waits_begun: u64,
    lanes: Map<String, Lane>,
    waits: Map<u64, Wait>,
    waiting: usize,
    unobserved: usize,
    unobserved_bytes: usize,
    /// The waits that the current poll of the orchestrator left pending.
    polled: Vec<u64>,
}

/// The events and waits of one name. While an event is kept, no wait of that name is without one.
#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Arrived>,
    /// In the order in which they began; those cancelled since are skipped when their turn comes.
    waiting: VecDeque<u64>,
}

#[derive(Debug)]
struct Arrived {
    position: u64,
    at: Timestamp,
    /// The name as it was given: the lane has it without its case.
    name: String,
    payload: Option<String>,
}

impl Arrived {
    fn bytes(&self) -> usize {
        self.name.len() + self.payload.as_ref().map_or(0, String::len)
    }
}

#[derive(Debug)]
struct Wait {
    /// The name as the author wrote it.
    name: String,
    given: Option<Arrived>,
    waker: Option<Kept>,
    location: &'static Location<'static>,
    since: Timestamp,
}

/// An event that a wait was given, and the wait.
#[derive(Debug)]
pub(super) struct Observed {
    /// The name as the author wrote it.
    pub(super) name: String,
    pub(super) location: &'static Location<'static>,
    pub(super) payload: Option<String>,
}

/// The wakers that the end of a wait sets free, for the caller to handle when it has let go of the state.
#[derive(Debug, Default)]
pub(super) struct Cancelled {
    /// That of the wait that the event went to: to be woken.
    pub(super) next: Option<Kept>,
    /// That of the wait itself: to be dropped.
    _own: Option<Kept>,
}

impl Mailbox {
    /// Takes in an event: the longest wait for its name gets it, or it is kept for the next one.
    #[must_use]
    pub(super) fn raise(
        &mut self,
        name: String,
        payload: Option<String>,
        at: Timestamp,
    ) -> Option<Kept> {
        self.arrivals += 1;
        self.unobserved += 1;
        let event = Arrived {
            position: self.arrivals,
            at,
            name,
            payload,
        };
        self.unobserved_bytes += event.bytes();
        self.place(event)
    }

    fn place(&mut self, event: Arrived) -> Option<Kept> {
        let lane = self.lanes.entry(event.name.to_lowercase()).or_default();
        while let Some(id) = lane.waiting.pop_front() {
            if let Some(wait) = self.waits.get_mut(&id) {
                self.waiting -= 1;
                wait.given = Some(event);
                return wait.waker.take();
            }
        }
        let at = lane
            .events
            .partition_point(|other| other.position < event.position);
        lane.events.insert(at, event);
        None
    }

    /// Begins a wait; it is given the oldest kept event of its name, if there is one.
    pub(super) fn wait(
        &mut self,
        name: &str,
        location: &'static Location<'static>,
        since: Timestamp,
    ) -> u64 {
        self.waits_begun += 1;
        let id = self.waits_begun;
        let lane = self.lanes.entry(name.to_lowercase()).or_default();
        let given = lane.events.pop_front();
        if given.is_none() {
            lane.waiting.push_back(id);
            self.waiting += 1;
        }
        self.waits.insert(
            id,
            Wait {
                name: name.to_owned(),
                given,
                waker: None,
                location,
                since,
            },
        );
        id
    }

    /// The event that a wait was given, which ends the wait; otherwise keeps the waker for it and gives back the one that it
    /// kept before.
    pub(super) fn observe(&mut self, id: u64, waker: &mut Option<Kept>) -> Option<Observed> {
        let wait = self.waits.get_mut(&id)?;
        if let Some(event) = wait.given.take() {
            let wait = self.waits.remove(&id)?;
            self.unobserved -= 1;
            self.unobserved_bytes -= event.bytes();
            return Some(Observed {
                name: wait.name,
                location: wait.location,
                payload: event.payload,
            });
        }
        if waker.as_ref().is_some_and(Kept::is_root) {
            self.polled.push(id);
        }
        std::mem::swap(&mut wait.waker, waker);
        None
    }

    /// The orchestrator is about to be polled.
    pub(super) fn begin_poll(&mut self) {
        self.polled.clear();
    }

    /// Whether the last poll of the orchestrator left a wait pending that is open.
    pub(super) fn is_awaited(&self) -> bool {
        let open = |id| self.waits.get(id).is_some_and(|wait| wait.given.is_none());
        self.polled.iter().any(open)
    }

    /// Ends a wait. An event that it was given and did not observe goes back to its place, and from there to the next wait.
    #[must_use]
    pub(super) fn cancel(&mut self, id: u64) -> Cancelled {
        let Some(wait) = self.waits.remove(&id) else {
            return Cancelled::default();
        };
        let next = match wait.given {
            Some(event) => self.place(event),
            None => {
                self.waiting -= 1;
                // Usually it is the newest: a loop that waits and gives up again leaves nothing behind.
                if let Some(lane) = self.lanes.get_mut(&wait.name.to_lowercase()) {
                    lane.waiting.pop_back_if(|newest| *newest == id);
                }
                None
            }
        };
        Cancelled {
            next,
            _own: wait.waker,
        }
    }

    /// How many waits have not been given an event.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many events have arrived that no wait has observed.
    pub(super) const fn unobserved(&self) -> usize {
        self.unobserved
    }

    /// How many bytes these have.
    pub(super) const fn unobserved_bytes(&self) -> usize {
        self.unobserved_bytes
    }

    /// The waits that have not been given an event, in the order in which they began.
    pub(super) fn waiting_on(&self) -> Vec<WaitingOn> {
        let mut waits: Vec<_> = self.waits.iter().collect();
        waits.retain(|(_, wait)| wait.given.is_none());
        waits.sort_unstable_by_key(|(id, _)| **id);
        let waiting = waits.into_iter().map(|(_, wait)| WaitingOn {
            kind: WaitingFor::Event {
                name: wait.name.clone(),
            },
            location: Some(wait.location),
            since: wait.since,
        });
        waiting.collect()
    }

    /// Takes out all events that no wait has observed, in the order in which they arrived.
    pub(super) fn take_unobserved(&mut self) -> Vec<HistoryEvent> {
        (self.unobserved, self.unobserved_bytes) = (0, 0);
        let given = self.waits.values_mut().filter_map(|wait| wait.given.take());
        let kept = self
            .lanes
            .values_mut()
            .flat_map(|lane| lane.events.drain(..));
        let mut events: Vec<_> = given.chain(kept).collect();
        events.sort_unstable_by_key(|event| event.position);
        let raised = events.into_iter().map(|event| {
            let raised = EventRaised {
                name: event.name,
                input: event.payload,
            };
            HistoryEvent::new(event.at, raised)
        });
        raised.collect()
    }

    /// Takes out the wakers, for the caller to drop when it has let go of the state.
    pub(super) fn take_wakers(&mut self) -> Vec<Kept> {
        let wakers = self.waits.values_mut().filter_map(|wait| wait.waker.take());
        wakers.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::super::awaits::Awaits;
    use super::*;

    fn observe(mailbox: &mut Mailbox, id: u64) -> Option<String> {
        let waker = Waker::noop().clone();
        let mut waker = Some(Awaits::new(waker.clone()).keep(waker));
        let observed = mailbox.observe(id, &mut waker);
        observed.map(|observed| observed.payload.unwrap())
    }

    fn raise(mailbox: &mut Mailbox, name: &str, payload: &str) {
        if let Some(waker) = mailbox.raise(name.into(), Some(payload.into()), Timestamp::UNIX_EPOCH)
        {
            waker.wake();
        }
    }

    #[track_caller]
    fn wait(mailbox: &mut Mailbox, name: &str) -> u64 {
        mailbox.wait(name, Location::caller(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn events_are_kept_in_order_and_names_ignore_case() {
        let mut mailbox = Mailbox::default();
        raise(&mut mailbox, "Go", "1");
        raise(&mut mailbox, "other", "x");
        raise(&mut mailbox, "GO", "2");
        let [first, second, third] = [
            wait(&mut mailbox, "go"),
            wait(&mut mailbox, "gO"),
            wait(&mut mailbox, "go"),
        ];
        assert_eq!(observe(&mut mailbox, second).as_deref(), Some("2"));
        assert_eq!(observe(&mut mailbox, first).as_deref(), Some("1"));
        assert_eq!(observe(&mut mailbox, third), None);
        raise(&mut mailbox, "go", "3");
        assert_eq!(observe(&mut mailbox, third).as_deref(), Some("3"));
    }

    #[test]
    fn a_cancelled_wait_gives_its_event_back_in_its_old_place() {
        let mut mailbox = Mailbox::default();
        let first = wait(&mut mailbox, "go");
        raise(&mut mailbox, "go", "1");
        raise(&mut mailbox, "go", "2");
        assert!(mailbox.cancel(first).next.is_none());
        let [second, third] = [wait(&mut mailbox, "go"), wait(&mut mailbox, "go")];
        assert_eq!(observe(&mut mailbox, second).as_deref(), Some("1"));
        assert_eq!(observe(&mut mailbox, third).as_deref(), Some("2"));
    }

    #[test]
    fn a_given_back_event_wakes_the_next_wait() {
        let mut mailbox = Mailbox::default();
        let [first, second] = [wait(&mut mailbox, "go"), wait(&mut mailbox, "go")];
        assert_eq!(observe(&mut mailbox, second), None);
        raise(&mut mailbox, "go", "1");
        assert_eq!(mailbox.waiting(), 1);
        assert!(mailbox.cancel(first).next.is_some());
        assert_eq!(observe(&mut mailbox, second).as_deref(), Some("1"));
        assert_eq!(mailbox.waiting(), 0);
    }

    #[test]
    fn waits_that_give_up_leave_nothing_behind() {
        let mut mailbox = Mailbox::default();
        for _ in 0..10 {
            let [stop, go] = [wait(&mut mailbox, "stop"), wait(&mut mailbox, "go")];
            let _ = (mailbox.cancel(stop), mailbox.cancel(go));
        }
        assert!(mailbox.lanes.values().all(|lane| lane.waiting.is_empty()));
        assert_eq!((mailbox.waiting(), mailbox.waits.len()), (0, 0));
    }

    #[test]
    fn a_cancelled_wait_is_skipped() {
        let mut mailbox = Mailbox::default();
        let [first, second] = [wait(&mut mailbox, "go"), wait(&mut mailbox, "go")];
        assert!(mailbox.cancel(first).next.is_none());
        raise(&mut mailbox, "go", "1");
        assert_eq!(observe(&mut mailbox, second).as_deref(), Some("1"));
    }

    #[test]
    fn what_is_not_observed_is_taken_out_in_the_order_of_its_arrival() {
        let mut mailbox = Mailbox::default();
        let [observed, given, _open] = ["Go", "go", "open"].map(|name| wait(&mut mailbox, name));
        for (name, payload) in [("go", "1"), ("B", "2"), ("GO", "3"), ("a", "4"), ("b", "5")] {
            raise(&mut mailbox, name, payload);
        }
        assert_eq!(observe(&mut mailbox, observed).as_deref(), Some("1"));
        assert_eq!(mailbox.unobserved(), 4);
        let names = mailbox.waiting_on().into_iter().map(|waits| waits.kind);
        let open = WaitingFor::Event {
            name: "open".into(),
        };
        assert_eq!(names.collect::<Vec<_>>(), [open]);
        let raised = [("B", "2"), ("GO", "3"), ("a", "4"), ("b", "5")].map(|(name, payload)| {
            let raised = EventRaised {
                name: name.into(),
                input: Some(payload.into()),
            };
            HistoryEvent::new(Timestamp::UNIX_EPOCH, raised)
        });
        assert_eq!(mailbox.take_unobserved(), raised);
        assert_eq!(mailbox.unobserved(), 0);
        assert_eq!(observe(&mut mailbox, given), None);
    }
}
