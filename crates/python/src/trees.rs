//! The functions that make trees of installed files, and images of them, registered with the engine under their names.

use engine::{Call, CallError, Failure, Fault, Functions};
use packaging::environment::EnvironmentError;
use packaging::image::{self, ImageError, ImageSpec};
use packaging::installed::{self, Inputs, InstallError, InstalledSpec};
use packaging::sbom::Inventory;
use store::{Digest, Tree};

/// Installs a program. Arguments as JSON: the specification, and the number of wheels. Inputs: the first-party files, the
/// wheels, what each unpacks to, and compiled modules of each and of the first-party files, or none.
pub(crate) const TREE: &str = "python.installed";
/// Takes one part of such a tree. Argument: its path.
pub(crate) const PART: &str = "python.installed_part";
/// Writes a bill of materials. Argument: what it lists, as JSON. Inputs: the wheel of each item.
pub(crate) const BILL: &str = "python.sbom";
/// Packs a tree as a layer. Argument: the absolute path that it is below.
pub(crate) const LAYER: &str = "image.layer";
/// Makes the layout of an image. Argument: the image as JSON. Inputs: what it is made of, platform by platform.
pub(crate) const IMAGE: &str = "image.layout";
/// Packs a layout into one file. Argument: the name of that.
pub(crate) const IMAGE_ARCHIVE: &str = "image.archive";

/// The name of a bill of materials, by which scanners of images find it.
pub(crate) const BILL_FILE: &str = "sbom.cdx.json";
/// The version of that function.
const BILL_VERSION: u32 = 1;

/// Registers these functions.
pub(crate) fn register(functions: &mut Functions) {
    functions.register(TREE, installed::VERSION, tree);
    functions.register(PART, installed::VERSION, part);
    functions.register(BILL, BILL_VERSION, bill);
    functions.register(LAYER, image::VERSION, layer);
    functions.register(IMAGE, image::VERSION, layout);
    functions.register(IMAGE_ARCHIVE, image::VERSION, archive);
}

fn part(call: &Call<'_>) -> Result<Digest, CallError> {
    let malformed = || failed(InstallError::Input("expected a tree, and the path of a part"));
    let ([tree], Ok(path)) = (call.inputs, std::str::from_utf8(call.arguments)) else {
        return Err(malformed());
    };
    installed::part(call.store, tree, path).map_err(failed)
}

fn bill(call: &Call<'_>) -> Result<Digest, CallError> {
    let inventory: Inventory = serde_json::from_slice(call.arguments)
        .map_err(|_| image_failed(ImageError::Input("the arguments are no list of distributions")))?;
    let bill = inventory
        .bill(call.store, call.inputs)
        .map_err(|error| failed(EnvironmentError::Unpack(error).into()))?;
    let text = format!("{:#}\n", bill.cyclonedx());
    let mut tree = Tree::new();
    let mut write = || {
        tree.add_file(BILL_FILE, call.store.put(text.as_bytes())?, false)?;
        Ok(call.store.put_tree(&tree)?)
    };
    image_done(write())
}

fn layer(call: &Call<'_>) -> Result<Digest, CallError> {
    match (call.inputs, std::str::from_utf8(call.arguments)) {
        ([tree], Ok(prefix)) => image_done(image::layer(call.store, tree, prefix)),
        _ => Err(image_failed(ImageError::Input("expected a tree, and the path that it is below"))),
    }
}

fn layout(call: &Call<'_>) -> Result<Digest, CallError> {
    let spec: ImageSpec = serde_json::from_slice(call.arguments)
        .map_err(|_| image_failed(ImageError::Input("the arguments are no image")))?;
    image_done(image::make(call.store, &spec, call.inputs))
}

fn archive(call: &Call<'_>) -> Result<Digest, CallError> {
    match (call.inputs, std::str::from_utf8(call.arguments)) {
        ([layout], Ok(name)) => image_done(image::archive(call.store, layout, name)),
        _ => Err(image_failed(ImageError::Input("expected a layout, and the name of its archive"))),
    }
}

/// An error of the store stays one, so that the engine can make again what the store has lost.
fn image_done(result: Result<Digest, ImageError>) -> Result<Digest, CallError> {
    result.map_err(image_failed)
}

fn image_failed(error: ImageError) -> CallError {
    match error {
        ImageError::Store(error) => CallError::Store(error),
        error => CallError::Failed(Box::new(error)),
    }
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
