//! Labels, schemas, targets and the target graph: pure data, no IO.

mod cycles;
mod error;
mod fields;
mod label;
mod lookup;
mod manual;
mod near;
mod paths;
mod pattern;
mod place;
pub mod query;
mod rules;
mod schema;
mod stored;
mod subgraph;
mod target;
mod target_graph;
mod value;
pub mod visibility;
mod walk;

pub use error::{CycleStep, GraphError};
pub use fields::Fields;
pub use label::{Label, LabelError, LabelReason, Part, check_name, check_parameter, join, last_segment};
pub use manual::{introduction, manual};
pub use near::{near, near_all};
pub use paths::{Paths, Which};
pub use pattern::{Pattern, select};
pub use place::Place;
pub use rules::{UNKNOWN, schema, schemas};
pub use schema::{FieldDefault, FieldError, FieldKind, FieldSchema, Role, RuleSchema, SKIP_TOOLS};
pub use stored::{StoredGraph, StoredTargets};
pub use target::{Field, SourceFile, Target};
pub use target_graph::{Dependency, Edge, EdgeKind, NodeId, TargetGraph};
pub use value::Value;
pub use walk::Step;
