"""Layers of compiled loops compute what those of NumPy calls compute."""

import numpy as np
import pytest
from cases import cases, choose

import gradviz as gv

numba = pytest.importorskip("numba", reason='numba is not installed here (pip install "gradviz[numba]")')
pytest.importorskip("scipy", reason='scipy is not installed here (pip install "gradviz[numba]")')

RNG = np.random.default_rng(0)


@pytest.fixture
def interpreted(monkeypatch):
    """Let the printed loops run as Python, which needs no compiling."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)


def graph_of(case):
    args = [gv.param(f"p{place}", RNG.uniform(0.2, 0.8, shape)) for place, shape in enumerate(case.shapes)]
    for place, indices in choose(case, RNG).items():
        args[place] = gv.constant(indices, dtype=int)
    return gv.graph(y=case.op(*args, **case.attrs))


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("case", [case for case in cases() if case.op.name != "arccosh"], ids=str)
def test_every_primitive_is_a_loop_with_its_derivative(case):
    graph = graph_of(case)
    loops, calls = gv.compile(graph, backend="numba"), gv.compile(graph)
    seed = RNG.normal(size=graph.rows[graph.outputs["y"]].shape)
    np.testing.assert_allclose(loops(), calls(), rtol=1e-12, atol=1e-14)
    expected = calls.backward(seed)
    for name, gradient in loops.backward(seed).items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-10, atol=1e-12)
