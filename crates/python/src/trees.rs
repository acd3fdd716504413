//! The functions that make trees of installed files, and images of them, registered with the engine under their names.

use engine::{Call, CallError, Failure, Fault, Functions};
use packaging::environment::EnvironmentError;
use packaging::installed::{self, Inputs, InstallError, InstalledSpec};
use store::Digest;

/// Installs a program. Arguments as JSON: the specification, and the number of wheels. Inputs: the first-party files, the
/// wheels, what each unpacks to, and compiled modules of each and of the first-party files, or none.
pub(crate) const TREE: &str = "python.installed";

/// Registers these functions.
pub(crate) fn register(functions: &mut Functions) {
    functions.register(TREE, installed::VERSION, tree);
}

fn tree(call: &Call<'_>) -> Result<Digest, CallError> {
    let malformed = |what| failed(InstallError::Input(what));
    let (spec, count): (InstalledSpec, usize) = serde_json::from_slice(call.arguments)
        .map_err(|_| malformed("the arguments are no specification of a tree"))?;
    let [sources, rest @ ..] = call.inputs else { return Err(malformed("expected the first-party files")) };
    let split = || {
        let (wheels, rest) = rest.split_at_checked(count)?;
        let (unpacked, compiled) = rest.split_at_checked(count)?;
        Some(Inputs { sources, wheels, unpacked, compiled })
    };
    let inputs = split().ok_or_else(|| malformed("expected the wheels and what they unpack to"))?;
    installed::tree(call.store, &spec, &inputs).map_err(failed)
}

/// An error of the store stays one, so that the engine can make again what the store has lost.
fn failed(error: InstallError) -> CallError {
    use engine::extract::UnpackError;
    match error {
        InstallError::Store(error)
        | InstallError::Environment(
            EnvironmentError::Store(error) | EnvironmentError::Unpack(UnpackError::Store(error)),
        ) => CallError::Store(error),
        error => CallError::Failed(Box::new(InstallFailure(error))),
    }
}

/// A step's error as the engine's failure.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct InstallFailure(InstallError);

impl Failure for InstallFailure {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn fault(&self) -> Fault {
        match self.0 {
            InstallError::Input(_) => Fault::Bug,
            InstallError::Store(_) => Fault::Environment,
            _ => Fault::Request,
        }
    }

    fn help(&self) -> Option<String> {
        self.0.help()
    }
}
