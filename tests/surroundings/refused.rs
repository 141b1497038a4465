//! What waiting would not mend ends a program with one line that says what, where and what to do.

#![expect(
    clippy::print_stdout,
    reason = "the lines, for whoever runs the tests with --nocapture"
)]

use std::path::Path;

use chimera_bus::{AmqpBus, Bus as _, Queue, QueueKind, QueueName, amqp::Options};
use chimera_servers::{Certificates, RabbitMq, RabbitMqSetup, Redis};

use crate::program::{NO_DIRECTORY, Running, Servers, program};

/// Both ways to run agents end alike with `settings`, and name each of `says`.
#[track_caller]
fn check(settings: &[String], says: &[&str]) {
    for (name, arguments, code) in [("query_agent", &[][..], 1), ("chimera", &["up"], 4)] {
        let mut command = program(name, Path::new(NO_DIRECTORY), settings);
        command.args(arguments);
        let ended = Running::start(command).end();
        let said = &ended.said;
        assert_eq!(ended.code, Some(code), "{name}: {said}");
        // Beside it only what is worth knowing in good surroundings, too.
        let lines: Vec<_> = said
            .lines()
            .filter(|line| !line.contains("\"INFO\""))
            .collect();
        let [line] = lines[..] else {
            panic!("{name} does not say one line:\n{said}");
        };
        println!("{line}");
        assert!(line.starts_with("error: "), "{name}: {line}");
        for says in says {
            assert!(line.contains(says), "{name}: `{says}` is not in: {line}");
        }
        assert!(!said.contains("hush"), "{name}: {said}");
    }
}

/// `amqp://user:password@place/vhost` with another user, password or virtual host.
fn other_bus(bus: &str, change: impl FnOnce(&mut [&str; 3])) -> String {
    let (login, place) = bus.split_once("://").unwrap().1.split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let (place, vhost) = place.split_once('/').unwrap();
    let mut parts = [user, password, vhost];
    change(&mut parts);
    let [user, password, vhost] = parts;
    format!("amqp://{user}:{password}@{place}/{vhost}")
}

#[test]
fn a_broker_that_does_not_let_us_in() {
    let servers = Servers::fresh();
    let with_bus = |bus: String| {
        Servers {
            bus,
            ..servers.clone()
        }
        .settings()
    };
    let wrong = other_bus(&servers.bus, |[_, password, _]| *password = "hush");
    check(
        &with_bus(wrong),
        &["`bus.url`", "refuses user", "check name and password"],
    );
    let missing = other_bus(&servers.bus, |[_, _, vhost]| *vhost = "not.there");
    check(
        &with_bus(missing),
        &["`bus.url`", "`not.there`", "add_vhost"],
    );
}

#[test]
fn a_queue_that_is_there_with_other_arguments() {
    let servers = Servers::fresh();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bus = AmqpBus::connect(Options::new(&servers.bus, "somebody else"));
        let bus = bus.await.unwrap();
        for agent in ["query_agent", "analysis_agent"] {
            let mut queue = Queue::work(QueueName::from_static(agent));
            queue.kind = QueueKind::Work { delivery_limit: 20 };
            drop(bus.subscribe(queue).await.unwrap());
        }
        bus.close().await;
    });
    let place = servers.bus.rsplit_once('@').unwrap().1;
    let (place, vhost) = place.split_once('/').unwrap();
    let says = [
        "_agent`",
        place,
        &format!("virtual host `{vhost}`"),
        "x-delivery-limit",
        "19",
        "delete the queue or change the setting",
    ];
    check(&servers.settings(), &says);
}

#[test]
fn a_certificate_of_somebody_else() {
    let (ours, others) = (Certificates::new(), Certificates::new());
    let broker = RabbitMq::start_with(RabbitMqSetup::new().certificates(&ours));
    let place = format!("127.0.0.1:{}", broker.amqps_port().unwrap());
    let url = broker.new_vhost();
    let (login, rest) = url.split_once("://").unwrap().1.split_once('@').unwrap();
    let vhost = rest.split_once('/').unwrap().1;
    let servers = Servers {
        bus: format!("amqps://{login}@{place}/{vhost}"),
        ..Servers::fresh()
    };
    let with_ca = |certificates: &Certificates| {
        let ca = format!("bus.ca_file={}", certificates.ca().display());
        [servers.settings(), vec![ca]].concat()
    };
    check(
        &with_ca(&others),
        &["`bus.url`", &place, "not trusted here", "`bus.ca_file`"],
    );
    let fits = program("query_agent", Path::new(NO_DIRECTORY), &with_ca(&ours));
    let mut running = Running::start(fits);
    running.says("\"ready\"");
    assert_eq!(running.terminate().code, Some(0));
}

#[test]
fn stores_that_do_not_let_us_in() {
    let servers = Servers::fresh();
    let documents = servers.documents.replace("://", "://ann:hush@");
    let with_documents = Servers {
        documents,
        ..servers.clone()
    };
    check(
        &with_documents.settings(),
        &["`documents.url`", "refuses the user or the password"],
    );

    let redis = Redis::start_with(&["--requirepass", "hush-hush"]);
    let place = redis
        .url()
        .rsplit(['/', '@'])
        .find(|part| part.contains(':'))
        .unwrap()
        .to_owned();
    let with_cache = |cache: String| {
        Servers {
            cache,
            ..servers.clone()
        }
        .settings()
    };
    let none = with_cache(format!("redis://{place}"));
    check(
        &none,
        &[
            "`cache.url`",
            &place,
            "wants a password",
            "`cache.password_file`",
        ],
    );
    let wrong = with_cache(format!("redis://:hush@{place}"));
    check(
        &wrong,
        &["`cache.url`", &place, "refuses the user name and password"],
    );
}
