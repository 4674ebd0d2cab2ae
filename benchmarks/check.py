"""Checking derivatives: gradviz.check beside torch.autograd.gradcheck, on the same functions.

The two do not do the same work. gradcheck compares a Jacobian with differences, entry by entry, at one
point; gradviz proves each kind of rule by SymPy, measures every edge, and compares every leaf along a
random direction. They take turns, and the table gives medians and the ratio to gradcheck.

    python benchmarks/check.py [--rounds 3]

Needs torch (``make bench`` installs it); without it only gradviz is timed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import gradviz as gv

RNG = np.random.default_rng(0)
X, W1, W2 = RNG.normal(size=(8, 6)), RNG.normal(size=(6, 5)), RNG.normal(size=(5, 3))


def chain(length: int, x: Any, sin: Callable[[Any], Any]) -> Any:
    """Return a chain of sines and additions."""
    for place in range(length):
        x = sin(x) if place % 2 else x + 0.01
    return x


def gradviz_chain(length: int) -> None:
    """Check the chain; everything must be proved."""
    report = gv.check(chain(length, gv.param("x", 0.3), gv.sin))
    assert report.ok
    assert report.counts["proved"] == length


def torch_chain(length: int) -> None:
    """Check the chain by torch."""
    import torch

    x = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: chain(length, x, torch.sin), (x,))


def gradviz_network(_: int) -> None:
    """Check a two-layer network with softmax loss."""
    leaves = gv.data("X", X), gv.param("W1", W1), gv.param("W2", W2)
    logits = gv.tanh(leaves[0] @ leaves[1]) @ leaves[2]
    assert gv.check(-gv.mean(gv.log_softmax(logits, axis=1)[:, 1])).ok


def torch_network(_: int) -> None:
    """Check the same network by torch."""
    import torch

    leaves = tuple(torch.tensor(value, requires_grad=True) for value in (X, W1, W2))
    assert torch.autograd.gradcheck(
        lambda x, w1, w2: -torch.log_softmax(torch.tanh(x @ w1) @ w2, 1)[:, 1].mean(), leaves
    )


CASES = [
    ("chain of 1,000", 1_000, gradviz_chain, torch_chain),
    ("chain of 10,000", 10_000, gradviz_chain, torch_chain),
    ("two-layer network", 0, gradviz_network, torch_network),
]


def timed(function: Callable[[int], None], size: int) -> float:
    """Return the seconds of one run."""
    start = time.perf_counter()
    function(size)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    peers = 2 if find_spec("torch") else 1
    print(f"{'':20}{'gradviz':>10}{'gradcheck':>12}{'ratio':>8}")
    for name, size, *functions in CASES:
        taken: list[list[float]] = [[] for _ in range(peers)]
        for _ in range(rounds):
            for times, function in zip(taken, functions, strict=False):
                times.append(timed(function, size))
        medians = [statistics.median(times) for times in taken]
        line = f"{name:20}{medians[0]:>9.2f}s"
        if peers == 2:
            line += f"{medians[1]:>11.2f}s{medians[0] / medians[1]:>8.2f}"
        print(line)
    start = time.perf_counter()
    gradviz_chain(100_000)
    print(f"{'chain of 100,000':20}{time.perf_counter() - start:>9.2f}s")


if __name__ == "__main__":
    main()
