"""How the tests of this folder call the command: as a process of its own, the way a user does."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HINGE = """\
import gradviz as gv

W = gv.param("W", [0.2, 0.3])
phi = gv.data("phi", [-1.0, 1.0], tex=r"\\phi(x)")
y = gv.data("y", 1.0)
score = (W @ phi).named("score")
margin = (score * y).named("margin")
loss = gv.maximum(1 - margin, 0).named("loss")
"""


@dataclass
class Terminal:
    """A folder in which the command is called."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "gradviz", *args]

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("GRADVIZ_", "PYTHONIO"))
        }
        return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"} | changes

    def __call__(self, *args: str, env: dict[str, str] | None = None, text: bool = True, **options):
        """Call the command; what it says must never be a traceback of gradviz."""
        done = subprocess.run(
            self.command(*args),
            cwd=options.pop("cwd", self.folder),
            env=self.environment(**(env or {})),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            encoding="utf-8" if text else None,
            timeout=60,
            check=False,
            **options,
        )
        said = done.stderr or ""
        assert "Traceback" not in (said if text else said.decode() if said else ""), said
        return done

    def refuses(self, *args: str, status: int, line: str, **options) -> str:
        """Call the command, which must fail with this status, and return the one line it says."""
        done = self(*args, **options)
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        said = done.stderr.splitlines()
        assert said, "nothing was said"
        assert said[-1].startswith("gradviz: ")
        assert line in said[-1]
        assert sum(each.startswith("gradviz: ") for each in said) == 1
        return done.stderr


@pytest.fixture
def gradviz(tmp_path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def hinge(gradviz) -> Terminal:
    gradviz.write("hinge.py", HINGE)
    return gradviz
