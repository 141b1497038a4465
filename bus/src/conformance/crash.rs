//! Processes that end in the middle of their work.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Harness, Place,
    dead_letters::next_dead,
    place::{assert_quiet, next, next_text, text},
    victim::{Deed, Plan, Role, Victim},
};
use crate::{Message, QueueKind, Routed, headers::name};

const NUMBERS: u32 = 1_000;

/// How many more numbers are confirmed before a process is killed.
const CONFIRMED_PER_LIFE: usize = 130;

/// More than any message can have here, so that only the kill is tested.
const NO_LIMIT: u32 = 10_000;

/// 1,000 numbered messages are published and consumed by processes that are killed in the middle, one after the other.
/// Every number whose publish was confirmed arrives, at least once.
pub async fn confirmed_messages_outlive_a_kill<H: Harness>(mut place: Place<H>) {
    let mut tally = Arrivals::default();
    place.harness.stop().await;
    let mut from = 0;
    while from < NUMBERS {
        let role = Role::Load { from, to: NUMBERS };
        tally.live_and_die(&plan(&place, "queue", NO_LIMIT, role));
        // What was under way when it died may or may not have been taken; it was not confirmed.
        from = tally.confirmed.last().map_or(0, |last| last + 1);
    }
    place.harness.start().await;
    // Numbers that were never confirmed are published once more, as a sender would.
    for number in (0..NUMBERS).filter(|number| !tally.confirmed.contains(number)) {
        let message = Message::to_queue(&place.queue("queue"), number.to_string());
        assert_eq!(place.publish(message).await, Routed::ToQueue);
    }
    let mut queue = place.work("queue", &[]);
    queue.kind = QueueKind::Work {
        delivery_limit: NO_LIMIT,
    };
    let mut rest = place.subscribe(queue).await;
    while tally.arrived.len() < NUMBERS as usize {
        let number = next_text(&mut rest).await;
        tally.arrive(number.parse().expect("the body is a number"));
    }
    let (duplicates, lives) = (tally.duplicates(), tally.lives);
    report(&format!(
        "{NUMBERS} numbers arrived through {lives} killed processes, {duplicates} of them again"
    ));
}

/// A message that kills every process that sees it is dead-lettered after as many deliveries as its queue allows, and
/// what was behind it is handled.
pub async fn a_message_that_kills_is_dead_lettered<H: Harness>(mut place: Place<H>) {
    const LIMIT: u32 = 3;
    let mut queue = place.work("queue", &["tick"]);
    queue.kind = QueueKind::Work {
        delivery_limit: LIMIT,
    };
    drop(place.subscribe(queue.clone()).await);
    place.event("tick", "poison").await;
    place.event("tick", "bystander").await;
    place.harness.stop().await;
    for expected in 1..=LIMIT {
        let mut victim = Victim::start(&plan(&place, "queue", LIMIT, Role::Poisoned));
        let Some(Deed::Seen(deliveries)) = victim.next() else {
            panic!("process {expected} saw no message");
        };
        if H::FEATURES.durable_delivery_count {
            assert_eq!(deliveries, expected);
        }
        assert_eq!(victim.next(), None, "it dies of the message");
    }
    place.harness.start().await;
    let mut survivor = place.subscribe(queue).await;
    let bystander = next(&mut survivor).await;
    assert_eq!(text(&bystander), "bystander");
    bystander.ack().expect("what is held can be settled");
    let dead = next_dead(&place, "queue").await;
    assert_eq!(text(&dead), "poison");
    assert_eq!(
        dead.message().headers.get_str(name::ERROR_TYPE),
        Some("delivery_limit")
    );
    assert_quiet(&mut survivor).await;
}

/// A declared queue takes messages while its agent is away, also after a restart of the bus.
pub async fn queues_wait_for_their_consumers<H: Harness>(mut place: Place<H>) {
    drop(place.subscribe(place.work("queue", &["tick.*"])).await);
    place.restart().await;
    place.event("tick.zec", "1").await;
    place.restart().await;
    let mut queue = place.subscribe(place.work("queue", &["tick.*"])).await;
    assert_eq!(next_text(&mut queue).await, "1");
}

fn plan<H: Harness>(place: &Place<H>, queue: &str, delivery_limit: u32, role: Role) -> Plan {
    Plan {
        address: place.harness.address(),
        queue: place.queue(queue).to_string(),
        delivery_limit,
        role,
    }
}

/// What was confirmed, and what arrived how often.
#[derive(Default)]
struct Arrivals {
    confirmed: BTreeSet<u32>,
    arrived: BTreeMap<u32, u32>,
    lives: u32,
}

impl Arrivals {
    /// Lets a process publish and consume, kills it in the middle, and notes what it did.
    fn live_and_die(&mut self, plan: &Plan) {
        let (mut victim, before) = (Victim::start(plan), self.confirmed.len());
        self.lives += 1;
        while self.confirmed.len() < (before + CONFIRMED_PER_LIFE).min(NUMBERS as usize) {
            let Some(deed) = victim.next() else {
                panic!("the process ended by itself");
            };
            self.note(deed);
            if self.confirmed.contains(&(NUMBERS - 1)) {
                break;
            }
        }
        victim.kill();
        while let Some(deed) = victim.next() {
            self.note(deed);
        }
        assert!(
            self.confirmed.len() > before,
            "the process confirmed nothing"
        );
    }

    fn note(&mut self, deed: Deed) {
        match deed {
            Deed::Confirmed(number) => {
                self.confirmed.insert(number);
            }
            Deed::Handled(number) => self.arrive(number),
            Deed::Seen(_) => {}
        }
    }

    fn arrive(&mut self, number: u32) {
        *self.arrived.entry(number).or_default() += 1;
    }

    fn duplicates(&self) -> u32 {
        self.arrived.values().map(|times| times - 1).sum()
    }
}

#[expect(
    clippy::print_stdout,
    reason = "a figure for whoever runs the tests, shown with --nocapture"
)]
fn report(line: &str) {
    println!("{line}");
}
