//! What a user can choose about a PEX, as data with the defaults of this tool.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::python::Minor;

/// How the files of a PEX are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One executable zip file.
    #[default]
    Zipapp,
    /// A directory with the bootstrap and each dependency as one zip file.
    Packed,
    /// A directory with the bootstrap as files.
    Loose,
}

/// Where the code runs from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionMode {
    /// From a virtual environment that the first start makes.
    Venv(VenvOptions),
    /// From the unpacked PEX, with its dependencies resolved at every start.
    Zipapp,
}

/// Choices about the virtual environment of [`ExecutionMode::Venv`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VenvOptions {
    /// Whether its `bin` goes on `PATH`, and where.
    pub bin_path: BinPath,
    /// Whether the interpreter is copied into it instead of linked.
    pub copies: bool,
    /// Whether packages are copied into it instead of linked.
    pub site_packages_copies: bool,
    /// Whether it sees the packages of the interpreter.
    pub system_site_packages: bool,
    /// Whether its scripts ignore the environment and the user's packages.
    pub hermetic_scripts: bool,
}

impl Default for VenvOptions {
    fn default() -> VenvOptions {
        VenvOptions {
            bin_path: BinPath::Prepend,
            copies: false,
            site_packages_copies: false,
            system_site_packages: false,
            hermetic_scripts: true,
        }
    }
}

/// Where the `bin` of a virtual environment goes on `PATH`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinPath {
    /// Nowhere.
    False,
    /// In front.
    #[default]
    Prepend,
    /// At the end.
    Append,
}

/// What the first line of a PEX starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boot {
    /// `/bin/sh`, which starts an installed copy without Python, else finds a Python.
    #[default]
    Sh,
    /// A Python.
    Python {
        /// The interpreter: a name for `env`, or a path with arguments, with or without `#!`. Not given: the
        /// minor version of the targets where they have one in common, else `python3`.
        shebang: Option<String>,
    },
}

/// Whether the code sees what is installed beside the interpreter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InheritPath {
    /// No.
    #[default]
    False,
    /// Where the PEX has nothing of that name.
    Fallback,
    /// Before what the PEX has.
    Prefer,
}

/// Which of several suitable interpreters starts a PEX.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionStrategy {
    /// The oldest.
    #[default]
    Oldest,
    /// The newest.
    Newest,
}

/// Everything that can be chosen about a PEX, apart from what it holds and starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PexOptions {
    /// How its files are laid out.
    pub layout: Layout,
    /// Where the code runs from.
    pub mode: ExecutionMode,
    /// What its first line starts.
    pub boot: Boot,
    /// The Pythons it is for, oldest first. They choose names to look for and the shebang; what the runtime goes
    /// by are the constraints.
    pub pythons: Vec<Minor>,
    /// Which interpreters may run it, such as `CPython==3.11.*`; several are alternatives.
    pub interpreter_constraints: Vec<String>,
    /// Which of several suitable interpreters runs it.
    pub interpreter_selection_strategy: SelectionStrategy,
    /// Whether `PEX_TOOLS=1` works. The venv mode needs them in any case.
    pub include_tools: bool,
    /// Whether the code sees what is installed beside the interpreter.
    pub inherit_path: InheritPath,
    /// Arguments in front of the user's.
    pub inject_args: Vec<String>,
    /// Variables set unless they are.
    pub inject_env: BTreeMap<String, String>,
    /// Arguments for the interpreter.
    pub inject_python_args: Vec<String>,
    /// Variables set to the real path of a file of the PEX.
    pub bind_resource_paths: BTreeMap<String, String>,
    /// Other PEX files whose dependencies are merged in at start.
    pub pex_path: Vec<String>,
    /// Where the runtime keeps installed copies; not given: `~/.cache/pex`. `PEX_ROOT` wins.
    pub pex_root: Option<String>,
    /// Whether `PEX_*` variables are hidden from the code.
    pub strip_pex_env: bool,
    /// Whether the runtime warns.
    pub emit_warnings: bool,
    /// Whether requirements that nothing satisfies are tolerated.
    pub ignore_errors: bool,
    /// How many wheels are installed at once on first start: 0 for one a core, -1 for what the runtime thinks.
    pub max_install_jobs: i32,
    /// Requirements that were excluded from the resolve.
    pub excluded: Vec<String>,
    /// Requirements that were overridden in the resolve.
    pub overridden: Vec<String>,
    /// Free facts about the build beside the runtime's version.
    pub build_properties: BTreeMap<String, String>,
}

impl Default for PexOptions {
    fn default() -> PexOptions {
        PexOptions {
            layout: Layout::default(),
            mode: ExecutionMode::Venv(VenvOptions::default()),
            boot: Boot::default(),
            pythons: Vec::new(),
            interpreter_constraints: Vec::new(),
            interpreter_selection_strategy: SelectionStrategy::default(),
            include_tools: true,
            inherit_path: InheritPath::default(),
            inject_args: Vec::new(),
            inject_env: BTreeMap::new(),
            inject_python_args: Vec::new(),
            bind_resource_paths: BTreeMap::new(),
            pex_path: Vec::new(),
            pex_root: None,
            strip_pex_env: true,
            emit_warnings: true,
            ignore_errors: false,
            max_install_jobs: 1,
            excluded: Vec::new(),
            overridden: Vec::new(),
            build_properties: BTreeMap::new(),
        }
    }
}

impl PexOptions {
    /// The choices about the virtual environment, where the code runs from one.
    pub fn venv(&self) -> Option<&VenvOptions> {
        match &self.mode {
            ExecutionMode::Venv(options) => Some(options),
            ExecutionMode::Zipapp => None,
        }
    }

    /// Whether the bootstrap is the one with tools.
    pub fn includes_tools(&self) -> bool {
        self.include_tools || self.venv().is_some()
    }

    /// Where the runtime keeps installed copies, as written: a leading `~` is expanded at start.
    pub fn pex_root(&self) -> &str {
        self.pex_root.as_deref().unwrap_or("~/.cache/pex")
    }
}
