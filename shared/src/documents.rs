//! Documents: JSON objects by id in named collections, in an engine that the configuration chooses.
//!
//! What is offered is what MongoDB, servers that speak its protocol, and the embedded engine all do well: single
//! documents are atomic, conditions are equalities on top-level fields, and there are no transactions.

mod embedded;
mod error;
mod filter;
mod mongo;
mod names;
mod server_error;
mod traced;

use std::{path::Path, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    config::{DocumentsConfig, RedactedUrl},
    telemetry::Scope,
};
use embedded::Embedded;
use mongo::{Address, MongoDb};

pub use error::{DocumentError, OpenError};
pub use filter::{Changes, Filter};
pub use server_error::{ServerError, ServerProblem};

/// The most bytes that a document may have as JSON: MongoDB's 16 MiB, less room for what it adds.
///
/// On a server, a list of many small elements is larger than its JSON, and refused below that. An update may make a
/// document as large as the server takes.
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024 - 16 * 1024;

/// The name of the database that collections are in, where nothing else is configured.
const DEFAULT_DATABASE: &str = "chimera";

/// A document store, opened once per process. A cheap clone.
#[derive(Debug, Clone)]
pub struct Documents(Arc<Store>);

#[derive(Debug)]
struct Store {
    engine: Engine,
}

#[derive(Debug)]
enum Engine {
    Embedded(Embedded),
    MongoDb(Box<MongoDb>),
}

impl Documents {
    /// Opens the embedded engine in `directory`, which is created where it is missing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_embedded(directory: &Path) -> Result<Self, OpenError> {
        Ok(Self::of(Engine::Embedded(Embedded::open(directory).await?)))
    }

    /// Connects to the MongoDB server, or one that speaks its protocol, at `url`, and sees that the user may work there.
    /// The other settings are those of `config`; what the URL says itself it decides.
    ///
    /// A connection that is lost later comes back by itself.
    ///
    /// # Errors
    /// See [`OpenError`], of which some are [transient](OpenError::is_transient).
    pub async fn connect(url: &RedactedUrl, config: &DocumentsConfig) -> Result<Self, OpenError> {
        let engine = MongoDb::connect(url, config).await?;
        Ok(Self::of(Engine::MongoDb(Box::new(engine))))
    }

    fn of(engine: Engine) -> Self {
        Self(Arc::new(Store { engine }))
    }

    /// The store as it is used under `scope`: its spans are children of the scope's.
    pub fn scoped(&self, scope: &Scope) -> ScopedDocuments {
        ScopedDocuments {
            store: Arc::clone(&self.0),
            scope: scope.clone(),
        }
    }

    /// The engine's name as `db.system.name` has it.
    pub fn system(&self) -> &'static str {
        self.0.engine.system()
    }

    /// Whether the store takes writes now.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), DocumentError> {
        match &self.0.engine {
            Engine::Embedded(engine) => engine.check(),
            Engine::MongoDb(engine) => engine.check().await,
        }
    }

    /// Finishes what is under way and closes files or connections; later operations fail as closed.
    pub async fn close(&self) {
        match &self.0.engine {
            Engine::Embedded(engine) => engine.close().await,
            Engine::MongoDb(engine) => engine.close().await,
        }
    }
}

impl Engine {
    fn system(&self) -> &'static str {
        match self {
            // Not one of the conventions' names, which allow others: the engine that really does the work.
            Self::Embedded(_) => "fjall",
            // As the client knows it: another server behind the same protocol does not tell reliably.
            Self::MongoDb(_) => "mongodb",
        }
    }

    fn namespace(&self) -> &str {
        match self {
            Self::Embedded(_) => DEFAULT_DATABASE,
            Self::MongoDb(engine) => engine.namespace(),
        }
    }

    /// The name that `collection` has in the engine.
    fn name_of(&self, collection: &str) -> String {
        match self {
            Self::Embedded(_) => collection.to_owned(),
            Self::MongoDb(engine) => engine.name_of(collection),
        }
    }

    /// Where the server is, if there is one.
    fn address(&self) -> Option<Address> {
        match self {
            Self::Embedded(_) => None,
            Self::MongoDb(engine) => engine.address(),
        }
    }

    /// The command that counts.
    fn count_command(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "count",
            // MongoDB's own `count` is wrong while shards move documents.
            Self::MongoDb(_) => "aggregate",
        }
    }
}

/// A document store under a span. A cheap clone.
#[derive(Debug, Clone)]
pub struct ScopedDocuments {
    store: Arc<Store>,
    scope: Scope,
}

impl ScopedDocuments {
    /// The collection called `name`; it exists as soon as it has a document.
    ///
    /// A name is 1 to 100 ASCII letters, digits, `_` and `-`, and starts with a letter. Any other makes every operation
    /// fail with [`DocumentError::Name`].
    pub fn collection(&self, name: &str) -> Collection {
        Collection {
            documents: self.clone(),
            name: name.to_owned(),
            lifetime: None,
        }
    }
}

/// A collection of documents, each a JSON object under an id of 1 to 512 bytes without control characters.
///
/// No field may be called `_id` or `_expires_at`, contain a dot or start with `$`. Writes resolve when they are durable. They are
/// not cancel safe: a write whose future is dropped may be stored all the same.
#[derive(Debug, Clone)]
pub struct Collection {
    documents: ScopedDocuments,
    name: String,
    lifetime: Option<Duration>,
}

/// Which part of the found documents is wanted: they come newest first, which is by descending id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The id of the last document of the page before; `None` for the first page.
    pub after: Option<String>,
    /// How many documents at most.
    pub limit: usize,
}

impl Page {
    /// The first `limit` documents.
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }

    /// The `limit` documents that follow the one with `id`.
    pub fn after(id: impl Into<String>, limit: usize) -> Self {
        Self {
            after: Some(id.into()),
            limit,
        }
    }
}

impl Collection {
    /// The same collection, whose documents are gone `lifetime` after they were inserted or replaced through it.
    #[must_use]
    pub fn expiring_after(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Stores a new document.
    ///
    /// # Errors
    /// [`DocumentError::Duplicate`] when the id is taken; see [`DocumentError`] for the others.
    pub async fn insert<T: Serialize>(&self, id: &str, document: &T) -> Result<(), DocumentError> {
        self.prepare().await?;
        self.traced("insert", async {
            let body = self.encode(id, document)?;
            match self.engine() {
                Engine::Embedded(engine) => {
                    engine.insert(&self.name, id, body, self.lifetime).await
                }
                Engine::MongoDb(engine) => {
                    engine.insert(&self.name, id, &body, self.lifetime).await
                }
            }
        })
        .await
    }

    /// Stores a document in place of the one that has this id, if there is one.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub async fn replace<T: Serialize>(&self, id: &str, document: &T) -> Result<(), DocumentError> {
        self.prepare().await?;
        self.traced("update", async {
            let body = self.encode(id, document)?;
            match self.engine() {
                Engine::Embedded(engine) => {
                    engine.replace(&self.name, id, body, self.lifetime).await
                }
                Engine::MongoDb(engine) => {
                    engine.replace(&self.name, id, &body, self.lifetime).await
                }
            }
        })
        .await
    }

    /// Changes the document with this id if it meets `condition`, and returns it as it is then; `None` when there is no
    /// such document or it does not meet the condition. Of concurrent updates each sees what the one before it did.
    ///
    /// # Errors
    /// See [`DocumentError`]; [`DocumentError::Decode`] when the change was made and the result is not a `T`.
    pub async fn update<T: DeserializeOwned>(
        &self,
        id: &str,
        condition: Filter,
        changes: Changes,
    ) -> Result<Option<T>, DocumentError> {
        self.traced("findAndModify", async {
            self.check(id)?;
            let (condition, changes) = (condition.checked()?, changes.checked()?);
            match self.engine() {
                Engine::Embedded(engine) => engine.update(&self.name, id, condition, changes).await,
                Engine::MongoDb(engine) => {
                    engine.update(&self.name, id, &condition, &changes).await
                }
            }
        })
        .await
    }

    /// The document with this id.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub async fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>, DocumentError> {
        self.traced("find", async {
            self.check(id)?;
            match self.engine() {
                Engine::Embedded(engine) => engine.get(&self.name, id),
                Engine::MongoDb(engine) => engine.get(&self.name, id).await,
            }
        })
        .await
    }

    /// The documents that meet `filter`, newest first by id, which is by time where ids are UUID v7.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub async fn find<T: DeserializeOwned + Send + 'static>(
        &self,
        filter: Filter,
        page: Page,
    ) -> Result<Vec<T>, DocumentError> {
        self.traced("find", async {
            names::check_collection(&self.name)?;
            let filter = filter.checked()?;
            match self.engine() {
                Engine::Embedded(engine) => engine.find(&self.name, filter, page).await,
                Engine::MongoDb(engine) => engine.find(&self.name, &filter, page).await,
            }
        })
        .await
    }

    /// How many documents meet `filter`.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub async fn count(&self, filter: Filter) -> Result<u64, DocumentError> {
        self.traced(self.engine().count_command(), async {
            names::check_collection(&self.name)?;
            let filter = filter.checked()?;
            match self.engine() {
                Engine::Embedded(engine) => engine.count(&self.name, filter).await,
                Engine::MongoDb(engine) => engine.count(&self.name, &filter).await,
            }
        })
        .await
    }

    /// Removes the document with this id, and says whether there was one.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub async fn delete(&self, id: &str) -> Result<bool, DocumentError> {
        self.traced("delete", async {
            self.check(id)?;
            match self.engine() {
                Engine::Embedded(engine) => engine.delete(&self.name, id).await,
                Engine::MongoDb(engine) => engine.delete(&self.name, id).await,
            }
        })
        .await
    }

    fn engine(&self) -> &Engine {
        &self.documents.store.engine
    }

    fn check(&self, id: &str) -> Result<(), DocumentError> {
        names::check_collection(&self.name)?;
        names::check_id(id)
    }

    fn encode<T: Serialize>(&self, id: &str, document: &T) -> Result<Vec<u8>, DocumentError> {
        self.check(id)?;
        let body = serde_json::to_vec(document).map_err(|source| DocumentError::Encode {
            what: format!("a document of collection `{}`", self.name),
            source,
        })?;
        if body.first() != Some(&b'{') {
            return Err(DocumentError::NotAnObject {
                collection: self.name.clone(),
            });
        }
        check_size(&self.name, &body)?;
        names::check_fields(&body)?;
        Ok(body)
    }

    /// Has someone remove the documents whose time is up, before the first one is written that has a time.
    async fn prepare(&self) -> Result<(), DocumentError> {
        match self.engine() {
            Engine::MongoDb(engine) if self.lifetime.is_some() && !engine.expires(&self.name) => {
                self.traced("createIndexes", async {
                    names::check_collection(&self.name)?;
                    engine.expire(&self.name).await
                })
                .await
            }
            Engine::MongoDb(_) | Engine::Embedded(_) => Ok(()),
        }
    }
}

fn check_size(collection: &str, body: &[u8]) -> Result<(), DocumentError> {
    if body.len() > MAX_DOCUMENT_BYTES {
        return Err(DocumentError::TooLarge {
            collection: collection.to_owned(),
            bytes: body.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
