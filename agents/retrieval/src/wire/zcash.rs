//! A Zcash node's JSON-RPC, as far as the chain's height needs it.
//!
//! Sources: <https://zcash.github.io/rpc/getblockcount.html>, <https://zcash.github.io/rpc/getblockchaininfo.html>, and
//! zcashd's `src/rpc/protocol.cpp`, `src/rpc/server.cpp` and `src/httprpc.cpp`, which fix the shapes of replies and
//! errors: every reply has `result`, `error` and `id`; the HTTP status of an error is 400 for -32600, 404 for -32601 and
//! 500 for all others; the body ends with a line feed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The method that returns the height of the best block.
pub const GET_BLOCK_COUNT: &str = "getblockcount";
/// The method that returns the state of the chain.
pub const GET_BLOCKCHAIN_INFO: &str = "getblockchaininfo";

/// The body could not be read as JSON, or is neither object nor array.
pub const PARSE_ERROR: i64 = -32_700;
/// The object is not a request.
pub const INVALID_REQUEST: i64 = -32_600;
/// There is no such method.
pub const METHOD_NOT_FOUND: i64 = -32_601;
/// The method takes other parameters.
pub const INVALID_PARAMS: i64 = -32_602;
/// The method failed.
pub const MISC_ERROR: i64 = -1;

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `1.0` by convention; the node does not read it.
    pub jsonrpc: String,
    /// Returned with the reply.
    pub id: Value,
    /// The method's name.
    pub method: String,
    /// Its parameters.
    pub params: Vec<Value>,
}

impl Request {
    /// A call of `method` without parameters.
    pub fn new(method: &str, id: impl Into<Value>) -> Self {
        Self {
            jsonrpc: "1.0".to_owned(),
            id: id.into(),
            method: method.to_owned(),
            params: Vec::new(),
        }
    }
}

/// The reply to a call; either `result` or `error` is null on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply<T> {
    /// What the method returned.
    pub result: Option<T>,
    /// Why it did not.
    pub error: Option<RpcError>,
    /// That of the request; null where that could not be read.
    pub id: Value,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcError {
    /// One of this module's codes, or another of zcashd's `RPCErrorCode`.
    pub code: i64,
    /// For people.
    pub message: String,
}

/// The state of the chain; what a recording does not know is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockchainInfo {
    /// `main`, `test` or `regtest`.
    pub chain: String,
    /// The height of the best block.
    pub blocks: u64,
    /// How many headers the node has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<u64>,
    /// The best block's hash, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bestblockhash: Option<String>,
    /// The current difficulty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<f64>,
    /// The share of the chain that is verified, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verificationprogress: Option<f64>,
}
