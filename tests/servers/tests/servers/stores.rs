//! Redis, MongoDB and InfluxDB.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use chimera_servers::{Certificates, InfluxDb, MongoDb, Redis, Store as _};

/// What the server at this URL says to `request` until it hangs up, as the request has to ask for; nothing when nobody
/// listens.
fn ask(url: &str, request: &str) -> String {
    let address = url.split_once("://").expect("there is a scheme").1;
    let address = address.split('/').next().expect("there is an address");
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address) else {
        return String::new();
    };
    stream.write_all(request.as_bytes()).expect("it listens");
    // A server that does not like the request may reset the connection.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn redis_is_shared_and_can_be_stopped_and_started_again_with_its_data() {
    assert!(ask(&Redis::shared().url(), "PING\r\nQUIT\r\n").starts_with("+PONG"));

    let redis = Redis::start();
    assert!(ask(&redis.url(), "SET key kept\r\nQUIT\r\n").starts_with("+OK"));
    redis.stop();
    assert_eq!(ask(&redis.url(), "GET key\r\nQUIT\r\n"), "");
    redis.start_again();
    assert!(ask(&redis.url(), "GET key\r\nQUIT\r\n").contains("kept"));
    redis.kill();
    redis.start_again();
    assert!(ask(&redis.url(), "GET key\r\nQUIT\r\n").contains("kept"));
}

#[test]
fn redis_takes_arguments_and_certificates() {
    let redis = Redis::start_with(&["--requirepass", "secret"]);
    assert!(ask(&redis.url(), "PING\r\nQUIT\r\n").starts_with("-NOAUTH"));

    let redis = Redis::start_with_tls(&Certificates::new());
    let url = redis.tls_url().expect("it was asked for");
    assert!(!ask(&url, "not TLS\r\n").starts_with('-'));
    assert!(ask(&redis.url(), "PING\r\nQUIT\r\n").starts_with("+PONG"));
}

#[test]
fn mongodb_is_shared_and_can_be_stopped_and_started_again() {
    let url = MongoDb::shared().url();
    assert!(url.starts_with("mongodb://"), "{url}");

    let mongodb = MongoDb::start();
    let is_ferret = mongodb.is_ferret();
    mongodb.stop();
    assert!(TcpStream::connect(mongodb.url().trim_start_matches("mongodb://")).is_err());
    mongodb.start_again();
    assert_eq!(mongodb.is_ferret(), is_ferret);
}

#[test]
fn influxdb_is_shared_and_can_be_stopped_and_started_again_with_its_data() {
    let shared = InfluxDb::shared();
    assert_ne!(shared.new_database(), shared.new_database());

    let influxdb = InfluxDb::start();
    let show = "GET /query?q=SHOW+DATABASES HTTP/1.0\r\n\r\n";
    assert!(ask(&influxdb.url(), show).contains("chimera"));
    influxdb.stop();
    assert_eq!(ask(&influxdb.url(), show), "");
    influxdb.start_again();
    assert!(ask(&influxdb.url(), show).contains("chimera"));
}
