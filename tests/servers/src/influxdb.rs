//! InfluxDB 1.

use std::{
    fs,
    net::{Ipv4Addr, ToSocketAddrs},
    path::Path,
    process::Command,
    sync::OnceLock,
};

use crate::{
    answer::{self, Greeting},
    container::Recipe,
    origin::{Kind, Origin},
    place::{Place, Store},
    ports,
    server::Launch,
};

const KIND: Kind = Kind {
    name: "InfluxDB",
    variable: "INFLUXDB",
    url: "CHIMERA_TEST_INFLUXDB_URL",
    program: "influxd",
};

const GREETING: Greeting = Greeting {
    says: b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
    is_answer: |answer| answer.starts_with(b"HTTP/1.1 204"),
};

/// An InfluxDB 1 server.
#[derive(Debug)]
pub struct InfluxDb {
    place: Place,
}

impl Store for InfluxDb {
    fn place(&self) -> &Place {
        &self.place
    }
}

impl InfluxDb {
    /// The one server of this test program: that of `CHIMERA_TEST_INFLUXDB_URL` if it is set, else one that is started on
    /// first use and ends with the process. Tests keep apart by [databases](Self::new_database).
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<InfluxDb> = OnceLock::new();
        SHARED.get_or_init(|| Place::given(KIND).map_or_else(Self::start, |place| Self { place }))
    }

    /// A server of one's own. It ends when it is dropped.
    pub fn start() -> Self {
        let (place, ()) = Place::start(KIND, GREETING, |origin, directory| {
            (launch(origin, directory, ports::free()), ())
        });
        let server = Self { place };
        server.create("chimera");
        server
    }

    /// Its URL with a database that is there: `influxdb://127.0.0.1:port/chimera`.
    pub fn url(&self) -> String {
        self.place
            .url(|port| format!("influxdb://127.0.0.1:{port}/chimera"))
    }

    /// The URL of a database that nobody else uses.
    ///
    /// # Panics
    /// When it cannot be made, as somebody's server may demand a name and a password for that.
    pub fn new_database(&self) -> String {
        let name = format!("test_{:016x}", ports::random());
        self.create(&name);
        format!("influxdb://{}/{name}", self.address())
    }

    /// `host:port`
    fn address(&self) -> String {
        let url = self.url();
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest).to_owned()
    }

    fn create(&self, database: &str) {
        let query = format!("q=CREATE%20DATABASE%20%22{database}%22");
        let reply = post(self.address(), "/query", &query);
        assert!(
            reply.starts_with("HTTP/1.1 200"),
            "making the database {database}: {reply}"
        );
    }
}

/// Posts a form, and returns the whole answer.
fn post(address: impl ToSocketAddrs, path: &str, form: &str) -> String {
    let length = form.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    let until_it_hangs_up = |_: &[u8]| false;
    let reply = answer::exchange(address, request.as_bytes(), until_it_hangs_up)
        .expect("it answers, as it runs");
    String::from_utf8_lossy(&reply).into_owned()
}

fn launch(origin: &Origin, directory: &Path, port: u16) -> Launch {
    match origin {
        Origin::Program(program) => {
            let file = directory.join("influxdb.conf");
            fs::write(&file, config(directory, port)).expect("the directory is ours");
            let mut command = Command::new(program);
            command.args(["run", "-config"]).arg(file);
            Launch::program(command, port)
        }
        Origin::Image(image) => {
            let recipe = Recipe {
                image: image.clone(),
                ports: vec![(port, 8086)],
                environment: vec![("INFLUXDB_REPORTING_DISABLED", "true".to_owned())],
                ..Recipe::default()
            };
            Launch::container(&recipe, port)
        }
    }
}

fn config(directory: &Path, port: u16) -> String {
    let directory = directory.display();
    let address = Ipv4Addr::LOCALHOST;
    let backups = ports::free();
    format!(
        r#"
reporting-disabled = true
bind-address = "{address}:{backups}"
[meta]
dir = "{directory}/meta"
[data]
dir = "{directory}/data"
wal-dir = "{directory}/wal"
[monitor]
store-enabled = false
[http]
bind-address = "{address}:{port}"
"#
    )
}
