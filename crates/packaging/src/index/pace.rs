//! A body that has to keep coming: one that trickles ends as one that stopped does. Knows no request.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

/// So many bytes have to come in each span of patience, however they are spread over it.
const LEAST: u64 = 4 << 10;

/// Reads a body that has to keep coming.
pub(super) struct Paced<R> {
    body: R,
    patience: Duration,
    since: Instant,
    got: u64,
}

impl<R> Paced<R> {
    pub(super) fn new(body: R, patience: Duration) -> Self {
        Self { body, patience, since: Instant::now(), got: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.got += count as u64;
        if count > 0 && self.since.elapsed() >= self.patience {
            if self.got < LEAST {
                return Err(ErrorKind::TimedOut.into());
            }
            (self.since, self.got) = (Instant::now(), 0);
        }
        Ok(count)
    }
}
