//! What a server can do, and whether it can be used at all.

use store::DigestFunction;

use crate::api::{ServerCapabilities, compressor, digest_function};
use crate::connection::LARGEST_MESSAGE;
use crate::plain::PACKED;

/// The versions of the protocol that are spoken here: the first that has all that is used, and the last that is known.
const LOWEST: (i32, i32) = (2, 0);
const HIGHEST: (i32, i32) = (2, 12);

/// Most servers take no larger message, whatever they say.
const MESSAGE: i64 = 4 << 20;
/// What a message has besides the blobs in it.
const OVERHEAD: i64 = 64 << 10;

/// What a server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// The versions of the protocol that it speaks, for people.
    pub versions: String,
    /// Whether one of them is spoken here.
    pub speaks: bool,
    /// The digest functions of a store that it knows, the best first.
    pub functions: Vec<DigestFunction>,
    /// How many bytes of blobs go into one message.
    pub batch: usize,
    /// Whether it takes outcomes.
    pub updates: bool,
    /// Whether it runs actions.
    pub executes: bool,
    /// Whether it gives and takes blobs that are compressed by Zstandard: in streams, and many in a message.
    pub zstd: bool,
    /// Whether it takes many such in a message.
    pub zstd_batches: bool,
}

impl Abilities {
    /// What a plain cache can do.
    pub(crate) fn of_plain(functions: Vec<DigestFunction>) -> Abilities {
        Abilities {
            versions: String::new(),
            speaks: true,
            functions,
            batch: PACKED,
            updates: true,
            executes: false,
            zstd: false,
            zstd_batches: false,
        }
    }

    pub(crate) fn of(found: &ServerCapabilities) -> Abilities {
        let version = |version: &Option<_>| -> Option<(i32, i32)> {
            let version: &bazel_remote_apis::build::bazel::semver::SemVer = version.as_ref()?;
            Some((version.major, version.minor))
        };
        // A server that says nothing speaks the first version.
        let low = version(&found.low_api_version).unwrap_or(LOWEST);
        let high = version(&found.high_api_version).unwrap_or(low);
        let cache = found.cache_capabilities.as_ref();
        let knows = |function: DigestFunction| {
            cache.is_some_and(|cache| cache.digest_functions.contains(&(value(function) as i32)))
        };
        let batch = cache.map_or(0, |cache| cache.max_batch_total_size_bytes);
        let batch = if batch > 0 { batch.min(MESSAGE - OVERHEAD) } else { MESSAGE - OVERHEAD };
        let has_zstd = |compressors: &[i32]| compressors.contains(&(compressor::Value::Zstd as i32));
        let updates = cache.and_then(|cache| cache.action_cache_update_capabilities);
        Abilities {
            versions: format!("{}.{} to {}.{}", low.0, low.1, high.0, high.1),
            speaks: low <= HIGHEST && high >= LOWEST,
            functions: [DigestFunction::Blake3, DigestFunction::Sha256]
                .into_iter()
                .filter(|one| knows(*one))
                .collect(),
            batch: usize::try_from(batch).unwrap_or_default().min(LARGEST_MESSAGE / 2),
            updates: updates.is_some_and(|updates| updates.update_enabled),
            // The first version has no word for outputs of which nobody knows whether they are files or folders.
            executes: high >= (2, 1)
                && found.execution_capabilities.as_ref().is_some_and(|found| found.exec_enabled),
            zstd: cache.is_some_and(|cache| has_zstd(&cache.supported_compressors)),
            zstd_batches: cache.is_some_and(|cache| has_zstd(&cache.supported_batch_update_compressors)),
        }
    }
}

/// The function as the protocol numbers it.
pub(crate) fn value(function: DigestFunction) -> digest_function::Value {
    match function {
        DigestFunction::Blake3 => digest_function::Value::Blake3,
        DigestFunction::Sha256 => digest_function::Value::Sha256,
    }
}

#[cfg(test)]
mod tests {
    use bazel_remote_apis::build::bazel::semver::SemVer;

    use super::*;
    use crate::api::CacheCapabilities;

    #[test]
    fn abilities_are_read() {
        let version = |minor| Some(SemVer { major: 2, minor, ..SemVer::default() });
        let cache = |functions: &[digest_function::Value], batch| CacheCapabilities {
            digest_functions: functions.iter().map(|function| *function as i32).collect(),
            max_batch_total_size_bytes: batch,
            ..CacheCapabilities::default()
        };
        use digest_function::Value::{Blake3, Md5, Sha256};
        let found = ServerCapabilities {
            low_api_version: version(1),
            high_api_version: version(12),
            cache_capabilities: Some(cache(&[Sha256, Blake3], 0)),
            ..ServerCapabilities::default()
        };
        let abilities = Abilities::of(&found);
        assert_eq!(abilities.versions, "2.1 to 2.12");
        assert!(abilities.speaks && !abilities.updates && !abilities.executes);
        assert_eq!(abilities.functions, [DigestFunction::Blake3, DigestFunction::Sha256]);
        assert_eq!(abilities.batch, (4 << 20) - (64 << 10));
        assert!(!abilities.zstd && !abilities.zstd_batches);
        let newer =
            ServerCapabilities { low_api_version: version(13), high_api_version: version(14), ..found };
        assert!(!Abilities::of(&newer).speaks);
        let small = ServerCapabilities { cache_capabilities: Some(cache(&[Md5], 1000)), ..newer };
        assert_eq!((Abilities::of(&small).batch, Abilities::of(&small).functions), (1000, vec![]));
    }
}
