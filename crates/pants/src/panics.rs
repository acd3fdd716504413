//! Panics: those of a BUILD file's evaluation are errors of that file, all others are bugs of ours.

/// Says of a panic that it is a bug, unless the loader turns it into an error. The process exits with 101.
pub(crate) fn explain() {
    std::panic::set_hook(Box::new(|panic| {
        if loader::is_evaluating() {
            return;
        }
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("a panic without words");
        let backtrace = std::backtrace::Backtrace::capture();
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            "error[bug]: pants {version} has met a state that it should not: {what}\n \
             --> {place}\n{backtrace}\n\
             help: please report it with the command, and with RUST_BACKTRACE=1 in the environment\n"
        );
        // There is nobody else to tell.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    }));
}
