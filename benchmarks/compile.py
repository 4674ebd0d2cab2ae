"""Compiling layers: what it costs for the LSTM cell, for deeper and deeper stacks, and for longer and longer loops.

Compiling is all from a graph to the end of its first training step: gradients, the plan, the source, and Python's own
compilation of that. The graph itself is built before. Figures are medians over rounds, in which the sizes take turns,
of the time that the process was given; what others take of a loaded machine does not count.

- The LSTM cell (64 inputs, 64 units, one step, batch 32), in a fresh process each time, whose first layer it is.
- A stack of n dense layers of 32 units, n = 10 … 80: linear, if the milliseconds a layer stay the same.
- An LSTM over 10 … 10,000 steps: constant, if a loop stays a loop.

    python benchmarks/compile.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import gradviz as gv
from gradviz import nn

BATCH = 32
Inputs = dict[str, np.ndarray]


def lstm_cell() -> tuple[Any, Inputs]:
    """Return the graph of one step, with the squared distance of its output."""
    x, h, C, y = (gv.data(name, shape=64) for name in ("x", "h", "C", "y"))
    out, _ = nn.lstm_cell(x, h, C)
    return gv.graph(loss=gv.sum(gv.square(out - y))), {name: np.ones((BATCH, 64)) for name in ("x", "h", "C", "y")}


def stack(depth: int) -> tuple[Any, Inputs]:
    """Return the graph of dense layers on top of one another."""
    x, y = gv.data("x", shape=32), gv.data("y", shape=32)
    for layer in range(depth):
        x = nn.dense(x, 32, activation="tanh", name=f"layer{layer}", seed=layer)
    return gv.graph(loss=gv.sum(gv.square(x - y))), {name: np.ones((BATCH, 32)) for name in "xy"}


def loop(steps: int) -> tuple[Any, Inputs]:
    """Return the graph of an LSTM over so many steps."""
    x, y = gv.data("x", shape=(steps, 8)), gv.data("y", shape=8)
    outputs, _ = nn.recurrent(x, "lstm", hidden=8)
    loss = gv.sum(gv.square(outputs[-1] - y))
    return gv.graph(loss=loss), {"x": np.ones((1, steps, 8)), "y": np.ones((1, 8))}


def seconds(made: tuple[Any, Inputs]) -> tuple[float, int]:
    """Return the seconds to compile, and the lines of the layer's source: of outputs, of gradients and of a step."""
    graph, inputs = made
    start = time.process_time()
    layer = gv.compile(graph, batch=len(inputs["y"]), dtype=np.float32)
    layer.step(0.0, **inputs)
    first = time.process_time() - start
    start = time.process_time()
    layer.step(0.0, **inputs)
    return first - (time.process_time() - start), layer.source.count("\n")


def in_fresh_process() -> float:
    """Return the seconds for the LSTM cell in a new process."""
    code = f"import runpy; print(runpy.run_path({__file__!r})['first_of_all']())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(answer.stdout)


def first_of_all() -> float:
    """Return the seconds for the LSTM cell, which nothing was compiled before."""
    return seconds(lstm_cell())[0]


def show(
    title: str, unit: str, build: Callable[[int], tuple[Any, Inputs]], sizes: tuple[int, ...], rounds: int
) -> None:
    """Print a line for each size."""
    graphs = {size: build(size) for size in sizes}
    times: dict[int, list[float]] = {size: [] for size in sizes}
    lines = {}
    for _ in range(rounds):
        for size, made in graphs.items():
            spent, lines[size] = seconds(made)
            times[size].append(spent)
    print(f"\n| {title} | ms | µs a {unit} | lines of source |\n| ---: | ---: | ---: | ---: |")
    for size, found in times.items():
        median = statistics.median(found)
        print(f"| {size:,} | {median * 1e3:.0f} | {median / size * 1e6:,.0f} | {lines[size]:,} |")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cold = [in_fresh_process() for _ in range(options.rounds)]
    warm = [seconds(lstm_cell())[0] for _ in range(options.rounds)]
    for name, found in (("the first layer of a process", cold), ("not the first", warm)):
        print(f"LSTM cell, {name}: {statistics.median(found) * 1e3:.0f} ms ({min(found) * 1e3:.0f} at best)")
    show("dense layers", "layer", stack, (10, 20, 40, 80), options.rounds)
    show("steps of a loop", "step", loop, (10, 100, 1_000, 10_000), options.rounds)


if __name__ == "__main__":
    main()
