//! The functions of PEX assembly that are no verbs, registered with the engine under their names.

use engine::{Call, CallError, Failure, Fault, Functions};
use packaging::distribution;
use packaging::pex::steps::{self, StepError};
use packaging::pex::{PexSpec, StartSpec};
use packaging::sdist::{self, BuiltError};
use store::Digest;

/// Chooses the runtime's files from its unpacked wheel. Argument: one byte, whether tools go in.
pub(crate) const BOOTSTRAP: &str = "pex.bootstrap";
/// Checks user files and leaves out what no PEX holds.
pub(crate) const SOURCES: &str = "pex.sources";
/// Writes PEX-INFO and all that starts the PEX. Arguments as JSON: the specification but for the wheels that were
/// built, and how many of these there are. Inputs: the bootstrap, the user files, the plan of the start, the fetched wheels where
/// something in them is started, and the wheels that were built.
pub(crate) const BOOT: &str = "pex.boot";

/// Leaves of user files their names and modes.
pub(crate) const NAMES: &str = "pex.names";
/// Plans the first start. Argument: the specification as JSON. Inputs: the bootstrap, the names of user files, the wheels, and as
/// many archives of compiled modules or none.
pub(crate) const START: &str = "pex.start";
/// Verifies a wheel, and yields the same.
pub(crate) const WHEEL: &str = "pex.wheel";

/// Checks what a source distribution was built into, and yields the wheel alone. Argument: what is expected, as JSON.
pub(crate) const BUILT: &str = "python.built";
/// The version of that check.
const BUILT_VERSION: u32 = 1;

/// Describes a wheel in its folder of metadata. Argument: the metadata as JSON. Inputs: the sources, the documents.
pub(crate) const DIST_INFO: &str = "python.dist_info";
/// Makes a source distribution of the same.
pub(crate) const DIST_SDIST: &str = "python.sdist";

/// Registers all functions that Python's rules apply.
pub fn register(functions: &mut Functions) {
    functions.register(BOOTSTRAP, steps::VERSION, bootstrap);
    functions.register(SOURCES, steps::VERSION, sources);
    functions.register(BOOT, steps::VERSION, boot);
    functions.register(NAMES, steps::VERSION, names);
    functions.register(START, steps::VERSION, start);
    functions.register(WHEEL, steps::VERSION, wheel);
    functions.register(BUILT, BUILT_VERSION, built);
    functions.register(DIST_INFO, distribution::VERSION, dist_info);
    functions.register(DIST_SDIST, distribution::VERSION, dist_sdist);
    crate::trees::register(functions);
}

fn bootstrap(call: &Call<'_>) -> Result<Digest, CallError> {
    let [runtime] = inputs(call)?;
    done(steps::bootstrap(call.store, call.arguments == [1], &runtime))
}

fn sources(call: &Call<'_>) -> Result<Digest, CallError> {
    let [user] = inputs(call)?;
    done(steps::sources(call.store, &user))
}

fn names(call: &Call<'_>) -> Result<Digest, CallError> {
    let [user] = inputs(call)?;
    done(steps::names(call.store, &user))
}

fn wheel(call: &Call<'_>) -> Result<Digest, CallError> {
    let [wheel] = inputs(call)?;
    done(steps::wheel(call.store, &wheel))
}

fn built(call: &Call<'_>) -> Result<Digest, CallError> {
    let expected = serde_json::from_slice(call.arguments)
        .map_err(|_| failed(StepError::Input("the arguments do not say what is expected of a wheel")))?;
    let [left] = inputs(call)?;
    sdist::built(call.store, &left, &expected).map_err(|error| match error {
        BuiltError::Store(error) => CallError::Store(error),
        error => CallError::Failed(Box::new(BuiltFailure(error))),
    })
}

fn dist_info(call: &Call<'_>) -> Result<Digest, CallError> {
    let (metadata, [sources, documents]) = distribution_call(call)?;
    made(distribution::wheel(call.store, &metadata, &sources, &documents))
}

fn dist_sdist(call: &Call<'_>) -> Result<Digest, CallError> {
    let (metadata, [sources, documents]) = distribution_call(call)?;
    made(distribution::sdist(call.store, &metadata, &sources, &documents))
}

fn distribution_call(call: &Call<'_>) -> Result<(distribution::Metadata, [Digest; 2]), CallError> {
    let metadata = serde_json::from_slice(call.arguments)
        .map_err(|_| failed(StepError::Input("the arguments are no metadata of a distribution")))?;
    Ok((metadata, inputs(call)?))
}

fn made(result: Result<Digest, distribution::StepError>) -> Result<Digest, CallError> {
    result.map_err(|error| match error {
        distribution::StepError::Store(error) => CallError::Store(error),
        error => CallError::Failed(Box::new(DistributionFailure(error))),
    })
}

fn boot(call: &Call<'_>) -> Result<Digest, CallError> {
    let (spec, built): (PexSpec, usize) = serde_json::from_slice(call.arguments)
        .map_err(|_| failed(StepError::Input("the arguments are no specification of a PEX")))?;
    let [bootstrap, user, start, wheels @ ..] = call.inputs else {
        return Err(failed(StepError::Input("expected the bootstrap, the user files and a plan")));
    };
    let known = wheels.len().checked_sub(built);
    let known = known.ok_or_else(|| failed(StepError::Input("expected the wheels that were built")))?;
    done(
        steps::with_wheels(call.store, spec, &wheels[known..])
            .and_then(|spec| steps::boot(call.store, &spec, bootstrap, user, start, wheels)),
    )
}

fn start(call: &Call<'_>) -> Result<Digest, CallError> {
    let spec: StartSpec = serde_json::from_slice(call.arguments)
        .map_err(|_| failed(StepError::Input("the arguments are no specification of a start")))?;
    let [bootstrap, user, rest @ ..] = call.inputs else {
        return Err(failed(StepError::Input("expected the bootstrap and the user files")));
    };
    let Some((wheels, compiled)) = rest.split_at_checked(spec.pex.wheels.len()) else {
        return Err(failed(StepError::Input("expected the wheels of the specification")));
    };
    done(steps::start(call.store, &spec, bootstrap, user, wheels, compiled))
}

fn inputs<const N: usize>(call: &Call<'_>) -> Result<[Digest; N], CallError> {
    <[Digest; N]>::try_from(call.inputs)
        .map_err(|_| failed(StepError::Input("the number of inputs is wrong")))
}

/// An error of the store stays one, so that the engine can make again what the store has lost.
fn done(result: Result<Digest, StepError>) -> Result<Digest, CallError> {
    use engine::extract::UnpackError;
    result.map_err(|error| match error {
        StepError::Store(error) | StepError::Wheel(UnpackError::Store(error)) => CallError::Store(error),
        error => failed(error),
    })
}

fn failed(error: StepError) -> CallError {
    CallError::Failed(Box::new(PexFailure(error)))
}

/// A step's error as the engine's failure.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct PexFailure(StepError);

impl Failure for PexFailure {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn fault(&self) -> Fault {
        match self.0 {
            StepError::Runtime { .. } | StepError::Input(_) => Fault::Bug,
            StepError::Store(_) => Fault::Environment,
            _ => Fault::Request,
        }
    }

    fn help(&self) -> Option<String> {
        self.0.help()
    }
}

/// An unusable wheel that was built, as the engine's failure.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct BuiltFailure(BuiltError);

impl Failure for BuiltFailure {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn fault(&self) -> Fault {
        match self.0 {
            BuiltError::Store(_) => Fault::Environment,
            BuiltError::Unfit { .. } => Fault::Request,
            _ => Fault::Build,
        }
    }

    fn help(&self) -> Option<String> {
        self.0.help()
    }
}

/// A distribution that cannot be made, as the engine's failure.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct DistributionFailure(distribution::StepError);

impl Failure for DistributionFailure {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn fault(&self) -> Fault {
        match self.0 {
            distribution::StepError::Input(_) | distribution::StepError::Archive(_) => Fault::Bug,
            distribution::StepError::Store(_) => Fault::Environment,
            _ => Fault::Request,
        }
    }

    fn help(&self) -> Option<String> {
        self.0.help()
    }
}
