//! The platforms of images, by the names that OCI takes over from Go.

use std::fmt;

use oci_spec::image::{Arch as OciArch, Os, Platform as OciPlatform};
use serde::{Deserialize, Serialize};

use crate::platform::{Arch, Platform};

/// What an image runs on. All are for Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImagePlatform {
    /// The architecture.
    pub arch: Arch,
}

impl ImagePlatform {
    /// That of a binary; none where there are no containers.
    #[must_use]
    pub fn of(platform: Platform) -> Option<ImagePlatform> {
        match platform {
            Platform::Linux { arch, .. } => Some(ImagePlatform { arch }),
            Platform::Macos { .. } => None,
        }
    }

    pub(super) fn architecture(self) -> OciArch {
        match self.arch {
            Arch::X86_64 => OciArch::Amd64,
            Arch::Aarch64 => OciArch::ARM64,
        }
    }

    /// Whether a manifest for `platform` is for this one. All 64-bit Arm machines that containers run on are of version 8.
    pub(super) fn is(self, platform: &OciPlatform) -> bool {
        let variant = platform.variant().as_deref();
        *platform.os() == Os::Linux
            && *platform.architecture() == self.architecture()
            && matches!(
                (self.arch, variant),
                (_, None) | (Arch::Aarch64, Some("v8")) | (Arch::X86_64, Some("v1"))
            )
    }

    pub(super) fn described(self) -> OciPlatform {
        let mut platform = OciPlatform::default();
        platform.set_os(Os::Linux);
        platform.set_architecture(self.architecture());
        if self.arch == Arch::Aarch64 {
            platform.set_variant(Some("v8".to_owned()));
        }
        platform
    }
}

impl fmt::Display for ImagePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux/{}", self.architecture())
    }
}
