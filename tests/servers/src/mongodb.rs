//! MongoDB, or what speaks its protocol.

use std::{net::ToSocketAddrs, path::Path, process::Command, sync::OnceLock};

use crate::{
    answer::{self, Greeting},
    container::Recipe,
    origin::{Kind, Origin},
    place::{Place, Store},
    ports,
    server::Launch,
};

const KIND: Kind = Kind {
    name: "MongoDB",
    variable: "MONGODB",
    url: "CHIMERA_TEST_MONGODB_URL",
    program: "mongod",
};

/// `{buildInfo: 1, $db: "admin"}` as an `OP_MSG`, which every server answers to everybody.
/// <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>
const BUILD_INFO: &[u8] = b"8\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\
    #\0\0\0\x10buildInfo\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

/// An answer is another `OP_MSG`.
const GREETING: Greeting = Greeting {
    says: BUILD_INFO,
    is_answer: |answer| answer.get(12..16) == Some(b"\xdd\x07\0\0"),
};

/// A MongoDB server, or one that speaks its protocol.
#[derive(Debug)]
pub struct MongoDb {
    place: Place,
}

impl Store for MongoDb {
    fn place(&self) -> &Place {
        &self.place
    }
}

impl MongoDb {
    /// The one server of this test program: that of `CHIMERA_TEST_MONGODB_URL` if it is set, else one that is started on
    /// first use and ends with the process. Tests keep apart by names of databases.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<MongoDb> = OnceLock::new();
        SHARED.get_or_init(|| Place::given(KIND).map_or_else(Self::start, |place| Self { place }))
    }

    /// A server of one's own. It ends when it is dropped.
    pub fn start() -> Self {
        let (place, ()) = Place::start(KIND, GREETING, |origin, directory| {
            (launch(origin, directory, ports::free()), ())
        });
        Self { place }
    }

    /// Its URL, without a database: `mongodb://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.place.url(|port| format!("mongodb://127.0.0.1:{port}"))
    }

    /// Whether it is a FerretDB, which has no TTL indexes, no `$avg` and no transactions.
    pub fn is_ferret(&self) -> bool {
        let reply = build_info(first_address(&self.url()));
        reply.windows(8).any(|text| text == b"ferretdb")
    }
}

fn build_info(address: impl ToSocketAddrs) -> Vec<u8> {
    let is_whole = |reply: &[u8]| {
        let length = reply.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        length.is_some_and(|length| reply.len() >= length as usize)
    };
    answer::exchange(address, BUILD_INFO, is_whole).expect("it answers, as it runs")
}

/// The first `host:port` of a URL.
fn first_address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let hosts = rest.split(['/', '?']).next().unwrap_or(rest);
    let hosts = hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts);
    let first = hosts.split(',').next().unwrap_or(hosts);
    if first.contains(':') {
        first.to_owned()
    } else {
        format!("{first}:27017")
    }
}

fn launch(origin: &Origin, directory: &Path, port: u16) -> Launch {
    match origin {
        Origin::Program(program) => {
            let mut command = Command::new(program);
            if program.ends_with("mongod") {
                command
                    .args(["--bind_ip", "127.0.0.1", "--port", &port.to_string()])
                    .args(["--nounixsocket", "--dbpath"]);
            } else {
                // FerretDB as in tests/peers/mongodb.
                command.arg(format!("127.0.0.1:{port}"));
            }
            command.arg(directory);
            Launch::program(command, port)
        }
        Origin::Image(image) => {
            let recipe = Recipe {
                image: image.clone(),
                ports: vec![(port, 27017)],
                ..Recipe::default()
            };
            Launch::container(&recipe, port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_of_a_url_is_found() {
        let check = |url, expected| assert_eq!(first_address(url), expected, "{url}");
        check("mongodb://127.0.0.1:4711", "127.0.0.1:4711");
        check("mongodb://db", "db:27017");
        check("mongodb://user:p%40ss@a:1,b:2/name?tls=true", "a:1");
        check("mongodb://a?directConnection=true", "a:27017");
    }
}
