//! Actions that run elsewhere and, when that takes long, here as well: whoever is done first counts. Knows no threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::action::{Needs, Process};
use crate::seams::Cancel;
use crate::settle::{Answer, Job, Step};
use crate::verbs::ActionError;

/// Which race a job is in.
pub(crate) type RaceId = u64;

/// One action that runs elsewhere, and perhaps here.
struct Race {
    begun: Instant,
    /// To run it here as well; none where that began, or cannot be.
    second: Option<Job>,
    /// Who runs it.
    running: Vec<Arc<Cancel>>,
    /// Whether one of them was done first.
    is_won: bool,
}

/// Those that nobody has won, and those whose losers have not ended.
#[derive(Default)]
pub(crate) struct Races {
    open: BTreeMap<RaceId, Race>,
    last: RaceId,
}

impl Races {
    /// A job that begins to run elsewhere may be raced from here.
    pub(crate) fn begin(&mut self, job: &mut Job, process: &Process) {
        self.last += 1;
        let cancel = Arc::new(Cancel::new());
        (job.race, job.cancel) = (Some(self.last), Some(Arc::clone(&cancel)));
        // What has to have something of this machine is not begun beside the schedule.
        let may_race = process.needs == Needs::default();
        let second = may_race.then(|| Job {
            away: false,
            inputs: job.inputs.clone(),
            missed: job.missed.clone(),
            cancel: None,
            ..*job
        });
        let race = Race { begun: Instant::now(), second, running: vec![cancel], is_won: false };
        self.open.insert(self.last, race);
    }

    /// A job to run here as well: the one that runs elsewhere for the longest time, if that is more than `head_start`.
    pub(crate) fn second(&mut self, head_start: Duration) -> Option<Job> {
        let waiting = self.open.values_mut().filter(|race| race.second.is_some() && !race.is_won);
        let oldest = waiting.min_by_key(|race| race.begun)?;
        if oldest.begun.elapsed() < head_start {
            return None;
        }
        let cancel = Arc::new(Cancel::new());
        oldest.running.push(Arc::clone(&cancel));
        oldest.second.take().map(|job| Job { cancel: Some(cancel), ..job })
    }

    /// Whether an answer counts: not that of who lost, and no failure to run while the other may still succeed.
    pub(crate) fn counts(&mut self, answer: &Answer) -> bool {
        let Some(id) = answer.race else { return true };
        let Some(race) = self.open.get_mut(&id) else { return true };
        let left = race.running.len() - 1;
        // The other of two is the only one that is left, whichever this was.
        race.running.swap_remove(usize::from(left > 0 && !answer.was_away));
        let is_decisive = matches!(answer.step, Step::Settled(Ok(_) | Err(ActionError::Exit { .. })));
        let counts = !race.is_won && (is_decisive || left == 0);
        if counts {
            race.is_won = true;
            race.running.iter().for_each(|other| other.cancel());
        }
        if left == 0 {
            self.open.remove(&id);
        }
        counts
    }

    /// Whether somebody has to look from time to time.
    pub(crate) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// All are to stop.
    pub(crate) fn cancel(&self) {
        self.open.values().flat_map(|race| &race.running).for_each(|running| running.cancel());
    }
}
