//! Rules and their meaning: what a Python target becomes.
//!
//! [`expand`] adds the targets that files of requirements generate, [`entry_point::edges`] the edges that entry points
//! imply, [`infer::edges`] those that imports imply, and [`package`] the actions that make what goes into `dist/`.

pub mod bounds;
mod bounds_error;
pub mod closure;
pub mod configuration;
mod distribution_error;
pub mod entry_point;
mod error;
mod functions;
mod image_error;
pub mod infer;
mod missing;
mod ownership;
pub mod platforms;
mod requirements;
mod resolve_error;
pub mod resolves;
mod rules;
mod source_roots;
mod stdlib;
mod step_error;
pub mod tailor;
pub mod tools;
mod trees;

pub use bounds_error::{BoundsError, Imposed};
pub use closure::generated as outputs;
pub use distribution_error::DistributionError;
pub use error::RuleError;
pub use functions::register;
pub use image_error::ImageError;
pub use missing::{Lacking, MissingWheels, Source};
pub use ownership::Ownership;
pub use requirements::{expand, generates_requirements, resolve_of, wishes};
pub use resolve_error::ResolveError;
pub use rules::{
    Analysis, Artifact, BASE_LAYERS, Batch, Distribution, EXIT_CODE, Environment, MEASURED, MEASURED_BY_ALL,
    REPORT, REPORTS, RULES, Reporter, Resolve, Rule, Sharing, SourceBuild, Step, TOTAL, Test, TestBatch,
    TestRequest, ToolRequest, batches, check_steps, debugging_environment, distribution_name, environments,
    environments_of_resolve, look, metadata_paths, package, packageable, paths, program_of, reporter,
    requirements_of_resolves, rewrite, run_steps, running_environment, start_of, step_paths, steps,
    test_environments, test_files, test_packages, test_paths, tests, tool_files,
};
pub use source_roots::{RootPatternError, SourceRoots};
pub use step_error::StepError;
