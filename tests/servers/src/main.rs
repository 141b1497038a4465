//! Keeps servers running until it is interrupted, and prints the variables by which tests find them.

use std::{
    env,
    io::{self, Write as _},
    thread,
};

use chimera_servers::{InfluxDb, MongoDb, RabbitMq, Redis};

const USAGE: &str = "usage: chimera-servers [rabbitmq] [redis] [mongodb] [influxdb]\n";

fn main() -> io::Result<()> {
    let asked: Vec<String> = env::args().skip(1).collect();
    let names = ["rabbitmq", "redis", "mongodb", "influxdb"];
    if asked.iter().any(|name| !names.contains(&name.as_str())) {
        return io::stderr().write_all(USAGE.as_bytes());
    }
    for name in names {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            let (variable, url) = start(name);
            let mut stdout = io::stdout();
            writeln!(stdout, "export {variable}='{url}'")?;
            stdout.flush()?;
        }
    }
    // The servers end with this process, which ends by a signal.
    loop {
        thread::park();
    }
}

fn start(name: &str) -> (&'static str, String) {
    match name {
        "rabbitmq" => ("CHIMERA_TEST_AMQP_URL", RabbitMq::shared().url()),
        "redis" => ("CHIMERA_TEST_REDIS_URL", Redis::shared().url()),
        "mongodb" => ("CHIMERA_TEST_MONGODB_URL", MongoDb::shared().url()),
        _ => ("CHIMERA_TEST_INFLUXDB_URL", InfluxDb::shared().url()),
    }
}
