//! End to end: a whole stack per test, and every span of it looked at.
//!
//! Each test is one function that is given the backends, and runs on all of them: as `embedded::…`, and with the
//! feature `servers` as `servers::…`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

/// Makes tests of functions that take [`chimera_tests::Backends`]: one for each kind of them.
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(chimera_tests::Backends::Embedded).await;
            })+
        }

        #[cfg(feature = "servers")]
        mod servers {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(chimera_tests::Backends::Servers).await;
            })+
        }
    };
}
use on_each_backend;

mod answered;
mod backends_away;
mod ended;
mod foreign;
mod health;
mod logs;
mod messages;
mod propagation;
#[cfg(feature = "servers")]
mod servers;
mod sources;
mod stopped;
