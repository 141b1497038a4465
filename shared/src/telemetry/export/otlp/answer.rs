//! What a backend says of a batch.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use serde_json::Value;

use super::super::queue::Taken;

/// Longest text of a backend's that is repeated.
const MAX_SAID: usize = 300;

/// What was taken, by a response in protobuf. The responses of all three signals have the same fields with the same
/// numbers. One that is not understood says nothing against the batch.
pub(super) fn of_protobuf(body: Bytes) -> Taken {
    let response = ExportTraceServiceResponse::decode(body).unwrap_or_default();
    response
        .partial_success
        .map_or_else(Taken::default, |partial| Taken {
            rejected: u64::try_from(partial.rejected_spans).unwrap_or_default(),
            said: cut(&partial.error_message),
        })
}

/// The same in JSON, where a number may be a text.
pub(super) fn of_json(body: &[u8]) -> Taken {
    let response: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(partial) = response["partialSuccess"].as_object() else {
        return Taken::default();
    };
    let rejected = partial.iter().find(|(key, _)| key.starts_with("rejected"));
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    Taken {
        rejected: rejected
            .and_then(|(_, value)| number(value))
            .unwrap_or_default(),
        said: cut(response["partialSuccess"]["errorMessage"]
            .as_str()
            .unwrap_or_default()),
    }
}

/// The words in the body of an error: those of a `google.rpc.Status` in protobuf or JSON, or the text that it is.
pub(super) fn words(body: &[u8]) -> String {
    if let Ok(Value::Object(status)) = serde_json::from_slice(body) {
        let words = ["message", "error", "msg", "detail"];
        let found = words.iter().find_map(|key| status.get(*key)?.as_str());
        if let Some(message) = found {
            return cut(message);
        }
    }
    if let Ok(status) = tonic_types::Status::decode(body)
        && !status.message.is_empty()
    {
        return cut(&status.message);
    }
    match std::str::from_utf8(body) {
        Ok(text) => cut(text),
        Err(_) => String::new(),
    }
}

/// Whether a page came instead of an answer: something else listens there.
pub(super) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn cut(text: &str) -> String {
    text.trim().chars().take(MAX_SAID).collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    fn taken(rejected: u64, said: &str) -> Taken {
        Taken {
            rejected,
            said: said.to_owned(),
        }
    }

    #[test]
    fn partial_success_in_protobuf() {
        let response = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: 3,
                error_message: "too old".to_owned(),
            }),
        };
        let check = |body: Vec<u8>, expected| assert_eq!(of_protobuf(body.into()), expected);
        check(response.encode_to_vec(), taken(3, "too old"));
        check(Vec::new(), Taken::default());
        check(vec![0xff; 7], Taken::default());
    }

    #[test]
    fn partial_success_in_json() {
        let check = |body: &str, expected| assert_eq!(of_json(body.as_bytes()), expected, "{body}");
        check("{}", Taken::default());
        check("", Taken::default());
        check(r#"{"partialSuccess":{}}"#, Taken::default());
        check(
            r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#,
            taken(3, "too old"),
        );
        check(
            r#"{"partialSuccess":{"rejectedLogRecords":2}}"#,
            taken(2, ""),
        );
    }

    #[test]
    fn what_a_backend_says() {
        let check = |body: &[u8], expected: &str| assert_eq!(words(body), expected);
        let status = tonic_types::Status {
            code: 3,
            message: "bad trace id".to_owned(),
            details: Vec::new(),
        };
        check(&status.encode_to_vec(), "bad trace id");
        check(br#"{"code":3,"message":"bad"}"#, "bad");
        check(b"404 page not found\n", "404 page not found");
        check(b"", "");
        check(&[0xff, 0xfe], "");
    }
}
