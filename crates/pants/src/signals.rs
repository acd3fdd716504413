//! Ctrl-C and its like: ask what runs to stop, and end soon whether it has stopped or not.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use engine::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long things may take to stop. What is cut off then is found and cleared by the next run.
const GRACE: Duration = Duration::from_secs(1);

/// The signal that somebody interrupted with; 0 while nobody has.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Ends the process as the signal wants it that was sent to it, if one was, so that its exit code is always the same. All
/// that there was to clear has to be cleared.
pub(crate) fn end_if_interrupted() {
    let signal = SIGNAL.swap(0, Ordering::SeqCst);
    // Another thread may be ending it already.
    if signal == 0 {
        return;
    }
    // The live line may be half drawn.
    let clear = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
    let _ = writeln!(std::io::stderr(), "{clear}interrupted");
    #[allow(clippy::exit, reason = "the threads that still run have nothing to lose")]
    std::process::exit(128 + signal);
}

/// The signal by which somebody interrupted, and for which the process is about to end.
pub(crate) fn interrupted_by() -> Option<i32> {
    Some(SIGNAL.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
}

/// A flag that is set when somebody interrupts; the process ends shortly after, with the code that shells expect.
pub(crate) fn watch() -> Arc<Cancel> {
    let cancel = Arc::new(Cancel::new());
    let asked = Arc::clone(&cancel);
    // Where signals cannot be watched, they end the process at once, which loses nothing either.
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                SIGNAL.store(signal, Ordering::SeqCst);
                asked.cancel();
                std::thread::sleep(GRACE);
                end_if_interrupted();
            }
        });
    }
    cancel
}
