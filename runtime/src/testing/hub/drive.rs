//! Lets the worker of a hub run: step by step, in time, and through the crash that the test is about.

use std::cell::RefMut;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use super::TestHub;
use crate::client::{Client, ClientError};
use crate::encoding::Noting;
use crate::store::Store;
use crate::testing::single_threaded::{Order, SingleThreaded};

impl TestHub {
    /// Begins to wait for something: it may take so many steps.
    pub(super) fn new_wait(&self) {
        self.steps_left.set(self.config.borrow().max_steps);
    }

    /// Asks for a change until it is known to be committed or refused, whatever crashes meanwhile.
    #[track_caller]
    pub(super) fn ask(
        &self,
        ask: impl AsyncFn(Client) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        loop {
            if !self.mode.is_plain() {
                // The next commit is then the one that is asked for.
                self.run_now();
            }
            let (commits, starts) = (self.store.commits(), self.starts());
            let answer = self.drive(starts, ask(self.client()));
            let is_known = match &answer {
                None => false,
                Some(Err(ClientError::Store(_))) => self.store.crashed().is_none(),
                Some(_) => true,
            };
            match answer {
                Some(answer) if is_known => return answer,
                _ if self.store.was_applied(commits) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Asks for something that changes nothing.
    #[track_caller]
    pub(super) fn look<T>(&self, look: impl AsyncFn(Client) -> T) -> T {
        loop {
            let starts = self.starts();
            if let Some(answer) = self.drive(starts, look(self.client())) {
                return answer;
            }
        }
    }

    /// The answer that a worker gives by itself, without the time moving: for reports, when nothing may go on.
    #[track_caller]
    pub(super) fn answer_of<T>(&self, ask: impl AsyncFn(Client) -> T) -> Option<T> {
        let client = self.client();
        let mut answer = pin!(ask(client));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
                return Some(answer);
            }
            if !self.with_worker(SingleThreaded::step) {
                break;
            }
        }
        None
    }

    /// Runs until a future is ready; nothing when the worker was started again meanwhile.
    #[track_caller]
    pub(super) fn drive<T>(&self, starts: u32, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        while self.starts() == starts {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if !self.step() && !self.move_time() {
                self.fail("the worker does not answer a request");
            }
        }
        None
    }

    /// Lets everything happen that can happen at the current time.
    #[track_caller]
    pub(super) fn run_now(&self) {
        while self.happen() {}
    }

    /// One thing that can happen at the current time; `false` when nothing can.
    #[track_caller]
    pub(super) fn happen(&self) -> bool {
        self.ask_what_is_due() || self.step()
    }

    /// One step of the worker.
    #[track_caller]
    pub(super) fn step(&self) -> bool {
        self.world.time.ring();
        let noting = Noting::begin();
        let happened = self.with_worker(SingleThreaded::step);
        let changed = noting.first();
        if let Some(why) = self.world.take_broken().or(changed) {
            self.fail(&why);
        }
        let dies = self
            .mode
            .disturbance()
            .is_some_and(|it| it.crash.is_death());
        if dies && self.store.crashed().is_some() && !self.has_died.replace(true) {
            self.restart();
            return true;
        }
        if happened {
            match self.steps_left.get().checked_sub(1) {
                Some(left) => self.steps_left.set(left),
                None => self.fail_without_end(),
            }
        }
        happened
    }

    /// Moves the time to the next thing that is due; `false` when nothing is.
    #[track_caller]
    pub(super) fn move_time(&self) -> bool {
        let next = self.next_due();
        if let Some(due) = next {
            self.set_time(due.max(self.now()));
        }
        next.is_some()
    }

    #[track_caller]
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let of_worker = self.with_worker(|worker| worker.next_due());
        let asked = self.asks.borrow().next();
        [of_worker, asked, self.world.time.next()]
            .into_iter()
            .flatten()
            .min()
    }

    #[track_caller]
    fn starts(&self) -> u32 {
        self.with_worker(|_| ());
        self.starts.get()
    }

    #[track_caller]
    pub(super) fn stop_worker(&self) {
        let worker = self.worker_mut().take();
        drop(worker);
        self.world.lose_runs();
    }

    /// Whether the worker has started.
    pub(super) fn is_running(&self) -> bool {
        self.worker
            .try_borrow()
            .map_or(true, |worker| worker.is_some())
    }

    /// The worker, unless it is what asks.
    #[track_caller]
    fn worker_mut(&self) -> RefMut<'_, Option<SingleThreaded>> {
        let Ok(worker) = self.worker.try_borrow_mut() else {
            panic!(
                "a mock or an activity asks something of the hub that runs it, and that waits for it: let it note what it sees, in a \
                 `Cell` say, and ask when it has returned; or say before what is to happen when, with `hub.after(..)` or \
                 `.after(..)` of an orchestration"
            );
        };
        worker
    }

    #[track_caller]
    pub(super) fn with_worker<T>(&self, with: impl FnOnce(&mut SingleThreaded) -> T) -> T {
        let mut worker = self.worker_mut();
        if worker.is_none() {
            *worker = Some(self.start_worker());
        }
        let worker = worker.as_mut().expect("it has been started");
        with(worker)
    }

    #[track_caller]
    fn start_worker(&self) -> SingleThreaded {
        self.starts.set(self.starts.get() + 1);
        let world = Rc::clone(&self.world);
        let options = self.config.borrow().options(
            Arc::clone(self.world.time.clock()),
            Order::Seeded(self.seed),
            self.world.mocked(),
        );
        let around = Box::new(move |shared: &_, task: &_, cancellation, real| {
            world.run(shared, task, cancellation, real)
        });
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        match SingleThreaded::start_for_users(store, options, around) {
            Ok(worker) => worker,
            Err(error) => panic!("the store cannot be used: {error}"),
        }
    }
}
