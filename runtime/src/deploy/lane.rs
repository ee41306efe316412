//! A thread for replays, which is left behind when one does not return.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::client::ExportedHistory;
use crate::registry::Registry;
use crate::replay::{Compare, Divergence, DivergenceKind, replay};

/// How many threads may be left behind. Each may keep a processor busy for ever.
const MAX_LOST: usize = 8;

/// Replays one history after the other.
pub(super) struct Lane {
    registry: Arc<Registry>,
    compare: Compare,
    patience: Duration,
    thread: Option<(Sender<ExportedHistory>, Receiver<Verdict>)>,
    lost: usize,
}

pub(super) type Verdict = Result<(), Box<Divergence>>;

impl Lane {
    pub(super) const fn new(registry: Arc<Registry>, compare: Compare, patience: Duration) -> Self {
        Self {
            registry,
            compare,
            patience,
            thread: None,
            lost: 0,
        }
    }

    /// Whether it fits.
    ///
    /// # Errors
    ///
    /// Why that cannot be told.
    pub(super) fn replay(&mut self, mut history: ExportedHistory) -> Result<Verdict, String> {
        if self.lost == MAX_LOST {
            return Err(format!(
                "{MAX_LOST} replays did not return, and their threads are still running; repair those first"
            ));
        }
        let (name, version) = (history.name.clone(), history.version.clone());
        let episodes = std::mem::take(&mut history.episodes);
        let blank = history.clone();
        history.episodes = episodes;
        let (send, receive) = match self.thread.take() {
            Some(thread) => thread,
            None => start(&self.registry, self.compare)?,
        };
        let _ = send.send(history);
        match receive.recv_timeout(self.patience) {
            Ok(verdict) => {
                self.thread = Some((send, receive));
                Ok(verdict)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.lost += 1;
                let defined = self.registry.orchestrator(&name, version.as_deref());
                let kind = DivergenceKind::DoesNotReturn;
                let location = defined.map(|found| found.location);
                let why = format!("it has not returned after {:?}", self.patience);
                Ok(Err(Divergence::new(kind, &blank, location, &[], 0)
                    .because(why)
                    .into()))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err("the replay panicked outside of the orchestrator".into())
            }
        }
    }
}

fn start(
    registry: &Arc<Registry>,
    compare: Compare,
) -> Result<(Sender<ExportedHistory>, Receiver<Verdict>), String> {
    let (send, histories) = channel::<ExportedHistory>();
    let (verdicts, receive) = channel();
    let registry = Arc::clone(registry);
    let run = move || {
        for history in histories {
            if verdicts
                .send(verdict(&history, &registry, compare))
                .is_err()
            {
                break;
            }
        }
    };
    thread::Builder::new()
        .name("steadfast-replay".into())
        .spawn(run)
        .map_err(|error| format!("no thread can be started: {error}"))?;
    Ok((send, receive))
}

/// A replay, and whether what it waits for is there.
fn verdict(history: &ExportedHistory, registry: &Registry, compare: Compare) -> Verdict {
    let open = replay(history, registry, compare)?;
    if history.runtime_status.is_terminal() {
        return Ok(());
    }
    match open
        .into_iter()
        .find(|(task, _)| registry.activity(&task.name).is_none())
    {
        None => Ok(()),
        Some((task, called_at)) => {
            let definition = registry.orchestrator(&history.name, history.version.as_deref());
            let location = definition.map(|found| found.location);
            let kind = DivergenceKind::MissingActivity;
            let why = format!(
                "the activity `{}` is not registered in this program",
                task.name
            );
            let divergence = Divergence::new(kind, history, location, &[], 0);
            Err(divergence.at(task.id, called_at).because(why).into())
        }
    }
}
