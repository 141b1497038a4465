//! The thread that writes, and how it comes back after the disk failed it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::super::{DocumentError, OpenError};
use super::{
    Clock,
    batch::{Batch, Command, Reply, Written},
    tables::{Tables, into_io},
};

/// How many commands are made durable by one fsync at most.
const GROUP: usize = 1_024;
/// How often documents whose time is up are removed. Until then they are not shown, so it only costs their room.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How long a reader may hold the files that are to be opened anew.
const READERS_WITHIN: Duration = Duration::from_secs(5);

/// What readers and the writer share.
pub(super) struct Shared {
    directory: PathBuf,
    clock: Clock,
    state: RwLock<State>,
}

enum State {
    Open(Arc<Tables>),
    /// Still readable; the engine takes no more writes until it is opened anew.
    Faulted(Arc<Tables>, Arc<io::Error>),
    /// Opening it anew failed.
    Lost(Arc<io::Error>),
    Closed,
}

/// A command and who waits for its outcome.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) command: Command,
    pub(super) reply: Reply,
}

impl Shared {
    pub(super) fn new(directory: PathBuf, tables: Tables, clock: Clock) -> Self {
        Self {
            directory,
            clock,
            state: RwLock::new(State::Open(Arc::new(tables))),
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Tables) -> fjall::Result<T>,
    ) -> Result<T, DocumentError> {
        read(&*self.tables()?).map_err(|error| self.storage_error(error))
    }

    pub(super) fn tables(&self) -> Result<Arc<Tables>, DocumentError> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(tables) | State::Faulted(tables, _) => Ok(Arc::clone(tables)),
            State::Lost(cause) => Err(self.fault(cause)),
            State::Closed => Err(DocumentError::Closed),
        }
    }

    pub(super) fn check(&self) -> Result<(), DocumentError> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(_) => Ok(()),
            State::Faulted(_, cause) | State::Lost(cause) => Err(self.fault(cause)),
            State::Closed => Err(DocumentError::Closed),
        }
    }

    pub(super) fn storage_error(&self, error: fjall::Error) -> DocumentError {
        self.fault(&Arc::new(into_io(error)))
    }

    fn fault(&self, cause: &Arc<io::Error>) -> DocumentError {
        DocumentError::Storage {
            directory: self.directory.clone(),
            source: Arc::clone(cause),
        }
    }

    fn set(&self, state: State) -> State {
        let mut slot = self.state.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut slot, state)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// The writing thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    submissions: mpsc::Receiver<Submission>,
    next_sweep: Instant,
}

impl Writer {
    /// Starts the thread. It ends when all senders are gone and what they sent is written.
    pub(super) fn spawn(shared: Arc<Shared>) -> Result<mpsc::Sender<Submission>, OpenError> {
        let (sender, submissions) = mpsc::channel();
        let directory = shared.directory.clone();
        let writer = Self {
            shared,
            submissions,
            next_sweep: Instant::now() + SWEEP_EVERY,
        };
        thread::Builder::new()
            .name("documents".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Storage {
                directory,
                source: Arc::new(error),
            })?;
        Ok(sender)
    }

    fn run(mut self) {
        loop {
            let until_sweep = self.next_sweep.saturating_duration_since(Instant::now());
            let mut group = Vec::new();
            match self.submissions.recv_timeout(until_sweep) {
                Ok(first) => {
                    group.push(first);
                    group.extend(self.submissions.try_iter().take(GROUP - 1));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if self.write(group) == Next::Stop {
                break;
            }
        }
        self.shared.set(State::Closed);
    }

    /// Carries a group out and tells everyone how it went.
    fn write(&mut self, group: Vec<Submission>) -> Next {
        let sweep = Instant::now() >= self.next_sweep;
        if sweep {
            self.next_sweep = Instant::now() + SWEEP_EVERY;
        }
        if group.is_empty() && !sweep {
            return Next::GoOn;
        }
        let (closing, group): (Vec<_>, Vec<_>) = group
            .into_iter()
            .partition(|submission| matches!(submission.command, Command::Close));
        self.commit(group, sweep);
        if closing.is_empty() {
            return Next::GoOn;
        }
        self.shared.set(State::Closed);
        for submission in closing {
            let _ = submission.reply.send(Ok(Written::Done));
        }
        Next::Stop
    }

    fn commit(&self, group: Vec<Submission>, sweep: bool) {
        let tables = match self.writable() {
            Ok(tables) => tables,
            Err(cause) => {
                return fail(group.into_iter().map(|submission| submission.reply), || {
                    self.shared.fault(&cause)
                });
            }
        };
        let mut batch = Batch::new(&self.shared, &tables);
        let outcomes: Vec<_> = group
            .into_iter()
            .map(|Submission { command, reply }| (reply, batch.apply(command)))
            .collect();
        if sweep {
            // What could not be removed now is removed by the next sweep.
            let _ = batch.apply(Command::Sweep);
        }
        match batch.commit() {
            Ok(()) => {
                for (reply, outcome) in outcomes {
                    let _ = reply.send(outcome);
                }
            }
            Err(error) => {
                let cause = Arc::new(into_io(error));
                self.shared.set(State::Faulted(tables, Arc::clone(&cause)));
                fail(outcomes.into_iter().map(|(reply, _)| reply), || {
                    self.shared.fault(&cause)
                });
            }
        }
    }

    /// The files, opened anew if the last write failed: the engine refuses to write after a failure, because what
    /// the disk then holds is only known by reading it again.
    fn writable(&self) -> Result<Arc<Tables>, Arc<io::Error>> {
        let state = self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let State::Open(tables) = &*state {
            return Ok(Arc::clone(tables));
        }
        drop(state);
        // As long as the disk takes nothing, the old files stay open, so that documents can still be read.
        try_disk(&self.shared.directory).map_err(Arc::new)?;
        let nobody = Arc::new(io::Error::other("the files are being opened anew"));
        if let State::Faulted(tables, _) = self.shared.set(State::Lost(nobody)) {
            self.release(tables)?;
        }
        match Tables::try_open(&self.shared.directory) {
            Ok(tables) => {
                let tables = Arc::new(tables);
                self.shared.set(State::Open(Arc::clone(&tables)));
                Ok(tables)
            }
            Err(error) => {
                let cause = Arc::new(into_io(error));
                self.shared.set(State::Lost(Arc::clone(&cause)));
                Err(cause)
            }
        }
    }

    /// Closes the files once nobody reads them: they are locked until then.
    fn release(&self, mut tables: Arc<Tables>) -> Result<(), Arc<io::Error>> {
        let deadline = Instant::now() + READERS_WITHIN;
        while let Err(still_read) = Arc::try_unwrap(tables).map(drop) {
            if Instant::now() >= deadline {
                let cause = Arc::new(io::Error::from(io::ErrorKind::ResourceBusy));
                self.shared
                    .set(State::Faulted(still_read, Arc::clone(&cause)));
                return Err(cause);
            }
            tables = still_read;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

fn fail(replies: impl Iterator<Item = Reply>, error: impl Fn() -> DocumentError) {
    for reply in replies {
        let _ = reply.send(Err(error()));
    }
}

/// Whether the disk takes anything, found out by giving it something.
fn try_disk(directory: &Path) -> io::Result<()> {
    let path = directory.join("probe");
    let written = std::fs::File::create(&path).and_then(|mut file| {
        io::Write::write_all(&mut file, &[0; 64 * 1024])?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}
