//! The state of a file by which a change of it shows without reading it; it does not know what is kept of it.

use std::time::Duration;

use rustix::fs::Stat;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// How far apart two times of a file system are at most: a tick of the slowest kernel clock, doubled.
const FINE: i64 = 20_000_000;
/// The same for file systems that keep whole seconds, of which FAT keeps every second one.
const COARSE: i64 = 2_000_000_000;

/// A moment of the clock that file systems take their times from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// This one.
    #[must_use]
    pub fn now() -> Moment {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::RealtimeCoarse);
        Moment(nanoseconds(tv_sec, tv_nsec))
    }

    /// The moment so much later.
    #[must_use]
    pub fn after(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The whole hours since 1970.
    pub(crate) fn hours(self) -> i64 {
        self.0 / 3_600_000_000_000
    }
}

/// All that tells that a file is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// In nanoseconds.
    pub(crate) mtime: i64,
    /// In nanoseconds.
    pub(crate) ctime: i64,
    pub(crate) executable: bool,
}

impl State {
    /// The length of its encoding, which leaves `executable` out.
    pub(crate) const LEN: usize = 8 * 5;

    pub(crate) fn of(stat: &Stat) -> State {
        State {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            mtime: nanoseconds(stat.st_mtime, stat.st_mtime_nsec.cast_signed()),
            ctime: nanoseconds(stat.st_ctime, stat.st_ctime_nsec.cast_signed()),
            executable: stat.st_mode & 0o100 != 0,
        }
    }

    /// Whether a write at or after `moment` could leave the same times.
    pub(crate) fn is_racy(&self, moment: Moment) -> bool {
        let whole_seconds = self.mtime % 1_000_000_000 == 0 && self.ctime % 1_000_000_000 == 0;
        let granularity = if whole_seconds { COARSE } else { FINE };
        self.mtime.max(self.ctime) >= moment.0.saturating_sub(granularity)
    }

    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        let State { device, inode, size, mtime, ctime, executable: _ } = *self;
        for number in [device, inode, size, mtime.cast_unsigned(), ctime.cast_unsigned()] {
            into.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// What begins `bytes`, which are long enough; not executable.
    pub(crate) fn decode(bytes: &[u8]) -> State {
        State {
            device: number(bytes, 0),
            inode: number(bytes, 8),
            size: number(bytes, 16),
            mtime: number(bytes, 24).cast_signed(),
            ctime: number(bytes, 32).cast_signed(),
            executable: false,
        }
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// The number at `at`, which is inside of `bytes`.
pub(crate) fn number(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::{Moment, State};

    const SECOND: i64 = 1_000_000_000;

    /// Whether a file with these times, read at `now`, has to be read again.
    fn check(mtime: i64, ctime: i64, now: i64, expected: bool) {
        let state = State { device: 1, inode: 1, size: 1, mtime, ctime, executable: false };
        assert_eq!(state.is_racy(Moment(now)), expected, "{mtime} {ctime} {now}");
    }

    #[test]
    fn a_second_write_within_one_tick_is_reckoned_with() {
        let time = 1_000 * SECOND + 123_456_789;
        check(time, time, time, true);
        check(time, time, time + 20_000_000, true);
        check(time, time, time + 20_000_001, false);
        check(time - SECOND, time, time, true);
        check(time, time - SECOND, time, true);
        check(time, time, time - SECOND, true);
        let whole = 1_000 * SECOND;
        check(whole, whole, whole + 2 * SECOND, true);
        check(whole, whole, whole + 2 * SECOND + 1, false);
    }
}
