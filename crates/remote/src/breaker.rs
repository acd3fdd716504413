//! Whether a server is asked at all: no longer while it fails, and again when it answers. Makes no request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// After so many faults one after the other the server is not asked any more.
const FAULTS: u32 = 3;

/// How long until it is looked whether the server is well again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// What the server is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It answers; this many faults came since the last answer.
    Closed(u32),
    /// It answered a probe: one more fault, and it is not asked any more.
    HalfOpen,
    /// It is not asked. Somebody looks when it is well again.
    Open,
    /// It is not asked any more at all.
    Off,
}

/// What follows from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    GoOn,
    /// The server is not asked any more; whoever is told has to look after this time whether it is well again.
    Probe(Duration),
    /// The time that may be lost to it is spent: it is not asked any more at all.
    Spent,
    /// Others have found out before.
    Known,
}

/// The state of one server in one build.
#[derive(Debug)]
pub(crate) struct Breaker(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    state: State,
    pause: Duration,
    /// What was waited for in vain, and how much may be.
    lost: Duration,
    budget: Duration,
}

impl Breaker {
    pub(crate) fn new(budget: Duration) -> Breaker {
        let inner = Inner { state: State::Closed(0), pause: PAUSES.0, lost: Duration::ZERO, budget };
        Breaker(Mutex::new(inner))
    }

    /// Whether the server is asked.
    pub(crate) fn lets_pass(&self) -> bool {
        matches!(self.inner().state, State::Closed(_) | State::HalfOpen)
    }

    /// Whether it is not asked any more at all.
    pub(crate) fn is_off(&self) -> bool {
        self.inner().state == State::Off
    }

    /// The server is not asked any more at all.
    pub(crate) fn turn_off(&self) {
        self.inner().state = State::Off;
    }

    /// It answered.
    pub(crate) fn answered(&self) {
        let mut inner = self.inner();
        match inner.state {
            State::Closed(_) => inner.state = State::Closed(0),
            State::HalfOpen => {
                inner.state = State::Closed(0);
                inner.pause = PAUSES.0;
            }
            // What was on its way when others found it failing proves nothing.
            State::Open | State::Off => {}
        }
    }

    /// It answered the probe.
    pub(crate) fn recovered(&self) {
        let mut inner = self.inner();
        if inner.state == State::Open {
            inner.state = State::HalfOpen;
        }
    }

    /// It failed after somebody had `waited`; `silent` if it does not answer anything.
    pub(crate) fn failed(&self, waited: Duration, silent: bool) -> Verdict {
        let mut inner = self.inner();
        let faults = match inner.state {
            State::Open | State::Off => return Verdict::Known,
            State::HalfOpen => FAULTS,
            State::Closed(_) if silent => FAULTS,
            State::Closed(faults) => faults + 1,
        };
        if faults < FAULTS {
            inner.state = State::Closed(faults);
            return Verdict::GoOn;
        }
        // All who waited did so at the same time: what one of them lost is what the build lost.
        inner.lost += waited;
        if inner.lost >= inner.budget {
            inner.state = State::Off;
            return Verdict::Spent;
        }
        inner.state = State::Open;
        let pause = inner.pause;
        inner.pause = (pause * 2).min(PAUSES.1);
        Verdict::Probe(pause)
    }

    /// The probe failed: how long until the next.
    pub(crate) fn still_failing(&self) -> Option<Duration> {
        let mut inner = self.inner();
        let pause = inner.pause;
        inner.pause = (pause * 2).min(PAUSES.1);
        (inner.state == State::Open).then_some(pause)
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn it_opens_after_faults_and_closes_after_a_probe() {
        let breaker = Breaker::new(Duration::from_secs(2));
        assert_eq!(breaker.failed(MOMENT, false), Verdict::GoOn);
        breaker.answered();
        for _ in 0..2 {
            assert_eq!(breaker.failed(MOMENT, false), Verdict::GoOn);
        }
        assert_eq!(breaker.failed(MOMENT, false), Verdict::Probe(PAUSES.0));
        assert!(!breaker.lets_pass());
        assert_eq!(breaker.failed(MOMENT, false), Verdict::Known);
        // An answer from before does not close it.
        breaker.answered();
        assert!(!breaker.lets_pass());
        assert_eq!(breaker.still_failing(), Some(PAUSES.0 * 2));
        breaker.recovered();
        assert!(breaker.lets_pass());
        // Half open: one fault is enough.
        assert_eq!(breaker.failed(MOMENT, false), Verdict::Probe(PAUSES.0 * 4));
        breaker.recovered();
        breaker.answered();
        assert_eq!(breaker.failed(MOMENT, false), Verdict::GoOn);
    }

    #[test]
    fn it_stays_open_when_the_time_is_spent() {
        let breaker = Breaker::new(Duration::from_secs(2));
        assert_eq!(breaker.failed(Duration::from_secs(1), true), Verdict::Probe(PAUSES.0));
        breaker.recovered();
        assert_eq!(breaker.failed(Duration::from_secs(1), true), Verdict::Spent);
        breaker.recovered();
        assert!(!breaker.lets_pass());
        assert_eq!(breaker.still_failing(), None);
    }
}
