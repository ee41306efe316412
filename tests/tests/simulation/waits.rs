//! Who waits for whom when nothing happens: what runs is waited for, or goes on as somebody said.

use steadfast::{InstanceId, RuntimeStatus, WaitingFor};

use crate::driver::Simulation;
use crate::ledger::Ledger;

/// What an instance waited for behind an episode.
pub(crate) struct Waits {
    pub(crate) id: InstanceId,
    pub(crate) execution: u128,
    pub(crate) episode: u64,
    pub(crate) kinds: Vec<WaitingFor>,
}

/// What somebody waits for who can go on: `None` when that cannot be said.
fn waits(all: &[Waits], execution: u128) -> Option<&[WaitingFor]> {
    let found = all.iter().find(|waits| waits.execution == execution)?;
    Some(&found.kinds)
}

impl Simulation {
    /// An activity runs while somebody waits for it, or because it was detached; and what was detached runs.
    pub(crate) fn look_at_activities(&mut self, all: &[Waits]) {
        let owner = self.owner().number;
        let world = &mut *self.world.lock();
        let (ledger, stage) = (&mut world.ledger, &world.stage);
        let running: Vec<_> = stage.running(owner).collect();
        for key in running {
            let is_wanted = |ledger: &Ledger| {
                let (life, is_untold) = ledger.of_execution(key.0)?;
                let is_detached = ledger.tasks.get(key)?.is_detached;
                if life.gone.is_some() {
                    // Later executions do not know what the instance before them ran.
                    let next = ledger.life(&life.id)?;
                    let knows = !next.status.is_terminal() && !next.has_continued;
                    return knows.then_some(false);
                }
                if life.status == RuntimeStatus::Terminated {
                    return Some(false);
                }
                if is_untold {
                    return None;
                }
                if life.status.is_terminal() || life.execution.as_u128() != key.0 {
                    return Some(is_detached);
                }
                let is_awaited = waits(all, key.0)?
                    .iter()
                    .any(|wait| matches!(wait, WaitingFor::Activity { id, .. } if *id == key.1));
                Some(is_detached || is_awaited)
            };
            let is_wanted = is_wanted(ledger).unwrap_or(true);
            ledger.expect(is_wanted, || {
                format!(
                    "activity {} of {:x} runs, and nobody waits for it",
                    key.1, key.0
                )
            });
        }
        let idle = ledger.tasks.iter().find(|(key, task)| {
            if !task.is_detached || task.end.is_some() || stage.owner_lacks {
                return false;
            }
            let Some((life, _)) = ledger.of_execution(key.0) else {
                return false;
            };
            if life.gone.is_some() || life.status == RuntimeStatus::Terminated || life.is_held() {
                return false;
            }
            if !life.status.is_terminal() && life.execution.as_u128() == key.0 {
                return !stage.runs(owner, *key);
            }
            // A worker that begins anew does not look for it.
            task.asked_by == Some(owner) && !stage.has_begun(owner, *key)
        });
        let idle = idle.map(|(key, _)| key);
        ledger.expect(idle.is_none(), || {
            format!("detached activity {idle:x?} does not run")
        });
    }

    /// A child that nobody waits for any more, or that was ended with its parent, has ended.
    pub(crate) fn look_at_children(&mut self, all: &[Waits]) {
        let ledger = &mut self.world.lock().ledger;
        let lost = ledger.lives().find(|child| {
            if child.status.is_terminal() {
                return false;
            }
            if child.must_end {
                return true;
            }
            let Some(key) = child.parent.filter(|_| child.is_raced) else {
                return false;
            };
            let Some((parent, _)) = ledger.of_execution(key.0) else {
                return false;
            };
            if parent.gone.is_some() || parent.status == RuntimeStatus::Terminated {
                return false;
            }
            if parent.status.is_terminal() || parent.execution.as_u128() != key.0 {
                return true;
            }
            waits(all, key.0).is_some_and(|waits| {
                !waits
                    .iter()
                    .any(|wait| matches!(wait, WaitingFor::Child { id, .. } if *id == key.1))
            })
        });
        let lost = lost.map(|child| (child.id.clone(), child.status));
        ledger.expect(lost.is_none(), || {
            format!("{lost:?} goes on, and nobody waits for it")
        });
    }
}
