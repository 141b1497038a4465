//! The engine on an InfluxDB server: version 1, or a later one by its routes for version 1.
//!
//! Source: <https://docs.influxdata.com/influxdb/v1/tools/api/>.

mod address;
mod client;
mod error;
mod line;
mod query;

use std::{path::PathBuf, time::Duration};

use super::{OpenError, Range, Run, Sample};
use crate::{config::RedactedUrl, telemetry::Peer};
use address::Address;
use client::{Client, Reply};

pub use error::InfluxDbError;

/// Where InfluxDB is and how it is treated.
#[derive(Debug, Clone)]
pub struct InfluxDbSettings {
    /// `influxdb(s)://user:password@host:port/database`; a token of version 2 is a password for any user.
    pub url: RedactedUrl,
    /// A file with the certificates, in PEM format, of who signs for InfluxDB; the system's where there is none.
    pub ca_file: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long an answer may take, connecting included.
    pub timeout: Duration,
}

#[derive(Debug)]
pub(super) struct InfluxDb {
    client: Client,
}

impl InfluxDb {
    pub(super) fn new(settings: &InfluxDbSettings) -> Result<Self, OpenError> {
        let address = Address::new(&settings.url)?;
        Ok(Self {
            client: Client::new(address, settings)?,
        })
    }

    pub(super) fn database(&self) -> &str {
        &self.client.address.database
    }

    pub(super) fn host(&self) -> &str {
        &self.client.address.host
    }

    pub(super) fn port(&self) -> u16 {
        self.client.address.port
    }

    /// Asks for something that is not there, and makes the database if that is not there either.
    pub(super) async fn check(&self) -> Result<(), InfluxDbError> {
        let peer = Peer::default();
        let query = "SELECT \"value\" FROM \"check\" LIMIT 1";
        let reply = self.client.query(query, &peer).await?;
        match self.samples(&reply) {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing_database() => self.create_database(&peer).await,
            Err(error) => Err(error),
        }
    }

    pub(super) async fn write(
        &self,
        measurement: &str,
        runs: &[Run],
        peer: &Peer,
    ) -> Result<(), InfluxDbError> {
        let lines = line::lines(measurement, runs);
        match self.write_lines(lines.clone(), peer).await {
            Err(error) if error.is_missing_database() => {
                self.create_database(peer).await?;
                self.write_lines(lines, peer).await
            }
            result => result,
        }
    }

    pub(super) async fn read(
        &self,
        measurement: &str,
        ranges: &[Range],
        peer: &Peer,
    ) -> Result<Vec<Vec<Sample>>, InfluxDbError> {
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        let reply = self
            .client
            .query(&query::select(measurement, ranges), peer)
            .await?;
        match self.samples(&reply) {
            Ok(samples) if samples.len() == ranges.len() => Ok(samples),
            Ok(_) => Err(self.client.is_something_else()),
            // Where there is no database, nothing was written.
            Err(error) if error.is_missing_database() => Ok(vec![Vec::new(); ranges.len()]),
            Err(error) => Err(error),
        }
    }

    async fn write_lines(&self, lines: String, peer: &Peer) -> Result<(), InfluxDbError> {
        let reply = self.client.write(lines, peer).await?;
        match reply.status {
            200..=299 => Ok(()),
            _ => Err(self.client.refused("write", &reply)),
        }
    }

    async fn create_database(&self, peer: &Peer) -> Result<(), InfluxDbError> {
        let query = query::create_database(self.database());
        let reply = self.client.query(&query, peer).await?;
        let created = self.samples(&reply).map(drop);
        created.map_err(|error| error.no_database(self.database()))
    }

    fn samples(&self, reply: &Reply) -> Result<Vec<Vec<Sample>>, InfluxDbError> {
        if !(200..=299).contains(&reply.status) {
            return Err(self.client.refused("query", reply));
        }
        let answer: query::Answer =
            serde_json::from_slice(&reply.body).map_err(|_| self.client.is_something_else())?;
        let samples = answer.samples();
        samples.map_err(|said| self.client.said("query", reply.status, &said))
    }
}
