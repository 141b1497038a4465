//! The conformance suite: what every bus has to do, as tests that take any [`Bus`].
//!
//! A bus brings a [`Harness`] and one line, [`conformance_tests!`](crate::conformance_tests), in a test binary; each
//! case is then a test of its own there. What a bus may do otherwise is a field of its [`Features`], which the cases
//! read. The cases need nothing but this crate, so that the module costs no dependency.

pub mod content;
pub mod crash;
pub mod dead_letters;
pub mod delay;
pub mod limits;
pub mod order;
pub mod redelivery;
pub mod request;
pub mod routing;

mod place;
mod victim;

use std::{future::Future, sync::Arc};

use tokio::runtime::Runtime;

use crate::{Bus, Features};

pub use place::Place;
pub use victim::be_victim;

/// What the suite needs to know of a bus in order to test it.
pub trait Harness: Sized + Send + 'static {
    /// What the bus guarantees.
    const FEATURES: Features;

    /// A runtime for one case. [`Clock::Virtual`] is asked for only where [`Features::virtual_time`] holds.
    fn runtime(clock: Clock) -> Runtime;

    /// A bus that no other case uses, or that many use under names of their own. Its queues hold `max_messages` where
    /// that is asked for, which is only where [`Features::bounded_queues`] holds.
    fn set_up(max_messages: Option<usize>) -> impl Future<Output = Self> + Send;

    /// The bus of this process.
    fn bus(&self) -> Arc<dyn Bus>;

    /// Ends this process's use of the bus, so that another process can have it. Every clone of [`Harness::bus`] is
    /// gone by then.
    fn stop(&mut self) -> impl Future<Output = ()> + Send;

    /// Takes it up again: what a restarted process would do.
    fn start(&mut self) -> impl Future<Output = ()> + Send;

    /// What another process needs to find this bus. Without white space.
    fn address(&self) -> String;

    /// Opens the bus at `address`, in that other process.
    fn open(address: &str) -> impl Future<Output = Arc<dyn Bus>> + Send;
}

/// Which time a case runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The real one, on several threads.
    Real,
    /// tokio's paused clock, which jumps to the next timer when there is nothing else to do, on one thread.
    Virtual,
}

/// Runs one case on a bus of its own. `max_messages` is what [`Harness::set_up`] gets.
///
/// # Panics
/// When the bus does not do what the case asks for.
pub fn run<H, F>(clock: Clock, max_messages: Option<usize>, case: impl FnOnce(Place<H>) -> F)
where
    H: Harness,
    F: Future<Output = ()>,
{
    let clock = match clock {
        Clock::Virtual if H::FEATURES.virtual_time => Clock::Virtual,
        Clock::Virtual | Clock::Real => Clock::Real,
    };
    let max_messages = max_messages.filter(|_| H::FEATURES.bounded_queues);
    H::runtime(clock).block_on(async {
        case(Place::new(H::set_up(max_messages).await)).await;
    });
}

/// Makes every case of the suite a test, for the [`Harness`] named.
///
/// One more, `victim`, does nothing by itself: cases that kill a process start the test binary again with it.
#[macro_export]
macro_rules! conformance_tests {
    ($harness:ty) => {
        $crate::conformance_tests! { $harness; None;
            Virtual routing: a_queue_gets_what_it_is_bound_to, wildcards_match_words,
                every_queue_gets_its_own_copy, a_queue_bound_twice_gets_one_copy,
                instances_each_get_every_message, bindings_add_up, a_queue_is_reached_by_its_name,
                an_event_without_a_queue_goes_nowhere;
            Virtual order: one_consumer_gets_the_order_of_publishing, the_prefetch_bounds_what_is_unsettled;
            Real order: competing_consumers_share_the_work;
            Virtual redelivery: a_dropped_delivery_comes_again_first, a_dropped_subscription_gives_back_in_order,
                what_was_handed_out_outlives_its_subscription, what_nobody_saw_is_not_counted,
                a_restart_redelivers_what_was_unsettled, a_stale_delivery_cannot_be_settled;
            Virtual delay: a_delayed_message_waits, a_delay_does_not_block_the_queue,
                delays_end_in_their_order, a_delay_outlives_a_restart, an_event_cannot_be_delayed;
            Virtual dead_letters: a_rejected_message_says_why, the_delivery_limit_ends_a_loop,
                a_published_dead_letter_keeps_its_reason, dead_letters_outlive_a_restart,
                a_rejected_dead_letter_is_gone;
            Virtual request: a_request_is_answered, a_request_times_out, an_unroutable_request_fails_at_once,
                an_error_reply_is_an_error, a_late_reply_is_dropped, parallel_requests_get_their_own_replies;
            Virtual content: bodies_arrive_as_they_are, eight_mebibytes_arrive, a_body_too_large_is_refused,
                every_header_type_arrives, properties_arrive, a_foreign_message_arrives;
            Virtual limits: a_conflicting_declaration_is_refused;
            Real crash: confirmed_messages_outlive_a_kill, a_message_that_kills_is_dead_lettered,
                queues_wait_for_their_consumers;
        }
        $crate::conformance_tests! { $harness; Some(10);
            Virtual limits: a_full_queue_holds_publishers_back, a_reply_passes_a_full_queue,
                consumers_that_publish_to_their_own_full_queue_get_on;
        }

        #[test]
        fn victim() {
            $crate::conformance::be_victim::<$harness>();
        }
    };
    ($harness:ty; $max_messages:expr; $($clock:ident $module:ident: $($case:ident),+;)+) => {
        $($(
            #[test]
            fn $case() {
                $crate::conformance::run::<$harness, _>(
                    $crate::conformance::Clock::$clock,
                    $max_messages,
                    $crate::conformance::$module::$case,
                );
            }
        )+)+
    };
}
