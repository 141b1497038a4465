//! The resource `/api/queries`.

mod ask;
mod cancel;
mod events;
mod id;
mod links;
mod list;
mod show;

pub(crate) use ask::ask;
pub(crate) use cancel::cancel;
pub(crate) use events::events;
pub(crate) use list::list;
pub(crate) use show::show;
