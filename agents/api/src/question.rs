//! Reading a question from the body of a request, within limits.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde_json::error::Category;

use crate::{
    language,
    problem::{Kind, Problem},
};

/// The limits of a question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of a body.
    pub(crate) body: usize,
    /// Characters of a question.
    pub(crate) chars: usize,
}

/// The body of `POST /api/queries`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `query`")]
struct Asked {
    query: String,
}

/// Reads the question in `request`.
///
/// # Errors
/// A [`Problem`] that says what is wrong with it.
pub(crate) async fn read(request: Request, limits: Limits) -> Result<String, Problem> {
    let (parts, body) = request.into_parts();
    check_content_type(&parts.headers)?;
    let body = read_body(&parts.headers, body, limits.body).await?;
    let question = parse(&body)?;
    check(&question, limits.chars)?;
    Ok(question)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or("unreadable"));
    let media_type = given
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    {
        return Ok(());
    }
    let given = given.map_or_else(
        || "it has none".to_owned(),
        |given| format!("it is `{given}`"),
    );
    Err(Problem::new(
        Kind::NotJson,
        format!("the Content-Type must be application/json; {given}"),
    ))
}

/// How much of a body that is too large is read and thrown away, times its limit. A server that closes a connection on
/// which bytes are still coming resets it, and the client may never see why.
const DISCARDED_LIMITS: usize = 512;

async fn read_body(headers: &HeaderMap, body: Body, max: usize) -> Result<Bytes, Problem> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let too_large = || {
        Problem::new(
            Kind::TooLarge,
            format!("the body may have {max} bytes at most"),
        )
    };
    // A client that asks first has not sent the body yet, and need not.
    if headers.contains_key(header::EXPECT) && length.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let mut chunks = body.into_data_stream();
    let mut read = Vec::with_capacity(length.unwrap_or_default().min(max));
    let mut size = 0_usize;
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| Problem::new(Kind::Malformed, "the body ended before its end"))?;
        size = size.saturating_add(chunk.len());
        if size <= max {
            read.extend_from_slice(&chunk);
        } else if size > max.saturating_mul(DISCARDED_LIMITS) {
            break;
        }
    }
    if size > max {
        Err(too_large())
    } else {
        Ok(read.into())
    }
}

fn parse(body: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let at = error.valid_up_to();
        Problem::new(
            Kind::Malformed,
            format!("the body must be JSON in UTF-8; byte {at} is not UTF-8"),
        )
    })?;
    // serde takes a list for a struct, field by field; the contract does not.
    if text.trim_start().starts_with('[') {
        return Err(Problem::new(
            Kind::NotAQuestion,
            format!("the body must be an object such as {EXAMPLE}"),
        ));
    }
    if text.trim().is_empty() {
        let detail = format!("the body is empty; it must be like {EXAMPLE}");
        return Err(Problem::new(Kind::Malformed, detail));
    }
    let asked: Asked = serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => Problem::new(
            Kind::NotAQuestion,
            format!("{error}; the body must be like {EXAMPLE}"),
        ),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::new(Kind::Malformed, format!("the body is not JSON: {error}"))
        }
    })?;
    Ok(asked.query)
}

const EXAMPLE: &str = r#"{"query": "How did the ZEC price trend in January 2019?"}"#;

fn check(question: &str, max_chars: usize) -> Result<(), Problem> {
    let refuse = |detail: String| Err(Problem::new(Kind::NotAQuestion, detail));
    if question.trim().is_empty() {
        return refuse("`query` is empty; ask a question".to_owned());
    }
    let chars = question.chars().count();
    if chars > max_chars {
        return refuse(format!(
            "`query` has {chars} characters; {max_chars} at most are read"
        ));
    }
    // Line breaks and tabs come with pasted text and mean a space.
    let control = question
        .chars()
        .enumerate()
        .find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if let Some((at, control)) = control {
        let code = u32::from(control);
        return refuse(format!(
            "`query` has the control character U+{code:04X} as its character {}; leave it out",
            at + 1
        ));
    }
    if language::is_other(question) {
        let detail = format!("questions are understood in English only; ask like {EXAMPLE}");
        return Err(Problem::new(Kind::NotEnglish, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: Option<&str>, body: impl Into<Body>) -> Request {
        let mut request = Request::new(body.into());
        if let Some(content_type) = content_type {
            request
                .headers_mut()
                .insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        request
    }

    async fn outcome(content_type: Option<&str>, body: impl Into<Body>) -> String {
        let limits = Limits {
            body: 200,
            chars: 20,
        };
        match read(request(content_type, body), limits).await {
            Ok(question) => format!("ok {question}"),
            Err(problem) => problem.to_string(),
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_body_is_said() {
        async fn check(body: &'static [u8], expected: &str) {
            let outcome = outcome(Some("application/json"), body).await;
            assert!(
                outcome.contains(expected),
                "{}: {outcome}",
                String::from_utf8_lossy(body)
            );
        }
        check(br#"{"query": "price of ZEC?"}"#, "ok price of ZEC?").await;
        check(br#" {"query":"a\nb\tc"} "#, "ok a\nb\tc").await;
        check("{\"query\": \"ZEC ä本\"}".as_bytes(), "ok ZEC ä本").await;
        check("{\"query\": \"価格は\"}".as_bytes(), "in English only").await;
        check(
            br#"{"query": }"#,
            "not JSON: expected value at line 1 column 11",
        )
        .await;
        check(
            b"{\n\"query\": \"x",
            "not JSON: EOF while parsing a string at line 2 column 11",
        )
        .await;
        check(b"", "the body is empty").await;
        check(br#"{"query": "x"} y"#, "trailing characters").await;
        check(br#"{"query": "\ud800"}"#, "not JSON: ").await;
        check(b"{\"query\": \"a\xff\"}", "byte 12 is not UTF-8").await;
        check(br#"["x"]"#, "must be an object").await;
        check(br#""x""#, "expected an object with `query`").await;
        check(br#"{"query": 5}"#, "expected a string").await;
        check(br#"{}"#, "missing field `query`").await;
        check(
            br#"{"query": "x", "query": "y"}"#,
            "duplicate field `query`",
        )
        .await;
        check(
            br#"{"query": "x", "qerry": 1}"#,
            "unknown field `qerry`, expected `query`",
        )
        .await;
        check(br#"{"query": ""}"#, "is empty").await;
        check(br#"{"query": " \n "}"#, "is empty").await;
        check("{\"query\": \"01234567890123456789\"}".as_bytes(), "ok").await;
        check(
            "{\"query\": \"äääääääääääääääääääää\"}".as_bytes(),
            "has 21 characters; 20 at most",
        )
        .await;
        check(
            br#"{"query": "ab\u0000c"}"#,
            "control character U+0000 as its character 3",
        )
        .await;
        check(br#"{"query": "\u001b[31m"}"#, "control character U+001B").await;
        check(br#"{"query": "\u009b"}"#, "control character U+009B").await;
        check(&[b' '; 201], "200 bytes at most").await;
        check(&[b' '; 1_000_000], "200 bytes at most").await;
    }

    #[tokio::test]
    async fn only_json_is_taken() {
        async fn check(content_type: Option<&str>, expected: &str) {
            let outcome = outcome(content_type, r#"{"query": "x"}"#).await;
            assert!(outcome.contains(expected), "{content_type:?}: {outcome}");
        }
        check(Some("application/json; charset=utf-8"), "ok x").await;
        check(Some("Application/JSON"), "ok x").await;
        check(Some("application/vnd.x+json"), "ok x").await;
        check(Some("text/plain"), "it is `text/plain`").await;
        check(
            Some("application/x-www-form-urlencoded"),
            "it is `application/x-www-form-urlencoded`",
        )
        .await;
        check(None, "it has none").await;
    }

    #[tokio::test]
    async fn a_client_that_asks_first_is_told_before_it_sends() {
        let body =
            Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let mut request = request(Some("application/json"), body);
        request
            .headers_mut()
            .insert(header::CONTENT_LENGTH, 10_000_000.into());
        request
            .headers_mut()
            .insert(header::EXPECT, "100-continue".parse().unwrap());
        let problem = read(
            request,
            Limits {
                body: 200,
                chars: 20,
            },
        )
        .await
        .unwrap_err();
        assert!(problem.to_string().contains("200 bytes at most"));
    }
}
