"""The layers as torch computes them: the second opinion on outputs and gradients of whole layers, plain and compiled.

torch is large; without it the tests that use it are skipped.
"""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as gv

TOLERANCE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 1e-5, "atol": 1e-5}}


def need_torch():
    """Return torch; skip the whole file where it is not installed."""
    try:
        import torch
    except ImportError:
        pytest.skip("torch is not installed here (pip install torch==2.13.0)", allow_module_level=True)
    torch.set_num_threads(1)
    return torch


def draw(*shape, seed=1):
    """Return an array of random numbers."""
    return np.random.default_rng(seed).normal(size=shape)


def gradients(outputs, at, dtype="float64", seed=0):
    """Return the values of nodes, and the gradients of Σ cotangent · output by the leaves of these names."""
    graph = gv.graph(**{f"output{place}": node for place, node in enumerate(outputs)})
    kinds = {leaf.path: leaf.dtype for leaf in graph.leaves}
    given = {name: np.asarray(value, kinds[name]) for name, value in at.items()}
    found = [gv.evaluate(graph, given).forward[name] for name in graph.outputs]
    wrt = [name for name in given if kinds[name].kind == "f"]
    total = {name: np.zeros(np.shape(given[name])) for name in wrt}
    for place, value in enumerate(found):
        if not np.size(value):
            continue
        back = gv.backprop(graph, given, wrt=wrt, output=f"output{place}", seed=cotangent(value.shape, place + seed))
        for name in wrt:
            if name in back.grad:  # there is a path to it
                total[name] = total[name] + back.grad[name]
    assert all(value.dtype == dtype for value in found), [value.dtype for value in found]
    return found, total


def cotangent(shape, seed):
    """What an output is multiplied with before everything is summed."""
    return np.random.default_rng((99, seed)).normal(size=shape)


def compiled(outputs, at, dtype="float64"):
    """Return the same as `gradients`, by the layer that the graph is compiled to."""
    total = gv.constant(0.0, dtype)
    for place, node in enumerate(outputs):
        total = total + gv.sum(node * gv.constant(cotangent(node.shape, place), dtype))
    graph = gv.graph(loss=total, **{f"output{place}": node for place, node in enumerate(outputs)})
    wrt = [leaf.path for leaf in graph.leaves if leaf.path in at and leaf.dtype.kind == "f"]
    layer = gv.compile(graph, dtype=dtype, wrt=wrt)
    for name in layer.parameters.keys() & at.keys():
        layer.parameters[name][...] = at[name]
    given = {name: np.asarray(at[name], kind) for name, kind in layer.input_dtypes.items() if name in at}
    found = layer(**given)
    _, slopes = layer.value_and_grad(**given)
    assert all(one.dtype == dtype for one in slopes.values())
    return [found[f"output{place}"] for place in range(len(outputs))], slopes


def agree(outputs, at, function, dtype="float64"):
    """Assert that nodes, the layer compiled of them and a function of torch tensors have the same values and gradients.

    Args:
        outputs: nodes.
        at: values of the leaves that are compared, by path.
        function: takes a dict of tensors by path, and returns as many tensors.
        dtype: of the leaves.
    """
    import torch

    found, slopes = gradients(outputs, at, dtype)
    tensors = {}
    for name, value in at.items():
        array = np.array(value)
        tensors[name] = torch.tensor(array if array.dtype.kind in "iub" else array.astype(dtype))
        tensors[name].requires_grad_(name in slopes)
    expected = function(tensors)
    assert len(expected) == len(found)
    total = sum(
        torch.sum(one * torch.tensor(cotangent(tuple(one.shape), place).astype(dtype)))
        for place, one in enumerate(expected)
    )
    if total.requires_grad:
        total.backward()
    values = [one.detach().numpy() for one in expected]
    wanted = {
        name: np.zeros(slope.shape) if tensors[name].grad is None else tensors[name].grad.numpy()
        for name, slope in slopes.items()
    }
    same("evaluated", found, slopes, values, wanted, TOLERANCE[dtype])
    same("compiled", *compiled(outputs, at, dtype), values, wanted, TOLERANCE[dtype])


def same(what, found, slopes, expected, wanted, tolerance):
    """Assert that values are as expected, and all gradients as wanted."""
    for place, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(ours, theirs, err_msg=f"{what}: output {place}", **tolerance)
    assert slopes.keys() <= wanted.keys()
    for name, theirs in wanted.items():
        if name in slopes:
            scale = tolerance | {"atol": tolerance["atol"] * max(1.0, np.abs(theirs).max(initial=0))}
            np.testing.assert_allclose(slopes[name], theirs, err_msg=f"{what}: gradient of {name}", **scale)
        else:
            assert not theirs.any(), name  # a leaf that nothing depends on


def leaf(name, value, dtype="float64"):
    """Make a data leaf of a dtype."""
    return gv.data(name, np.asarray(value, dtype))


def parameters(*outputs):
    """Return the values of all leaves that outputs depend on, by path."""
    graph = gv.graph(**{f"output{place}": node for place, node in enumerate(outputs)})
    return {
        one.path: np.array(graph.constants[one.id]) for one in graph.leaves if one.name and one.op.name != "constant"
    }
