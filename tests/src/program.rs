//! A running `victim`: see `bin/victim/main.rs` for what it is told and says.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// Nothing takes so long unless it hangs.
const STUCK: Duration = Duration::from_secs(120);

/// A process with a worker in it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    /// What it said that nobody has asked for yet.
    answers: HashMap<u64, Answer>,
    asked: u64,
    log: PathBuf,
}

/// What came of a command: the result, or the error as it was said.
pub type Answer = Result<String, String>;

/// A line that a program says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// Its worker runs.
    Open,
    /// Its store cannot be opened: the kind of the error, and its text.
    Closed(String, String),
    /// An activity ran.
    Ran,
    /// The answer to a command.
    Answer(u64, Answer),
}

impl Said {
    fn read(line: &str) -> Self {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        match first {
            "open" => Self::Open,
            "ran" => Self::Ran,
            "closed" => {
                let (kind, text) = rest.split_once(' ').unwrap_or((rest, ""));
                Self::Closed(kind.into(), text.into())
            }
            number => {
                let number = number
                    .parse()
                    .unwrap_or_else(|_| panic!("the program says: {line}"));
                let (verdict, text) = rest.split_once(' ').unwrap_or((rest, ""));
                let answer = match verdict {
                    "ok" => Ok(text.into()),
                    _ => Err(text.into()),
                };
                Self::Answer(number, answer)
            }
        }
    }
}

impl Program {
    /// Starts it on a store.
    #[must_use]
    pub fn start(executable: &str, database: &Path, directory: &Path) -> Self {
        let mut command = Command::new(executable);
        // As programs have it that say nothing else.
        command
            .args([database, directory])
            .env("RUST_BACKTRACE", "0");
        Self::start_as(command, directory)
    }

    /// Starts it by a command of its own. What it logs is in a file in the directory.
    #[must_use]
    pub fn start_as(mut command: Command, directory: &Path) -> Self {
        let log = directory.join("log");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok() {
                // A line that the kill cut short was not said.
                let Some(whole) = line.strip_suffix('\n') else {
                    return;
                };
                if send.send(whole.to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self {
            child,
            lines,
            answers: HashMap::new(),
            asked: 0,
            log,
        }
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The next line, which is waited for; `None` once it has ended and has said everything.
    pub fn hear(&mut self) -> Option<Said> {
        match self.lines.recv_timeout(STUCK) {
            Ok(line) => Some(Said::read(&line)),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                panic!("the program says nothing any more; its log: {}", self.log())
            }
        }
    }

    /// The next line, when there is one already.
    pub fn overhear(&mut self) -> Option<Said> {
        self.lines.try_recv().ok().map(|line| Said::read(&line))
    }

    /// Waits until its worker runs.
    pub fn opened(&mut self) {
        match self.hear() {
            Some(Said::Open) => {}
            said => panic!("{said:?} instead of opening; its log: {}", self.log()),
        }
    }

    /// Waits for the error with which it does not open.
    pub fn refused(&mut self) -> (String, String) {
        match self.hear() {
            Some(Said::Closed(kind, text)) => (kind, text),
            said => panic!("{said:?} instead of an error; its log: {}", self.log()),
        }
    }

    /// Tells it to do something. The number is that of the answer.
    pub fn ask(&mut self, command: &str) -> u64 {
        self.asked += 1;
        let line = format!("{} {command}\n", self.asked);
        // When it has ended, so have its answers.
        let stdin = self.child.stdin.as_mut().unwrap();
        let _ = stdin.write_all(line.as_bytes());
        self.asked
    }

    /// Waits for an answer.
    ///
    /// # Errors
    ///
    /// The text of the error with which the command ended.
    pub fn answer(&mut self, number: u64) -> Answer {
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return answer;
            }
            match self.hear() {
                Some(Said::Answer(number, answer)) => drop(self.answers.insert(number, answer)),
                Some(Said::Open | Said::Ran) => {}
                said => panic!("{said:?} instead of an answer; its log: {}", self.log()),
            }
        }
    }

    /// Tells it to do something, and waits for the answer.
    ///
    /// # Errors
    ///
    /// The text of the error with which the command ended.
    pub fn carry_out(&mut self, command: &str) -> Answer {
        let number = self.ask(command);
        self.answer(number)
    }

    /// Carries out what must succeed.
    pub fn must(&mut self, command: &str) -> String {
        match self.carry_out(command) {
            Ok(result) => result,
            Err(error) => panic!("`{command}`: {error}; its log: {}", self.log()),
        }
    }

    /// Tells it to end in good order. It may go on saying things.
    pub fn stop(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end.
    pub fn end(mut self) -> ExitStatus {
        self.stop();
        while self.hear().is_some() {}
        self.child.wait().unwrap()
    }

    /// Ends it as a crash does, and gives what it said before. Only answers that the kill left whole are among them.
    pub fn kill(mut self) -> Vec<Said> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.hear()).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A failed assertion must not leave it behind. It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
