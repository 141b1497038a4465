//! A second process, made to be killed: the test binary itself, started again with its test `victim` and a plan.

use std::{
    fmt,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
    str::FromStr,
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering},
};

use futures_util::future::{join, join_all};

use super::{Clock, Harness};
use crate::{Bus, Message, Queue, QueueKind, QueueName, Subscription};

/// Publishes wait for their confirms at the same time.
const PUBLISHERS: u32 = 8;

const ARGUMENT: &str = "victim=";

/// What a victim does. As text it is one argument of the test binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) address: String,
    pub(super) queue: String,
    pub(super) delivery_limit: u32,
    pub(super) role: Role,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// Publishes these numbers, and consumes what comes.
    Load {
        /// The first number.
        from: u32,
        /// The number after the last.
        to: u32,
    },
    /// Dies of the first message that it sees.
    Poisoned,
}

/// What a victim did before it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// The publish of this number was confirmed.
    Confirmed(u32),
    /// This number was delivered, and is about to be acked.
    Handled(u32),
    /// A message was seen that was delivered that often.
    Seen(u32),
}

/// Does what the arguments of this process ask for; nothing when it is an ordinary run of the tests.
///
/// # Panics
/// When the bus fails.
pub fn be_victim<H: Harness>() {
    let plan = std::env::args().find_map(|argument| argument.strip_prefix(ARGUMENT)?.parse().ok());
    let Some(plan): Option<Plan> = plan else {
        return;
    };
    H::runtime(Clock::Real).block_on(async {
        let bus = H::open(&plan.address).await;
        let mut queue = Queue::work(QueueName::new(&*plan.queue).expect("the parent made it"));
        queue.kind = QueueKind::Work {
            delivery_limit: plan.delivery_limit,
        };
        queue.prefetch = std::num::NonZeroU16::MIN;
        let subscription = bus.subscribe(queue).await.expect("subscribing succeeds");
        match plan.role {
            Role::Load { from, to } => {
                let next = AtomicU32::new(from);
                let publishers = (0..PUBLISHERS).map(|_| publish(&bus, &plan.queue, &next, to));
                join(join_all(publishers), consume(subscription)).await;
            }
            Role::Poisoned => die_of_one(subscription).await,
        }
    });
}

async fn publish(bus: &Arc<dyn Bus>, queue: &str, next: &AtomicU32, to: u32) {
    let queue = QueueName::new(queue).expect("the parent made it");
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= to {
            return;
        }
        let message = Message::to_queue(&queue, number.to_string());
        let _ = bus.publish(message).await.expect("publishing succeeds");
        say(Deed::Confirmed(number));
    }
}

/// Until killed. Says what it handled before it acks: the other way round, a kill in between would hide it.
async fn consume(mut subscription: Subscription) {
    while let Some(delivery) = subscription.next().await {
        let number = super::place::text(&delivery).parse();
        say(Deed::Handled(number.expect("the body is a number")));
        delivery.ack().expect("what is held can be settled");
    }
}

async fn die_of_one(mut subscription: Subscription) {
    let delivery = subscription.next().await.expect("there is a message");
    say(Deed::Seen(delivery.deliveries()));
    std::process::abort();
}

/// One line on the standard output, which the parent reads. The test runner may have begun a line of its own.
fn say(deed: Deed) {
    let mut out = std::io::stdout().lock();
    write!(out, "\n{deed}\n")
        .and_then(|()| out.flush())
        .expect("the parent reads it");
}

/// A running victim.
pub(super) struct Victim {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Victim {
    pub(super) fn start(plan: &Plan) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            // The plan is one more name of a test to run, which is none: the runner lets it pass.
            .args(["--exact", "--nocapture", "--test-threads=1", "victim"])
            .arg(format!("{ARGUMENT}{plan}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test binary can be started again");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, lines }
    }

    /// What it does next, or `None` when it has ended.
    pub(super) fn next(&mut self) -> Option<Deed> {
        let mut line = String::new();
        while self.lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            if let Ok(deed) = line.trim().parse() {
                return Some(deed);
            }
            line.clear();
        }
        None
    }

    /// SIGKILL. What it did until then can still be read.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Gone already, in the good case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = match self.role {
            Role::Load { from, to } => (from, to),
            Role::Poisoned => (0, 0),
        };
        let Self {
            address,
            queue,
            delivery_limit,
            ..
        } = self;
        write!(f, "{queue} {delivery_limit} {from} {to} {address}")
    }
}

impl FromStr for Plan {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.splitn(5, ' ');
        let mut word = || words.next().ok_or(());
        let queue = word()?.to_owned();
        let mut number = || word()?.parse().map_err(drop);
        let (delivery_limit, from, to) = (number()?, number()?, number()?);
        let role = match to {
            0 => Role::Poisoned,
            _ => Role::Load { from, to },
        };
        Ok(Self {
            address: word()?.to_owned(),
            queue,
            delivery_limit,
            role,
        })
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed(number) => write!(f, "confirmed {number}"),
            Self::Handled(number) => write!(f, "handled {number}"),
            Self::Seen(deliveries) => write!(f, "seen {deliveries}"),
        }
    }
}

impl FromStr for Deed {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (deed, number) = line.split_once(' ').ok_or(())?;
        let number = number.parse().map_err(drop)?;
        match deed {
            "confirmed" => Ok(Self::Confirmed(number)),
            "handled" => Ok(Self::Handled(number)),
            "seen" => Ok(Self::Seen(number)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_and_deeds_survive_being_text() {
        for role in [Role::Load { from: 3, to: 9 }, Role::Poisoned] {
            let plan = Plan {
                address: "/tmp/with space".to_owned(),
                queue: "q".to_owned(),
                delivery_limit: 3,
                role,
            };
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
        for deed in [Deed::Confirmed(1), Deed::Handled(2), Deed::Seen(3)] {
            assert_eq!(deed.to_string().parse(), Ok(deed));
        }
        assert_eq!("running 1 test".parse::<Deed>(), Err(()));
    }
}
