//! Spans in a file: OTLP JSON, one export a line, as the Collector's file exporter and receiver have it.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/>.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::Duration,
};

use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use opentelemetry_sdk::{Resource, trace::SpanData};
use tokio::time::{Instant, sleep};

use super::{
    failure::Failure,
    queue::{Export, Taken},
    retry::Patience,
};

/// Longest that another writer may have the file to itself.
const LOCKED_AT_MOST: Duration = Duration::from_secs(5);

/// How often it is looked whether it is free. The system would wait without end, and could not be told to stop.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// Writes spans into a file, and puts it aside when it is large.
///
/// Several services of a process write into one file, and several processes may. So each line is written under a lock of
/// the file, and nothing is known of it between two lines.
#[derive(Debug)]
pub(super) struct SpanFile {
    rotation: Rotation,
    resource: ResourceAttributesWithSchema,
}

/// Where lines go, and what is kept of them.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) path: PathBuf,
    /// A file is put aside before it would become larger than this.
    pub(super) max_bytes: u64,
    /// Files that are kept, with the one that is written.
    pub(super) max_files: usize,
}

impl SpanFile {
    /// Opens nothing until the first export.
    pub(super) fn new(rotation: Rotation) -> Self {
        Self {
            rotation,
            resource: ResourceAttributesWithSchema::default(),
        }
    }
}

impl Rotation {
    async fn write(&self, line: &[u8]) -> Result<(), Failure> {
        let file = |error| Failure::file(&error);
        while !self.write_once(&self.open().await?, line).map_err(file)? {}
        Ok(())
    }

    /// Whether it was written: not if the file is another one by now.
    fn write_once(&self, file: &File, line: &[u8]) -> io::Result<bool> {
        let bytes = file.metadata()?.len();
        if !self.is_current(file) {
            // Another writer put it aside in between.
            return Ok(false);
        }
        if bytes > 0 && bytes + line.len() as u64 > self.max_bytes {
            self.put_aside()?;
            return Ok(false);
        }
        append(file, bytes, line).map(|()| true)
    }

    /// Opens the file, locked. Whoever writes a line holds the lock as long as that takes; who holds it for longer than
    /// [`LOCKED_AT_MOST`] does something else.
    async fn open(&self) -> Result<File, Failure> {
        let file = self
            .open_unlocked()
            .map_err(|error| Failure::file(&error))?;
        let end = Instant::now() + LOCKED_AT_MOST;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                // Some file systems have no locks.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(file);
                }
                Err(TryLockError::Error(error)) => return Err(Failure::file(&error)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(BETWEEN_TRIES).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(Failure::locked(&self.path, LOCKED_AT_MOST));
                }
            }
        }
    }

    fn open_unlocked(&self) -> io::Result<File> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true).open(&self.path)
    }

    fn is_current(&self, file: &File) -> bool {
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        match (file.metadata(), fs::metadata(&self.path)) {
            (Ok(open), Ok(named)) => id(open) == id(named),
            _ => false,
        }
    }

    /// Makes room at `path`: the file becomes `….1`, that one `….2`, and the oldest is gone.
    fn put_aside(&self) -> io::Result<()> {
        if self.max_files <= 1 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.max_files - 1).rev() {
            let newer = self.aside(number);
            if newer.exists() {
                fs::rename(newer, self.aside(number + 1))?;
            }
        }
        fs::rename(&self.path, self.aside(1))
    }

    fn aside(&self, number: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

/// A line is there whole or not at all: half of one, as on a full disk, would make the file unreadable.
fn append(mut file: &File, bytes: u64, line: &[u8]) -> io::Result<()> {
    let written = file.write_all(line);
    if written.is_err() {
        let _ = file.set_len(bytes);
    }
    written
}

impl Export<SpanData> for SpanFile {
    fn describe(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }

    async fn export(
        &mut self,
        batch: Vec<SpanData>,
        _patience: &Patience,
    ) -> Result<Taken, Failure> {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans };
        let line = serde_json::to_vec(&request).map_err(io::Error::from);
        let mut line = line.map_err(|error| Failure::file(&error))?;
        line.push(b'\n');
        self.rotation.write(&line).await?;
        Ok(Taken::default())
    }
}

#[cfg(test)]
mod tests;
