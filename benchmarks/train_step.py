"""One training step (forward, loss, backward, SGD update; float32): compiled layers beside torch, jax and code by hand.

Peers: torch eager, torch.compile, jax.jit, a hand-written step in NumPy (in plain Python for the two graphs of
lecture size) and, for some rows, in Numba; and the matrix products of a step alone, less than which no step in NumPy
can cost. All start from the same numbers, and must agree in the losses and updated parameters of their first steps
before anything is timed.

Each peer trains each row in a fresh process with a given number of threads, which sleeps while it is not its turn. The
peers take turns, round after round; a table gives the median over the rounds of each peer's time as a share of the
first one's (torch eager, if it is there) in the same round, which is what holds when others load the machine. With one
thread on a machine that is loaded heavily, ``--clock cpu`` counts the time that the process was given, no other's.

A second table gives compile times (building the step and running it once, less a later run, after another row
was compiled in the same process), and memory: by how much the resident size at its highest during steps exceeds
that before the layer was built, without the pages of libraries. For gradviz that is its graph, its source, the
parameters and the plan's buffers, which are listed too.

    python benchmarks/train_step.py [--rows LSTM,CNN] [--threads 1,2] [--rounds 15] [--clock cpu]

A peer that is not installed (``make bench`` installs them), or needs a C++ compiler that is not there, is left out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from peers.problems import ROWS, Row
from peers.worker import CLOCKS, PEERS, STEPS, Report, work

from gradviz.compiler import blas

SLICE = 0.02
"""About how many seconds a peer works at its turn."""
REST = 0.16
"""Seconds until the threads of the peer before have gone to sleep: OpenBLAS's wait actively for 0.12."""
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NPROC")


def set_environment(threads: int, folder: str) -> None:
    """Set what the next processes start with: threads, and caches that are empty, so that compiling is compiling."""
    os.environ |= dict.fromkeys(POOLS, str(threads))
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    os.environ |= {"TORCHINDUCTOR_CACHE_DIR": folder, "NUMBA_CACHE_DIR": folder, "TORCHINDUCTOR_COMPILE_THREADS": "1"}


class Peer:
    """A peer's process."""

    def __init__(self, name: str, row: Row, clock: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.name, self.row = name, row
        self.connection: Connection
        self.connection, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, name, row.name, SLICE, clock), daemon=True)
        self.process.start()
        other.close()
        self.times: list[float] = []

    def receive(self) -> Any:
        """Return its answer; a text says why there is none."""
        try:
            return self.connection.recv()
        except EOFError:
            return f"{self.name} failed at {self.row.name}"

    def take_turn(self) -> None:
        """Let it train for a moment."""
        time.sleep(REST)
        self.connection.send(True)
        spent = self.receive()
        if isinstance(spent, str):
            raise SystemExit(spent)
        self.times.append(spent)

    def end(self) -> None:
        """Let it go."""
        self.process.terminate()
        self.process.join()
        self.connection.close()


def disagreement(row: Row, found: Report, expected: Report) -> str | None:
    """Say how two runs differ by more than the rounding of float32, or None.

    What is compared is how far the parameters moved: by 1 % of the largest move in an array at most. The moves must be
    large enough for their last place to tell.
    """
    if not np.allclose(found.losses, expected.losses, rtol=1e-4, atol=1e-6):
        return f"losses {found.losses}, not {expected.losses}"
    for name, start in row.problem().parameters.items():
        move = np.abs(expected.parameters[name] - start).max()
        rounding = STEPS * np.spacing(np.abs(start).max())
        assert move > 10 * rounding, f"{name} hardly moves"
        far = np.abs(found.parameters[name] - expected.parameters[name]).max()
        if far > 0.01 * move + rounding:
            return f"{name} differs by {far:.1e}, and moves by {move:.1e}"
    return None


def run(row: Row, names: list[str], rounds: int, clock: str, said: list[str]) -> dict[str, Any] | None:
    """Measure one row; None if nobody takes part. Who is left out, fails or disagrees is told, and not timed."""
    ready: dict[str, Peer] = {}
    reports: dict[str, Report] = {}
    base = None
    try:
        for name in names:
            peer = Peer(name, row, clock)
            report = peer.receive()
            problem = report if isinstance(report, str) else None
            if problem is None and base and report.parameters:
                found = disagreement(row, report, reports[base])
                problem = found and f"{name} disagrees with {base} at {row.name}: {found}"
            if problem:
                peer.end()
                said += [problem] if problem not in said else []
                continue
            ready[name], reports[name] = peer, report
            base = base or (name if report.parameters else None)
        for _ in range(rounds):
            for peer in ready.values():
                peer.take_turn()
        if base is None:
            return None
        peers = {name: figures(peer, reports[name], ready[base]) for name, peer in ready.items()}
    finally:
        for peer in ready.values():
            peer.end()
    return {"row": row.name, "base": base, "peers": peers}


def figures(peer: Peer, report: Report, base: Peer) -> dict[str, Any]:
    """Return what is known about a peer."""
    return {
        "seconds": statistics.median(peer.times),
        "share": statistics.median(own / other for own, other in zip(peer.times, base.times, strict=True)),
        "compile_seconds": report.compile_time,
        "memory_bytes": report.memory,
        "plan_bytes": report.plan,
    }


def table(titles: list[str], lines: list[list[str]]) -> str:
    """Return a table in Markdown, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(titles, *lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]

    def line(cells: list[str]) -> str:
        return f"| {' | '.join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])])} |"

    return "\n".join(map(line, [titles, rule, *lines]))


def number(value: float | None) -> str:
    """Return a number with about two figures; nothing for None."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def show(threads: int, found: list[dict[str, Any]], names: list[str]) -> None:
    """Print both tables."""
    base = found[0]["base"]
    there = [name for name in names if any(name in row["peers"] for row in found)]
    others = [name for name in there if name != base]
    times, costs = [], []
    compiling = [name for name in there if name not in ("torch eager", "NumPy by hand", "products alone")]
    remembering = [name for name in there if name != "products alone"]
    for row in found:
        peers = row["peers"]

        def cells(chosen: list[str], figure: str, unit: float = 1, peers: Any = peers) -> list[str]:
            values = [peers.get(name, {}).get(figure) for name in chosen]
            return [number(None if value is None else value / unit) for value in values]

        times.append([row["row"], number(peers[row["base"]]["seconds"] * 1e6), *cells(others, "share")])
        memory = [*cells(["gradviz"], "plan_bytes", 1e6), *cells(remembering, "memory_bytes", 1e6)]
        costs.append([row["row"], *cells(compiling, "compile_seconds"), *memory])
    print(f"\nTime of a training step, {threads} thread{'s'[: threads > 1]}, as a share of {base}\n")
    print(table(["row", f"{base}: µs", *others], times))
    print(f"\nSeconds to compile, and MB of memory, {threads} thread{'s'[: threads > 1]}\n")
    print(
        table(
            ["row", *(f"{name}: s" for name in compiling), "plan: MB", *(f"{name}: MB" for name in remembering)], costs
        )
    )


def main() -> int:
    """Measure the rows that are asked for; return 1 if somebody failed or disagreed, as an exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="", help="parts of rows' names, with commas between; all rows by default")
    parser.add_argument(
        "--peers", default="", help="parts of peers' names; the first that is there is what others are compared to"
    )
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: a process' own time, of all its threads")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args()
    rows = [row for row in ROWS if any(part.lower() in row.name.lower() for part in options.rows.split(","))]
    names = [name for name in PEERS if any(part.lower() in name.lower() for part in options.peers.split(","))]
    said: list[str] = []
    everything = {}
    products = blas.library()
    print(f"NumPy multiplies with {blas.describe(products) if products else 'a library that is not known'}")
    for threads in map(int, options.threads.split(",")):
        found = []
        with tempfile.TemporaryDirectory() as folder:
            set_environment(threads, folder)
            for row in rows:
                if measured := run(row, names, options.rounds, options.clock, said):
                    found.append(measured)
                    print(f"{row.name} measured", file=sys.stderr)
        if found:
            show(threads, found, names)
        everything[threads] = found
    for line in said:
        print(line, file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1), encoding="utf-8")
    return int(any(" failed at " in line or " disagrees with " in line for line in said))


if __name__ == "__main__":
    sys.exit(main())
