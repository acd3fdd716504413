//! The rule `python_image`: a program becomes an image of its virtualenv upon a base, for each platform that it is for. What
//! changes together is in one layer.

use std::collections::BTreeMap;

use engine::{ActionGraph, ActionId, Download, Input, Origin as Place, Verb};
use graph::{NodeId, Target, TargetGraph};
use packaging::image::{
    Base, BaseName, ImagePlatform, ImageSpec, NameError, Origin, Repository, Variant, digest_of, is_tag,
};
use packaging::installed::{APART, NATIVE, OWN, SHARED, Shape};
use packaging::sbom::Inventory;
use packaging::target::Target as Configuration;

use super::binary::{Ingredients, Known, output_path};
use super::wheels::Wheels;
use super::{Analysis, Artifact, Rule, installed};
use crate::error::RuleError;
use crate::image_error::ImageError;
use crate::trees::{BILL, BILL_FILE, IMAGE, IMAGE_ARCHIVE, LAYER, PART};

/// The rule's name.
pub(crate) const PYTHON_IMAGE: &str = "python_image";
/// Where layers of bases come from, in place of the name of an index.
pub const BASE_LAYERS: &str = "image:base";

/// The compressed size from which a wheel gets a layer of its own, and how many do: container runtimes stack no more than
/// some 120 layers.
const LARGE: u64 = 4 << 20;
const MOST_LARGE: usize = 32;

pub(super) struct PythonImage;

impl Rule for PythonImage {
    fn name(&self) -> &'static str {
        PYTHON_IMAGE
    }

    fn package(
        &self,
        node: NodeId,
        analysis: &Analysis<'_>,
        actions: &mut ActionGraph,
    ) -> Result<Vec<Artifact>, Vec<RuleError>> {
        let image = Image::of(node, analysis)?;
        let known = Known::of(image.program, analysis)?;
        let configurations = image.configurations(&known)?;
        let mut made = Made::default();
        for (platform, configuration) in configurations {
            let base = (analysis.base)(&image.base, platform);
            let base = base.map_err(|error| {
                let place = image.place("base");
                vec![ImageError::Base { error, place }.into()]
            })?;
            image.variant(&known, (platform, configuration), base, &mut made, actions)?;
        }
        let label = &image.target.label;
        let spec = ImageSpec { tags: image.tags.clone(), variants: made.variants };
        let arguments = serde_json::to_vec(&spec).expect("a specification is plain data");
        let verb = Verb::Apply { function: IMAGE, arguments };
        let mut action = actions.add(verb, made.inputs, format!("put {label} together"));
        let is_archive = image.target.str("layout") == Some("archive");
        let path = output_path(image.target, if is_archive { "oci.tar" } else { "oci" }, None)?;
        let mut file = None;
        if is_archive {
            let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
            let verb = Verb::Apply { function: IMAGE_ARCHIVE, arguments: name.clone().into_bytes() };
            action = actions.add(verb, vec![Input::Action(action)], format!("pack {label}"));
            file = Some(name);
        }
        Ok(vec![Artifact {
            label: label.clone(),
            configurations: made.configurations,
            path,
            action,
            file,
            places: made.places,
            builds: made.builds,
            distributions: made.distributions,
            lacking: made.lacking,
            left_out: made.left_out,
        }])
    }
}

/// The program that a node is about: that of an image, or else itself.
pub fn program_of(graph: &TargetGraph, node: NodeId) -> NodeId {
    let node = graph.actual(node);
    let target = graph.target(node);
    if target.rule.name != PYTHON_IMAGE {
        return node;
    }
    let binary = target.labels("binary").first().and_then(|(label, _)| graph.node(label));
    binary.map_or(node, |binary| graph.actual(binary))
}

/// An image as its target says it.
struct Image<'a> {
    target: &'a Target,
    program: NodeId,
    base: BaseName,
    tags: Vec<String>,
    /// The folder that the virtualenv is in.
    prefix: String,
}

impl<'a> Image<'a> {
    fn of(node: NodeId, analysis: &'a Analysis<'_>) -> Result<Self, Vec<RuleError>> {
        let graph = analysis.graph;
        let target = graph.target(node);
        let program = program_of(graph, node);
        let binary = graph.target(program);
        if binary.rule.name != "python_binary" {
            let place = target.labels("binary").first().map_or(&target.place, |(_, place)| place).clone();
            let (binary, rule) = (binary.label.clone(), binary.rule.name);
            return Err(vec![ImageError::NotProgram { binary, rule, place }.into()]);
        }
        let mut errors = Vec::new();
        let base = named(target, "base", BaseName::parse, &mut errors).into_iter().next();
        named(target, "repository", |text| Repository::at("localhost", text), &mut errors);
        named(target, "registries", |text| Repository::at(text, "image"), &mut errors);
        let tag = |text: &str| if is_tag(text) { Ok(text.to_owned()) } else { Err(NameError::Tag) };
        let tags = named(target, "image_tags", tag, &mut errors);
        let prefix = installed::path(target, "prefix").unwrap_or_else(|wrong| {
            errors.extend(wrong);
            None
        });
        match base {
            Some(base) if errors.is_empty() => {
                let prefix = prefix.unwrap_or_else(|| "/app".to_owned());
                Ok(Image { target, program, base, tags, prefix })
            }
            _ => Err(errors),
        }
    }

    fn place(&self, field: &str) -> graph::Place {
        self.target.field(field).map_or(&self.target.place, |field| &field.place).clone()
    }

    /// What the program is built for of what containers run on, each platform once.
    fn configurations(
        &self,
        known: &Known<'_, '_>,
    ) -> Result<BTreeMap<ImagePlatform, Configuration>, Vec<RuleError>> {
        let mut found = BTreeMap::new();
        let (binary, place) = (known.program.label.clone(), self.place("binary"));
        for &second in known.shared.iter().flatten() {
            let Some(platform) = ImagePlatform::of(second.platform) else { continue };
            if let Some(first) = found.insert(platform, second) {
                return Err(vec![ImageError::Twice { binary, platform, first, second, place }.into()]);
            }
        }
        if found.is_empty() { Err(vec![ImageError::NoLinux { binary, place }.into()]) } else { Ok(found) }
    }

    /// Adds the image for one platform.
    fn variant(
        &self,
        known: &Known<'_, '_>,
        (platform, target): (ImagePlatform, Configuration),
        base: Base,
        made: &mut Made,
        actions: &mut ActionGraph,
    ) -> Result<(), Vec<RuleError>> {
        let python = installed::path(self.target, "base_python")?
            .unwrap_or_else(|| format!("/usr/local/bin/python{}", target.minor()));
        let binary = known.binary();
        let ingredients = binary.ingredients(&[target], actions)?;
        let large = large(&ingredients);
        let shape = Shape::Venv { prefix: Some(self.prefix.clone()), python };
        let mut spec = installed::spec(&binary, &target, shape, &ingredients);
        spec.apart = Some(large.clone());
        let installed = installed::install(&binary, &spec, ingredients, actions);
        let wheels = &installed.ingredients.wheels;
        let sbom = self.sbom(wheels, &target, actions);
        let mut layers = Vec::new();
        made.inputs.extend(base.layers.iter().map(|layer| Input::Action(self.fetch(layer, actions))));
        for name in large {
            let part = take(installed.tree, &format!("{APART}/{name}"), &name, actions);
            made.inputs.push(self.layer(part, &name, actions));
            layers.push(name);
        }
        for (part, what) in [(NATIVE, "wheels for one platform"), (SHARED, "wheels for any platform")] {
            let tree = take(installed.tree, part, what, actions);
            made.inputs.push(self.layer(tree, what, actions));
            layers.push(what.to_owned());
        }
        let own = take(installed.tree, OWN, "own code", actions);
        let verb = Verb::Merge { prefixes: vec![String::new(), String::new()] };
        let inputs = vec![Input::Action(own), Input::Action(sbom)];
        let own = actions.add(verb, inputs, "add the bill of materials");
        made.inputs.push(self.layer(own, "own code", actions));
        made.inputs.push(Input::Action(sbom));
        layers.push("own code".to_owned());
        made.variants.push(self.described(known, platform, &target, base, layers));
        made.add(target, installed);
        Ok(())
    }

    fn described(
        &self,
        known: &Known<'_, '_>,
        platform: ImagePlatform,
        target: &Configuration,
        base: Base,
        layers: Vec<String>,
    ) -> Variant {
        let image = self.target;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut annotations: BTreeMap<String, String> = BTreeMap::new();
        let mut add = |name: &str, value: String| drop(annotations.insert(name.to_owned(), value));
        add("org.opencontainers.image.title", image.label.name().to_owned());
        if let Some(description) = image.str("description") {
            add("org.opencontainers.image.description", description.to_owned());
        }
        if let Origin::Registry(_) = self.base.origin {
            add("org.opencontainers.image.base.name", self.base.name());
        }
        add("org.opencontainers.image.base.digest", self.base.digest());
        let mut labels = annotations.clone();
        let own = [
            ("pants.target", image.label.to_string()),
            ("pants.binary", known.program.label.to_string()),
            ("pants.interpreter", target.interpreter_tag()),
            ("pants.platform", target.platform.to_string()),
            ("pants.sbom", format!("{}/{BILL_FILE}", self.prefix)),
        ];
        labels.extend(own.map(|(name, value)| (name.to_owned(), value)));
        labels.extend(image.dict("labels").into_iter().map(owned));
        Variant {
            platform,
            base,
            entrypoint: vec![format!("{}/__main__.py", self.prefix)],
            programs: format!("{}/bin", self.prefix),
            env: image.dict("env").into_iter().map(owned).collect(),
            labels,
            annotations,
            user: image.str("user").map(ToOwned::to_owned),
            workdir: image.str("workdir").map(ToOwned::to_owned),
            layers,
        }
    }

    /// Adds the action that lists what is inside.
    fn sbom(&self, wheels: &Wheels<'_>, target: &Configuration, actions: &mut ActionGraph) -> ActionId {
        let (inside, _) = wheels.inside();
        let property = |name: &str, value: String| (format!("pants:{name}"), [value].into());
        let inventory = Inventory {
            program: self.target.label.to_string(),
            properties: [
                property("interpreter", target.interpreter_tag()),
                property("platform", target.platform.to_string()),
                property("base", self.base.to_string()),
            ]
            .into(),
            items: inside.iter().map(super::Distribution::item).collect(),
            tool: ("pants".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        };
        let arguments = serde_json::to_vec(&inventory).expect("a list is plain data");
        let inputs = inside.iter().map(|one| Input::Action(one.wheel)).collect();
        actions.add(Verb::Apply { function: BILL, arguments }, inputs, "list what is inside")
    }

    /// Adds the action that brings a layer of the base.
    fn fetch(&self, layer: &packaging::image::BaseLayer, actions: &mut ActionGraph) -> ActionId {
        let digest = digest_of(&layer.sha256);
        let download = Download {
            name: digest.clone(),
            sha256: layer.sha256,
            size: Some(layer.size),
            origin: Place { source: BASE_LAYERS.to_owned(), project: self.base.to_string() },
        };
        actions.add(
            Verb::Fetch(download),
            Vec::new(),
            format!("fetch the layer {digest} of {}", self.base.name()),
        )
    }

    fn layer(&self, tree: ActionId, what: &str, actions: &mut ActionGraph) -> Input {
        let verb = Verb::Apply { function: LAYER, arguments: self.prefix.clone().into_bytes() };
        Input::Action(actions.add(verb, vec![Input::Action(tree)], format!("pack the layer of {what}")))
    }
}

/// What a field says, read by `parse`; what cannot be read is an error at its place.
fn named<T>(
    target: &Target,
    field: &'static str,
    parse: impl Fn(&str) -> Result<T, NameError>,
    errors: &mut Vec<RuleError>,
) -> Vec<T> {
    let texts = target.str(field).map_or_else(|| target.list(field), |text| vec![text]);
    let mut found = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        match parse(text) {
            Ok(one) => found.push(one),
            Err(reason) => {
                let place =
                    target.field(field).map_or(&target.place, |given| given.item_place(index)).clone();
                errors.push(ImageError::Name { field, text: text.to_owned(), reason, place }.into());
            }
        }
    }
    found
}

/// The wheels that get a layer each, the names of the largest, in order.
fn large(ingredients: &Ingredients<'_>) -> Vec<String> {
    let wheels = ingredients.wheels.distributions.wheels.iter();
    let mut large: Vec<(u64, String)> = (wheels)
        .filter_map(|(_, wheel)| Some((wheel.size.filter(|size| *size >= LARGE)?, wheel.name.to_string())))
        .collect();
    large.sort_by(|a, b| b.cmp(a));
    large.truncate(MOST_LARGE);
    let mut names: Vec<String> = large.into_iter().map(|(_, name)| name).collect();
    names.sort();
    names
}

/// Adds the action that takes one part of a tree.
fn take(tree: ActionId, path: &str, what: &str, actions: &mut ActionGraph) -> ActionId {
    let verb = Verb::Apply { function: PART, arguments: path.as_bytes().to_vec() };
    actions.add(verb, vec![Input::Action(tree)], format!("take {what}"))
}

/// An image in the making: what it is made of, and what is told of it.
#[derive(Default)]
struct Made {
    variants: Vec<Variant>,
    inputs: Vec<Input>,
    configurations: Vec<Configuration>,
    places: Vec<(ActionId, graph::Place)>,
    builds: Vec<super::SourceBuild>,
    distributions: Vec<super::Distribution>,
    left_out: Vec<packaging::select::LeftOut>,
    lacking: Vec<packaging::python::Wanted>,
}

impl Made {
    /// Adds what is told of one variant.
    fn add(&mut self, target: Configuration, installed: installed::Installed<'_>) {
        let (distributions, left_out) = installed.ingredients.wheels.inside();
        self.configurations.push(target);
        self.places.push((installed.tree, installed.ingredients.started.place.clone()));
        self.builds.extend(installed.ingredients.wheels.builds);
        self.distributions.extend(distributions);
        self.left_out.extend(left_out);
        self.lacking.extend(installed.lacking);
    }
}
