//! What an action came to, and how that is written; it does not know what an action is.

use std::time::Duration;

use prost::Message;

use crate::{Digest, DigestFunction};

/// What running an action came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The directory that the action made.
    pub tree: Digest,
    /// The exit code. One that is not zero is kept to be told, not to be served.
    pub exit_code: i32,
    /// The standard output: [`DigestFunction::empty`] where there was none.
    pub stdout: Digest,
    /// The standard error: [`DigestFunction::empty`] where there was none.
    pub stderr: Digest,
    /// How long it took.
    pub duration: Duration,
    /// What it took of the machine, where that is known.
    pub usage: Option<ProcessUsage>,
}

/// What a process took of the machine, with all processes that it waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessUsage {
    /// The most bytes of memory that one of them had at a time.
    pub memory: u64,
    /// How long they kept processors busy, together.
    pub processor: Duration,
}

impl Outcome {
    /// The outcome of an action that made `tree` and said nothing.
    pub fn success(tree: Digest, function: DigestFunction, duration: Duration) -> Outcome {
        let (stdout, stderr) = (function.empty(), function.empty());
        Outcome { tree, exit_code: 0, stdout, stderr, duration, usage: None }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        Record {
            tree_hash: self.tree.hash.to_vec(),
            tree_size: self.tree.size,
            exit_code: self.exit_code,
            stdout_hash: self.stdout.hash.to_vec(),
            stdout_size: self.stdout.size,
            stderr_hash: self.stderr.hash.to_vec(),
            stderr_size: self.stderr.size,
            seconds: self.duration.as_secs(),
            nanoseconds: self.duration.subsec_nanos(),
            memory: self.usage.map(|usage| usage.memory),
            microseconds: self.usage.and_then(|usage| u64::try_from(usage.processor.as_micros()).ok()),
        }
        .encode_to_vec()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Outcome> {
        let digest = |hash: Vec<u8>, size| Some(Digest { hash: hash.try_into().ok()?, size });
        let record = Record::decode(bytes).ok()?;
        let nanoseconds = Duration::from_nanos(record.nanoseconds.into());
        let usage = record.memory.zip(record.microseconds).map(|(memory, microseconds)| ProcessUsage {
            memory,
            processor: Duration::from_micros(microseconds),
        });
        Some(Outcome {
            tree: digest(record.tree_hash, record.tree_size)?,
            exit_code: record.exit_code,
            stdout: digest(record.stdout_hash, record.stdout_size)?,
            stderr: digest(record.stderr_hash, record.stderr_size)?,
            duration: Duration::from_secs(record.seconds).checked_add(nanoseconds)?,
            usage,
        })
    }
}

#[derive(Clone, PartialEq, Message)]
struct Record {
    #[prost(bytes = "vec", tag = "1")]
    tree_hash: Vec<u8>,
    #[prost(uint64, tag = "2")]
    tree_size: u64,
    #[prost(int32, tag = "3")]
    exit_code: i32,
    #[prost(bytes = "vec", tag = "4")]
    stdout_hash: Vec<u8>,
    #[prost(uint64, tag = "5")]
    stdout_size: u64,
    #[prost(bytes = "vec", tag = "6")]
    stderr_hash: Vec<u8>,
    #[prost(uint64, tag = "7")]
    stderr_size: u64,
    #[prost(uint64, tag = "8")]
    seconds: u64,
    #[prost(uint32, tag = "9")]
    nanoseconds: u32,
    #[prost(uint64, optional, tag = "10")]
    memory: Option<u64>,
    #[prost(uint64, optional, tag = "11")]
    microseconds: Option<u64>,
}
