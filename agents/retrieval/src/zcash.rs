//! A Zcash node: the height of the chain.

use chimera_questions::{
    Ticker,
    messages::{Height, SourceError},
};
use chimera_shared::{
    Context,
    config::{Secret, ZcashConfig},
    http::Request,
};
use serde_json::Value;

use crate::{
    source::{Failure, Given, Name, Source},
    wire::zcash::{GET_BLOCK_COUNT, Reply, Request as Call},
};

const NAME: Name = Name {
    source: "zcash",
    peer: "zcash_node",
};

const CACHE_KEY: &str = "zcash:height";

/// The one chain that there is a node of.
pub(crate) const CHAIN: &str = "ZEC";

/// The source of ZEC's height.
#[derive(Debug)]
pub(crate) struct Zcash {
    source: Source,
}

impl Zcash {
    pub(crate) fn new(config: &ZcashConfig, recording: &str) -> Self {
        let source = Source::new(NAME, &config.source, recording);
        let password = config.password.as_ref().map(Secret::expose);
        Self {
            source: match &config.user {
                Some(user) => source.with_credentials(user, password),
                None => source,
            },
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.source.name()
    }

    /// The height of `asset`'s chain, or why it could not be had.
    pub(crate) async fn height(
        &self,
        cx: &Context,
        asset: &Ticker,
    ) -> Result<Given<Height>, SourceError> {
        let given = match asset.as_str() {
            CHAIN => self.blocks(cx).await,
            other => Err(Failure::Absent(format!(
                "only {CHAIN} has a node, {other} has none"
            ))),
        };
        let height = given.map(|given| {
            let day = given.today();
            given.map(|blocks| Height {
                asset: asset.clone(),
                blocks,
                day,
            })
        });
        height.map_err(|failure| self.source.error(asset.to_string(), &failure))
    }

    async fn blocks(&self, cx: &Context) -> Result<Given<u64>, Failure> {
        let ask = |cx| async move { self.block_count(&cx).await };
        self.source
            .once(cx, "get_block_height", CACHE_KEY, ask)
            .await
    }

    async fn block_count(&self, cx: &Context) -> Result<Given<u64>, Failure> {
        let request = Request::post_json(self.source.url("")?, &Call::new(GET_BLOCK_COUNT, 1))?;
        let reply: Given<Reply<u64>> = self.source.ask(cx, request).await.map_err(explained)?;
        let count = reply.map(|reply| reply.result).transpose();
        count.ok_or_else(|| Failure::Absent("it did not tell its height".to_owned()))
    }
}

/// A refusal in the node's own words.
fn explained(failure: Failure) -> Failure {
    if failure.status() == Some(401) {
        let hint =
            "it wants other credentials: set `sources.zcash.user` and `sources.zcash.password`";
        return Failure::Absent(hint.to_owned());
    }
    failure.in_words(|body| {
        let reply: Reply<Value> = serde_json::from_slice(body).ok()?;
        reply
            .error
            .map(|error| format!("{} ({})", error.message, error.code))
    })
}
