//! Whether a run with a crash ended as the undisturbed one did.

use std::fmt::{Debug, Write as _};

use futures_executor::block_on;

use super::TestHub;
use super::crash::Disturbance;
use super::world::{State, of};
use crate::model::failure::kind;
use crate::model::history::{HistoryEventKind, decode_events};
use crate::model::query::InstanceFilter;
use crate::model::status::InstanceStatus;
use crate::store::Store;
use crate::worker::message::TaskKey;

/// How a run ended.
pub(super) struct End<T> {
    returned: T,
    /// How each instance that has ended did, in the order of the texts.
    pub(super) instances: Vec<String>,
    effects: Option<Box<dyn State>>,
}

impl<T> End<T> {
    pub(super) fn of(hub: &TestHub, returned: T) -> Self {
        Self {
            returned,
            instances: hub.ended(),
            effects: hub.world.effects(),
        }
    }
}

impl TestHub {
    /// How each instance that has ended did.
    fn ended(&self) -> Vec<String> {
        let all = self.matching(&InstanceFilter::new(), usize::MAX);
        let ended = all.iter().filter(|status| status.is_terminal());
        let mut ended: Vec<_> = ended.map(|status| without_ids(&end_of(status))).collect();
        ended.sort_unstable();
        ended
    }

    /// Runs on until as much has ended as in the undisturbed run, or nothing can happen any more.
    #[track_caller]
    pub(super) fn catch_up(&self, expected: &[String]) {
        self.new_wait();
        let mut seen = None;
        loop {
            let commits = self.store.commits();
            if seen.replace(commits) != Some(commits) && missing(expected, &self.ended()).is_empty()
            {
                return;
            }
            if !self.happen() && !self.move_time() {
                return;
            }
        }
    }

    #[track_caller]
    pub(super) fn check_same<T: Debug + PartialEq>(&self, expected: &End<T>, end: &End<T>) {
        if self.store.crashed().is_none() {
            self.fail(&format!(
                "{}: this commit did not come, so the test is not the same each time: does it use the machine's clock, random \
                 numbers or the order of a hash map?",
                self.crashing()
            ));
        }
        let missing = missing(&expected.instances, &end.instances);
        if !missing.is_empty() {
            self.fail(&format!(
                "{}\nan instance ends otherwise than undisturbed.\n  undisturbed: {}\n  now: {}",
                self.crashing(),
                missing.join("\n               "),
                end.instances.join("\n       ")
            ));
        }
        if expected.returned != end.returned {
            let texts = [&expected.returned, &end.returned]
                .map(|returned| without_ids(&format!("{returned:?}")));
            if texts[0] != texts[1] {
                self.fail(&format!(
                    "{}\nthe test returns something else than undisturbed.\n  undisturbed: {:?}\n  now: {:?}",
                    self.crashing(),
                    expected.returned,
                    end.returned
                ));
            }
        }
        if let (Some(expected), Some(now)) = (&expected.effects, &end.effects)
            && !expected.is_same(&**now)
        {
            self.fail(&format!(
                "{}\n{}\n  the outside world, undisturbed: {expected:?}\n  the outside world, now: {now:?}",
                self.crashing(),
                self.not_idempotent()
            ));
        }
    }

    /// The crash of this run in messages.
    pub(super) fn crashing(&self) -> String {
        let Some(Disturbance { commit, crash }) = self.mode.disturbance() else {
            return "undisturbed".into();
        };
        let with = match self.store.crashed() {
            Some(written) => format!(" (with {written})"),
            None => String::new(),
        };
        format!("commit {commit}{with} {}", crash.describe())
    }

    /// Which activities changed the outside world again when they ran again.
    fn not_idempotent(&self) -> String {
        let mut text = String::new();
        self.world.runs(|runs| {
            for run in runs.iter().filter(|run| run.is_again) {
                if let (Some(before), Some(after)) = (&run.before, &run.after)
                    && !before.is_same(&**after)
                {
                    let _ = write!(
                        text,
                        "the {} ran again, and changed the outside world again: it is not idempotent.\n  before it ran again: \
                         {before:?}\n  after it: {after:?}\n",
                        of(&run.task)
                    );
                }
            }
        });
        if text.is_empty() {
            text.push_str("the outside world is another one, and no activity that ran again changed it when it did");
        }
        text.trim_end().to_owned()
    }

    /// What is in history of an activity has happened.
    #[track_caller]
    pub(super) fn check_calls(&self) {
        for status in self.matching(&InstanceFilter::new(), usize::MAX) {
            let stored = block_on(self.store.load(&status.instance_id));
            let Ok(Some(stored)) = stored else { continue };
            let rows = stored.history.iter();
            let events = rows.flat_map(|row| decode_events(&row.events).unwrap_or_default());
            for event in events {
                let id = match event.kind {
                    HistoryEventKind::TaskCompleted(ended) => ended.task_scheduled_id,
                    // Its time may be up before it ran.
                    HistoryEventKind::TaskFailed(ended)
                        if ended.failure.error_type != kind::TIMEOUT =>
                    {
                        ended.task_scheduled_id
                    }
                    _ => continue,
                };
                let key = TaskKey {
                    execution: stored.header.execution_id,
                    id,
                };
                if !self.world.has_run(key) {
                    self.fail(&format!(
                        "{}: the activity with the id {id} of `{}` has an end and never ran",
                        self.crashing(),
                        status.instance_id
                    ));
                }
            }
        }
    }
}

/// The end of an instance in one line.
fn end_of(status: &InstanceStatus) -> String {
    let InstanceStatus {
        name,
        instance_id,
        runtime_status,
        output,
        failure,
        custom_status,
        ..
    } = status;
    let mut text = format!("`{instance_id}` (`{name}`) is {runtime_status}");
    if let Some(output) = output {
        let _ = write!(text, ", output {output}");
    }
    if let Some(failure) = failure {
        let details = serde_json::to_string(failure);
        let details = details.unwrap_or_else(|_| failure.to_string());
        let _ = write!(text, ", failure {details}");
    }
    if let Some(status) = custom_status {
        let _ = write!(text, ", custom status {}", status.as_json());
    }
    text
}

/// Those that are expected and not found, each as often as it is missing. Both are sorted.
fn missing<'a>(expected: &'a [String], found: &[String]) -> Vec<&'a str> {
    let mut found = found.iter().peekable();
    let mut missing = Vec::new();
    for expected in expected {
        while found.next_if(|found| *found < expected).is_some() {}
        if found.next_if_eq(&expected).is_none() {
            missing.push(expected.as_str());
        }
    }
    missing
}

/// A text without the guids in it, with or without hyphens: another run has others.
fn without_ids(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        shown.push_str(before);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        shown.push_str(&word_without_ids(word));
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// A word of hexadecimal digits and hyphens, with a guid in it or not.
fn word_without_ids(word: &str) -> String {
    const LENGTHS: [usize; 2] = [36, 32];
    for length in LENGTHS {
        for start in 0..=word.len().saturating_sub(length) {
            let Some(part) = word.get(start..start + length) else {
                continue;
            };
            if uuid::Uuid::parse_str(part).is_ok() {
                let after = word_without_ids(&word[start + length..]);
                return format!("{}<id>{after}", &word[..start]);
            }
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_left_out() {
        let text = "\"a-67e55044-10b1-426f-9247-bb680e5fe0c8\", 67e5504410b1426f9247bb680e5fe0c8:7, 2026-01-01, deadbeef";
        assert_eq!(
            without_ids(text),
            "\"a-<id>\", <id>:7, 2026-01-01, deadbeef"
        );
    }

    #[test]
    fn what_is_missing_is_told_as_often_as_it_is() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = texts(&["a", "b", "b", "c"]);
        assert_eq!(missing(&expected, &texts(&["a", "b", "c", "d"])), ["b"]);
        assert_eq!(
            missing(&expected, &texts(&["0", "a", "b", "b", "c"])),
            [""; 0]
        );
        assert_eq!(missing(&expected, &[]), ["a", "b", "b", "c"]);
    }
}
