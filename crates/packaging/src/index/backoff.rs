//! Tries something again while its failure may pass, with growing pauses and jitter.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use super::error::FetchError;

/// How often a request is tried, and how long is waited in between.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all, at least one. An attempt that got a part of a body does not count.
    pub attempts: u32,
    /// The first pause; each further one is twice as long.
    pub first_pause: Duration,
    /// No pause is longer. A server that asks for a longer one is not asked again.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 4, first_pause: Duration::from_millis(300), longest_pause: Duration::from_secs(60) }
    }
}

/// Why one attempt failed.
pub(super) enum Problem {
    /// Trying again would not help.
    Final(Box<FetchError>),
    /// It may pass. `wait` is what the server asked for; `progress` says that bytes came.
    Passing { error: Box<FetchError>, wait: Option<Duration>, progress: bool },
}

impl From<FetchError> for Problem {
    fn from(error: FetchError) -> Self {
        Self::Final(Box::new(error))
    }
}

impl RetryPolicy {
    /// Runs `attempt` until it succeeds, fails for good, or has failed `attempts` times without progress.
    pub(super) fn run<T>(&self, mut attempt: impl FnMut() -> Result<T, Problem>) -> Result<T, FetchError> {
        let (mut fruitless, mut total) = (0, 0);
        loop {
            let (error, wait, progress) = match attempt() {
                Ok(value) => return Ok(value),
                Err(Problem::Final(error)) => return Err(*error),
                Err(Problem::Passing { error, wait, progress }) => (error, wait, progress),
            };
            total += 1;
            fruitless = if progress { 0 } else { fruitless + 1 };
            let is_too_long = wait.is_some_and(|wait| wait > self.longest_pause);
            if fruitless >= self.attempts.max(1) || is_too_long {
                return Err(counted(*error, total));
            }
            std::thread::sleep(self.pause(fruitless, wait));
        }
    }

    fn pause(&self, fruitless: u32, wait: Option<Duration>) -> Duration {
        let grown = self.first_pause.saturating_mul(1 << fruitless.saturating_sub(1).min(16));
        // Between half and the whole, so that many clients do not come back at one instant.
        let share = f64::from(RandomState::new().build_hasher().finish() as u32) / f64::from(u32::MAX);
        let pause = grown.mul_f64(0.5 + share / 2.0);
        pause.max(wait.unwrap_or_default()).min(self.longest_pause)
    }
}

fn counted(mut error: FetchError, total: u32) -> FetchError {
    if let FetchError::Status { attempts, .. } | FetchError::Connection { attempts, .. } = &mut error {
        *attempts = total;
    }
    error
}
