//! RabbitMQ.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use chimera_servers::{Certificates, RabbitMq, RabbitMqSetup};

/// The port of an `amqp://…@127.0.0.1:port/…`.
fn port(url: &str) -> u16 {
    let address = url.rsplit_once('@').expect("there is a user").1;
    let port = address.split([':', '/']).nth(1).expect("there is a port");
    port.parse().expect("it is a number")
}

fn answers(url: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port(url))) else {
        return false;
    };
    let mut answer = [0; 3];
    stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == [1, 0, 0]
}

#[test]
fn it_is_shared_and_has_a_virtual_host_for_everybody() {
    let broker = RabbitMq::shared();
    assert!(answers(&broker.url()));
    let (one, other) = (broker.new_vhost(), broker.new_vhost());
    assert_ne!(one, other);
    if broker.is_own() {
        let known = broker.ctl(&[
            "list_permissions",
            "--vhost",
            one.rsplit_once('/').expect("a path").1,
        ]);
        assert!(known.contains("chimera"), "{known}");
    }
}

#[test]
fn it_is_stopped_and_started_again_with_its_data() {
    let broker = RabbitMq::start();
    broker.ctl(&["add_vhost", "kept"]);
    let url = broker.url();
    broker.stop();
    assert!(!answers(&url));
    broker.start_again();
    assert!(answers(&url));
    assert!(broker.ctl(&["list_vhosts"]).contains("kept"));
    broker.kill();
    assert!(!answers(&url));
    broker.start_again();
    assert!(broker.ctl(&["list_vhosts"]).contains("kept"));
}

#[test]
fn it_takes_settings_certificates_and_plugins() {
    let setup = RabbitMqSetup::new()
        .line("channel_max = 17")
        .certificates(&Certificates::new())
        .management();
    let broker = RabbitMq::start_with(setup);
    let environment = broker.ctl(&["environment"]);
    assert!(environment.contains("{channel_max,17}"), "{environment}");
    for port in [broker.amqps_port(), broker.management_port()] {
        TcpStream::connect(("127.0.0.1", port.expect("it was asked for"))).expect("it listens");
    }
}
