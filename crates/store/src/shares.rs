//! Who takes how much of the cache: sums over trees that share blobs. It does not know who the owners are.

use std::collections::{BTreeMap, HashMap};

use crate::{Digest, Store, StoreError};

/// What one of several owners takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// The bytes of all that its trees are made of.
    pub bytes: u64,
    /// Those of them that no other owner has a part in.
    pub alone: u64,
}

/// What some owners take together.
#[derive(Debug, Default)]
pub struct Shares {
    /// That of each, in their order; none where nothing of it is left.
    pub each: Vec<Option<Share>>,
    /// What is there as one piece, by its hash, each once.
    pieces: HashMap<[u8; 32], u64>,
}

impl Shares {
    /// The bytes of all owners, where what several have is counted once.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.pieces.values().sum()
    }

    /// The bytes of the owners of both, where what several have is counted once.
    #[must_use]
    pub fn bytes_with(&self, others: &Shares) -> u64 {
        let new = others.pieces.iter().filter(|(hash, _)| !self.pieces.contains_key(*hash));
        self.bytes() + new.map(|(_, bytes)| bytes).sum::<u64>()
    }
}

impl Store {
    /// What owners take of the cache, each of which is known by its trees. A tree that is not whole any more is passed
    /// over; a blob that is kept as parts of others takes what these take.
    pub fn shares(&self, owners: &[Vec<Digest>]) -> Result<Shares, StoreError> {
        let mut taken = Vec::new();
        for trees in owners {
            let mut pieces = BTreeMap::new();
            for tree in trees {
                if let Some(blobs) = self.blobs_of(tree)? {
                    pieces.extend(self.taken_by(blobs, |_| true)?);
                }
            }
            taken.push(pieces);
        }
        let mut owned: HashMap<[u8; 32], u32> = HashMap::new();
        taken.iter().flat_map(BTreeMap::keys).for_each(|hash| *owned.entry(*hash).or_default() += 1);
        let share = |pieces: &BTreeMap<[u8; 32], u64>| {
            let alone = pieces.iter().filter(|(hash, _)| owned[*hash] == 1);
            Share { bytes: pieces.values().sum(), alone: alone.map(|(_, bytes)| bytes).sum() }
        };
        let each = taken.iter().map(|pieces| (!pieces.is_empty()).then(|| share(pieces))).collect();
        Ok(Shares { each, pieces: taken.into_iter().flatten().collect() })
    }
}
