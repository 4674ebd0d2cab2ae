"""Compiled layers of batches of changing sizes, and of none, have the outputs and all gradients that torch has."""

from pathlib import Path

import numpy as np
import pytest
from torch_peer import TOLERANCE, cotangent, need_torch, same

import gradviz as gv

torch = need_torch()

from layer_table import FAMILIES  # noqa: E402 - it needs torch

PARAMETRIZED = [name for name in FAMILIES if name != "saturated_sequences"]


def build(family, dtype):
    """Compile a family's outputs, with their sum as the loss; all parameters have other values than 0."""
    rng = np.random.default_rng(7)
    kinds = {name: int if name == "label" else dtype for name in family.shapes}
    nodes = family.ours(
        **{name: gv.data(name, shape=shape, dtype=kinds[name]) for name, shape in family.shapes.items()}
    )
    loss = sum((gv.sum(one * gv.constant(cotangent(one.shape, k), dtype)) for k, one in enumerate(nodes)), 0.0)
    graph = gv.graph(loss=loss, **{f"output{place}": one for place, one in enumerate(nodes)})
    wrt = [leaf.path for leaf in graph.leaves if leaf.op.name != "constant" and leaf.dtype.kind == "f"]
    layer = gv.compile(graph, batch=3, dtype=dtype, wrt=wrt)
    for array in layer.parameters.values():
        array[...] += family.spread * rng.normal(size=array.shape)
    return layer


def draw(layer, size, seed=8):
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(6, size=(size, *shape)) if name == "label" else rng.normal(size=(size, *shape))
        for name, shape in layer.inputs.items()
    }


def of_torch(family, layer, given, dtype):
    """Return the outputs, the loss and its gradients, sample by sample."""
    kinds = {name: kind if kind.kind == "i" else np.dtype(dtype) for name, kind in layer.input_dtypes.items()}
    arrays = {name: np.asarray(one, kinds.get(name, dtype)) for name, one in (layer.parameters | given).items()}
    t = {name: torch.tensor(one, requires_grad=one.dtype.kind == "f") for name, one in arrays.items()}
    size = len(next(iter(given.values())))
    each = [family.theirs(t | {name: t[name][place] for name in given}) for place in range(size)]
    loss = sum(
        torch.sum(one * torch.tensor(cotangent(tuple(one.shape), place).astype(dtype)))
        for sample in each
        for place, one in enumerate(sample)
    )
    if size:
        (loss / size).backward()
    outputs = [torch.stack(ones).detach().numpy() for ones in zip(*each, strict=True)]
    slopes = {
        name: np.zeros(one.shape) if one.grad is None else one.grad.numpy()
        for name, one in t.items()
        if name != "label"
    }
    return outputs, float(loss.detach()) / size if size else 0.0, slopes


def check(family, layer, size, dtype):
    given = {name: np.asarray(one, layer.input_dtypes[name]) for name, one in draw(layer, size).items()}
    found = layer(**given)
    value, slopes = layer.value_and_grad(**given)
    outputs = [one for name, one in found.items() if name != "loss"]
    expected, loss, wanted = of_torch(family, layer, given, dtype)
    if not size:
        expected = [np.zeros((0, *layer.graph.rows[index].shape)) for index in layer.graph.outputs.values()][1:]
    assert {one.dtype for one in (*outputs, *slopes.values())} == {np.dtype(dtype)}
    assert value == pytest.approx(loss, rel=TOLERANCE[dtype]["rtol"], abs=TOLERANCE[dtype]["atol"])
    same(f"{size} samples", outputs, slopes, expected, wanted, TOLERANCE[dtype])


@pytest.mark.parametrize("name", FAMILIES)
def test_batches_of_changing_sizes(name):
    layer = build(FAMILIES[name], "float64")
    for size in (3, 1, 3):
        check(FAMILIES[name], layer, size, "float64")


@pytest.mark.parametrize("name", PARAMETRIZED)
def test_float32(name):
    check(FAMILIES[name], build(FAMILIES[name], "float32"), 2, "float32")


@pytest.mark.parametrize("name", FAMILIES)
def test_an_empty_batch(name):
    check(FAMILIES[name], build(FAMILIES[name], "float64"), 0, "float64")


def test_saturated_gates_in_float32_are_as_exact_as_torchs():
    """There a rounding is magnified; what can be asked for is an error no larger than that of others."""
    family = FAMILIES["saturated_sequences"]
    layer = build(family, "float32")
    given = {name: one.astype("float32") for name, one in draw(layer, 2).items()}
    ours = layer.value_and_grad(**given)[1]
    theirs, truth = (of_torch(family, layer, given, dtype)[2] for dtype in ("float32", "float64"))
    for name, exact in truth.items():
        scale = max(1.0, np.abs(exact).max())
        error, allowed = (np.abs(one[name] - exact).max() / scale for one in (ours, theirs))
        assert error <= 2 * allowed + 1e-5, name


def test_every_primitive_of_the_layers_is_proved():
    """The page of proofs is compared with what SymPy says by another test."""
    page = (Path(__file__).parents[2] / "docs" / "proofs.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    verdicts = {}
    for name, _, _, verdict, _ in rows[1:]:
        verdicts.setdefault(name, set()).add(verdict)
    used = set()
    for family in FAMILIES.values():
        graph = gv.unroll(build(family, "float64").graph)
        used |= {row.op.name for row in graph.rows if not row.op.leaf}
    assert {"matmul", "einsum", "windows", "sigmoid", "take", "softmax", "log_softmax", "stack"} <= used
    assert {name for name in used if verdicts.get(name) != {"proved"}} == set()
