"""What several tests use: the examples, and the graphs in them."""

from __future__ import annotations

import os
import runpy
import tempfile

import pytest
from gallery import EXAMPLES
from hypothesis import settings

from gradviz.core.build import roots

settings.register_profile("repeatable", derandomize=True, deadline=None)  # the same graphs on every machine
settings.load_profile("repeatable")

os.environ["GRADVIZ_CACHE"] = tempfile.mkdtemp(prefix="gradviz-tests-")  # nothing of the tests in the user's own


@pytest.fixture(scope="session")
def example_roots():
    """The roots of every example, by "script-name"."""
    found = {}
    for script in EXAMPLES:
        variables = runpy.run_path(str(script))
        for name, node in roots(variables).items():
            found[f"{script.stem}-{name}"] = node
    return found
