//! What a thread learns of the activities that the one before it has handed out.

use std::fmt;

use super::inlets::{Inlets, ShardMessage};
use crate::worker::activities::progress::ProgressCell;
use crate::worker::activities::run::Account;
use crate::worker::message::{ShardInput, Task};
use crate::worker::writer::Origin;

/// Tells a thread what was handed out, and then that this is all: also when nobody is there any more who could say it.
pub(super) struct ThreadAccount {
    thread: Origin,
    inlets: Inlets,
}

impl ThreadAccount {
    pub(super) const fn new(thread: Origin, inlets: Inlets) -> Self {
        Self { thread, inlets }
    }

    fn tell(&self, message: ShardMessage) {
        drop(self.inlets.put(self.thread.shard, message));
    }
}

impl Account for ThreadAccount {
    fn handed_out(&self, task: &Task, progress: Option<&ProgressCell>) {
        if self.inlets.shard_of(&task.instance) == self.thread.shard {
            self.tell(ShardMessage::Input(ShardInput::handed_out(task, progress)));
        }
    }
}

impl fmt::Debug for ThreadAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreadAccount").field(&self.thread).finish()
    }
}

impl Drop for ThreadAccount {
    fn drop(&mut self) {
        self.tell(ShardMessage::Accounted(self.thread));
    }
}
