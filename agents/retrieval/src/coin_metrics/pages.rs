//! Lists, page by page.

use chimera_shared::{Context, http::Request};
use serde::de::DeserializeOwned;
use url::Url;

use super::CoinMetrics;
use crate::{
    source::{Failure, Given},
    wire::coin_metrics::{ErrorBody, MAX_PAGE_SIZE, Page},
};

/// More pages than any list has that is asked for: a service that always names another one is not followed for ever.
const MOST_PAGES: usize = 100;

impl CoinMetrics {
    /// All items of a list, from its start.
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        cx: &Context,
        path: &'static str,
        parameters: &[(&'static str, String)],
    ) -> Result<Given<Vec<T>>, Failure> {
        let mut url = self.source.url(path)?;
        url.query_pairs_mut()
            .extend_pairs(parameters)
            .append_pair("page_size", &MAX_PAGE_SIZE.to_string())
            .append_pair("paging_from", "start");
        let first: Given<Page<T>> = self.page(cx, path, url.clone()).await?;
        let mut next = first.value.next_page_token.clone();
        let mut items = first.map(|page| page.data);
        for _ in 1..MOST_PAGES {
            let Some(token) = next.take() else {
                return Ok(items);
            };
            // By the token rather than `next_page_url`, which would lead past whatever the configured URL goes through.
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("next_page_token", &token);
            let page: Page<T> = self.page(cx, path, url).await?.value;
            items.value.extend(page.data);
            next = page.next_page_token;
        }
        match next {
            None => Ok(items),
            Some(_) => Err(Failure::Absent(format!(
                "its answer has more than {MOST_PAGES} pages"
            ))),
        }
    }

    async fn page<T: DeserializeOwned>(
        &self,
        cx: &Context,
        path: &'static str,
        url: Url,
    ) -> Result<Given<Page<T>>, Failure> {
        let request = Request::get(url).template(path);
        let page = self.source.ask(cx, request).await;
        page.map_err(|failure| failure.in_words(said))
    }
}

fn said(body: &[u8]) -> Option<String> {
    let body: ErrorBody = serde_json::from_slice(body).ok()?;
    Some(body.error.message)
}
