//! What stands for a target whose rule nobody knows here; it is no rule that a BUILD file can call.

use super::common::{DEPENDENCIES, NAME};
use crate::schema::{FieldDefault, FieldKind, FieldSchema, Role, RuleSchema};

/// A target of a rule that nobody knows here: its name and what it depends on are taken, and nothing else.
pub static UNKNOWN: RuleSchema = RuleSchema {
    name: "unknown",
    aliases: &[],
    summary: "a target of a rule that is not known here",
    doc: "",
    role: Role::Group,
    file_nodes: false,
    fields: &[NAME, RULE, DEPENDENCIES],
    ignored: &[],
};

const RULE: FieldSchema = FieldSchema {
    name: "rule",
    aliases: &[],
    kind: FieldKind::Str,
    required: false,
    default: FieldDefault::None,
    doc: "The name of the rule.",
    example: "",
};
