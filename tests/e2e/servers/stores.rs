//! Stores that are away for a while.

use std::{sync::Arc, time::Duration};

use chimera_servers::{MongoDb, Redis, Store as _};
use chimera_tests::{Backends, Servers, Stack, gate::Gate, stack::Setup};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{QUESTION, ask_without_waiting, each_agent_says};

#[tokio::test(flavor = "multi_thread")]
async fn while_documents_are_away_questions_are_refused_and_what_is_in_hand_waits() {
    let mongodb = Arc::new(spawn_blocking(MongoDb::start).await.unwrap());
    let mut servers = Servers::fresh().await.unwrap();
    servers.documents = mongodb.url();
    let mut gate = Gate::closed().await.unwrap();
    let before_the_source = gate.before_the_source();
    let setup = Setup {
        configure: Some(Box::new(move |config| {
            before_the_source(config);
            config.documents.connect_timeout = Duration::from_millis(500);
            config.documents.timeout = Duration::from_secs(1);
        })),
        servers: Some(servers),
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    let asked = ask_without_waiting(&stack).await;
    gate.reached().await.unwrap();
    let taken = Arc::clone(&mongodb);
    spawn_blocking(move || taken.stop()).await.unwrap();
    each_agent_says(&stack, "documents", false).await;
    let question = json!({ "query": QUESTION });
    let refused = stack
        .client()
        .post(stack.url("/api/queries"))
        .json(&question);
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), 503, "{}", refused.text().await.unwrap());

    let back = Arc::clone(&mongodb);
    spawn_blocking(move || back.start_again()).await.unwrap();
    each_agent_says(&stack, "documents", true).await;
    gate.open();
    asked.answered(&stack).await;
    let another = stack.ask(QUESTION).await.unwrap();
    assert_eq!(another["status"], "completed", "{another:#}");
    stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_cache_a_question_is_answered() {
    let redis = Arc::new(spawn_blocking(Redis::start).await.unwrap());
    let mut servers = Servers::fresh().await.unwrap();
    servers.cache = redis.url();
    let setup = Setup {
        servers: Some(servers),
        ..Setup::default()
    };
    let stack = Stack::start_with(Backends::Servers, setup).await.unwrap();
    let taken = Arc::clone(&redis);
    spawn_blocking(move || taken.stop()).await.unwrap();
    each_agent_says(&stack, "cache", false).await;
    let asked = ask_without_waiting(&stack).await;
    asked.answered(&stack).await;
    let back = Arc::clone(&redis);
    spawn_blocking(move || back.start_again()).await.unwrap();
    each_agent_says(&stack, "cache", true).await;
    let stopped = stack.stop().await.unwrap();
    asked.whole_trace(&stopped);
}
