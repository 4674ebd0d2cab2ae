"""Build, forward and backward of scalar graphs: gradviz beside micrograd, autograd and torch.

Every library gets the same graph: a tenth of the nodes are leaves, the rest products of two leaves and
a balanced sum of them, so that no library's recursion limit is in the way. Results must agree before
anything is timed. The libraries take turns, in another order every round. A turn repeats the run until 20 ms
are over, and counts their median: the first run of a millisecond is largely the time to fetch from memory what the
library before it threw out of the processor's caches. The table gives medians over the turns and the ratio to
micrograd, which is what holds when the machine's speed drifts. Each run includes the collection of its own
garbage (what was imported before is frozen), so that no library pays for another's cycles.

The script that builds the graph takes time of its own, whatever its leaves are. It is measured on Python's floats, and
a second ratio is of what the libraries add to it.

    python benchmarks/tape.py [--sizes 1000,10000,100000] [--rounds 9]

Needs micrograd, autograd and torch (``make bench`` installs them); one that is missing is left out.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gradviz as gv


@lru_cache
def places(size: int) -> list[tuple[int, int]]:
    """Return which two leaves each product is of: worked out before the clock runs."""
    count = size // 10
    return [(index % count, (index * 7 + 1) % count) for index in range(size * 9 // 20)]


def build(size: int, leaf: Callable[[int, float], Any]) -> tuple[Any, list[Any]]:
    """Return the root and the leaves of a graph of about ``size`` scalar nodes."""
    leaves = [leaf(index, 0.1 + index % 7 * 0.1) for index in range(size // 10)]
    terms = [leaves[one] * leaves[other] for one, other in places(size)]
    while len(terms) > 1:
        odd = terms[-1:] if len(terms) % 2 else []
        terms = [one + other for one, other in zip(terms[::2], terms[1::2], strict=False)] + odd
    return terms[0], leaves


def with_gradviz(size: int) -> tuple[float, float]:
    """Build with handles, freeze, backpropagate."""
    root, _ = build(size, lambda index, value: gv.param(f"x{index}", value))
    values = gv.backprop(root)
    return float(values.output), float(values.backward["x0"])


def with_micrograd(size: int) -> tuple[float, float]:
    """Run micrograd's Value."""
    from micrograd.engine import Value

    root, leaves = build(size, lambda index, value: Value(value))
    root.backward()
    return root.data, leaves[0].grad


def with_torch(size: int) -> tuple[float, float]:
    """Run torch's tensors of one number."""
    import torch

    root, leaves = build(size, lambda index, value: torch.tensor(value, dtype=torch.float64, requires_grad=True))
    root.backward()
    return root.item(), leaves[0].grad.item()


def on_floats(size: int) -> float:
    """Run the script on Python's floats: no graph, no gradient."""
    root: float = build(size, lambda index, value: value)[0]
    return root


def with_autograd(size: int) -> tuple[float, float]:
    """Run HIPS autograd over the list of leaves."""
    from autograd import value_and_grad

    build_values = [0.1 + index % 7 * 0.1 for index in range(size // 10)]

    def total(values: list[float]) -> Any:
        return build(size, lambda index, value: values[index])[0]

    value, gradient = value_and_grad(total)(build_values)
    return float(value), float(gradient[0])


LARGEST = {"autograd": 1000}
"""autograd takes over a minute for ten times as much: gradients of a list of leaves cost it n² here."""

TURN = 0.02
"""So many seconds a library runs before the next one does."""

PEERS = {"gradviz": with_gradviz, "micrograd": with_micrograd, "autograd": with_autograd, "torch": with_torch}


def turn(run: Callable[[int], Any], size: int) -> float:
    """Return the seconds that a run takes, garbage included: the median over a turn."""
    start = now = time.perf_counter()
    runs = []
    while now - start < TURN:
        before = now
        run(size)
        gc.collect()
        now = time.perf_counter()
        runs.append(now - before)
    return statistics.median(runs)


def available(names: dict[str, Callable[[int], Any]]) -> dict[str, Callable[[int], Any]]:
    """Leave out the libraries that are not installed."""
    found = {}
    for name, run in names.items():
        try:
            run(100)
            found[name] = run
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def main() -> None:
    """Print a table: medians in milliseconds, and each as a share of micrograd's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    sys.setrecursionlimit(1_000_000)
    libraries = available(PEERS)
    print(f"{'nodes':>8} {'library':<10} {'median ms':>10} {'of micrograd':>13} {'less the script':>16}")
    for size in map(int, options.sizes.split(",")):
        expected = with_gradviz(size)
        chosen = {name: run for name, run in libraries.items() if size <= LARGEST.get(name, size)}
        for name, run in chosen.items():
            found = run(size)
            close = all(abs(a - b) <= 1e-9 * abs(b) for a, b in zip(found, expected, strict=True))
            assert close, f"{name} disagrees: {found} against {expected}"
        gc.collect()
        gc.freeze()
        runs = {**chosen, "the script": on_floats}
        times: dict[str, list[float]] = {name: [] for name in runs}
        order = random.Random(0)
        for _ in range(options.rounds):
            for name, run in order.sample(list(runs.items()), len(runs)):
                times[name].append(turn(run, size))
        medians = {name: statistics.median(found) for name, found in times.items()}
        for name, median in medians.items():
            shares = f"{'':13} {'':16}"
            if "micrograd" in medians:
                peer, script = medians["micrograd"], medians["the script"]
                shares = f"{median / peer:13.2f} {(median - script) / (peer - script):16.2f}"
            print(f"{size:>8} {name:<10} {median * 1e3:>10.2f} {shares}")


if __name__ == "__main__":
    main()
