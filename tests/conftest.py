"""What several tests use: the examples, and the graphs in them."""

from __future__ import annotations

import os
import runpy
import signal
import tempfile
import zlib
from math import prod
from pathlib import Path

import numpy as np
import pytest
from gallery import EXAMPLES
from hypothesis import settings

import gradviz as gv
from gradviz.core.build import graph, roots
from gradviz.core.primitive import FUNCTIONS, REGISTRY
from gradviz.core.tape import leave_tape
from gradviz.core.unroll import unroll
from gradviz.passes.whole import too_big

settings.register_profile("repeatable", derandomize=True, deadline=None)  # the same graphs on every machine
settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's job in the background, and all that it starts
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["GRADVIZ_CACHE"] = tempfile.mkdtemp(prefix="gradviz-tests-")  # nothing of the tests in the user's own


# Modules that tests import are no tests, and some want what need not be installed.
collect_ignore = [path.name for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("test_")]


@pytest.fixture(autouse=True)
def _tape_of_its_own():
    """What a test before has left alive, perhaps in a cycle, gives no numbers to the layers of this one."""
    leave_tape()


@pytest.fixture(autouse=True)
def _numbers_of_its_own(request):
    """A test draws the same random numbers whatever ran before it: tests run on several cores, in any order."""
    drawn = getattr(request.module, "RNG", None)
    if drawn is not None:
        name = zlib.crc32(request.node.nodeid.encode())
        drawn.bit_generator.state = np.random.default_rng(name).bit_generator.state


@pytest.fixture
def declare():
    """Declare a primitive of a user's; it is gone after the test."""
    made = []

    def make(**fields):
        made.append(gv.primitive(f"mine{len(made)}", symbol=r"\operatorname{mine}", **fields))
        return made[-1]

    yield make
    for one in made:
        del REGISTRY[one.name], FUNCTIONS[one.name]


@pytest.fixture(scope="session")
def browser():
    """A real browser, for the tests of the page."""
    from browser import chromium

    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def example_roots():
    """The roots of every example, by "script-name"."""
    found = {}
    for script in EXAMPLES:
        leave_tape()  # as the command line does
        variables = runpy.run_path(str(script))
        for name, node in roots(variables).items():
            found[f"{script.stem}-{name}"] = node
    return found


@pytest.fixture(scope="session")
def formula_roots(example_roots):
    """Those of the examples that are formulas of a few real numbers, which algebra is quick with."""
    return {name: root for name, root in example_roots.items() if _is_formula(unroll(graph(root)))}


def _is_formula(made):
    return all(row.dtype.kind == "f" and prod(row.shape) <= 64 for row in made.rows) and not too_big(made)
