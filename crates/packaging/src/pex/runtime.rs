//! The pinned release of the genuine runtime that goes into every PEX. Knows where nothing comes from.

/// One wheel, named so that it can be fetched from any index and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// The project that the wheel belongs to.
    pub project: &'static str,
    /// The version of the project.
    pub version: &'static str,
    /// The wheel's file name.
    pub wheel: &'static str,
    /// The SHA-256 of the wheel file, in hexadecimal.
    pub sha256: &'static str,
    /// The size of the wheel file in bytes.
    pub size: u64,
    /// The hash of the bootstrap without tools, by which runtimes share it on a machine.
    bootstrap_hash: &'static str,
    /// The hash of the bootstrap with tools.
    bootstrap_hash_with_tools: &'static str,
}

/// The runtime of this version of the format. Of its two wheels this is the one that has the vendored
/// setuptools, which legacy namespace packages need before Python 3.12.
pub const RUNTIME: Runtime = Runtime {
    project: "pex",
    version: "2.105.2",
    wheel: "pex-2.105.2-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl",
    sha256: "5a4d73fbeab30ddf70e360971cb19b9fa80b2a29cfe83e786215fcdd5ef1af9d",
    size: 4_130_984,
    bootstrap_hash: "a88f6cd9c4de6209a3c542b22909786089eb207b",
    bootstrap_hash_with_tools: "d1081be040921c39f9480950286a43b507e7837d",
};

impl Runtime {
    /// The hash of the bootstrap that these files make, with tools or without.
    pub fn bootstrap_hash(&self, tools: bool) -> &'static str {
        if tools { self.bootstrap_hash_with_tools } else { self.bootstrap_hash }
    }
}
