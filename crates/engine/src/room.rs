//! What of the machine running processes have: memory, and what one at a time may have. Knows no order.

use std::collections::BTreeSet;

use crate::action::Needs;

/// What is taken of the machine.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The bytes of memory that there are; none where that is not known.
    memory: Option<u64>,
    /// How many of them are taken.
    taken: u64,
    /// What somebody has that one at a time may have.
    held: BTreeSet<String>,
}

impl Room {
    /// A machine with so much memory, of which nothing is taken.
    pub(crate) fn new(memory: Option<u64>) -> Room {
        Room { memory, ..Room::default() }
    }

    /// Whether `needs` can be had now. What needs more memory than there is can have it where nobody else has any.
    pub(crate) fn has(&self, needs: &Needs) -> bool {
        let is_free = needs.memory == 0 || self.taken == 0;
        let fits = |all| self.taken.saturating_add(needs.memory) <= all;
        (is_free || self.memory.is_none_or(fits))
            && needs.exclusive.iter().all(|name| !self.held.contains(name))
    }

    /// Takes what somebody needs.
    pub(crate) fn take(&mut self, needs: &Needs) {
        self.taken = self.taken.saturating_add(needs.memory);
        self.held.extend(needs.exclusive.iter().cloned());
    }

    /// Gives it back.
    pub(crate) fn give_back(&mut self, needs: &Needs) {
        self.taken = self.taken.saturating_sub(needs.memory);
        for name in &needs.exclusive {
            self.held.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_names_are_had_by_as_many_as_fit() {
        let needs = |memory, names: &[&str]| Needs {
            memory,
            exclusive: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Needs::default()
        };
        let mut room = Room::new(Some(10));
        let check = |room: &Room, memory, names: &[&str], expect: bool| {
            assert_eq!(room.has(&needs(memory, names)), expect, "{memory} {names:?} {room:?}");
        };
        // Too much for the machine, which has nobody else.
        check(&room, 11, &[], true);
        room.take(&needs(4, &["database"]));
        check(&room, 6, &[], true);
        check(&room, 7, &[], false);
        check(&room, 0, &["gpu"], true);
        check(&room, 0, &["gpu", "database"], false);
        room.give_back(&needs(4, &["database"]));
        check(&room, 10, &["database"], true);
        let mut unknown = Room::new(None);
        unknown.take(&needs(1 << 60, &[]));
        check(&unknown, 1 << 60, &[], true);
    }
}
