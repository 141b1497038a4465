//! Where spans come from: services, their operations, and the resource and scope that many spans share.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use fjall::Keyspace;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message as _;

use crate::{attribute, tree::string_attribute};

/// The resource and instrumentation scope of spans, already in the store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Origin {
    pub(super) id: u32,
    pub(super) service: Arc<Service>,
}

/// A service and the operations seen of it.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) id: u32,
    pub(super) name: String,
    /// Span names, one set per span kind: a look-up by `&str` then needs no allocation.
    operations: [RwLock<BTreeSet<Box<str>>>; KINDS],
}

const KINDS: usize = 6;
/// Names beyond this are stored but not listed: someone puts ids into span names.
const MAX_OPERATIONS: usize = 2_000;
/// Beyond this the origins are forgotten and, when met again, stored again: memory stays bounded whatever is sent.
const MAX_ORIGINS: usize = 4_096;

const SERVICE: u8 = b's';
const OPERATION: u8 = b'o';
const ORIGIN: u8 = b'r';
const SEGMENT: u8 = b't';

/// The services known, kept on disk and in memory.
pub(super) struct Catalog {
    names: Keyspace,
    services: RwLock<HashMap<String, Arc<Service>>>,
}

impl Catalog {
    pub(super) fn load(names: Keyspace) -> Result<Self, fjall::Error> {
        let mut services = HashMap::new();
        for guard in names.prefix([SERVICE]) {
            let (key, value) = guard.into_inner()?;
            let (Ok(name), Ok(id)) = (std::str::from_utf8(&key[1..]), value[..].try_into()) else {
                continue;
            };
            let service = Service::load(&names, u32::from_be_bytes(id), name)?;
            services.insert(name.to_owned(), Arc::new(service));
        }
        Ok(Self {
            names,
            services: RwLock::new(services),
        })
    }

    pub(super) fn services(&self) -> Vec<Arc<Service>> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        services.values().cloned().collect()
    }

    pub(super) fn service(&self, name: &str) -> Option<Arc<Service>> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        services.get(name).cloned()
    }

    fn intern(&self, name: &str) -> Result<Arc<Service>, fjall::Error> {
        if let Some(known) = self.service(name) {
            return Ok(known);
        }
        let mut services = self
            .services
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = services.get(name) {
            return Ok(Arc::clone(known));
        }
        let id = u32::try_from(services.len()).unwrap_or(u32::MAX);
        self.names
            .insert(tagged(SERVICE, &[name.as_bytes()]), id.to_be_bytes())?;
        let service = Arc::new(Service::new(id, name));
        services.insert(name.to_owned(), Arc::clone(&service));
        Ok(service)
    }

    /// Remembers that the segment of the tail with this number was moved.
    pub(super) fn note_segment(&self, number: u64) -> Result<(), fjall::Error> {
        self.names.insert([SEGMENT], number.to_be_bytes())
    }

    /// A number above those of all segments that were moved.
    pub(super) fn next_segment(&self) -> Result<u64, fjall::Error> {
        let last = self.names.get([SEGMENT])?;
        let last = last.and_then(|last| last[..].try_into().ok());
        Ok(last.map_or(0, |last| u64::from_be_bytes(last) + 1))
    }

    /// Remembers that `service` has an operation `name` of this kind.
    pub(super) fn note_operation(
        &self,
        service: &Service,
        kind: i32,
        name: &str,
    ) -> Result<(), fjall::Error> {
        let kind = kind_index(kind);
        let known =
            |names: &BTreeSet<Box<str>>| names.len() >= MAX_OPERATIONS || names.contains(name);
        let operations = &service.operations[kind];
        if known(&operations.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let mut operations = operations.write().unwrap_or_else(PoisonError::into_inner);
        if !known(&operations) {
            let tag = [u8::try_from(kind).unwrap_or_default()];
            let key = tagged(
                OPERATION,
                &[&service.id.to_be_bytes(), &tag, name.as_bytes()],
            );
            self.names.insert(key, [])?;
            operations.insert(name.into());
        }
        Ok(())
    }
}

impl Service {
    fn new(id: u32, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            operations: Default::default(),
        }
    }

    /// One that is in no store.
    #[cfg(test)]
    pub(super) fn of_number(id: u32) -> Arc<Self> {
        Arc::new(Self::new(id, ""))
    }

    fn load(names: &Keyspace, id: u32, name: &str) -> Result<Self, fjall::Error> {
        let mut service = Self::new(id, name);
        for guard in names.prefix(tagged(OPERATION, &[&id.to_be_bytes()])) {
            let key = guard.key()?;
            let Some((&kind, name)) = key.get(5..).and_then(<[u8]>::split_first) else {
                continue;
            };
            if let Ok(name) = std::str::from_utf8(name) {
                let operations = &mut service.operations[kind_index(i32::from(kind))];
                operations
                    .get_mut()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(name.into());
            }
        }
        Ok(service)
    }

    /// Kind (as OTLP numbers it) and name of each operation, sorted.
    pub(super) fn operations(&self) -> Vec<(i32, String)> {
        let mut all = Vec::new();
        for (kind, names) in (0..).zip(&self.operations) {
            let names = names.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(names.iter().map(|name| (kind, name.to_string())));
        }
        all
    }
}

fn kind_index(kind: i32) -> usize {
    usize::try_from(kind)
        .ok()
        .filter(|kind| *kind < KINDS)
        .unwrap_or_default()
}

/// The resources and scopes met by this process, each stored once under a number.
pub(super) struct Origins {
    names: Keyspace,
    next: AtomicU32,
    met: RwLock<HashMap<Vec<u8>, Origin>>,
}

impl Origins {
    pub(super) fn load(names: Keyspace) -> Result<Self, fjall::Error> {
        let last = names
            .prefix([ORIGIN])
            .next_back()
            .map(fjall::Guard::key)
            .transpose()?;
        let next = last
            .and_then(|key| key[1..].try_into().ok())
            .map_or(0, |id| u32::from_be_bytes(id).wrapping_add(1));
        Ok(Self {
            names,
            next: AtomicU32::new(next),
            met: RwLock::default(),
        })
    }

    /// The origin of a resource and scope, stored first if this process has not met it.
    pub(super) fn intern(
        &self,
        catalog: &Catalog,
        resource: &ResourceSpans,
        scope: Option<&ScopeSpans>,
    ) -> Result<Origin, fjall::Error> {
        let header = header(resource, scope);
        let bytes = header.encode_to_vec();
        if let Some(known) = self
            .met
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&bytes)
        {
            return Ok(known.clone());
        }
        let attributes = header
            .resource
            .as_ref()
            .map(|resource| resource.attributes.as_slice());
        let service = string_attribute(attributes.unwrap_or_default(), attribute::SERVICE_NAME);
        let service = catalog.intern(service.unwrap_or_default())?;
        let id = self.next.fetch_add(1, Relaxed);
        self.names
            .insert(tagged(ORIGIN, &[&id.to_be_bytes()]), bytes.as_slice())?;
        let origin = Origin { id, service };
        let mut met = self.met.write().unwrap_or_else(PoisonError::into_inner);
        if met.len() >= MAX_ORIGINS {
            met.clear();
        }
        met.insert(bytes, origin.clone());
        Ok(origin)
    }

    /// The resource and scope of an origin, ready to take spans. `None` if it is missing or broken.
    pub(super) fn header(&self, id: u32) -> Result<Option<ResourceSpans>, fjall::Error> {
        let bytes = self.names.get(tagged(ORIGIN, &[&id.to_be_bytes()]))?;
        Ok(bytes.and_then(|bytes| ResourceSpans::decode(&bytes[..]).ok()))
    }
}

fn header(resource: &ResourceSpans, scope: Option<&ScopeSpans>) -> ResourceSpans {
    ResourceSpans {
        resource: resource.resource.clone(),
        schema_url: resource.schema_url.clone(),
        scope_spans: vec![ScopeSpans {
            scope: scope.and_then(|scope| scope.scope.clone()),
            schema_url: scope
                .map(|scope| scope.schema_url.clone())
                .unwrap_or_default(),
            spans: Vec::new(),
        }],
    }
}

fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![tag];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}
