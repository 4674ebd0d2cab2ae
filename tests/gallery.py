"""Where the examples are, and what they learn."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RESULTS = ROOT / "docs" / "gallery" / "results"


@cache
def example(name: str) -> dict[str, Any]:
    """Return the variables of an example."""
    return runpy.run_path(str(ROOT / "examples" / f"{name}.py"))


@cache
def trained(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the variables of an example, and the result of its training; each is trained once a run."""
    variables = example(name)
    return variables, variables["train"]()


def with_results() -> list[str]:
    """Return the names of the examples that have a result to draw."""
    return [script.stem for script in EXAMPLES if "\ndef plot(" in script.read_text(encoding="utf-8")]


def result_plot(name: str) -> Any:
    """Return the picture of what an example results in, trained if it learns."""
    if "train" in example(name):
        variables, result = trained(name)
        return variables["plot"](result)
    return example(name)["plot"]()
