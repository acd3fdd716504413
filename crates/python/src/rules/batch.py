# Runs the files named behind `--files` in one pytest, and leaves a report of each and a list of those that passed. Where a file did
# not get to its end, or something failed that is of no file, it is not in the list.
import io
import json
import os
import re
from _pytest.junitxml import LogXML

# Tests may go elsewhere, and have clocks of their own.
START = os.getcwd()
FOLDER = os.path.join(START, '.pants-batch')
at = sys.argv.index('--files')
arguments, files = sys.argv[1:at], sys.argv[at + 1:]


def now():
    return os.times()[4]


class File(object):
    def __init__(self, number, ini):
        self.number, self.seconds = number, 0.0
        self.collected, self.failed, self.left = False, False, []
        self.report = os.path.join(FOLDER, '%d.xml' % number)
        self.log = LogXML(
            self.report, None, ini('junit_suite_name'), ini('junit_logging'), ini('junit_duration_report'),
            ini('junit_family'), ini('junit_log_passing_tests'))
        self.log.pytest_sessionstart()

    def finish(self):
        self.log.pytest_sessionfinish()
        with io.open(self.report, encoding='utf-8') as file:
            text = file.read()
        # Pytest writes the time of all files.
        text = re.sub(u' time="[^"]*"', u' time="%.3f"' % self.seconds, text, count=1)
        with io.open(self.report, 'w', encoding='utf-8') as file:
            file.write(text)

    def has_passed(self):
        return self.collected and not self.failed and not self.left


class Split(object):
    """Hands what is told of a file to the report of that file."""

    def pytest_sessionstart(self, session):
        self.files = [File(number, session.config.getini) for number in range(len(files))]
        root = str(session.config.rootdir)
        names = [os.path.relpath(os.path.join(START, path), root).replace(os.sep, '/') for path in files]
        self.named = dict(zip(names, self.files))
        self.failed_elsewhere, self.last = False, now()

    def of(self, nodeid):
        file, time = self.named.get(nodeid.split('::')[0]), now()
        # What took until now was done for whom this is about.
        if file is not None:
            file.seconds += time - self.last
        self.last = time
        return file

    def pytest_collectreport(self, report):
        file = self.of(report.nodeid)
        if file is not None:
            file.collected = True
            file.log.pytest_collectreport(report)
        self.judge(file, report)

    def pytest_collection_finish(self, session):
        for item in session.items:
            file = self.of(item.nodeid)
            if file is not None:
                file.left.append(item.nodeid)

    def pytest_runtest_logreport(self, report):
        file = self.of(report.nodeid)
        if file is not None:
            file.log.pytest_runtest_logreport(report)
        self.judge(file, report)

    def pytest_runtest_logfinish(self, nodeid):
        file = self.of(nodeid)
        if file is not None and nodeid in file.left:
            file.left.remove(nodeid)

    def judge(self, file, report):
        if file is not None:
            file.failed |= report.failed
        else:
            self.failed_elsewhere |= report.failed

    def pytest_sessionfinish(self):
        for file in self.files:
            file.finish()


split = Split()
code = int(pytest.main(arguments + files, plugins=plugins() + [split]))
if code not in (0, 1, 5):
    sys.exit(code)
passed = [file for file in split.files if file.has_passed()]
# If nothing of these files explains the failure, it is of all of them.
if split.failed_elsewhere or code == 1 and len(passed) == len(files):
    passed = []
with open(os.path.join(FOLDER, 'passed.json'), 'w') as file:
    json.dump([[file.number, file.seconds] for file in passed], file)
sys.exit(0)
