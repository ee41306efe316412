//! What is asked of an instance, step by step, and what may be believed of it after each answer.

use steadfast_tests::program::Answer;

use crate::stored::Stored;

/// What an instance is for.
const KINDS: [(&str, &[Step]); 7] = {
    use Step::{Purge, Raise, Resume, Rewind, Start, Suspend, Terminate, Wait};
    [
        ("survive", &[Start, Raise, Wait("Completed")]),
        ("survive", &[Start, Raise, Wait("Completed"), Purge]),
        (
            "survive",
            &[Start, Suspend, Raise, Resume, Wait("Completed"), Purge],
        ),
        ("survive", &[Start, Terminate, Wait("Terminated"), Purge]),
        (
            "counter",
            &[Start, Raise, Raise, Raise, Raise, Wait("Completed")],
        ),
        ("family", &[Start, Wait("Completed"), Purge]),
        (
            "mending",
            &[Start, Wait("Failed"), Rewind, Wait("Completed"), Purge],
        ),
    ]
};

/// Something that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start,
    Raise,
    Suspend,
    Resume,
    Terminate,
    /// For the end with this status.
    Wait(&'static str),
    Rewind,
    Purge,
}

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: String,
    orchestrator: &'static str,
    number: u64,
    script: &'static [Step],
    /// How many steps were acknowledged.
    done: usize,
    /// How often the next one was asked for.
    attempts: u64,
    /// The events that it was asked to take, each with a number of its own.
    raised: Vec<u64>,
    /// Those that were acknowledged.
    acknowledged: Vec<u64>,
}

impl Instance {
    pub(crate) fn new(number: u64) -> Self {
        let (orchestrator, script) = KINDS[number as usize % KINDS.len()];
        Self {
            id: format!("{orchestrator}-{number}"),
            orchestrator,
            number,
            script,
            done: 0,
            attempts: 0,
            raised: Vec::new(),
            acknowledged: Vec::new(),
        }
    }

    /// The command for the next step; `None` when all is done.
    pub(crate) fn next_command(&mut self, new_event: &mut u64) -> Option<String> {
        let id = &self.id;
        let command = match self.script.get(self.done)? {
            Step::Start => format!("start {} {id} {}", self.orchestrator, self.number % 3),
            Step::Raise => {
                *new_event += 1;
                self.raised.push(*new_event);
                format!("raise {id} {new_event}")
            }
            Step::Suspend => format!("suspend {id}"),
            Step::Resume => format!("resume {id}"),
            Step::Terminate => format!("terminate {id}"),
            Step::Wait(_) => format!("wait {id}"),
            Step::Rewind => format!("rewind {id}"),
            Step::Purge => format!("purge {id}"),
        };
        self.attempts += 1;
        Some(command)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done == self.script.len()
    }

    pub(crate) fn events_acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    pub(crate) fn steps_acknowledged(&self) -> usize {
        self.done
    }

    /// Takes the answer to the next step.
    pub(crate) fn take(&mut self, answer: Answer) {
        let step = self.script[self.done];
        if matches!(&answer, Err(error) if error.contains("has been shut down")) {
            return; // The next life is asked.
        }
        // What an earlier life carried out and did not acknowledge may be refused the second time.
        let refused = match step {
            Step::Raise | Step::Resume | Step::Terminate => "has ended",
            Step::Rewind => "has not failed",
            Step::Purge => "there is no instance",
            _ => "\n",
        };
        let is_repeated = match step {
            // An event too many may have come of an earlier step.
            Step::Raise => self.raised.len() > self.acknowledged.len() + 1,
            _ => self.attempts > 1,
        };
        match (step, answer) {
            (Step::Wait(status), Ok(text)) => self.assert_outcome(status, &text),
            (Step::Raise, Ok(_)) => self.acknowledged.extend(self.raised.last()),
            (_, Ok(_)) => {}
            (_, Err(error)) if is_repeated && error.contains(refused) => {}
            (_, Err(error)) => panic!("{step:?} of {}: {error}", self.id),
        }
        self.done += 1;
        self.attempts = 0;
    }

    fn assert_outcome(&self, status: &str, text: &str) {
        let (found, output) = text.split_once(' ').unwrap();
        assert_eq!(found, status, "{}", self.id);
        if status != "Completed" {
            return;
        }
        let id = &self.id;
        let done = |step: u64| format!("{id} step {step}");
        let expected = match self.orchestrator {
            "survive" => {
                let mut expected: Vec<String> = (0..3).map(done).collect();
                // The first of those that were delivered.
                let taken = self
                    .raised
                    .iter()
                    .find(|event| output.contains(&format!("\"go {event}\"")));
                expected.push(format!("go {}", taken.unwrap()));
                expected.extend((3..3 + self.number % 3).map(done));
                expected
            }
            "family" => vec![
                format!("{id}-left step 0"),
                format!("{id}-right step 0, go 7"),
            ],
            "mending" => vec![done(0), done(1)],
            "counter" => {
                let seen: Vec<u64> = serde_json::from_str(output).unwrap();
                // In the order in which they were asked for, as each was asked for after the answer to the one before.
                let mut of_these = self.raised.iter();
                assert!(
                    seen.len() == 4 && seen.iter().all(|event| of_these.any(|it| it == event)),
                    "{id} took {seen:?} of {:?}",
                    self.raised
                );
                return;
            }
            other => panic!("no orchestrator `{other}`"),
        };
        assert_eq!(output, serde_json::to_string(&expected).unwrap(), "{id}");
    }

    /// Compares what is stored with what was acknowledged.
    pub(crate) fn inspect(&self, stored: &Stored) {
        let id = &self.id;
        let (done, left) = self.script.split_at(self.done);
        let asked = left.first().filter(|_| self.attempts > 0);
        let Some(status) = stored.statuses.get(id) else {
            let may_be_gone = done.is_empty() || done.ends_with(&[Step::Purge]);
            let is_being_purged = asked == Some(&Step::Purge);
            assert!(may_be_gone || is_being_purged, "{id} is lost");
            return;
        };
        assert!(
            !done.ends_with(&[Step::Purge]),
            "{id} came back after it was purged"
        );
        let expected = match (done, asked) {
            (_, Some(Step::Rewind | Step::Resume)) => None,
            ([.., Step::Wait(status)], _) => Some(*status),
            ([.., Step::Terminate], _) => Some("Terminated"),
            ([.., Step::Suspend] | [.., Step::Suspend, Step::Raise], _) => Some("Suspended"),
            _ => None,
        };
        if let Some(expected) = expected {
            assert_eq!(status, expected, "{id} after {done:?}");
        }
        let events = stored.raised.get(id).map_or(&[][..], Vec::as_slice);
        // A suspended instance keeps an event that it may not need: when it goes on, an earlier one, whose acknowledgement the kill
        // cut off, may bring it to its end.
        let has_ended_without = |event: &u64| {
            status == "Completed"
                && self.orchestrator == "survive"
                && events.iter().any(|it| it < event)
        };
        for event in &self.acknowledged {
            assert!(
                events.contains(event) || has_ended_without(event),
                "event {event} of {id}, which is {status} after {done:?}, is lost; it has {events:?} of {:?}",
                self.raised
            );
        }
        for (number, event) in events.iter().enumerate() {
            assert!(
                self.raised.contains(event) && !events[..number].contains(event),
                "{id} has the events {events:?}, and was sent {:?}",
                self.raised
            );
        }
    }
}
