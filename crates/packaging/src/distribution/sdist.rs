//! The archive of a source distribution: a compressed tar file with the same bytes everywhere. Knows no metadata.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// The time of every member: 1980-01-01, the first that a zip file can have too.
const TIME: u64 = 315_532_800;

/// A file that goes into the archive.
pub(crate) struct Member {
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
    pub(crate) executable: bool,
}

/// The bytes of the archive of some members, sorted by their paths.
pub(crate) fn archive(mut members: Vec<Member>) -> io::Result<Vec<u8>> {
    members.sort_by(|a, b| a.path.cmp(&b.path));
    // 255 is "unknown", so that the system does not show.
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut builder = Builder::new(gzip);
    for member in &members {
        add(&mut builder, member)?;
    }
    let mut gzip = builder.into_inner()?;
    gzip.flush()?;
    gzip.finish()
}

fn add<W: io::Write>(builder: &mut Builder<W>, member: &Member) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_size(member.content.len() as u64);
    header.set_mode(if member.executable { 0o755 } else { 0o644 });
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    if !member.path.is_ascii() || header.set_path(&member.path).is_err() {
        // What does not fit into the plain header stands in an extended one, in UTF-8 (PEP 721).
        builder.append_pax_extensions([("path", member.path.as_bytes())])?;
        header.set_path("long")?;
    }
    header.set_cksum();
    builder.append(&header, member.content.as_slice())
}
