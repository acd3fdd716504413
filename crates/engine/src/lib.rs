//! Actions, keys, the schedule and the processes: no language, no network.
