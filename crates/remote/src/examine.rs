//! Finds out how a cache is: how fast it answers, what it takes and gives, and what its clock says.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use store::Digest;

use crate::api::{self, ActionCacheClient};
use crate::blobs::wire;
use crate::capabilities::{Abilities, value};
use crate::client::Client;
use crate::connection::{Connection, random, with};
use crate::fault::{Fault, Kind};
use crate::plain::Plain;

/// How often the smallest request is made.
const TRIPS: usize = 5;

/// The bytes that are written and read.
const SAMPLE: usize = 1 << 20;

/// What was found out about a cache.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What it can do.
    pub abilities: Abilities,
    /// How long an answer takes: the middle of some.
    pub round_trip: Duration,
    /// How many bytes a second it takes and gives, where it could be written to and read from.
    pub throughput: Option<(u64, u64)>,
    /// Why it could not be written to, or not be read from.
    pub refused: Option<Fault>,
    /// How many seconds its clock is ahead of that of this machine, if it says.
    pub ahead: Option<i64>,
}

impl Client {
    /// Finds out how the cache is: some requests and, if `writes`, a blob and an outcome that nobody needs.
    ///
    /// # Errors
    /// When it cannot be used at all.
    pub fn examine(&self, writes: bool) -> Result<Examined, Fault> {
        let abilities = self.abilities()?;
        let connection = &self.connection;
        let (mut trips, mut ahead) = (Vec::new(), None);
        // The first makes the connection.
        for trip in 0..=TRIPS {
            let begin = Instant::now();
            let said = self.wait(connection.greeted())?;
            ahead = said.map(|clock| seconds_between((connection.settings.now)(), clock)).or(ahead);
            if trip > 0 {
                trips.push(begin.elapsed());
            }
        }
        trips.sort_unstable();
        let round_trip = trips[trips.len() / 2];
        let mut examined = Examined { abilities, round_trip, throughput: None, refused: None, ahead };
        if !writes {
            return Ok(examined);
        }
        let measured = match connection.plain() {
            Some(plain) => self.wait(connection.measure_objects(plain)),
            None => self.wait(connection.measure(examined.abilities.batch)),
        };
        match measured {
            Ok(throughput) => examined.throughput = Some(throughput),
            Err(fault) => examined.refused = Some(fault),
        }
        Ok(examined)
    }
}

impl Connection {
    async fn greeted(self: &Arc<Self>) -> Result<Option<SystemTime>, Fault> {
        self.repeat("", |shown| {
            let connection = Arc::clone(self);
            async move { connection.greet(shown).await }
        })
        .await
    }

    /// Writes a blob, reads it again, and writes an outcome. Gives the bytes a second of the first two.
    async fn measure(self: &Arc<Self>, batch: usize) -> Result<(u64, u64), Fault> {
        let (digest, bytes) = self.sample(batch.min(SAMPLE) / 2);
        let begin = Instant::now();
        for (_, result) in self.update(vec![(digest, bytes)]).await? {
            result?;
        }
        let up = speed(&digest, begin);
        let begin = Instant::now();
        for (_, result) in self.read(&[digest]).await? {
            result?;
        }
        let down = speed(&digest, begin);
        let message = api::UpdateActionResultRequest {
            instance_name: self.settings.instance.clone(),
            action_digest: Some(wire(&digest)),
            action_result: Some(api::ActionResult {
                stdout_digest: Some(wire(&digest)),
                ..api::ActionResult::default()
            }),
            results_cache_policy: None,
            digest_function: value(self.function) as i32,
        };
        self.ask(|metadata| {
            let (channel, message) = (self.channel(), message.clone());
            async move { ActionCacheClient::new(channel?).update_action_result(with(metadata, message)).await }
        })
        .await?;
        Ok((up, down))
    }

    /// Writes an object, reads it again, and removes it. Gives the bytes a second of the first two.
    async fn measure_objects(self: &Arc<Self>, plain: &Plain) -> Result<(u64, u64), Fault> {
        let (digest, bytes) = self.sample(SAMPLE);
        let begin = Instant::now();
        self.put_object(plain, digest, bytes).await?;
        let up = speed(&digest, begin);
        let begin = Instant::now();
        let came = self.take_object(plain, digest).await?;
        let down = speed(&digest, begin);
        if self.function.digest(&came) != digest {
            return Err(Fault::new(Kind::Corrupt, "what was written comes with another content"));
        }
        Ok((up, down))
    }

    /// Bytes that nobody has.
    fn sample(&self, len: usize) -> (Digest, Vec<u8>) {
        let bytes: Vec<u8> = std::iter::repeat_with(random).flat_map(u64::to_le_bytes).take(len).collect();
        (self.function.digest(&bytes), bytes)
    }
}

fn speed(digest: &Digest, begin: Instant) -> u64 {
    (digest.size as f64 / begin.elapsed().as_secs_f64().max(1e-6)) as u64
}

fn seconds_between(here: SystemTime, there: SystemTime) -> i64 {
    match there.duration_since(here) {
        Ok(ahead) => ahead.as_secs().cast_signed(),
        Err(behind) => -behind.duration().as_secs().cast_signed(),
    }
}
