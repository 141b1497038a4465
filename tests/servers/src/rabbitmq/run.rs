//! How a broker is run, as a program and in a container.

use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use super::{Ctl, RabbitMqSetup};
use crate::{
    container::Recipe,
    origin::{Origin, on_the_path},
    ports,
    process::{LOOK_EVERY, Process},
    server::{Launch, append_to},
};

/// The broker's only user, who may do everything.
pub(super) const USER: &str = "chimera";

/// Where the official images read configuration in addition to their own.
const CONFIG_IN_IMAGE: &str = "/etc/rabbitmq/conf.d/90-test.conf";
const PLUGINS_IN_IMAGE: &str = "/etc/rabbitmq/enabled_plugins";

/// What a busy machine with many brokers needs more than each broker needs speed: few schedulers, and none that spins.
const SPARING: &str = "+S 4:4 +sbwt none +sbwtdcpu none +sbwtdio none";

/// Nothing of Erlang's own is open to other machines, and no `epmd` is left behind: the broker has one of its own.
const ALONE: &str = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}";

/// Where a broker listens, beside for AMQP.
#[derive(Debug)]
pub(super) struct Ports {
    amqp: u16,
    pub(super) amqps: Option<u16>,
    pub(super) management: Option<u16>,
}

impl Ports {
    fn choose(setup: &RabbitMqSetup) -> Self {
        Self {
            amqp: ports::free(),
            amqps: setup.certificates.is_some().then(ports::free),
            management: setup.management.then(ports::free),
        }
    }
}

/// Says how to run a broker with its data in `directory`.
pub(super) fn prepare(
    origin: &Origin,
    directory: &Path,
    setup: &RabbitMqSetup,
    password: &str,
) -> (Launch, (Ports, Ctl)) {
    let ports = Ports::choose(setup);
    let (launch, ctl) = match origin {
        Origin::Program(program) => program_launch(program, directory, setup, &ports, password),
        Origin::Image(image) => image_launch(image, directory, setup, &ports, password),
    };
    (launch, (ports, ctl))
}

fn program_launch(
    program: &Path,
    directory: &Path,
    setup: &RabbitMqSetup,
    ports: &Ports,
    password: &str,
) -> (Launch, Ctl) {
    let program = behind_the_wrapper(program);
    let mut config = config(setup, password);
    config.push(format!("listeners.tcp.default = 127.0.0.1:{}", ports.amqp));
    if let (Some(certificates), Some(port)) = (&setup.certificates, ports.amqps) {
        let [ca, certificate, key] = certificates.files().map(|file| file.display().to_string());
        config.extend(tls(&format!("127.0.0.1:{port}"), &ca, &certificate, &key));
    }
    if let Some(port) = ports.management {
        config.push("management.tcp.ip = 127.0.0.1".to_owned());
        config.push(format!("management.tcp.port = {port}"));
    }
    write_files(directory, setup, &config);
    fs::write(directory.join("env.conf"), "").expect("the directory is ours");

    let epmd_port = ports::free();
    let environment = environment(directory, epmd_port);
    let mut command = Command::new(&program);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let mut launch = Launch::program(command, ports.amqp);
    launch.companion = Some(start_epmd(directory, epmd_port));
    (
        launch,
        Ctl::Program(program.with_file_name("rabbitmqctl"), environment),
    )
}

/// Debian's programs are a wrapper that changes to the user of the service, whose broker this is not.
fn behind_the_wrapper(program: &Path) -> PathBuf {
    let real = program
        .canonicalize()
        .unwrap_or_else(|_| program.to_owned());
    if real.ends_with("rabbitmq-script-wrapper") {
        real.with_file_name("rabbitmq-server")
    } else {
        program.to_owned()
    }
}

fn environment(directory: &Path, epmd_port: u16) -> Vec<(&'static str, OsString)> {
    let inside = |name: &str| directory.join(name).into_os_string();
    vec![
        ("HOME", directory.into()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        ("ERL_EPMD_PORT", epmd_port.to_string().into()),
        (
            "RABBITMQ_NODENAME",
            format!("test{:016x}@localhost", ports::random()).into(),
        ),
        ("RABBITMQ_DIST_PORT", ports::free().to_string().into()),
        ("RABBITMQ_CONF_ENV_FILE", inside("env.conf")),
        ("RABBITMQ_CONFIG_FILE", inside("rabbitmq.conf")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", inside("advanced.config")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", inside("enabled_plugins")),
        ("RABBITMQ_MNESIA_BASE", inside("data")),
        ("RABBITMQ_LOG_BASE", inside("log")),
        ("RABBITMQ_LOGS", "-".into()),
        (
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            format!("{SPARING} {ALONE}").into(),
        ),
        // Its start script is then replaced by the broker, which so gets the signals itself.
        ("RUNNING_UNDER_SYSTEMD", "true".into()),
    ]
}

fn config(setup: &RabbitMqSetup, password: &str) -> Vec<String> {
    let mut lines = vec![
        format!("default_user = {USER}"),
        format!("default_pass = {password}"),
        // Tests are also run where little room is left.
        "disk_free_limit.absolute = 50MB".to_owned(),
    ];
    lines.extend(setup.lines.iter().cloned());
    lines
}

fn tls(listener: &str, ca: &str, certificate: &str, key: &str) -> [String; 6] {
    [
        format!("listeners.ssl.default = {listener}"),
        format!("ssl_options.cacertfile = {ca}"),
        format!("ssl_options.certfile = {certificate}"),
        format!("ssl_options.keyfile = {key}"),
        "ssl_options.verify = verify_none".to_owned(),
        "ssl_options.fail_if_no_peer_cert = false".to_owned(),
    ]
}

fn write_files(directory: &Path, setup: &RabbitMqSetup, config: &[String]) {
    let plugins = if setup.management {
        "[rabbitmq_management].\n"
    } else {
        "[].\n"
    };
    fs::write(directory.join("enabled_plugins"), plugins).expect("the directory is ours");
    fs::write(directory.join("rabbitmq.conf"), config.join("\n") + "\n")
        .expect("the directory is ours");
}

/// Erlang's register of names, which it would otherwise start itself and leave behind.
fn start_epmd(directory: &Path, port: u16) -> Process {
    let program = on_the_path("epmd").expect("Erlang, which RabbitMQ runs on, comes with epmd");
    let mut command = Command::new(program);
    command.env("ERL_EPMD_ADDRESS", "127.0.0.1");
    command.env("ERL_EPMD_PORT", port.to_string());
    let log = append_to(&directory.join("epmd.log")).expect("the directory is ours");
    let mut epmd = Process::spawn(&command, None, &log);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        // The broker would say so too: it does not start without.
        if epmd.ended().is_some() {
            break;
        }
        thread::sleep(LOOK_EVERY);
    }
    epmd
}

fn image_launch(
    image: &str,
    directory: &Path,
    setup: &RabbitMqSetup,
    ports: &Ports,
    password: &str,
) -> (Launch, Ctl) {
    let mut config = config(setup, password);
    let mut recipe = Recipe {
        image: image.to_owned(),
        ports: vec![(ports.amqp, 5672)],
        ..Recipe::default()
    };
    if let (Some(certificates), Some(port)) = (&setup.certificates, ports.amqps) {
        let inside = ["ca", "certificate", "key"].map(|name| format!("/etc/rabbitmq/{name}.pem"));
        config.extend(tls("5671", &inside[0], &inside[1], &inside[2]));
        let files = certificates.files().map(Path::to_owned);
        recipe.files.extend(files.into_iter().zip(inside));
        recipe.ports.push((port, 5671));
    }
    if let Some(port) = ports.management {
        recipe.ports.push((port, 15672));
    }
    write_files(directory, setup, &config);
    recipe.files.extend([
        (directory.join("rabbitmq.conf"), CONFIG_IN_IMAGE.to_owned()),
        (
            directory.join("enabled_plugins"),
            PLUGINS_IN_IMAGE.to_owned(),
        ),
    ]);
    let launch = Launch::container(&recipe, ports.amqp);
    let container = launch.container.as_ref().expect("it was made just now");
    let ctl = Ctl::Container(container.name().to_owned());
    (launch, ctl)
}
