//! Which folders something changes in, as the kernel tells it (`inotify(7)`).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use super::Event;
use crate::diagnostic::{Diagnostic, Exit};

/// So many bytes of events are read at once: some hundred of them.
const BUFFER: usize = 64 * 1024;

/// Watches folders. Tells of changes through a channel.
pub(super) struct Folders {
    watches: Arc<OwnedFd>,
}

impl Folders {
    /// Watches nothing yet.
    pub(super) fn new(sender: Sender<Event>) -> io::Result<Folders> {
        let watches = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
        let read = Arc::clone(&watches);
        std::thread::spawn(move || {
            let mut buffer = [MaybeUninit::uninit(); BUFFER];
            let mut reader = Reader::new(&*read, &mut buffer);
            // It ends with the process; an event that cannot be read counts as one that was missed.
            loop {
                let of_folders = ReadFlags::ISDIR | ReadFlags::QUEUE_OVERFLOW | ReadFlags::IGNORED;
                let folders = match reader.next() {
                    Ok(event) => {
                        event.events().intersects(of_folders) || event.file_name() == Some(c".gitignore")
                    }
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => true,
                };
                if sender.send(Event::Changed { folders }).is_err() {
                    return;
                }
            }
        });
        Ok(Folders { watches })
    }

    /// Watches `root` and all folders below it that are not ignored, those that are watched already included.
    pub(super) fn watch(&self, root: &Path) -> Result<(), Diagnostic> {
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MODIFY
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR;
        for folder in loader::folders(&loader::Options::new(root)) {
            match inotify::add_watch(&*self.watches, root.join(&folder), flags) {
                // It went away meanwhile, or is nobody's to read; then nothing in it was loaded either.
                Ok(_)
                | Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::ACCESS) => {}
                Err(error) => return Err(refused(&folder, error)),
            }
        }
        Ok(())
    }
}

fn refused(folder: &str, error: rustix::io::Errno) -> Diagnostic {
    let message = format!("cannot watch the folder `{folder}`: {error}");
    let wrong = Diagnostic::error(Exit::Environment, "loop::watch", message);
    match error {
        rustix::io::Errno::NOSPC => wrong
            .note("a user may watch so many folders as the kernel allows, and each program takes its part")
            .help(Some("allow more: `sysctl fs.inotify.max_user_watches=1048576`")),
        _ => wrong,
    }
}
