"""Random graphs over all primitives: gradviz, autograd and central differences agree in every one."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from peers import REDUCTIONS, attrs_of, log_softmax, peer

import gradviz as gv
from gradviz.core.primitive import REGISTRY
from gradviz.namespaces import numpy as xp

ELEMENTWISE = sorted(name for name, op in REGISTRY.items() if op.elementwise and hasattr(gv, name))
SHAPES = [(), (3,), (2, 3), (2, 1)]
RESHAPING = {
    "reshape": (lambda x: gv.reshape(x, -1), lambda x: anp.reshape(x, (-1,))),
    "transpose": (gv.transpose, anp.transpose),
    "flip": (gv.flip, lambda x: x[tuple([slice(None, None, -1)] * x.ndim)]),
    "expand_dims": (lambda x: gv.expand_dims(x, 0), lambda x: anp.expand_dims(x, 0)),
    "squeeze": (lambda x: gv.squeeze(gv.expand_dims(x, 0), 0), lambda x: x),
    "broadcast_to": (lambda x: gv.broadcast_to(x, (2, *x.shape)), lambda x: x * anp.ones((2, *x.shape))),
    "concatenate": (lambda x: gv.concatenate([x, x * x], 0), lambda x: anp.concatenate([x, x * x], 0)),
    "stack": (lambda x: gv.stack([x, x], 0), lambda x: anp.stack([x, x], 0)),
    "pad": (lambda x: gv.pad(x, 1), lambda x: anp.pad(x, 1, mode="constant")),
    "getitem": (lambda x: x[[0, -1, 0]], lambda x: x[np.array([0, -1, 0])]),
    "softmax": (lambda x: gv.softmax(x, -1), lambda x: anp.exp(log_softmax(x, -1))),
    "log_softmax": (lambda x: gv.log_softmax(x, -1), lambda x: log_softmax(x, -1)),
    "cumsum": (lambda x: gv.cumsum(x, 0), lambda x: anp.cumsum(x, 0)),
    "outer": (
        lambda x: gv.outer(gv.reshape(x, -1), gv.reshape(x, -1)),
        lambda x: anp.outer(anp.reshape(x, (-1,)), anp.reshape(x, (-1,))),
    ),
    "matmul": (lambda x: x @ x.T, lambda x: anp.matmul(x, x.T)),
    "einsum": (lambda x: gv.einsum("...i,...i->...", x, x), lambda x: anp.einsum("...i,...i->...", x, x)),
}
NEEDS_AXES = {"concatenate", "pad", "getitem", "softmax", "log_softmax", "cumsum", "matmul", "einsum"}


def squash(low, high):
    """Two functions of the same formula that lead into an interval: for handles and for autograd's arrays."""
    if np.isfinite(low) and np.isfinite(high):
        middle, half = (low + high) / 2, (high - low) / 2 * 0.9
        return lambda x: middle + half * gv.tanh(x), lambda x: middle + half * anp.tanh(x)
    if np.isfinite(low):
        return lambda x: low + 0.1 + gv.exp(gv.sin(x)), lambda x: low + 0.1 + anp.exp(anp.sin(x))
    return lambda x: 2 * gv.tanh(x), lambda x: 2 * anp.tanh(x)


@st.composite
def programs(draw):
    """A list of steps, each a name and the places of its arguments among the leaves and earlier results."""
    leaves = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    steps = []
    for place in range(draw(st.integers(1, 7))):
        name = draw(st.sampled_from([*ELEMENTWISE, *ELEMENTWISE, *REDUCTIONS, *RESHAPING]))
        several = len(REGISTRY[name].partials) if name in ELEMENTWISE else 1
        count = len(leaves) + place
        steps.append((name, [draw(st.integers(0, count - 1)) for _ in range(several)]))
    return leaves, steps, draw(st.integers(0, 2**16))


def run(steps, leaves, ours):
    """Run the steps on handles (ours) or arrays; a step whose shapes do not fit is left out, in both alike."""
    made = list(leaves)
    for name, places in steps:
        args = [made[place] for place in places]
        if name in ELEMENTWISE:
            op = REGISTRY[name]
            domain = op.domain or ((-np.inf, np.inf),) * len(args)
            args = [squash(*interval)[0 if ours else 1](arg) for arg, interval in zip(args, domain, strict=True)]
            try:
                np.broadcast_shapes(*(arg.shape for arg in args))
            except ValueError:
                made.append(made[-1])
                continue
            if name == "where":
                args[0] = args[0] > 0.1
            attrs = attrs_of(name)
            made.append(getattr(gv, name)(*args, **attrs) if ours else peer(name)(*args))
        elif name in REDUCTIONS:
            made.append(getattr(gv, name)(args[0]) if ours else REDUCTIONS[name](args[0]))
        elif len(args[0].shape) == 0 and name in NEEDS_AXES:
            made.append(args[0])
        else:
            made.append(RESHAPING[name][0 if ours else 1](args[0]))
    return made


def total(made, leaves, ours):
    """The sum of what the steps have made, so that every one counts, kept small."""
    tanh, add = (gv.tanh, gv.sum) if ours else (anp.tanh, anp.sum)
    return sum((add(tanh(one)) for one in made[leaves:]), 0.0)


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
@settings(max_examples=100)
@given(programs())
def test_three_opinions_on_random_graphs(program):
    shapes, steps, seed = program
    source = np.random.default_rng(seed)
    values = [np.asarray(source.uniform(-1.5, 1.5, shape)) for shape in shapes]
    leaves = [gv.param(f"x{place}", value) for place, value in enumerate(values)]
    graph = gv.graph(total(run(steps, leaves, ours=True), len(leaves), ours=True))
    found = gv.backprop(graph)
    assume(np.isfinite(found.output) and abs(found.output) < 1e6)
    for index, row in enumerate(graph.rows):  # at a kink the three have three conventions
        if row.op.kink is not None:
            distance = row.op.kink(xp, *(found.forward[arg] for arg in graph.args[index]), **row.attrs)
            assume(np.all(np.abs(distance) > 1e-4))
    event(f"{len(graph)} nodes")

    def function(*arrays):
        return total(run(steps, arrays, ours=False), len(arrays), ours=False)

    np.testing.assert_allclose(found.output, function(*values), rtol=1e-9, atol=1e-9)
    for place in range(len(values)):
        if f"x{place}" not in found.grad:
            continue
        expected = autograd.grad(function, place)(*values)
        size = max(1.0, float(np.max(np.abs(expected), initial=0)))
        np.testing.assert_allclose(found.grad[f"x{place}"], expected, rtol=1e-7, atol=1e-8 * size)
    report = gv.check(graph, seconds=0.3)
    assert report.ok, report.to_markdown()
    assert "agree" in {row.verdict for row in report.leaves} or not report.leaves, report.to_markdown()
