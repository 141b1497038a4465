//! A line on standard error that says what is being done, while somebody looks.

use std::io::Write as _;

use chimera_bus::{BindingKey, Bus, Queue, Subscription};
use chimera_questions::{
    Stage,
    messages::{QUERY_PROGRESS, QueryProgress},
};
use tokio::task::JoinHandle;

use crate::terminal::Terminal;

/// The line, until it is ended.
pub(super) enum Progress {
    Unseen,
    Still,
    Following(JoinHandle<()>),
}

impl Progress {
    /// Shows what `query_agent` says it is at. It listens beside the agents, so that it leaves no span in the trace.
    pub(super) async fn of_bus(bus: &dyn Bus, terminal: Terminal) -> anyhow::Result<Self> {
        if !terminal.watched {
            return Ok(Self::Unseen);
        }
        let queue = Queue::instance("ask").bind(BindingKey::from_static(QUERY_PROGRESS));
        let stages = bus.subscribe(queue).await?;
        Ok(Self::Following(tokio::spawn(follow(stages))))
    }

    /// Says who is asked: another process, whose stages are its own.
    pub(super) fn of_another(asking: &str, terminal: Terminal) -> Self {
        if !terminal.watched {
            return Self::Unseen;
        }
        draw(asking);
        Self::Still
    }

    /// Takes the line away.
    pub(super) async fn end(self) {
        match self {
            Self::Unseen => return,
            Self::Still => {}
            Self::Following(task) => {
                task.abort();
                // It was aborted; that is all it has to say.
                let _ = task.await;
            }
        }
        draw("");
    }
}

async fn follow(mut stages: Subscription) {
    draw("understanding the question…");
    while let Some(delivery) = stages.next().await {
        if let Ok(progress) = serde_json::from_slice::<QueryProgress>(&delivery.message().body) {
            draw(match progress.stage {
                Stage::Understanding => "looking up what data there is…",
                Stage::Retrieval => "fetching the data…",
                Stage::Analysis => "computing the answer…",
            });
        }
        // A stage that could not be settled is shown once more, at worst.
        let _ = delivery.ack();
    }
}

/// Puts `text` in place of what stands on the line.
fn draw(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // Progress that cannot be shown keeps nobody from the answer.
    let _ = write!(stderr, "\r\u{1b}[K{text}").and_then(|()| stderr.flush());
}
