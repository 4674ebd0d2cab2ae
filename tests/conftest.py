"""What several tests use: the examples, and the graphs in them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from gradviz.core.build import roots

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture(scope="session")
def example_roots():
    """The roots of every example, by "script-name"."""
    found = {}
    for script in EXAMPLES:
        variables = runpy.run_path(str(script))
        for name, node in roots(variables).items():
            found[f"{script.stem}-{name}"] = node
    return found
