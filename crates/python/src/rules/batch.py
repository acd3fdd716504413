# Runs the files named behind `--files` in one pytest, and leaves a report and a result of each; none where pytest did not get to
# its end.
import json
import os
from _pytest.junitxml import LogXML

FOLDER = '.pants-batch'
at = sys.argv.index('--files')
arguments, files = sys.argv[1:at], sys.argv[at + 1:]
os.makedirs(FOLDER)


class Split(object):
    """Hands what is told of a file to the report of that file."""

    def pytest_sessionstart(self, session):
        self.root = str(session.config.rootdir)
        ini = session.config.getini
        self.logs, self.seconds, self.bad, self.seen = {}, {}, set(), set()
        for number, path in enumerate(files):
            self.logs[path] = LogXML(
                os.path.join(FOLDER, '%d.xml' % number), None, ini('junit_suite_name'), ini('junit_logging'),
                ini('junit_duration_report'), ini('junit_family'), ini('junit_log_passing_tests'))
            self.logs[path].pytest_sessionstart()
            self.seconds[path] = 0.0

    def of(self, nodeid):
        path = os.path.join(self.root, *nodeid.split('::')[0].split('/'))
        path = os.path.relpath(path, os.getcwd())
        return path if path in self.logs else None

    def pytest_collectreport(self, report):
        path = self.of(report.nodeid)
        if path is not None:
            self.seen.add(path)
            self.logs[path].pytest_collectreport(report)
            if report.failed:
                self.bad.add(path)

    def pytest_runtest_logreport(self, report):
        path = self.of(report.nodeid)
        if path is not None:
            self.seconds[path] += report.duration
            self.logs[path].pytest_runtest_logreport(report)
            if report.failed:
                self.bad.add(path)

    def pytest_sessionfinish(self):
        for log in self.logs.values():
            log.pytest_sessionfinish()


split = Split()
code = int(pytest.main(arguments + files, plugins=plugins() + [split]))
if code in (0, 1, 5):
    passed = [[number, split.seconds[path]] for number, path in enumerate(files)
              if path in split.seen and path not in split.bad]
    with open(os.path.join(FOLDER, 'passed.json'), 'w') as file:
        json.dump(passed, file)
sys.exit(0)
