//! What this process knows about queries that have not ended: their stage, and who waits for their end.
//!
//! Only a cache of news: the stored query is the truth, and whoever misses news reads it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chimera_questions::{Stage, Status};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// How many queries that were not asked here are remembered. News about further ones is not kept.
const MAX_OTHERS: usize = 10_000;

/// What is known of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing yet.
    Nothing,
    /// It is being worked on.
    At(Stage),
    /// It has ended, and its end is stored.
    Ended(Status),
}

/// As many questions asked here are open as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{limit} questions are open, which is the most at a time")]
pub(crate) struct Full {
    /// How many may be open.
    pub(crate) limit: usize,
}

/// The open queries. A cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct OpenQueries(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    lifetime: Duration,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    entries: HashMap<Uuid, Entry>,
    asked_here: usize,
    swept: Instant,
}

#[derive(Debug)]
struct Entry {
    news: watch::Sender<News>,
    asked_here: bool,
    until: Instant,
}

impl OpenQueries {
    /// Room for `limit` queries asked here, each for `lifetime` at most: then nobody would answer it any more, and its
    /// end was missed.
    pub(crate) fn new(limit: usize, lifetime: Duration) -> Self {
        let open = Open {
            entries: HashMap::new(),
            asked_here: 0,
            swept: Instant::now(),
        };
        Self(Arc::new(Shared {
            limit,
            lifetime,
            open: Mutex::new(open),
        }))
    }

    /// Takes a place for a query that is asked here. It is given back when the query ends, or by [`Self::forget`].
    ///
    /// # Errors
    /// [`Full`] when no place is left.
    pub(crate) fn begin(&self, id: Uuid) -> Result<Follower, Full> {
        let mut open = self.lock();
        if open.asked_here >= self.0.limit {
            open.sweep();
        }
        if open.asked_here >= self.0.limit {
            return Err(Full {
                limit: self.0.limit,
            });
        }
        open.asked_here += 1;
        Ok(open.follow(id, true, self.0.lifetime))
    }

    /// Follows a query from now on, wherever it was asked.
    pub(crate) fn follow(&self, id: Uuid) -> Follower {
        self.lock().follow(id, false, self.0.lifetime)
    }

    /// What is known of a query.
    pub(crate) fn news(&self, id: Uuid) -> News {
        self.lock()
            .entries
            .get(&id)
            .map_or(News::Nothing, |entry| *entry.news.borrow())
    }

    /// A query has reached `stage`.
    pub(crate) fn reached(&self, id: Uuid, stage: Stage) {
        let mut open = self.lock();
        if !open.entries.contains_key(&id) && !open.has_room_for_another() {
            return;
        }
        let entry = open.entry(id, false, self.0.lifetime);
        // Handlers run side by side, so that news may arrive out of order: a query only goes forward.
        entry.news.send_if_modified(|news| {
            let is_forward = match news {
                News::Nothing => true,
                News::At(before) => (*before as u8) < stage as u8,
                News::Ended(_) => false,
            };
            if is_forward {
                *news = News::At(stage);
            }
            is_forward
        });
    }

    /// A query has ended, and its end is stored.
    pub(crate) fn ended(&self, id: Uuid, status: Status) {
        if let Some(entry) = self.lock().remove(id) {
            entry.news.send_replace(News::Ended(status));
        }
    }

    /// Nothing is to be expected of a query.
    pub(crate) fn forget(&self, id: Uuid) {
        drop(self.lock().remove(id));
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Every change below is whole before anything can panic.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn entry(&mut self, id: Uuid, asked_here: bool, lifetime: Duration) -> &mut Entry {
        self.entries.entry(id).or_insert_with(|| Entry {
            news: watch::Sender::new(News::Nothing),
            asked_here,
            until: Instant::now() + lifetime,
        })
    }

    fn follow(&mut self, id: Uuid, asked_here: bool, lifetime: Duration) -> Follower {
        Follower(self.entry(id, asked_here, lifetime).news.subscribe())
    }

    fn remove(&mut self, id: Uuid) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.asked_here -= usize::from(entry.asked_here);
        Some(entry)
    }

    fn has_room_for_another(&mut self) -> bool {
        let others = |open: &Self| open.entries.len() - open.asked_here;
        if others(self) >= MAX_OTHERS {
            self.sweep();
        }
        others(self) < MAX_OTHERS
    }

    /// Forgets the queries whose end was missed; once a second at most, as it looks at all of them.
    fn sweep(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.swept) < Duration::from_secs(1) {
            return;
        }
        self.swept = now;
        self.entries.retain(|_, entry| entry.until > now);
        self.asked_here = self
            .entries
            .values()
            .filter(|entry| entry.asked_here)
            .count();
    }
}

/// Someone who wants to hear about a query.
#[derive(Debug)]
pub(crate) struct Follower(watch::Receiver<News>);

impl Follower {
    /// What is known now. [`Self::next`] tells what comes after it.
    pub(crate) fn now(&mut self) -> News {
        *self.0.borrow_and_update()
    }

    /// The next news. Never resolves when there will be none: the end of a query may be missed, so wait with a limit.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> News {
        match self.0.changed().await {
            Ok(()) => self.now(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits for the end of the query. Never resolves when it is missed; see [`Self::next`].
    pub(crate) async fn end(&mut self) {
        while !matches!(self.now(), News::Ended(_)) {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(30);

    fn open(limit: usize) -> OpenQueries {
        OpenQueries::new(limit, LIFETIME)
    }

    #[tokio::test]
    async fn a_follower_hears_each_stage_and_the_end() {
        let (open, id) = (open(1), Uuid::now_v7());
        let mut follower = open.begin(id).unwrap();
        assert_eq!(follower.now(), News::Nothing);
        open.reached(id, Stage::Understanding);
        assert_eq!(follower.next().await, News::At(Stage::Understanding));
        assert_eq!(open.news(id), News::At(Stage::Understanding));
        open.ended(id, Status::Completed);
        assert_eq!(follower.next().await, News::Ended(Status::Completed));
        assert!(follower.next().now_or_never().is_none());
        assert!(follower.end().now_or_never().is_some());
        assert_eq!(open.news(id), News::Nothing);
    }

    #[tokio::test]
    async fn a_query_only_goes_forward() {
        let (open, id) = (open(1), Uuid::now_v7());
        open.reached(id, Stage::Analysis);
        let mut follower = open.follow(id);
        assert_eq!(follower.now(), News::At(Stage::Analysis));
        open.reached(id, Stage::Retrieval);
        assert!(follower.next().now_or_never().is_none());
        assert_eq!(open.news(id), News::At(Stage::Analysis));
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_a_query_ends() {
        let (open, first) = (open(1), Uuid::now_v7());
        let _follower = open.begin(first).unwrap();
        assert_eq!(open.begin(Uuid::now_v7()).unwrap_err(), Full { limit: 1 });
        open.reached(Uuid::now_v7(), Stage::Understanding);
        open.ended(first, Status::Failed);
        open.ended(first, Status::Failed);
        let second = Uuid::now_v7();
        open.begin(second).unwrap();
        open.forget(second);
        open.begin(Uuid::now_v7()).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_missed_end_does_not_keep_a_place_for_ever() {
        let open = open(1);
        let mut follower = open.begin(Uuid::now_v7()).unwrap();
        tokio::time::advance(LIFETIME - Duration::from_millis(1)).await;
        assert!(open.begin(Uuid::now_v7()).is_err());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(open.begin(Uuid::now_v7()).is_ok());
        assert!(follower.next().now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn news_about_too_many_other_queries_is_not_kept() {
        let open = open(1);
        for _ in 0..MAX_OTHERS {
            open.reached(Uuid::now_v7(), Stage::Understanding);
        }
        let one_more = Uuid::now_v7();
        open.reached(one_more, Stage::Understanding);
        assert_eq!(open.news(one_more), News::Nothing);
        tokio::time::advance(LIFETIME * 2).await;
        open.reached(one_more, Stage::Understanding);
        assert_eq!(open.news(one_more), News::At(Stage::Understanding));
    }
}
