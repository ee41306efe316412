//! Operations across a rewind: those whose failures are forgotten go on.

use crate::engine::episode::OpenChild;
use crate::engine::state::State;
use crate::model::retry::total_timeout;

impl State {
    /// A rewind: the path of the code goes on from before what failed since the last one.
    pub(in crate::engine) fn rewound(&mut self) {
        let Some(last) = self.rewinds.pop_front() else {
            return;
        };
        self.forget_actions(last);
        for operation in std::mem::take(&mut self.forgotten) {
            let now = self.now;
            let Some(pending) = self.operations.get_mut(&operation) else {
                continue;
            };
            // It may have got its result since.
            if pending.completion.is_some() {
                continue;
            }
            let mut total = None;
            if let Some(series) = &mut pending.series {
                series.began = now;
                total = total_timeout(&series.tags);
                if let Some(timer) = series.deadline.take() {
                    self.timers.remove(&timer);
                    self.links.remove(&timer.1);
                }
            }
            if let Some(total) = total {
                self.set_deadline(operation, total);
            }
        }
        // Also those that had not failed: they may have ended since, when nobody took their answer.
        if self.rewinds.is_empty() && self.rewinding {
            let attempts = self.operations.iter();
            let attempts: Vec<_> = attempts
                .filter(|(_, pending)| pending.completion.is_none())
                .filter_map(|(operation, pending)| pending.open_attempt(*operation))
                .collect();
            let mut open: Vec<_> = attempts
                .into_iter()
                .filter_map(|(id, child)| {
                    child.and_then(|_| Some((id, self.children.remove(&id)?)))
                })
                .map(|(id, child)| OpenChild {
                    id,
                    instance_id: child.instance_id,
                    name: child.name,
                    version: child.version,
                    input: child.input,
                    tags: child.tags,
                })
                .collect();
            open.sort_unstable_by_key(|child| child.id);
            self.rewound_children.extend(open);
        }
    }
}
