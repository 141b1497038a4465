//! Recorded daily figures, and a local server that answers from them in the sources' own wire formats.

mod csv_file;
mod server;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use chimera_questions::{Day, Metric, Period, Ticker};

pub use csv_file::{FileError, Problem};
pub use server::{RECORDED_UNTIL, router};

/// Day and value, ascending.
pub type Points = Vec<(Day, f64)>;

/// Daily figures of some assets, read from one `<ticker>.csv` each.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    assets: BTreeMap<Ticker, BTreeMap<Metric, Points>>,
    last_day: Day,
}

/// Why a directory is not a recording.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The directory or a file in it could not be read.
    #[error("reading {path}")]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("reading {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: FileError,
    },
    /// Two files of the directory have the same ticker in different case.
    #[error("{path} is a second file of {ticker}, remove one of them")]
    Duplicate {
        /// The second file.
        path: PathBuf,
        /// The asset.
        ticker: Ticker,
    },
    /// No file of the directory has a value.
    #[error("{path} holds no `<ticker>.csv` with a value in it")]
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

impl Recording {
    /// The recording that the program carries: ZEC, BTC and ETH up to 2019-03-28, from Coin Metrics.
    pub fn bundled() -> Self {
        let files = [
            ("ZEC", include_str!("../data/zec.csv")),
            ("BTC", include_str!("../data/btc.csv")),
            ("ETH", include_str!("../data/eth.csv")),
        ];
        let assets = files.map(|(ticker, text)| {
            let series = csv_file::read(text.as_bytes()).expect("a test reads the bundled files");
            (Ticker::new(ticker), series)
        });
        Self::of(assets.into()).expect("the bundled files have values")
    }

    /// The recording made of every `<ticker>.csv` in `directory`; other files are ignored.
    ///
    /// A file has a header line and one line per day, ascending. The column `date` must be there; of the others, those
    /// that [`Metric::column`] names are read, in any order, and unknown ones are ignored, so that newer files of the same
    /// publisher load as they are. An empty field means: not known.
    ///
    /// # Errors
    /// [`LoadError`], which names the file, and the line and column where one is to blame.
    pub fn load(directory: &Path) -> Result<Self, LoadError> {
        let mut assets = BTreeMap::new();
        for path in csv_paths(directory)? {
            let ticker = Ticker::new(&path.file_stem().unwrap_or_default().to_string_lossy());
            let read = |source| LoadError::Read {
                path: path.clone(),
                source,
            };
            let file = fs::File::open(&path).map_err(read)?;
            let series = csv_file::read(file).map_err(|source| LoadError::File {
                path: path.clone(),
                source,
            })?;
            if assets.insert(ticker.clone(), series).is_some() {
                return Err(LoadError::Duplicate { path, ticker });
            }
        }
        Self::of(assets).ok_or_else(|| LoadError::Empty {
            path: directory.to_owned(),
        })
    }

    fn of(assets: BTreeMap<Ticker, BTreeMap<Metric, Points>>) -> Option<Self> {
        let last_of = |points: &Points| points.last().map(|&(day, _)| day);
        let last_day = assets
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(last_of)
            .max()?;
        Some(Self { assets, last_day })
    }

    /// The last day that has a value of any asset: the recording's end, and its "today".
    pub fn last_day(&self) -> Day {
        self.last_day
    }

    /// The recorded assets, in alphabetical order.
    pub fn tickers(&self) -> impl Iterator<Item = &Ticker> {
        self.assets.keys()
    }

    /// The metrics of an asset that have a value, each with its points; nothing for an asset that is not recorded.
    pub fn metrics(&self, ticker: &Ticker) -> impl Iterator<Item = (Metric, &Points)> {
        let metrics = self.assets.get(ticker).into_iter().flatten();
        metrics.map(|(metric, points)| (*metric, points))
    }

    /// The points of one series; `None` where none is recorded.
    pub fn points(&self, ticker: &Ticker, metric: Metric) -> Option<&Points> {
        self.assets.get(ticker)?.get(&metric)
    }

    /// The first and last day of one series; `None` where none is recorded.
    pub fn period(&self, ticker: &Ticker, metric: Metric) -> Option<Period> {
        let points = self.points(ticker, metric)?;
        Some(Period {
            from: points.first()?.0,
            to: points.last()?.0,
        })
    }

    /// The height of the chain's best block: the sum of the days' blocks, less one for the first block, whose height is 0.
    ///
    /// Right as long as the recording begins with the chain's first block and misses no day; `None` without blocks.
    pub fn height(&self, ticker: &Ticker) -> Option<u64> {
        let blocks: f64 = self
            .points(ticker, Metric::BlockCount)?
            .iter()
            .map(|&(_, blocks)| blocks)
            .sum();
        (blocks >= 1.0).then_some(blocks as u64 - 1)
    }
}

/// The CSV files of a directory, in alphabetical order so that errors do not depend on the file system.
fn csv_paths(directory: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |source| LoadError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
