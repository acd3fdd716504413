# What pytest runs with here. Written for every version of Python and pytest.
import sys
import pytest


def plugins():
    # A file that is named is collected although a conftest.py ignores it, which a plain run over folders would not do.
    if int(pytest.__version__.split('.')[0]) < 7 or any('::' in argument for argument in sys.argv[1:]):
        return []

    class Empty(pytest.Module):
        def collect(self):
            return []

    class Ignoring(object):
        def pytest_pycollect_makemodule(self, module_path, parent):
            hooks = parent.session.gethookproxy(module_path.parent)
            if hooks.pytest_ignore_collect(collection_path=module_path, config=parent.config):
                return Empty.from_parent(parent, path=module_path)

    return [Ignoring()]
