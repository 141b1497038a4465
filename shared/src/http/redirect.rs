//! Following redirects.

use http::{Method, header};

use super::{HttpError, Request, Response};

/// How many redirects are followed.
pub(super) const MOST: u32 = 5;

/// The request that `response` asks for instead; `None` when it is the answer.
pub(super) fn next(request: &Request, response: &Response) -> Result<Option<Request>, HttpError> {
    let is_redirect = matches!(response.status(), 301 | 302 | 303 | 307 | 308);
    if !is_redirect || !matches!(request.method, Method::GET | Method::HEAD) {
        return Ok(None);
    }
    let refuse = |reason| HttpError::Redirect {
        host: request.host(),
        reason,
    };
    let location = response.headers().get(header::LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let url = location.and_then(|location| request.url.join(location).ok());
    let url = url.ok_or_else(|| refuse("it does not say where to"))?;
    if request.url.scheme() == "https" && url.scheme() != "https" {
        return Err(refuse("it leads from https to http"));
    }
    let mut next = request.clone();
    // Another place has another path, of which the template is not known.
    next.template = None;
    if url.origin() != request.url.origin() {
        for credentials in [
            header::AUTHORIZATION,
            header::COOKIE,
            header::PROXY_AUTHORIZATION,
        ] {
            next.headers.remove(credentials);
        }
    }
    next.url = url;
    Ok(Some(next))
}
