//! Which actions ran beside which: tracks on each of which one thing happens at a time, as on the workers that ran them.

use super::Finished;

/// An action on its track.
pub(crate) struct Placed<'l> {
    /// The number of the track: among those of downloads, or among those of all else.
    pub(crate) track: usize,
    pub(crate) is_download: bool,
    /// The second of the run in which it started.
    pub(crate) start: f64,
    pub(crate) action: &'l Finished,
}

/// Actions with the second in which each ended, on as few tracks as there can be, by when they started.
pub(crate) fn placed<'l>(actions: impl Iterator<Item = (f64, &'l Finished)>) -> Vec<Placed<'l>> {
    let mut all: Vec<(f64, &Finished)> = actions.map(|(at, one)| (at - one.seconds, one)).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut ends = [Vec::new(), Vec::new()];
    let place = |(start, action): (f64, &'l Finished)| {
        let is_download = action.verb == "fetch";
        let track = free(&mut ends[usize::from(is_download)], start, start + action.seconds);
        Placed { track, is_download, start, action }
    };
    all.into_iter().map(place).collect()
}

/// The first track on which nothing happens at `start`, now taken until `end`. Starts have to come in order.
fn free(ends: &mut Vec<f64>, start: f64, end: f64) -> usize {
    let at = ends.iter().position(|busy| *busy <= start).unwrap_or(ends.len());
    if at == ends.len() {
        ends.push(end);
    } else {
        ends[at] = end;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_is_on_different_tracks() {
        let mut ends = Vec::new();
        let mut check = |start, end, expect: usize| assert_eq!(free(&mut ends, start, end), expect);
        check(0.0, 2.0, 0);
        check(1.0, 3.0, 1);
        check(2.0, 4.0, 0);
        check(2.5, 2.6, 2);
    }
}
