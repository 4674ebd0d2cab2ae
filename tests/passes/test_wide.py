"""Graphs of many numbers: the runs of one operation that they begin with, on arrays, are what the rules say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.core.arguments import MANY
from gradviz.passes import wide
from gradviz.passes.wide import find_beginning

EXACT = {
    "multiply": 2,
    "add": 2,
    "subtract": 2,
    "negative": 1,
    "divide": 2,
    "abs": 1,
    "relu": 1,
    "maximum": 2,
    "minimum": 2,
    "greater": 2,
    "where": 3,
}
"""Python and NumPy compute these alike, to the bit: so they also agree on which side of a kink a value is."""
SMOOTH = {"multiply": 2, "tanh": 1, "sigmoid": 1, "exp": 1, "log": 1, "sin": 1, "softplus": 1, "hypot": 2, "sqrt": 1}
VALUES = (0.0, 0.5, -0.5, 1.0, -1.0, 0.75, 2.0, -3.0, 1000.0)
KINDS = ("independent", "same", "next", "chain", "leaves")
"""How the nodes of a run choose their arguments."""


@pytest.fixture(scope="module", autouse=True)
def in_small_graphs():
    """Let graphs have a wide beginning for which the loop is quick enough: they are as good a test, and sooner made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "MANY", 100)
        yield


@st.composite
def programs(draw, functions):
    """Runs of nodes, the first a wide one: an operation, how many, how they choose; and how many leaves before them."""
    names = st.sampled_from(sorted(functions))
    wide = draw(st.tuples(names, st.sampled_from([100, 101, 250]), st.sampled_from(KINDS[:2])))
    runs = st.tuples(names, st.sampled_from([1, 40, 100, 101, 250]), st.sampled_from(KINDS))
    return draw(st.integers(1, 150)), [wide, *draw(st.lists(runs, max_size=4))], draw(st.integers(0, 2**16))


def build(program, functions, values):
    count, runs, seed = program
    source = np.random.default_rng(seed)
    made = [gv.param(f"x{place}", float(source.choice(values))) for place in range(count)]
    for name, length, kind in runs:
        start = len(made)
        for place in range(length):
            if kind == "leaves":
                made.append(gv.data(f"y{len(made)}", float(source.choice(values))))
                continue
            choice = {
                "independent": lambda start=start: source.integers(start),  # any that stands before the run
                "same": lambda: 0,  # x·x, and everything adds to one adjoint
                "next": lambda start=start, place=place: (start + place) // 2,  # the run needs itself halfway
                "chain": lambda: len(made) - 1,
            }[kind]
            made.append(getattr(gv, name)(*[made[choice()] for _ in range(functions[name])]))
    total = made[-1]
    for other in source.permutation(len(made))[: source.choice([5, len(made)])]:  # all of them, or few are needed
        total = total + made[other]
    return gv.graph(total)


def largest(values):
    return max([abs(value) for value in values.values() if np.isfinite(value)], default=0.0)


def assume_tame(graph):
    """Leave out graphs where the order of a sum decides whether it overflows."""
    values = gv.backprop(graph, seed=1.0)
    assume(max(largest(values.forward), largest(values.backward)) < 1e100)
    event(f"on arrays in part: {isinstance(gv.backprop(graph).backward._values, np.ndarray)}")


def compare(graph, exact):
    """Compare the sweep with the rules on arrays, node by node; a seed asks for these."""
    swept, ruled = gv.backprop(graph), gv.backprop(graph, seed=1.0)
    for index in ruled.forward:
        np.testing.assert_allclose(swept.forward[index], ruled.forward[index], rtol=0 if exact else 1e-9)
    size = largest(ruled.backward)
    for index in ruled.backward:
        np.testing.assert_allclose(swept.backward[index], ruled.backward[index], rtol=1e-7, atol=1e-9 * size)
    assert set(swept.backward) >= set(ruled.backward)
    assert gv.evaluate(graph).output.tobytes() == swept.output.tobytes()
    again = gv.backprop(graph)
    assert [value.tobytes() for value in again.backward.values()] == [v.tobytes() for v in swept.backward.values()]


@settings(max_examples=60, deadline=None)
@given(programs(EXACT))
def test_runs_with_kinks_and_infinities(program):
    graph = build(program, EXACT, VALUES)
    assume_tame(graph)
    compare(graph, exact=True)


@settings(max_examples=60, deadline=None)
@given(programs(SMOOTH))
def test_runs_of_smooth_functions(program):
    graph = build(program, SMOOTH, np.linspace(0.1, 1.5, 20))
    assume_tame(graph)
    compare(graph, exact=False)


def test_where_the_wide_beginning_ends():
    x = [gv.param(f"x{place}", 0.5) for place in range(200)]
    products = [a * b for a, b in zip(x, reversed(x), strict=True)]
    y = [gv.data(f"y{place}", 1.0) for place in range(200)]
    errors = [a - b for a, b in zip(products, y, strict=True)]
    total = gv.tanh(errors[0])
    for error in errors[1:]:
        total = total + error
    graph = gv.graph(total)
    found = find_beginning(graph.rows, graph.arguments, graph.leaf_ids)
    assert (found.end, found.leaves, len(found.runs)) == (800, 400, 2)
    chain = x[0]
    for other in x:
        chain = chain * other
    graph = gv.graph(chain)
    assert find_beginning(graph.rows, graph.arguments, graph.leaf_ids) is None


def test_small_graphs_are_the_loop_s(monkeypatch):
    monkeypatch.setattr(wide, "MANY", MANY)
    for count, wide_enough in ((MANY // 2 - 100, False), (MANY // 2 + 100, True)):
        x = [gv.param(f"x{place}", 0.5) for place in range(count)]
        graph = gv.graph(gv.sum(gv.stack([gv.exp(a) for a in x])))
        assert (find_beginning(graph.rows, graph.arguments, graph.leaf_ids) is not None) is wide_enough


def test_a_third_argument_from_the_wide_beginning():
    x = [gv.param(f"x{place}", 0.5 + place) for place in range(120)]
    total, *squares = [a * a for a in x]
    for square in squares:
        total = total + square
    compare(gv.graph(gv.where(total < 1, total, x[0])), exact=True)  # alone needs a value as far down


@pytest.mark.parametrize("scoped", [False, True])
def test_rows_of_several_scopes_are_one_run(scoped):
    x = [gv.param(f"x{place}", 0.5) for place in range(120)]
    half = [gv.leaky_relu(a) for a in x[:60]]
    with gv.scope("part" if scoped else "other"):
        half += [gv.leaky_relu(a) for a in x[60:]]
    total = half[0]
    for one in half[1:]:
        total = total * one
    compare(gv.graph(total), exact=False)


def test_an_overflow_beside_the_wide_beginning():
    x = [gv.param(f"x{place}", float(place)) for place in range(1000)]
    waves = [gv.exp(a) for a in x]
    total = gv.exp(waves[10])  # Python raises here, on arrays it is inf
    for one in waves[:5]:
        total = total * one
    compare(gv.graph(total), exact=False)
    total = waves[0]
    for one in waves[1:]:
        total = total + one
    values = gv.backprop(total)
    assert values.output == np.inf
    assert values.grad["x3"] == pytest.approx(np.exp(3.0))
    assert values.grad["x999"] == np.inf
    assert values.first_nonfinite == "node 1710 (exp) is the first to hold inf"
