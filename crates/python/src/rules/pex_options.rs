//! The fields of a program that choose how its PEX is made. Knows nothing of what goes into it.

use graph::Target;
use packaging::pex::{Boot, ExecutionMode, InheritPath, Layout, PexOptions, VenvOptions};
use packaging::python::Minor;
use packaging::target::Target as Configuration;

use crate::error::RuleError;

/// What the fields of a program choose about its PEX.
pub(super) fn options(
    program: &Target,
    configurations: &[Configuration],
) -> Result<PexOptions, Vec<RuleError>> {
    let exclusive =
        [("entry_point", "script"), ("sh_boot", "shebang")].into_iter().filter_map(|(first, second)| {
            let given = match first {
                "sh_boot" => program.field(first).is_some() && program.bool_or_default(first),
                _ => program.field(first).is_some(),
            };
            let place = program.field(second)?.place.clone();
            given.then_some(RuleError::Exclusive { first, second, place })
        });
    let errors: Vec<RuleError> = exclusive.collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let shebang = program.str("shebang").map(ToOwned::to_owned);
    let sh = shebang.is_none() && program.bool_or_default("sh_boot");
    let mut minors: Vec<(Minor, bool)> =
        (configurations.iter()).map(|one| (one.minor(), one.abi.free_threaded)).collect();
    minors.sort_unstable();
    minors.dedup();
    let constraint =
        |(minor, threads): &(Minor, bool)| format!("CPython{}=={minor}.*", if *threads { "+t" } else { "" });
    Ok(PexOptions {
        layout: match program.str("layout") {
            Some("packed") => Layout::Packed,
            Some("loose") => Layout::Loose,
            _ => Layout::Zipapp,
        },
        mode: match program.str("execution_mode") {
            Some("zipapp") => ExecutionMode::Zipapp,
            _ => ExecutionMode::Venv(VenvOptions::default()),
        },
        boot: if sh { Boot::Sh } else { Boot::Python { shebang } },
        pythons: minors.iter().map(|(minor, _)| *minor).collect(),
        interpreter_constraints: minors.iter().map(constraint).collect(),
        include_tools: program.bool_or_default("include_tools"),
        inherit_path: match program.str("inherit_path") {
            Some("fallback") => InheritPath::Fallback,
            Some("prefer") => InheritPath::Prefer,
            _ => InheritPath::False,
        },
        inject_args: program.list("args").into_iter().map(ToOwned::to_owned).collect(),
        inject_env: (program.dict("env").into_iter())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        strip_pex_env: program.bool_or_default("strip_pex_env"),
        ..PexOptions::default()
    })
}
