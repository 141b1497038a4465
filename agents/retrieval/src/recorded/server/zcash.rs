//! A Zcash node from a recording.
//!
//! The node's own rules are followed: only `POST`, batches as arrays, one reply shape, one HTTP status per error code. It
//! asks for no credentials; a real node wants those of its cookie or of `rpcauth`.

use axum::{
    body::Bytes,
    http::{Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use chimera_questions::Ticker;
use serde_json::{Value, json};

use super::Shared;
use crate::{
    recorded::Recording,
    wire::zcash::{
        BlockchainInfo, GET_BLOCK_COUNT, GET_BLOCKCHAIN_INFO, INVALID_PARAMS, INVALID_REQUEST,
        METHOD_NOT_FOUND, MISC_ERROR, PARSE_ERROR, Reply, RpcError,
    },
};

/// Every request to the node.
pub(super) async fn call(recording: Shared, method: Method, body: Bytes) -> Response {
    if method != Method::POST {
        let text = "JSONRPC server handles only POST requests";
        return (StatusCode::METHOD_NOT_ALLOWED, text).into_response();
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Array(calls)) => {
            let replies: Vec<_> = calls.iter().map(|call| reply(&recording, call)).collect();
            send(StatusCode::OK, &replies)
        }
        Ok(call @ Value::Object(_)) => {
            let reply = reply(&recording, &call);
            send(status(reply.error.as_ref()), &reply)
        }
        Ok(_) => refuse(PARSE_ERROR, "Top-level object parse error"),
        Err(_) => refuse(PARSE_ERROR, "Parse error"),
    }
}

fn reply(recording: &Recording, call: &Value) -> Reply<Value> {
    let id = call.get("id").cloned().unwrap_or_default();
    match execute(recording, call) {
        Ok(result) => Reply {
            result: Some(result),
            error: None,
            id,
        },
        Err(error) => Reply {
            result: None,
            error: Some(error),
            id,
        },
    }
}

fn execute(recording: &Recording, call: &Value) -> Result<Value, RpcError> {
    let call = call
        .as_object()
        .ok_or_else(|| error(INVALID_REQUEST, "Invalid Request object"))?;
    let method = match call.get("method") {
        None | Some(Value::Null) => return Err(error(INVALID_REQUEST, "Missing method")),
        Some(Value::String(method)) => method.as_str(),
        Some(_) => return Err(error(INVALID_REQUEST, "Method must be a string")),
    };
    let parameters = match call.get("params") {
        None | Some(Value::Null) => 0,
        Some(Value::Array(parameters)) => parameters.len(),
        Some(_) => return Err(error(INVALID_REQUEST, "Params must be an array")),
    };
    if !matches!(method, GET_BLOCK_COUNT | GET_BLOCKCHAIN_INFO) {
        return Err(error(METHOD_NOT_FOUND, "Method not found"));
    }
    if parameters > 0 {
        let text = format!(
            "Too many parameters for method `{method}`. Needed exactly 0, but received {parameters}"
        );
        return Err(error(INVALID_PARAMS, &text));
    }
    let blocks = recording
        .height(&Ticker::new("ZEC"))
        .ok_or_else(|| error(MISC_ERROR, "the recording has no blocks of ZEC"))?;
    Ok(if method == GET_BLOCK_COUNT {
        json!(blocks)
    } else {
        json!(chain(blocks))
    })
}

fn chain(blocks: u64) -> BlockchainInfo {
    BlockchainInfo {
        chain: "main".to_owned(),
        blocks,
        headers: None,
        bestblockhash: None,
        difficulty: None,
        verificationprogress: None,
    }
}

fn error(code: i64, message: &str) -> RpcError {
    RpcError {
        code,
        message: message.to_owned(),
    }
}

fn status(error: Option<&RpcError>) -> StatusCode {
    match error.map(|error| error.code) {
        None => StatusCode::OK,
        Some(INVALID_REQUEST) => StatusCode::BAD_REQUEST,
        Some(METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refuse(code: i64, message: &str) -> Response {
    let error = Some(error(code, message));
    let reply: Reply<Value> = Reply {
        result: None,
        error,
        id: Value::Null,
    };
    send(status(reply.error.as_ref()), &reply)
}

fn send(status: StatusCode, reply: &impl serde::Serialize) -> Response {
    let body = serde_json::to_string(reply).expect("a reply is plain JSON") + "\n";
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
