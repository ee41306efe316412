//! Going through all instances that match while they change.
//!
//! The list goes through the incarnations in their order. What is told of one that it has not come to is left out, as it will be read
//! there; what is told of one that is read and not given yet takes its place; what is told of one that was given waits for the end
//! of the list, the latest of each. So a list comes to its end, however much happens meanwhile.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use super::backlog::{Backlog, Latest};
use super::shown::Shown;
use super::{ClientError, InstanceQuery};
use crate::model::instance::{Incarnation, InstanceId};
use crate::worker::every_instance::{Listener, Told};
use crate::worker::update::Published;

pub(super) struct Listing {
    query: InstanceQuery,
    /// Up to where it has read; nothing at first.
    reached: Option<Incarnation>,
    /// What was read and is not given yet, in the order of incarnations.
    rows: VecDeque<Arc<Published>>,
    /// What was given, and has been replaced: it is told before what took its place may be met.
    left: VecDeque<InstanceId>,
    /// What was told while a page is read. Only then it is known what is on it.
    heard: Backlog,
    /// Whether some of it was missed.
    missed: bool,
}

/// What a list gives next.
pub(super) enum Next {
    Row(Arc<Published>),
    Left(InstanceId),
    /// Nothing, before a page is read.
    Page,
    End,
}

impl Listing {
    pub(super) fn new(query: InstanceQuery) -> Self {
        Self {
            query,
            reached: None,
            rows: VecDeque::new(),
            left: VecDeque::new(),
            heard: Backlog::default(),
            missed: false,
        }
    }

    /// Takes what has been told, and keeps what has to wait in the backlog. `false` when something was missed.
    pub(super) fn hear(
        &mut self,
        listener: &mut Listener,
        shown: &mut Shown,
        backlog: &mut Backlog,
    ) -> bool {
        if self.reached.is_none() {
            // All of it is in the store, where it will be read.
            listener.skip();
            (self.heard, self.missed) = (Backlog::default(), false);
        }
        for (id, latest) in self.heard.take() {
            self.sort(&id, latest, shown, backlog);
        }
        let end = listener.end();
        while listener.place() < end
            && let Some(told) = listener.ready()
        {
            if let Some((id, latest)) = self.understand(told) {
                self.sort(&id, latest, shown, backlog);
            }
        }
        !self.missed
    }

    pub(super) fn next(&mut self) -> Next {
        if let Some(id) = self.left.pop_front() {
            return Next::Left(id);
        }
        match self.rows.pop_front() {
            Some(row) => Next::Row(row),
            None if self.reached == Some(Incarnation(u64::MAX)) => Next::End,
            None => Next::Page,
        }
    }

    /// Reads a page. What is told meanwhile is heard, or what is kept for listeners might not last for as long as that takes.
    pub(super) async fn read(&mut self, listener: &mut Listener) -> Result<(), ClientError> {
        let mut query = self.query.clone();
        let page = {
            let mut page = pin!(query.page());
            loop {
                match select(page.as_mut(), pin!(listener.next())).await {
                    Either::Left((page, _)) => break page?,
                    Either::Right((Some(told), _)) => {
                        if let Some((id, latest)) = self.understand(told) {
                            self.heard.add(&id, latest.update);
                        }
                    }
                    // The worker is gone, and what it has stored can be read all the same.
                    Either::Right((None, _)) => break page.await?,
                }
            }
        };
        self.query = query;
        self.reached = Some(match &page.continuation {
            Some(token) => token.incarnation(),
            None => Incarnation(u64::MAX),
        });
        self.rows = page.instances.into_iter().map(Published::new).collect();
        Ok(())
    }

    fn understand(&mut self, told: Told) -> Option<(InstanceId, Latest)> {
        match told {
            Told::Update(update) => Some((update.about.id.clone(), Latest::of(update))),
            Told::Uncertain(id) => Some((id, Latest::default())),
            Told::Any => {
                self.missed = true;
                None
            }
        }
    }

    /// Puts what was told of an instance where it belongs.
    fn sort(&mut self, id: &InstanceId, latest: Latest, shown: &mut Shown, backlog: &mut Backlog) {
        let Some(update) = latest.update else {
            return backlog.add(id, None);
        };
        let (cursor, matches) = (update.cursor, shown.matches(&update));
        if latest.replaces {
            backlog.remove(id);
            let is_before = |row: &Arc<Published>| {
                row.about.id == *id && row.cursor.incarnation < cursor.incarnation
            };
            match self.rows.iter().position(is_before) {
                Some(place) => drop(self.rows.remove(place)),
                None if shown.is_replaced(id, cursor) => self.left.push_back(id.clone()),
                None => {}
            }
        }
        if self.reached < Some(cursor.incarnation) {
            return;
        }
        let incarnation_of = |row: &Arc<Published>| row.cursor.incarnation;
        if let Ok(place) = self
            .rows
            .binary_search_by_key(&cursor.incarnation, incarnation_of)
        {
            let row = &mut self.rows[place];
            let is_later = row.cursor < cursor
                || (row.cursor == cursor && row.stalled.is_some() != update.stalled.is_some());
            match (is_later, matches) {
                (true, true) if update.is_outline() => backlog.add(id, None),
                (true, true) => *row = update,
                (true, false) => drop(self.rows.remove(place)),
                (false, _) => {}
            }
            return;
        }
        let is_told_already = latest.replaces && !matches;
        if backlog.contains(id) || (!is_told_already && shown.is_news(&update, None)) {
            backlog.add(id, Some(update));
        }
    }
}
