//! Redis.

use std::{path::Path, process::Command, sync::OnceLock};

use crate::{
    Certificates,
    answer::Greeting,
    container::Recipe,
    origin::{Kind, Origin},
    place::{Place, Store},
    ports,
    server::Launch,
};

const KIND: Kind = Kind {
    name: "Redis",
    variable: "REDIS",
    url: "CHIMERA_TEST_REDIS_URL",
    program: "redis-server",
};

/// A server that wants a password says so, and is ready all the same.
const GREETING: Greeting = Greeting {
    says: b"PING\r\n",
    is_answer: |answer| answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH"),
};

/// A Redis server.
#[derive(Debug)]
pub struct Redis {
    place: Place,
    tls_port: Option<u16>,
}

impl Store for Redis {
    fn place(&self) -> &Place {
        &self.place
    }
}

impl Redis {
    /// The one server of this test program: that of `CHIMERA_TEST_REDIS_URL` if it is set, else one that is started on first
    /// use and ends with the process. Tests keep apart by prefixes of keys.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(|| {
            Place::given(KIND).map_or_else(Self::start, |place| Self {
                place,
                tls_port: None,
            })
        })
    }

    /// A server of one's own. It ends when it is dropped.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server of one's own with further arguments, for instance `["--requirepass", "secret"]`.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_on(arguments, None)
    }

    /// A server of one's own that takes connections with TLS too; see [`Redis::tls_url`]. Clients need no certificate.
    pub fn start_with_tls(certificates: &Certificates) -> Self {
        Self::start_on(&[], Some(certificates))
    }

    fn start_on(arguments: &[&str], certificates: Option<&Certificates>) -> Self {
        let (place, tls_port) = Place::start(KIND, GREETING, |origin, directory| {
            let tls = certificates.map(|certificates| (certificates, ports::free()));
            let launch = match origin {
                Origin::Program(program) => program_launch(program, directory, arguments, tls),
                Origin::Image(image) => image_launch(image, arguments, tls),
            };
            (launch, tls.map(|(_, port)| port))
        });
        Self { place, tls_port }
    }

    /// Its URL, without a password: `redis://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.place.url(|port| format!("redis://127.0.0.1:{port}"))
    }

    /// Its URL with TLS, when it was started so: `rediss://127.0.0.1:port`.
    pub fn tls_url(&self) -> Option<String> {
        self.tls_port
            .map(|port| format!("rediss://127.0.0.1:{port}"))
    }
}

/// What was written is there again after a start, and nothing waits for the disk.
const PERSISTENCE: [&str; 6] = ["--save", "", "--appendonly", "yes", "--appendfsync", "no"];

fn program_launch(
    program: &Path,
    directory: &Path,
    arguments: &[&str],
    tls: Option<(&Certificates, u16)>,
) -> Launch {
    let port = ports::free();
    let mut command = Command::new(program);
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
        .arg(directory)
        .args(PERSISTENCE)
        .args(arguments);
    if let Some((certificates, port)) = tls {
        let files = certificates.files().map(|file| file.display().to_string());
        command.args(tls_arguments(port, &files));
    }
    Launch::program(command, port)
}

fn image_launch(image: &str, arguments: &[&str], tls: Option<(&Certificates, u16)>) -> Launch {
    let port = ports::free();
    let ours = ["redis-server", "--protected-mode", "no"].iter();
    let all = ours.chain(&PERSISTENCE).chain(arguments);
    let mut recipe = Recipe {
        image: image.to_owned(),
        ports: vec![(port, 6379)],
        arguments: all.map(|&text| text.to_owned()).collect(),
        ..Recipe::default()
    };
    if let Some((certificates, port)) = tls {
        let inside = ["ca", "certificate", "key"].map(|name| format!("/tmp/{name}.pem"));
        recipe.ports.push((port, 6380));
        recipe.arguments.extend(tls_arguments(6380, &inside));
        let files = certificates.files().map(Path::to_owned);
        recipe.files.extend(files.into_iter().zip(inside));
    }
    Launch::container(&recipe, port)
}

fn tls_arguments(port: u16, [ca, certificate, key]: &[String; 3]) -> Vec<String> {
    let port = port.to_string();
    let pairs = [
        ("--tls-port", port.as_str()),
        ("--tls-ca-cert-file", ca),
        ("--tls-cert-file", certificate),
        ("--tls-key-file", key),
        ("--tls-auth-clients", "no"),
    ];
    pairs
        .iter()
        .flat_map(|&(name, value)| [name.to_owned(), value.to_owned()])
        .collect()
}
