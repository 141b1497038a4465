//! Pages of a list, from its start or its end.

use axum::http::{HeaderMap, Uri, header::HOST};
use url::form_urlencoded;

use super::{
    super::parameters as parameters_of,
    parameters::{Failed, Parameters, bad_parameter, not_supported},
};
use crate::wire::coin_metrics::{MAX_PAGE_SIZE, Page};

const DEFAULT_PAGE_SIZE: usize = 100;
const TOKEN: &str = "next_page_token";

/// Where the first page is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Start,
    End,
}

/// Which page is asked for.
#[derive(Debug)]
pub(super) struct Paging {
    size: usize,
    from: From,
    /// Items that earlier pages had.
    skipped: usize,
}

impl Paging {
    pub(super) fn new(parameters: &Parameters, default: From) -> Result<Self, Failed> {
        Ok(Self {
            size: size(parameters)?,
            from: match parameters.get("paging_from") {
                None => default,
                Some("start") => From::Start,
                Some("end") => From::End,
                Some(other) => return Err(not_supported("paging_from", other)),
            },
            skipped: match parameters.get(TOKEN) {
                None => 0,
                Some(token) => read_token(token).ok_or_else(|| not_supported(TOKEN, token))?,
            },
        })
    }
}

/// The page of `items` that `paging` asks for, with the way to the next.
pub(super) fn page<T>(
    mut items: Vec<T>,
    paging: &Paging,
    headers: &HeaderMap,
    uri: &Uri,
) -> Page<T> {
    let total = items.len();
    let begin = paging.skipped.min(total);
    let end = (begin + paging.size).min(total);
    let data = match paging.from {
        From::Start => items.drain(begin..end),
        From::End => items.drain(total - end..total - begin),
    };
    let next_page_token = (end < total).then(|| token(end));
    Page {
        data: data.collect(),
        next_page_url: next_page_token
            .as_deref()
            .and_then(|token| url(token, headers, uri)),
        next_page_token,
    }
}

fn size(parameters: &Parameters) -> Result<usize, Failed> {
    let Some(value) = parameters.get("page_size") else {
        return Ok(DEFAULT_PAGE_SIZE);
    };
    match value.parse::<i64>() {
        Ok(size) if size > MAX_PAGE_SIZE as i64 => Err(bad_parameter(
            "page_size",
            &format!("Must be at most {MAX_PAGE_SIZE}."),
        )),
        Ok(size) if size < 1 => Err(bad_parameter("page_size", "Must be at least 1.")),
        Ok(size) => Ok(size as usize),
        Err(_) => Err(not_supported("page_size", value)),
    }
}

/// Tokens are opaque to clients; `0.` is how the real ones begin.
fn token(skipped: usize) -> String {
    format!("0.{skipped}")
}

fn read_token(token: &str) -> Option<usize> {
    token.strip_prefix("0.")?.parse().ok()
}

/// This request's URL with the token of the next page; `None` without a host to name.
fn url(token: &str, headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let mut parameters = parameters_of(uri.query());
    parameters.insert(TOKEN.to_owned(), token.to_owned());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    Some(format!("http://{host}{}?{query}", uri.path()))
}
