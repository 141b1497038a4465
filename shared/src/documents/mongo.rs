//! MongoDB, and servers that speak its protocol.
//!
//! The driver keeps the connections, watches the servers and finds them again. What is ours: the same behaviour as the
//! embedded engine's, a bound on how long anything takes, and errors that say what to do.

mod body;
mod connect;
mod exclusion;
mod expiry;
mod failure;
#[cfg(test)]
mod looked_at;
mod query;
mod watch;

use std::{future::IntoFuture, sync::Arc, time::Duration};

use mongodb::{
    Client, Collection, Database,
    bson::{DateTime, doc, raw::RawDocumentBuf},
    error::Error,
    options::ReturnDocument,
};
use serde::de::DeserializeOwned;
use tokio_util::task::TaskTracker;

use super::{
    DocumentError, OpenError, Page,
    filter::{Assignments, Conditions},
    names::EXPIRES_AT,
    server_error::ServerError,
};
use crate::config::{DocumentsConfig, RedactedUrl};
use body::ID;
use connect::Connected;
use exclusion::Exclusion;
use expiry::Expiry;
use failure::Target;
pub(super) use watch::Address;

/// How long the look at whether the server answers may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// A server refuses larger documents. Source: <https://www.mongodb.com/docs/manual/reference/limits/>.
const MAX_BSON_BYTES: usize = 16 * 1024 * 1024;

/// How often a replacement is tried that another one of the same new document got in the way of.
const REPLACE_ATTEMPTS: usize = 3;

/// What time it is.
pub(super) type Clock = Arc<dyn Fn() -> DateTime + Send + Sync>;

/// A client of a database.
pub(super) struct MongoDb {
    client: Client,
    database: Database,
    prefix: String,
    target: Target,
    exclusion: Exclusion,
    expiry: Expiry,
    /// Operations under way; closed when the store is.
    under_way: TaskTracker,
    clock: Clock,
}

impl MongoDb {
    /// Connects, and sees that the user may work in the database.
    pub(super) async fn connect(
        url: &RedactedUrl,
        config: &DocumentsConfig,
    ) -> Result<Self, OpenError> {
        Self::connect_with_clock(url, config, Arc::new(DateTime::now)).await
    }

    pub(super) async fn connect_with_clock(
        url: &RedactedUrl,
        config: &DocumentsConfig,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let Connected { client, target } = connect::client(url, config).await?;
        let database = client.database(&target.database);
        let seen = bounded(&target, target.timeout, async {
            look(&database).await?;
            let (prefix, lease) = (&config.collection_prefix, 2 * target.timeout);
            Exclusion::for_server(&database, prefix, lease, &clock).await
        });
        let exclusion = seen.await?.map_err(|error| target.failed(&error))?;
        Ok(Self {
            client,
            prefix: config.collection_prefix.clone(),
            exclusion,
            expiry: Expiry::new(database.clone(), Arc::clone(&clock), target.timeout),
            target,
            database,
            under_way: TaskTracker::new(),
            clock,
        })
    }

    pub(super) fn namespace(&self) -> &str {
        &self.target.database
    }

    /// The name that `collection` has in the database.
    pub(super) fn name_of(&self, collection: &str) -> String {
        format!("{}{collection}", self.prefix)
    }

    pub(super) fn address(&self) -> Option<Address> {
        self.target.watch.address()
    }

    /// The code that the server answered with when an operation failed so.
    pub(super) fn status_code(error: &DocumentError) -> Option<String> {
        Target::status_code(error)
    }

    pub(super) async fn check(&self) -> Result<(), DocumentError> {
        if self.under_way.is_closed() {
            return Err(DocumentError::Closed);
        }
        let timeout = CHECK_TIMEOUT.min(self.target.timeout);
        let ping = async { self.database.run_command(doc! { "ping": 1 }).await };
        match bounded(&self.target, timeout, ping).await? {
            Ok(_) => Ok(()),
            Err(error) => Err(self.target.failed(&error).into()),
        }
    }

    pub(super) async fn close(&self) {
        self.under_way.close();
        self.under_way.wait().await;
        self.expiry.stop();
        let shutdown = self.client.clone().shutdown().immediate(true);
        // It says good-bye to the server, which may be gone.
        let _ = tokio::time::timeout(CHECK_TIMEOUT, shutdown).await;
    }

    pub(super) fn expires(&self, collection: &str) -> bool {
        self.expiry.is_seen_to(&self.name_of(collection))
    }

    /// Has someone remove the documents of `collection` whose time is up.
    pub(super) async fn expire(&self, collection: &str) -> Result<(), DocumentError> {
        let documents = self.collection(collection);
        self.run(collection, self.expiry.see_to(&documents)).await
    }

    pub(super) async fn insert(
        &self,
        collection: &str,
        id: &str,
        body: &[u8],
        lifetime: Option<Duration>,
    ) -> Result<(), DocumentError> {
        let document = self.document(collection, id, body, lifetime)?;
        let documents = self.collection(collection);
        match self.run(collection, documents.insert_one(&document)).await {
            // The document that is there may be one whose time is up and that nobody has removed yet.
            Err(DocumentError::Duplicate { .. }) => {
                let expired = query::expired_one(id, self.now());
                let replacing = documents.replace_one(expired, &document).upsert(true);
                self.change(collection, id, replacing).await.map(|_| ())
            }
            inserted => inserted.map(|_| ()),
        }
    }

    pub(super) async fn replace(
        &self,
        collection: &str,
        id: &str,
        body: &[u8],
        lifetime: Option<Duration>,
    ) -> Result<(), DocumentError> {
        let document = self.document(collection, id, body, lifetime)?;
        let documents = self.collection(collection);
        let mut attempt = 1;
        loop {
            let replacing = documents
                .replace_one(doc! { ID: id }, &document)
                .upsert(true);
            match self.change(collection, id, replacing).await {
                // Of two that find nothing to replace, one comes second.
                Err(DocumentError::Duplicate { .. }) if attempt < REPLACE_ATTEMPTS => attempt += 1,
                replaced => return replaced.map(|_| ()),
            }
        }
    }

    pub(super) async fn update<T: DeserializeOwned>(
        &self,
        collection: &str,
        id: &str,
        condition: &Conditions,
        changes: &Assignments,
    ) -> Result<Option<T>, DocumentError> {
        let filter = query::live_one(id, condition, self.now())?;
        let documents = self.collection(collection);
        let updating = documents
            .find_one_and_update(filter, query::update(changes)?)
            .return_document(ReturnDocument::After);
        let updated = self.change(collection, id, updating).await?;
        updated
            .map(|stored| decode(collection, &stored))
            .transpose()
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        collection: &str,
        id: &str,
    ) -> Result<Option<T>, DocumentError> {
        let documents = self.collection(collection);
        // FerretDB 1 on SQLite reads the whole collection for any filter but the id alone.
        let finding = documents.find_one(doc! { ID: id });
        let found = self.run(collection, finding).await?;
        let now = self.now();
        let live = found.filter(|stored| !is_over(stored, now));
        live.map(|stored| decode(collection, &stored)).transpose()
    }

    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        collection: &str,
        filter: &Conditions,
        page: Page,
    ) -> Result<Vec<T>, DocumentError> {
        let mut filter = query::live(filter, self.now())?;
        if let Some(after) = page.after {
            filter.insert(ID, doc! { "$lt": after });
        }
        let Some(limit) = i64::try_from(page.limit).ok().filter(|limit| *limit > 0) else {
            return self.run(collection, async { Ok(Vec::new()) }).await;
        };
        let documents = self.collection(collection);
        let finding = documents.find(filter).sort(doc! { ID: -1 }).limit(limit);
        let found: Vec<RawDocumentBuf> = self
            .run(collection, async {
                let mut cursor = finding.await?;
                let mut found = Vec::new();
                while cursor.advance().await? {
                    found.push(cursor.current().to_owned());
                }
                Ok(found)
            })
            .await?;
        let decoded = found.iter().map(|stored| decode(collection, stored));
        decoded.collect()
    }

    pub(super) async fn count(
        &self,
        collection: &str,
        filter: &Conditions,
    ) -> Result<u64, DocumentError> {
        let documents = self.collection(collection);
        let counting = documents.count_documents(query::live(filter, self.now())?);
        self.run(collection, counting).await
    }

    pub(super) async fn delete(&self, collection: &str, id: &str) -> Result<bool, DocumentError> {
        let filter = query::live_one(id, &Conditions::default(), self.now())?;
        let documents = self.collection(collection);
        let deleted = self.run(collection, documents.delete_one(filter)).await?;
        Ok(deleted.deleted_count > 0)
    }

    fn collection(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.database.collection(&self.name_of(name))
    }

    fn now(&self) -> DateTime {
        (self.clock)()
    }

    fn document(
        &self,
        collection: &str,
        id: &str,
        body: &[u8],
        lifetime: Option<Duration>,
    ) -> Result<RawDocumentBuf, DocumentError> {
        let expires_at = lifetime.map(|lifetime| later(self.now(), lifetime));
        let encoded = serde_json::from_slice(body)
            .and_then(|fields| body::document(id, &fields, expires_at))
            .map_err(|source| DocumentError::Encode {
                what: format!("a document of collection `{collection}`"),
                source,
            })?;
        let bytes = encoded.as_bytes().len();
        if bytes > MAX_BSON_BYTES {
            return Err(DocumentError::TooLarge {
                collection: collection.to_owned(),
                bytes,
            });
        }
        Ok(encoded)
    }

    /// Carries out an operation on `collection` within the time it may take.
    async fn run<T>(
        &self,
        collection: &str,
        operation: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, DocumentError> {
        let _under_way = self.under_way.token();
        if self.under_way.is_closed() {
            return Err(DocumentError::Closed);
        }
        let result = bounded(&self.target, self.target.timeout, operation).await?;
        result.map_err(|error| self.target.operation_failed(collection, &error))
    }

    /// Carries out a change of a document that exists, or may.
    async fn change<T>(
        &self,
        collection: &str,
        id: &str,
        change: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, DocumentError> {
        let name = self.name_of(collection);
        let alone = self.exclusion.around(&name, id, change);
        self.run(collection, alone).await
    }
}

/// Reads what is not there: a user who may not use the database is told so.
async fn look(database: &Database) -> Result<(), Error> {
    let nowhere = database.collection::<RawDocumentBuf>("chimera");
    nowhere.find_one(doc! { ID: "" }).await.map(|_| ())
}

async fn bounded<T>(
    target: &Target,
    timeout: Duration,
    operation: impl IntoFuture<Output = T>,
) -> Result<T, ServerError> {
    let result = tokio::time::timeout(timeout, operation.into_future()).await;
    result.map_err(|_| target.timed_out(timeout))
}

impl std::fmt::Debug for MongoDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MongoDb")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

fn later(now: DateTime, lifetime: Duration) -> DateTime {
    // The year 9999, after which a moment has no common form.
    const LAST_MS: i64 = 253_402_300_799_999;
    let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    let moment_ms = now.timestamp_millis().saturating_add(lifetime_ms);
    DateTime::from_millis(moment_ms.min(LAST_MS))
}

/// Whether the time of a stored document is up, as a server would see it.
fn is_over(stored: &RawDocumentBuf, now: DateTime) -> bool {
    let end = stored.get_datetime(EXPIRES_AT);
    end.is_ok_and(|end| end <= now)
}

fn decode<T: DeserializeOwned>(
    collection: &str,
    stored: &RawDocumentBuf,
) -> Result<T, DocumentError> {
    body::decode(stored).map_err(|source| DocumentError::Decode {
        collection: collection.to_owned(),
        id: stored.get_str(ID).unwrap_or_default().to_owned(),
        source,
    })
}
