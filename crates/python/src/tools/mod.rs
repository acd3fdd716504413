//! The tools that look at Python files or rewrite them, as data: what is known of each. Runs none of them.

mod findings;
mod known;

pub use findings::{Finding, Level, findings};
pub use known::known_tools;

/// The folder that a tool remembers things in from run to run, beside the files.
pub const KEPT: &str = ".pants-kept";

/// What a tool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolGoal {
    /// It finds what is wrong with single files, and may mend some of it.
    Lint,
    /// It gives files another form.
    Fmt,
    /// It checks types, for which it reads what the files import.
    Check,
}

impl ToolGoal {
    /// The name of the goal that runs it.
    pub fn name(self) -> &'static str {
        match self {
            ToolGoal::Lint => "lint",
            ToolGoal::Fmt => "fmt",
            ToolGoal::Check => "check",
        }
    }
}

/// How what a tool says is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolOutput {
    /// Lines such as `path:line:column: code message`; others belong to no file.
    Text,
    /// Lines of mypy, which has the code at the end.
    Mypy,
    /// The JSON of ruff.
    Ruff,
    /// The JSON of pyright.
    Pyright,
    /// The JSON of bandit.
    Bandit,
}

/// A file that configures a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationFile {
    /// Its name, in the folder of the files or one above.
    pub name: String,
    /// How the tables in it begin that are the tool's; none: all of it is.
    pub tables: Vec<String>,
}

impl ConfigurationFile {
    /// A file that is the tool's as far as one of these tables begins in it; without any, all of it.
    pub fn new(name: &str, tables: &[&str]) -> ConfigurationFile {
        let tables = tables.iter().map(ToString::to_string).collect();
        ConfigurationFile { name: name.to_owned(), tables }
    }
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub goal: ToolGoal,
    /// The project that has it, and patterns of others that come along where a lock asks for them: plugins.
    pub packages: Vec<String>,
    /// The module that is run.
    pub module: String,
    /// The arguments with which it tells what is wrong; none where it cannot. In those of a tool that imports,
    /// `{python}`, `{version}` and `{packages}` stand for the Python of what is imported, `{roots}` for the source roots.
    pub check_args: Option<Vec<String>>,
    /// The arguments with which it rewrites files; none where it cannot.
    pub rewrite_args: Option<Vec<String>>,
    /// More arguments of both.
    pub args: Vec<String>,
    /// The files that configure it.
    pub config: Vec<ConfigurationFile>,
    /// The option that takes the nearest of them; none where it finds them itself.
    pub config_option: Option<String>,
    /// How what it says is read.
    pub output: ToolOutput,
    /// The exit codes with which it ends where something is wrong with the files, and not with it.
    pub exit_codes: Vec<i32>,
    /// Whether it has to import what the files import.
    pub imports: bool,
    /// Whether its arguments have it remember in [`KEPT`] what it found out, which it checks by time, size and content.
    pub keeps: bool,
    /// The variable that takes the source roots.
    pub roots_variable: Option<String>,
    /// The resolve that has it, where that is said.
    pub resolve: Option<String>,
}

impl Tool {
    /// A tool of which no more is known than its name and what it is for.
    pub fn new(name: &str, goal: ToolGoal) -> Tool {
        Tool {
            name: name.to_owned(),
            goal,
            packages: vec![name.to_owned()],
            module: name.replace('-', "_"),
            check_args: (goal != ToolGoal::Fmt).then(Vec::new),
            rewrite_args: (goal == ToolGoal::Fmt).then(Vec::new),
            args: Vec::new(),
            config: Vec::new(),
            config_option: None,
            output: ToolOutput::Text,
            exit_codes: vec![1],
            imports: goal == ToolGoal::Check,
            keeps: false,
            roots_variable: None,
            resolve: None,
        }
    }

    /// The project that has it.
    pub fn project(&self) -> &str {
        self.packages.first().map_or(&self.name, String::as_str)
    }
}
