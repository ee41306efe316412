//! External events: buffered in order of arrival for each name, given to waits in the order in which the waits began.
//!
//! Names are matched without regard to case.

use std::collections::{HashMap, VecDeque};
use std::task::Waker;

#[derive(Debug, Default)]
pub(super) struct Mailbox {
    arrivals: u64,
    waits_begun: u64,
    lanes: HashMap<String, Lane>,
    waits: HashMap<u64, Wait>,
    waiting: usize,
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
    payload: Option<String>,
}

#[derive(Debug)]
struct Wait {
    lane: String,
    given: Option<Arrived>,
    waker: Option<Waker>,
}

/// The wakers that the end of a wait sets free, for the caller to handle when it has let go of the state.
#[derive(Debug, Default)]
pub(super) struct Cancelled {
    /// That of the wait that the event went to: to be woken.
    pub(super) next: Option<Waker>,
    /// That of the wait itself: to be dropped.
    _own: Option<Waker>,
}

impl Mailbox {
    /// Takes in an event: the longest wait for its name gets it, or it is kept for the next one.
    #[must_use]
    pub(super) fn raise(&mut self, name: &str, payload: Option<String>) -> Option<Waker> {
        self.arrivals += 1;
        let event = Arrived {
            position: self.arrivals,
            payload,
        };
        let lane = name.to_lowercase();
        self.place(&lane, event)
    }

    fn place(&mut self, name: &str, event: Arrived) -> Option<Waker> {
        if !self.lanes.contains_key(name) {
            self.lanes.insert(name.to_owned(), Lane::default());
        }
        let lane = self.lanes.get_mut(name)?;
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
    pub(super) fn wait(&mut self, name: &str) -> u64 {
        self.waits_begun += 1;
        let id = self.waits_begun;
        let name = name.to_lowercase();
        let lane = self.lanes.entry(name.clone()).or_default();
        let given = lane.events.pop_front();
        if given.is_none() {
            lane.waiting.push_back(id);
            self.waiting += 1;
        }
        self.waits.insert(
            id,
            Wait {
                lane: name,
                given,
                waker: None,
            },
        );
        id
    }

    /// The event that a wait was given, which ends the wait; otherwise keeps the waker for it and gives back the one that it
    /// kept before.
    pub(super) fn observe(&mut self, id: u64, waker: &mut Option<Waker>) -> Option<Option<String>> {
        let wait = self.waits.get_mut(&id)?;
        if let Some(event) = wait.given.take() {
            self.waits.remove(&id);
            return Some(event.payload);
        }
        std::mem::swap(&mut wait.waker, waker);
        None
    }

    /// Ends a wait. An event that it was given and did not observe goes back to its place, and from there to the next wait.
    #[must_use]
    pub(super) fn cancel(&mut self, id: u64) -> Cancelled {
        let Some(wait) = self.waits.remove(&id) else {
            return Cancelled::default();
        };
        let next = match wait.given {
            Some(event) => self.place(&wait.lane, event),
            None => {
                self.waiting -= 1;
                // Usually it is the newest: a loop that waits and gives up again leaves nothing behind.
                if let Some(lane) = self.lanes.get_mut(&wait.lane) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(mailbox: &mut Mailbox, id: u64) -> Option<String> {
        let mut waker = Some(Waker::noop().clone());
        mailbox.observe(id, &mut waker).map(Option::unwrap)
    }

    fn raise(mailbox: &mut Mailbox, name: &str, payload: &str) {
        if let Some(waker) = mailbox.raise(name, Some(payload.into())) {
            waker.wake();
        }
    }

    #[test]
    fn events_are_kept_in_order_and_names_ignore_case() {
        let mut mailbox = Mailbox::default();
        raise(&mut mailbox, "Go", "1");
        raise(&mut mailbox, "other", "x");
        raise(&mut mailbox, "GO", "2");
        let [first, second, third] = [mailbox.wait("go"), mailbox.wait("gO"), mailbox.wait("go")];
        assert_eq!(observe(&mut mailbox, second).as_deref(), Some("2"));
        assert_eq!(observe(&mut mailbox, first).as_deref(), Some("1"));
        assert_eq!(observe(&mut mailbox, third), None);
        raise(&mut mailbox, "go", "3");
        assert_eq!(observe(&mut mailbox, third).as_deref(), Some("3"));
    }

    #[test]
    fn a_cancelled_wait_gives_its_event_back_in_its_old_place() {
        let mut mailbox = Mailbox::default();
        let first = mailbox.wait("go");
        raise(&mut mailbox, "go", "1");
        raise(&mut mailbox, "go", "2");
        assert!(mailbox.cancel(first).next.is_none());
        let [second, third] = [mailbox.wait("go"), mailbox.wait("go")];
        assert_eq!(observe(&mut mailbox, second).as_deref(), Some("1"));
        assert_eq!(observe(&mut mailbox, third).as_deref(), Some("2"));
    }

    #[test]
    fn a_given_back_event_wakes_the_next_wait() {
        let mut mailbox = Mailbox::default();
        let [first, second] = [mailbox.wait("go"), mailbox.wait("go")];
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
            let [stop, go] = [mailbox.wait("stop"), mailbox.wait("go")];
            let _ = (mailbox.cancel(stop), mailbox.cancel(go));
        }
        assert!(mailbox.lanes.values().all(|lane| lane.waiting.is_empty()));
        assert_eq!((mailbox.waiting(), mailbox.waits.len()), (0, 0));
    }

    #[test]
    fn a_cancelled_wait_is_skipped() {
        let mut mailbox = Mailbox::default();
        let [first, second] = [mailbox.wait("go"), mailbox.wait("go")];
        assert!(mailbox.cancel(first).next.is_none());
        raise(&mut mailbox, "go", "1");
        assert_eq!(observe(&mut mailbox, second).as_deref(), Some("1"));
    }
}
