//! What lines tests have run: measured beside each test process by the `coverage` of its resolve, and reported on over all
//! of them, with those that came from the cache.

use std::collections::BTreeMap;

use engine::{ActionGraph, ActionId, Input, Process, Verb};
use graph::{NodeId, Place};
use packaging::target::Target as Configuration;
use store::Digest;

use super::environment::{self, ENVIRONMENT};
use super::test::tool;
use super::{Analysis, SourceBuild};
use crate::error::RuleError;

/// What measures.
pub(super) const COVERAGE: &str = "coverage";
/// What was measured, among the outputs of a test process.
pub const MEASURED: &str = ".pants-coverage";
/// The folder of what was measured by several, among the inputs of a report.
pub const MEASURED_BY_ALL: &str = ".pants-measured";
/// The folder of all reports, the only output of a report.
pub const REPORTS: &str = ".pants-reports";
/// The file in it that says how much of all was run.
pub const TOTAL: &str = "total.json";

/// Begins a test process that is measured, and ends it. What several processes measured is one in the end.
pub(super) const BEGIN: &str = "import sys, coverage
measured = coverage.Coverage(data_file='.pants-coverage')
measured.set_option('run:relative_files', True)
parallel = measured.get_option('run:parallel')
measured.start()
";
pub(super) const END: &str = "measured.stop()
measured.save()
if parallel:
    measured.combine()
    measured.save()
open('.pants-coverage', 'ab').close()
";

/// Reports on all that was measured, in the forms that are asked for. A file without content is of a process that ran no line.
/// What cannot be read is told by `coverage` as a warning, and would be left out. Files that tests made themselves are gone.
const REPORT: &str = "import json, os, sys, warnings, coverage
os.makedirs('.pants-reports')
measured = coverage.Coverage(data_file='.pants-reports/coverage.data')
measured.set_option('run:relative_files', True)
measured.set_option('run:parallel', False)
os.makedirs('.pants-measured', exist_ok=True)
paths = [os.path.join('.pants-measured', name) for name in sorted(os.listdir('.pants-measured'))]
paths = [path for path in paths if os.path.getsize(path)]
total = None
if paths:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        try:
            measured.combine(paths, strict=True, keep=True)
        except (coverage.CoverageException, Warning) as error:
            sys.exit(f'{type(error).__name__}: {error}')
    measured.save()
    gone = sorted(path for path in measured.get_data().measured_files() if not os.path.exists(path))
    omit = (measured.get_option('report:omit') or []) + gone
    with open('.pants-reports/report.txt', 'w', encoding='utf-8') as text:
        try:
            total = measured.report(file=text, omit=omit)
        except coverage.exceptions.NoDataError:
            paths = []
        if gone:
            print('left out, since they were there only while the tests ran:', *gone, file=text)
if paths:
    for form in sys.argv[1:]:
        if form == 'html':
            measured.html_report(directory='.pants-reports/html', omit=omit)
        elif form == 'xml':
            measured.xml_report(outfile='.pants-reports/coverage.xml', omit=omit)
        elif form == 'lcov':
            measured.lcov_report(outfile='.pants-reports/coverage.lcov', omit=omit)
        elif form == 'json':
            measured.json_report(outfile='.pants-reports/coverage.json', omit=omit)
least = measured.get_option('report:fail_under')
told = {'percent': total, 'fail_under': least or None, 'precision': measured.get_option('report:precision') or 0}
with open('.pants-reports/total.json', 'w') as file:
    json.dump(told, file)
";

/// Who reports on what tests of a resolve have measured.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// What it runs under.
    configuration: Configuration,
    /// The action that makes its virtualenv.
    pub environment: ActionId,
    /// The source distributions that are built for it.
    pub builds: Vec<SourceBuild>,
    /// What is to blame where its virtualenv cannot be made.
    pub place: Place,
}

/// Adds the action that makes the virtualenv of the reporter: it has what some tests need, and the `coverage` of their resolve.
///
/// # Errors
/// All that keeps it from being made, such as a lock without `coverage`.
pub fn reporter(
    tests: NodeId,
    analysis: &Analysis<'_>,
    actions: &mut ActionGraph,
) -> Result<Option<Reporter>, Vec<RuleError>> {
    let mut known = environment::known(tests, analysis)?;
    // Plugins that `coverage` is configured with are among what tests need.
    let coverage = tool(COVERAGE, &known, analysis).map_err(|error| vec![error])?;
    known.closure.requirements.push(coverage);
    // The last is the newest.
    let Some(configuration) = known.shared.iter().flatten().last().copied() else { return Ok(None) };
    let wheels = known.binary().wheels(&[configuration], actions)?;
    let environment = environment::tree(&configuration, &wheels, &known.program.label, analysis, actions);
    let place = known.program.place.clone();
    Ok(Some(Reporter { configuration, environment, builds: wheels.builds, place }))
}

impl Reporter {
    /// The action that makes the reports, in these forms besides text: `html`, `xml`, `lcov`, `json`. `files` has what was
    /// measured by each process, below [`MEASURED_BY_ALL`], and the sources and configuration at their places.
    pub fn report(&self, environment: Digest, files: Digest, forms: &[&str]) -> (ActionGraph, ActionId) {
        let code = ["-I", "-c", REPORT].into_iter().chain(forms.iter().copied());
        let variables: BTreeMap<String, String> = environment::variables();
        let process = Process {
            program: environment::python(&self.configuration, ""),
            arguments: code.map(ToOwned::to_owned).collect(),
            environment: variables,
            outputs: vec![REPORTS.to_owned()],
            keeps_failed: false,
            shared: Some(ENVIRONMENT.to_owned()),
            timeout: None,
            needs: engine::Needs::default(),
            keeps: None,
        };
        let mut actions = ActionGraph::new();
        let inputs = vec![Input::Tree(files), Input::Tree(environment)];
        let action = actions.add(Verb::Run(process), inputs, "report on coverage");
        (actions, action)
    }
}
