"""How the tests of this folder call the command: as a process of its own, the way a user does."""

import json
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


# Imports what every command imports, then makes a process of its own for each call that it reads.
SERVER = """
import json, os, sys, tempfile
import gradviz.cli.render
from gradviz.cli import main

for line in sys.stdin:
    asked = json.loads(line)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.chdir(asked["cwd"])
            os.environ.clear()
            os.environ.update(asked["env"])
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.exit(main(asked["args"]))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = [file.seek(0) or file.read().decode() for file in (out, err)]
    print(json.dumps([status, *said]), flush=True)
"""


@dataclass
class Terminal:
    """A folder in which the command is called."""

    folder: Path
    server: subprocess.Popen[str] | None = None

    def quick(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Call the command in a process that has its imports behind it, where the system can fork."""
        if self.server is None:
            return self(*args)
        asked = {"args": args, "cwd": str(self.folder), "env": self.environment()}
        self.server.stdin.write(json.dumps(asked) + "\n")
        self.server.stdin.flush()
        status, out, err = json.loads(self.server.stdout.readline())
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(args, status, out, err)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "gradviz", *args]

    def environment(self, **changes: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GRADVIZ_", "PYTHONIO"))}
        own = {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "GRADVIZ_CACHE": os.environ["GRADVIZ_CACHE"]}
        return kept | own | changes

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
        done = self(*args, **options) if options else self.quick(*args)
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        said = done.stderr.splitlines()
        assert said, "nothing was said"
        assert said[-1].startswith("gradviz: ")
        assert line in said[-1]
        assert sum(each.startswith("gradviz: ") for each in said) == 1
        return done.stderr


@pytest.fixture(scope="session")
def server():
    """Answer the calls whose start is not what is tested, which is four fifths of their time."""
    if not hasattr(os, "fork"):
        yield None
        return
    command = [sys.executable, "-c", SERVER]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def gradviz(tmp_path, server) -> Terminal:
    return Terminal(tmp_path, server)


@pytest.fixture
def hinge(gradviz) -> Terminal:
    gradviz.write("hinge.py", HINGE)
    return gradviz
