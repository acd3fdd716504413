//! A repository with a service that becomes an image: two wheels, one of them large, a shared library and a program.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::base::{Base, PYTHON, base};
use crate::checkout::{Checkout, report};
use crate::index::Index;
use crate::tools::succeed;
use crate::zip::{self, Entry};

/// The repository, and the folder that it is in with all that its tests make.
pub(crate) struct Service {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) checkout: Checkout,
    pub(crate) base: Base,
}

impl Service {
    /// None, said by the test's name, where something cannot be had.
    pub(crate) fn new(test: &str) -> Option<Service> {
        let base = base(test)?;
        let index = Index::start(test)?;
        let dir = tempfile::tempdir().unwrap();
        let checkout = Checkout::generate(&dir.path().join("repository"), dir.path(), 1, &index);
        let wheels = [("alpha", 10), ("beta", 6 << 20)];
        let mut lock = String::from_utf8(checkout.read("pants.lock")).unwrap();
        lock.truncate(lock.find("\n[[packages]]").unwrap());
        for (project, size) in wheels {
            let data: String = (0..size / 16)
                .map(|at: u32| format!("{:016x}", u64::from(at).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
                .collect();
            let module = format!("NAME = '{project}'\n");
            let files = [
                Entry::file(&format!("{project}/__init__.py"), &module),
                Entry::file(&format!("{project}/data.txt"), &data),
            ];
            let (name, content) = (format!("{project}-1.0-py3-none-any.whl"), zip::wheel(project, &files));
            lock.push_str(&format!(
                "\n[[packages]]\nname = \"{project}\"\nversion = \"1.0\"\nwheels = [\n    {{ name = \"{name}\", \
                 size = {}, hashes = {{ sha256 = \"{}\" }} }},\n]\ntool.pants.modules = [\"{project}\"]\n",
                content.len(),
                zip::sha256(&content)
            ));
            index.add(&name, content);
        }
        checkout.write("pants.lock", &lock);
        checkout.write(
            "start/main.py",
            "import os, sys, shared, alpha, beta\nprint(alpha.NAME, beta.NAME, shared.SALT, sys.prefix, os.environ['PORT'])\n",
        );
        succeed(Command::new("cp").arg("-r").arg(&base.layout).arg(checkout.root.join("base")));
        let service = Service { dir, checkout, base };
        service.write(&service.base.one, "['linux-x86_64']", "");
        Some(service)
    }

    /// Writes the BUILD file: an image upon the base of a digest, for platforms, with further fields.
    pub(crate) fn write(&self, digest: &str, platforms: &str, fields: &str) {
        self.write_upon(&format!("oci:base@{digest}"), platforms, fields);
    }

    pub(crate) fn write_upon(&self, base: &str, platforms: &str, fields: &str) {
        let build = format!(
            "python_library(name = 'lib', dependencies = ['//shared', '//3rdparty:alpha', '//3rdparty:beta'])\n\
             python_binary(name = 'app', entry_point = 'start.main', platforms = {platforms}, dependencies = [':lib'])\n\
             python_image(name = 'image', binary = ':app', base = '{base}', base_python = '{PYTHON}',\n    \
             env = {{'PORT': '8000'}}, repository = 'acme/start', {fields})\n"
        );
        self.checkout.write("start/BUILD", &build);
    }

    #[track_caller]
    pub(crate) fn package(&self) -> Value {
        package(&self.checkout)
    }
}

/// Builds the image and gives the report.
#[track_caller]
pub(crate) fn package(checkout: &Checkout) -> Value {
    report(&checkout.command(&["--output", "json", "package", "//start:image"]).output().unwrap())
}

/// A document of a layout, by its digest.
pub(crate) fn document(layout: &Path, digest: &Value) -> Value {
    let name = digest.as_str().unwrap().replace(':', "/");
    serde_json::from_slice(&fs::read(layout.join("blobs").join(name)).unwrap()).unwrap()
}

/// The first image that a layout names.
pub(crate) fn image(layout: &Path) -> Value {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    index["manifests"][0].clone()
}

/// The digests of the layers of a manifest.
pub(crate) fn layers(manifest: &Value) -> Vec<String> {
    let layers = manifest["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect()
}
