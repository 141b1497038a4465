//! Bad surroundings: each is one clear line that says what, where and what to do, and never the password.

#![expect(
    clippy::print_stdout,
    reason = "the lines, for whoever runs the tests with --nocapture"
)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    thread,
    time::Duration,
};

use chimera_bus::{
    AmqpBus, BindingKey, Bus, Message, Queue, QueueKind, QueueName, RoutingKey, SubscribeError,
    amqp::{ConnectError, Connectivity, Options},
    tls::CertificateFault,
};
use chimera_servers::{Certificates, RabbitMq, RabbitMqSetup};

use crate::load::runtime;

/// Runs one case on the shared broker, in a virtual host of its own.
fn on_a_broker<F: Future<Output = ()>>(case: impl FnOnce(String) -> F) {
    let url = RabbitMq::shared().new_vhost();
    runtime().block_on(case(url));
}

fn options(url: &str) -> Options {
    let mut options = Options::new(url, "test");
    options.connect_timeout = Duration::from_secs(1);
    options.patience = Duration::from_secs(20);
    options
}

async fn refused(url: &str) -> ConnectError {
    refused_by(options(url)).await
}

async fn refused_by(options: Options) -> ConnectError {
    let connected = AmqpBus::connect(options).await;
    connected.map(drop).expect_err("it is refused")
}

/// The whole error as one line.
fn line(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

fn check(error: &(dyn std::error::Error + 'static), says: &[&str]) {
    let line = line(error);
    println!("{line}");
    assert!(!line.contains('\n') && !line.contains("hush"), "{line}");
    for says in says {
        assert!(line.contains(says), "`{says}` is not in: {line}");
    }
}

/// `amqp://user:password@host:port/vhost` in its parts: user, password, host and port, vhost.
fn parts(url: &str) -> [String; 4] {
    let (_, rest) = url.split_once("://").expect("it is a URL");
    let (user, rest) = rest.split_once(':').expect("it has a user");
    let (password, rest) = rest.split_once('@').expect("it has a password");
    let (place, vhost) = rest.split_once('/').expect("it has a virtual host");
    [user, password, place, vhost].map(str::to_owned)
}

#[test]
fn a_wrong_password() {
    on_a_broker(async |url| {
        let [user, _, place, vhost] = parts(&url);
        let error = refused(&format!("amqp://{user}:hush@{place}/{vhost}")).await;
        assert!(
            matches!(error, ConnectError::AccessRefused { .. }),
            "{error:?}"
        );
        check(&error, &[&place, &user, "check name and password"]);
    });
}

#[test]
fn a_missing_vhost() {
    on_a_broker(async |url| {
        let [user, password, place, _] = parts(&url);
        let error = refused(&format!("amqp://{user}:{password}@{place}/not.there")).await;
        assert!(matches!(error, ConnectError::NoVhost { .. }), "{error:?}");
        check(&error, &[&place, "`not.there`", "add_vhost"]);
    });
}

#[test]
fn an_unreachable_host() {
    runtime().block_on(async {
        // A port that was free a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let place = listener.local_addr().expect("it is bound").to_string();
        drop(listener);
        let error = refused(&format!("amqp://user:hush@{place}/v")).await;
        assert!(error.is_transient(), "{error:?}");
        check(&error, &[&place, "is it running"]);
        let error = refused("amqp://user:hush@nobody.invalid/v").await;
        assert!(error.is_transient(), "{error:?}");
        check(&error, &["nobody.invalid:5672"]);
    });
}

#[test]
fn hosts_are_tried_in_turn() {
    on_a_broker(async |url| {
        let [user, password, place, vhost] = parts(&url);
        let url = format!("amqp://{user}:{password}@127.0.0.1:1,{place}/{vhost}");
        let bus = AmqpBus::connect(options(&url))
            .await
            .expect("the second host answers");
        assert_eq!(*bus.state().borrow(), Connectivity::Connected);
        bus.close().await;
    });
}

#[test]
fn what_is_not_amqp() {
    runtime().block_on(async {
        let place = serve(|mut stream| {
            // What was not read would be answered with a reset.
            let _ = stream.read_exact(&mut [0; 8]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        });
        let error = refused(&format!("amqp://user:hush@{place}/v")).await;
        assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
        check(&error, &[&place, "check the port"]);
        // One that takes the connection and says nothing.
        let place = serve(|stream| {
            let _ = std::io::copy(&mut &stream, &mut std::io::sink());
        });
        let error = refused(&format!("amqp://user:hush@{place}/v")).await;
        assert!(error.is_transient(), "{error:?}");
        check(&error, &[&place, "said nothing"]);
    });
}

fn serve(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let place = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream);
        }
    });
    place
}

#[test]
fn a_certificate_that_does_not_fit() {
    let (ours, others) = (Certificates::new(), Certificates::new());
    let broker = RabbitMq::start_with(RabbitMqSetup::default().certificates(&ours));
    let (place, url) = with_tls(&broker);
    runtime().block_on(async {
        let bus = AmqpBus::connect(trusting(&url, ours.ca())).await;
        bus.expect("the certificate fits").close().await;
        let error = refused_by(trusting(&url, others.ca())).await;
        let fault = CertificateFault::UnknownIssuer;
        assert!(
            matches!(error, ConnectError::Certificate { fault: found, .. } if found == fault),
            "{error:?}"
        );
        let says = [&*place, "not trusted here", "`bus.ca_file`"];
        check(&error, &says);
        let missing = refused_by(trusting(&url, "/not/there.pem".as_ref())).await;
        check(&missing, &["/not/there.pem"]);
        // The port without TLS.
        let [.., plain, _] = parts(&broker.url());
        let error = refused_by(trusting(&url.replace(&place, &plain), ours.ca())).await;
        check(&error, &[&plain, "does that port speak TLS"]);
    });
}

#[test]
fn a_certificate_for_another_name() {
    let theirs = Certificates::for_names(&["rabbit.example.org"]);
    let broker = RabbitMq::start_with(RabbitMqSetup::default().certificates(&theirs));
    let (place, url) = with_tls(&broker);
    runtime().block_on(async {
        let error = refused_by(trusting(&url, theirs.ca())).await;
        check(&error, &[&place, "is for another name", "`bus.url`"]);
    });
}

/// Where the broker speaks TLS, and its URL there.
fn with_tls(broker: &RabbitMq) -> (String, String) {
    let [user, password, _, vhost] = parts(&broker.url());
    let place = format!("127.0.0.1:{}", broker.amqps_port().expect("it has TLS"));
    let url = format!("amqps://{user}:{password}@{place}/{vhost}");
    (place, url)
}

fn trusting(url: &str, ca: &Path) -> Options {
    let mut options = options(url);
    options.ca = Some(ca.to_owned());
    options
}

#[test]
fn a_queue_with_other_arguments() {
    on_a_broker(async |url| {
        let [_, _, place, vhost] = parts(&url);
        let bus = AmqpBus::connect(options(&url)).await.expect("it connects");
        let queue = || Queue::work(QueueName::from_static("orders"));
        drop(bus.subscribe(queue()).await.expect("it is declared"));
        let mut other = queue();
        other.kind = QueueKind::Work { delivery_limit: 9 };
        let error = bus
            .subscribe(other)
            .await
            .map(drop)
            .expect_err("it is refused");
        assert!(
            matches!(error, SubscribeError::Conflict { .. }),
            "{error:?}"
        );
        check(
            &error,
            &[
                "`orders`",
                &format!("RabbitMQ at {place}, virtual host `{vhost}`"),
                "x-delivery-limit",
                "4",
                "8",
                "delete the queue or change the setting",
            ],
        );
        bus.close().await;
    });
}

/// What a user may not do is said with the command that grants it.
#[test]
fn missing_permissions() {
    let broker = RabbitMq::start();
    let [_, _, place, vhost] = parts(&broker.new_vhost());
    let make = |user: &str, permissions: [&str; 3]| {
        broker.ctl(&["add_user", user, "hush"]);
        let [configure, write, read] = permissions;
        broker.ctl(&[
            "set_permissions",
            "-p",
            &vhost,
            user,
            configure,
            write,
            read,
        ]);
        format!("amqp://{user}:hush@{place}/{vhost}")
    };
    // The exchanges have to be there for those who may not declare them.
    let all = make("all", [".*", ".*", ".*"]);
    let no_configure = make("noconfigure", ["^$", ".*", ".*"]);
    let no_write = make("nowrite", [".*", "^$", ".*"]);
    let no_read = make("noread", [".*", ".*", "^$"]);
    broker.ctl(&["add_user", "stranger", "hush"]);
    runtime().block_on(async {
        let error = refused(&format!("amqp://stranger:hush@{place}/{vhost}")).await;
        assert!(
            matches!(error, ConnectError::VhostRefused { .. }),
            "{error:?}"
        );
        check(&error, &["stranger", &vhost, "set_permissions"]);
        let error = refused(&no_configure).await;
        assert!(matches!(error, ConnectError::Exchanges { .. }), "{error:?}");
        let there = [
            &*place,
            &format!("virtual host `{vhost}`"),
            "set_permissions",
        ];
        check(&error, &["noconfigure", "chimera.events"]);
        check(&error, &there);
        let open = async |url: &str| AmqpBus::connect(options(url)).await.expect("it connects");
        let (full, configure, write, read) = (
            open(&all).await,
            open(&no_configure).await,
            open(&no_write).await,
            open(&no_read).await,
        );
        let queue =
            |name| Queue::work(QueueName::from_static(name)).bind(BindingKey::from_static("a.b"));
        let _there = full.subscribe(queue("there")).await.expect("it may");
        for (bus, name) in [
            (&configure, "noconfigure"),
            (&write, "nowrite"),
            (&read, "noread"),
        ] {
            let error = bus
                .subscribe(queue("other"))
                .await
                .map(drop)
                .expect_err("it may not");
            check(&error, &[name, "`other`"]);
            check(&error, &there);
        }
        let event = || Message::event(RoutingKey::from_static("a.b"), "1");
        let error = write
            .publish(event())
            .await
            .map(drop)
            .expect_err("it may not");
        check(&error, &["nowrite", "`a.b`", "chimera.events"]);
        check(&error, &there);
        // It harms nobody else, and who may only write can.
        let _ = configure.publish(event()).await.expect("it may");
    });
}

#[test]
fn agents_started_before_their_broker_wait_and_say_so_once() {
    let broker = RabbitMq::start();
    let url = broker.new_vhost();
    broker.stop();
    runtime().block_on(async {
        let (told, mut waits) = tokio::sync::mpsc::unbounded_channel();
        let connecting = tokio::spawn(async move {
            let on_wait =
                move |error: &ConnectError| told.send(error.to_string()).expect("it is read");
            AmqpBus::connect_when_ready(options(&url), on_wait).await
        });
        let said = waits.recv().await.expect("it waits");
        assert!(said.contains("is it running"), "{said}");
        let starting = tokio::task::spawn_blocking(move || {
            broker.start_again();
            broker
        });
        let bus = connecting.await.expect("it runs").expect("it connects");
        assert!(waits.recv().await.is_none(), "it says so once");
        bus.close().await;
        drop(starting.await.expect("it starts"));
    });
}
