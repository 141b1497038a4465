//! Why the broker gave a message up, in the headers that all buses use.

use crate::{FieldValue, Headers, headers::name};

/// Writes what `deaths` (RabbitMQ's `x-death`) says of the last death into `headers`. What an agent wrote about the
/// failure stays; a message that only waited for its retry has not failed.
pub(super) fn explain(headers: &mut Headers, deaths: &FieldValue) {
    let FieldValue::Array(deaths) = deaths else {
        return;
    };
    let Some(FieldValue::Table(death)) = deaths.first() else {
        return;
    };
    let Some((error_type, error_message)) = reason(death.get_str("reason").unwrap_or_default())
    else {
        return;
    };
    let mut set = |header: &str, value: Option<FieldValue>| {
        if let Some(value) = value.filter(|_| headers.get(header).is_none()) {
            headers.set(header, value);
        }
    };
    set(name::ERROR_TYPE, Some(error_type.into()));
    set(name::ERROR_MESSAGE, Some(error_message.into()));
    set(name::FAILED_AGENT, death.get_str("queue").map(Into::into));
    let seconds = death.get_u64("time");
    set(
        name::FAILED_AT,
        seconds.map(|seconds| seconds.saturating_mul(1_000).into()),
    );
    if let Some(FieldValue::Array(keys)) = death.get("routing-keys") {
        let key = keys.first().and_then(FieldValue::as_str);
        set(name::ORIGINAL_ROUTING_KEY, key.map(Into::into));
    }
}

fn reason(reason: &str) -> Option<(&'static str, &'static str)> {
    match reason {
        "rejected" => Some(("rejected", "a consumer rejected the message")),
        "delivery_limit" => Some((
            "delivery_limit",
            "delivered as often as its queue allows without being settled",
        )),
        "maxlen" => Some(("queue_full", "the queue was full")),
        // `expired` is how a retry comes back.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deaths(reason: &str) -> FieldValue {
        let mut death = Headers::new();
        death.set("reason", reason);
        death.set("queue", "agent");
        death.set("time", FieldValue::Timestamp(1_553_731_200));
        death.set("routing-keys", FieldValue::Array(vec!["tick.zec".into()]));
        FieldValue::Array(vec![FieldValue::Table(death)])
    }

    #[test]
    fn a_rejection_is_explained() {
        let mut headers = Headers::new();
        explain(&mut headers, &deaths("rejected"));
        assert_eq!(headers.get_str(name::ERROR_TYPE), Some("rejected"));
        assert_eq!(headers.get_str(name::FAILED_AGENT), Some("agent"));
        assert_eq!(headers.get_u64(name::FAILED_AT), Some(1_553_731_200_000));
        assert_eq!(
            headers.get_str(name::ORIGINAL_ROUTING_KEY),
            Some("tick.zec")
        );
    }

    #[test]
    fn what_an_agent_wrote_stays() {
        let mut headers = Headers::new();
        headers.set(name::ERROR_TYPE, "decode");
        explain(&mut headers, &deaths("rejected"));
        assert_eq!(headers.get_str(name::ERROR_TYPE), Some("decode"));
    }

    #[test]
    fn a_retry_that_comes_back_has_not_failed() {
        let mut headers = Headers::new();
        explain(&mut headers, &deaths("expired"));
        explain(&mut headers, &FieldValue::Void);
        assert!(headers.is_empty());
    }
}
