"""A peer in a process of its own: its BLAS pool, its compile time, its memory, and steps when it is its turn.

The parent starts one such process for each peer and row. Peers never share a process: the threads of one library
keep spinning for a while after their work is done, and would take the cores from the next. A peer that waits
for its turn sleeps in ``recv``.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from peers.problems import ROWS, Arrays, LeftOut, Row, Stepper, hinge

PEERS = {
    "torch eager": ("with_torch", "eager"),
    "gradviz": ("with_gradviz", "compiled"),
    "gradviz, Numba": ("with_gradviz", "with_numba"),
    "torch.compile": ("with_torch", "compiled"),
    "jax.jit": ("with_jax", "jitted"),
    "NumPy by hand": ("with_numpy", "written"),
    "Numba by hand": ("with_numba", "compiled"),
    "products alone": ("with_numpy", "products"),
}
"""The module of each peer, and its function in there."""
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
STEPS = 5
"""So many steps are compared."""
WARM_UP = Row("warm-up", "hinge", hinge, {"features": 300})
"""What is run before, so that neither the import of a compiler nor its first use counts for the row itself."""


@dataclass(frozen=True)
class Report:
    """What a peer says before its steps are timed.

    Attributes:
        losses: of the first steps.
        parameters: after them; empty for what trains nothing.
        compile_time: of building and the first step, less a later step, in seconds.
        memory: what the process grew by at the highest, during steps, since before it was built, in bytes; None
            where the system does not tell.
        plan: the bytes of buffers in gradviz's plan.
    """

    losses: list[float]
    parameters: Arrays
    compile_time: float
    memory: int | None
    plan: int | None


def work(connection: Connection, peer: str, row: str, seconds: float, clock: str) -> None:
    """Report, then time some steps at each request, until there is none."""
    try:
        module, function = PEERS[peer]
        builder: Any = getattr(import_module(f"peers.{module}"), function)
        warm_up(builder)
        stepper, report = build(builder, next(one for one in ROWS if one.name == row))
    except (ImportError, LeftOut) as error:
        connection.send(f"{peer} is left out: {error}")
        return
    connection.send(report)
    count = max(1, int(seconds / min(timed(stepper, 1) for _ in range(3))))
    count = max(1, int(seconds / timed(stepper, count)))
    while connection.recv():
        stepper()
        connection.send(timed(stepper, count, CLOCKS[clock]))


def warm_up(builder: Any) -> None:
    """Load all code; a peer that does not have this row has none to load."""
    try:
        builder(WARM_UP.family, WARM_UP.problem())()
    except LeftOut:
        return


def build(builder: Any, row: Row) -> tuple[Stepper, Report]:
    """Build a peer, and train its first steps."""
    problem = row.problem()
    tidy()
    before = resident()
    start = time.perf_counter()
    stepper: Stepper = builder(row.family, problem)
    losses = [stepper()]
    first = time.perf_counter() - start
    tidy()
    forget_peak()
    later = []
    for _ in range(STEPS - 1):
        begin = time.perf_counter()
        losses.append(stepper())
        later.append(time.perf_counter() - begin)
    memory = None if before is None else peak_since(before)
    plan = stepper.plan_memory() if stepper.plan_memory else None
    return stepper, Report(losses, stepper.parameters(), first - float(np.median(later)), memory, plan)


def timed(stepper: Stepper, count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of a step, of so many in a row."""
    step, x, y = stepper.step, stepper.x, stepper.y
    start = clock()
    for _ in range(count):
        step(x, y)
    return (clock() - start) / count


def tidy() -> None:
    """Give free memory back to the system, where the C library can."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)


def status() -> dict[str, int]:
    """Return what Linux says about this process' memory, in bytes; nothing elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}


def resident() -> dict[str, int] | None:
    """Return the memory now, or None where it is not known."""
    now = status()
    return now if {"VmRSS", "VmHWM", "RssFile"} <= now.keys() else None


def forget_peak() -> None:
    """Let the peak start again from now; a system that does not allow it shows the peak of compiling too."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def peak_since(before: dict[str, int]) -> int:
    """Return the growth to the peak, without the pages of code and other files that were looked at meanwhile."""
    now = status()
    return max(0, (now["VmHWM"] - before["VmRSS"]) - (now["RssFile"] - before["RssFile"]))
