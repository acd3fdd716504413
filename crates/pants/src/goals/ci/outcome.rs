//! What became of a part of `ci`, as people and programs read it.

use serde_json::{Value, json};

use crate::diagnostic::Exit;

/// How a part ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Passed,
    Failed,
    /// There was nothing to do.
    Skipped,
}

/// What became of a part.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) goal: &'static str,
    pub(super) status: Status,
    pub(super) exit: Exit,
    /// Why there was nothing to do.
    pub(super) reason: Option<String>,
    /// The report of the goal, where programs read it.
    pub(super) report: Option<Value>,
    pub(super) seconds: f64,
}

impl Outcome {
    /// The line for people.
    pub(super) fn line(&self) -> String {
        let Outcome { goal, seconds, .. } = self;
        match self.status {
            Status::Passed => format!("✓ {goal} in {seconds:.2} s\n"),
            Status::Failed => format!("✗ {goal} in {seconds:.2} s\n"),
            Status::Skipped => {
                format!("- {goal}: {}\n", self.reason.as_deref().unwrap_or("nothing to do"))
            }
        }
    }

    /// The form for programs.
    pub(super) fn json(&self) -> Value {
        let status = match self.status {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
        };
        json!({
            "goal": self.goal,
            "status": status,
            "exit_code": self.exit as i32,
            "seconds": self.seconds,
            "reason": self.reason,
            "report": self.report,
        })
    }
}
