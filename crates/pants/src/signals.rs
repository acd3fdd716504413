//! Ctrl-C and its like: ask what runs to stop, and end soon whether it has stopped or not.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use engine::Cancel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long things may take to stop. What is cut off then is found and cleared by the next run.
const GRACE: Duration = Duration::from_millis(500);

/// Waits until the process ends by the signal that was sent to it, so that its exit code is always the same.
pub(crate) fn await_the_end() {
    std::thread::sleep(GRACE * 4);
}

/// A flag that is set when somebody interrupts; the process ends shortly after, with the code that shells expect.
pub(crate) fn watch() -> Arc<Cancel> {
    let cancel = Arc::new(Cancel::new());
    let asked = Arc::clone(&cancel);
    // Where signals cannot be watched, they end the process at once, which loses nothing either.
    if let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                asked.cancel();
                std::thread::sleep(GRACE);
                // The live line may be half drawn.
                let clear = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
                let _ = writeln!(std::io::stderr(), "{clear}interrupted");
                #[allow(clippy::exit, reason = "the threads that still run have nothing to lose")]
                std::process::exit(128 + signal);
            }
        });
    }
    cancel
}
