//! A watch over all instances: it knows of each what is committed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::FutureExt as _;
use steadfast::{ClientError, Cursor, InstanceEvent, InstanceFilter, InstanceId, RuntimeStatus};

use crate::ledger::{Ledger, State};
use crate::operations::{Asker, Pending, Watching};

/// What a watch was told of, and has not left: where it is, and whether it may be forgotten then.
#[derive(Clone, Default)]
pub(crate) struct Survey(Rc<RefCell<BTreeMap<InstanceId, (Cursor, bool)>>>);

impl Survey {
    /// Nothing happens: it has seen all that there is, and knows what is gone.
    pub(crate) fn look_at(&self, ledger: &mut Ledger) {
        let seen = self.0.borrow();
        let missed = ledger
            .lives()
            .map(|life| (life.id.clone(), life.state().cursor))
            .find(|(id, cursor)| seen.get(id).is_none_or(|(seen, _)| seen != cursor));
        ledger.expect(missed.is_none(), || {
            let seen = missed.as_ref().and_then(|(id, _)| seen.get(id));
            format!("a watch over all instances has seen {seen:?}, and it is {missed:?}")
        });
        let gone = seen
            .iter()
            .find(|(id, (_, may_be_forgotten))| !may_be_forgotten && ledger.life(id).is_none());
        ledger.expect(gone.is_none(), || {
            format!("a watch over all instances was not told that {gone:?} is gone")
        });
    }
}

impl Asker {
    /// Watches all instances for a while.
    pub(crate) fn watch_all(&self) -> Pending {
        let what = "watch all instances".to_owned();
        self.world
            .note(|| format!("client of worker {}: {what}", self.worker));
        let survey = Survey::default();
        let events = self.world.below(200);
        let (asker, told) = (self.clone(), survey.clone());
        let future = async move {
            let mut watch = asker.client.watch_instances(InstanceFilter::new());
            for _ in 0..events {
                let event = watch.next().await;
                match event {
                    Ok(InstanceEvent::Change(change)) => {
                        let state = State {
                            cursor: change.cursor,
                            status: change.runtime_status,
                            custom: change
                                .custom_status
                                .map(|status| status.as_json().to_owned()),
                        };
                        let id = change.instance_id;
                        let is_over = state.status.is_terminal();
                        let may_be_forgotten = is_over && state.status != RuntimeStatus::Failed;
                        let now = (change.cursor, may_be_forgotten);
                        let ledger = &mut asker.world.lock().ledger;
                        ledger.told(&id, &state);
                        let before = told.0.borrow_mut().insert(id.clone(), now);
                        // What is over is remembered for a minute only, and clocks jump.
                        let goes_on = before
                            .is_none_or(|(before, is_forgotten)| is_forgotten || before <= now.0);
                        ledger.expect(goes_on, || {
                            format!(
                                "a watch over all went from {before:?} of `{id}` back to {state:?}"
                            )
                        });
                    }
                    Ok(InstanceEvent::Reset) => told.0.borrow_mut().clear(),
                    Ok(InstanceEvent::Left(id)) => {
                        told.0.borrow_mut().remove(&id);
                    }
                    Ok(_) | Err(ClientError::Store(_)) => {}
                    Err(_) => break,
                }
            }
        };
        Pending {
            what,
            worker: self.worker,
            watch: Some(Watching::All(survey)),
            future: future.boxed_local(),
        }
    }
}
