"""The rewrites for speed keep every number, and do what they are for."""

import re

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.compiler.blas import blocks, is_quick_at_short_products
from gradviz.compiler.einsum import as_product

RNG = np.random.default_rng(3)
LENGTHS = {"a": 3, "b": 2, "c": 4, "d": 5, "f": 3, "g": 2, "i": 4, "j": 3, "k": 2, "l": 3}


@pytest.mark.parametrize(
    "subscripts",
    "acijkl,fckl->afij afij,fckl->acijkl afij,acijkl->fckl agcijkl,gfckl->agfij agfij,gfckl->agcijkl "
    "agfij,agcijkl->gfckl ijkl,il->ijk ijkl,ail->aijk aij,aijk->ajk aijk,ajk->aij ij,jk->ik ij,kj->ki abc,acd->abd "
    "abc,cbd->ad ab,ac->bc abc,abc->a i,ij->j ab,ab->b abij,bjk->iak cijkla,fckl->fija fija,cijkla->fckl".split(),
)
def test_a_sum_of_products_is_a_product_of_matrices(subscripts):
    terms = subscripts.split("->")[0].split(",")
    arrays = [RNG.normal(size=[LENGTHS[letter] for letter in term]) for term in terms]
    made = as_product(subscripts, [gv.param(f"x{place}", array) for place, array in enumerate(arrays)])
    assert "matmul" in [node.op.name for node in gv.graph(made).nodes]
    np.testing.assert_allclose(gv.evaluate(made).output, np.einsum(subscripts, *arrays), rtol=1e-12)


@pytest.mark.parametrize("subscripts", ["ab,ab->ab", "a,b->ab", "aab,bc->ac", "ab,bc,cd->ad", "ab,cd->ac"])
def test_other_sums_stay_as_they_are(subscripts):
    count = len(subscripts.split("->")[0].split(","))
    assert as_product(subscripts, [gv.param(f"x{n}", shape=(2,) * 3) for n in range(count)]) is None


def image_network(**options):
    x, y = gv.data("x", shape=(4, 9, 10)), gv.data("y", shape=(), dtype=int)
    kind = options.pop("pool", "max")
    hidden = nn.conv2d(x, 6, (3, 2), activation="relu", name="first", **options)
    pool = nn.max_pool2d if kind == "max" else nn.avg_pool2d
    hidden = pool(hidden, 2, name="pool")
    hidden = pool(nn.conv2d(hidden, 4, 2, name="second"), 2, stride=1, padding=1, name="again")
    return gv.graph(loss=nn.cross_entropy(nn.dense(nn.flatten(hidden), 3, name="out"), y))


@pytest.mark.parametrize("batch", [1, 7, 8, 33])
@pytest.mark.parametrize(
    "options",
    [{}, {"pool": "avg"}, {"padding": 1, "stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": 2, "groups": 2}],
    ids=str,
)
def test_convolutions_and_pooling_over_batches(options, batch):
    graph = image_network(**options)
    x = RNG.integers(-3, 4, (batch, 4, 9, 10)) / 2.0  # with many ties
    y = RNG.integers(0, 3, batch)
    agree(graph, batch, {"x": x, "y": y})


def agree(graph, batch, inputs):
    layer = gv.compile(graph, batch=batch)
    value, gradients = layer.value_and_grad(**inputs)
    plain = gv.backprop(gv.batched(graph, batch, mean=["loss"]), at=inputs, output="loss")
    assert value == pytest.approx(float(plain.forward["loss"]), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-9, atol=1e-12, err_msg=name)
    return layer


CELLS = {
    "lstm": {"cell": "lstm"},
    "peephole": {"cell": "lstm", "peephole": True},
    "coupled": {"cell": "lstm", "coupled": True},
    "gru": {"cell": "gru"},
    "reset after": {"cell": "gru", "reset_after": True},
    "rnn": {"cell": "rnn"},
    "no bias": {"cell": "lstm", "bias": False},
    "deep": {"cell": "lstm", "layers": 2, "bidirectional": True},
}


@pytest.mark.parametrize("options", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("used", ["last", "first", "all", "last and all"])
def test_cells_in_loops_over_many_samples(options, used, monkeypatch):
    """From 8 samples on the products are put together in another way; what is large stays in the loop."""
    for module in ("loops", "gates"):
        monkeypatch.setattr(f"gradviz.compiler.{module}.LARGE", 30)
    batch = 9
    xs = gv.param("scale", RNG.normal(size=3)) * gv.data("x", shape=(6, 3))  # with a gradient by what is read
    states = nn.recurrent(xs, hidden=4, **options)
    outputs = states[0] if isinstance(states, tuple) else states
    parts = {"last": outputs[-1], "first": outputs[0], "all": outputs, "last and all": gv.sin(outputs) * outputs[-1]}
    graph = gv.graph(loss=gv.sum(gv.square(parts[used] - 0.3)))
    layer = agree(graph, batch, {"x": RNG.normal(size=(batch, 6, 3))})
    if used == "last" and "layers" not in options:
        assert not re.search(r"\w\.fill\(0\)", layer.source)  # the adjoint of one state is not that of all, with zeros


@pytest.mark.parametrize("batch", [None, 1, 5])
@pytest.mark.parametrize("options", CELLS.values(), ids=CELLS)
def test_cells_in_loops(options, batch):
    x, y = gv.data("x", shape=(6, 3)), gv.data("y", shape=2)
    states = nn.recurrent(x, hidden=4, **options)
    outputs = states[0] if isinstance(states, tuple) else states
    graph = gv.graph(loss=gv.sum(gv.square(nn.dense(outputs[-1], 2, name="out") - y)))
    lead = () if batch is None else (batch,)
    inputs = {"x": RNG.normal(size=(*lead, 6, 3)), "y": RNG.normal(size=(*lead, 2))}
    if batch is None:
        value, gradients = gv.compile(graph).value_and_grad(**inputs)
        plain = gv.backprop(graph, at=inputs)
        assert value == pytest.approx(float(plain.output), rel=1e-12)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-9, atol=1e-12, err_msg=name)
    else:
        agree(graph, batch, inputs)


@pytest.mark.parametrize(("cell", "calls"), [("lstm", 10), ("gru", 14)])
def test_the_gates_are_one_product_and_one_tanh(cell, calls):
    x = gv.data("x", shape=(20, 16))
    states = nn.recurrent(x, cell=cell, hidden=16, **({"reset_after": True} if cell == "gru" else {}))
    outputs = states[0] if isinstance(states, tuple) else states
    source = gv.compile(gv.graph(loss=gv.sum(outputs[-1])), batch=8).source
    gradients = source.split("def make_gradients")[1].split("def make_value_and_grad")[0]
    loops = re.findall(r"^ {8}for [^:]*:\n((?: {12}.*\n)+)", gradients, re.MULTILINE)
    forward, backward = ([line.partition("#")[0] for line in body.splitlines()] for body in loops[-2:])
    assert [sum(".dot(" in line for line in body) for body in (forward, backward)] == [1, 1]
    assert sum("tanh(" in line for line in forward) == 2
    assert sum(len(re.findall(r"\b[a-z]+\(|\.dot\(", line)) for line in forward) <= calls


def test_the_way_back_through_a_gru_moves_no_gate_and_multiplies_with_each_factor_once():
    states = nn.recurrent(gv.data("x", shape=(20, 16)), "gru", hidden=16, reset_after=True)
    source = gv.compile(gv.graph(loss=gv.sum(states[0][-1])), batch=8).source.split("def make_value_and_grad")[0]
    backward = re.findall(r"^ {8}for [^:]*:\n((?: {12}.*\n)+)", source, re.MULTILINE)[-1]
    code = [line.partition("#")[0] for line in backward.splitlines()]
    assert sum(len(re.findall(r"\b[a-z]+\(|\.dot\(", line)) for line in code) == 6  # four factors, a product, a sum
    # Once each: the adjoints of three gates, the states, and what was read.
    assert source.rpartition(" for ")[2].count("copyto(") == 3


WITH_PRODUCTS = {
    "mlp": lambda x: nn.dense(nn.dense(gv.reshape(x, -1), 24, activation="tanh", name="hidden"), 12, name="out"),
    "lstm": lambda x: nn.recurrent(x, "lstm", hidden=16)[0],
    "gru": lambda x: nn.recurrent(x, "gru", hidden=16, reset_after=True)[0][-1],
    "attention": lambda x: nn.multi_head_attention(x, 2, mask="causal", dim=8),
    "columns": lambda x: gv.tanh(x) @ gv.swapaxes(2 * gv.param("right", RNG.normal(size=(40, 8))), 0, 1),
    "matrices": lambda x: gv.param("left", RNG.normal(size=(40, 8))) @ gv.swapaxes(x, 0, 1) @ x,
    "turned": lambda x: gv.swapaxes(gv.param("left", RNG.normal(size=(8, 40))), 0, 1) @ gv.swapaxes(x, 0, 1),
}


@pytest.mark.parametrize(
    ("backend", "batch"), [*(("numpy", batch) for batch in (None, 1, 3, 16)), ("numba", 1), ("numba", 16)]
)
@pytest.mark.parametrize("build", WITH_PRODUCTS.values(), ids=WITH_PRODUCTS)
def test_products_in_blocks(build, batch, backend, monkeypatch):
    monkeypatch.setattr("gradviz.compiler.blas.is_quick_at_short_products", lambda: True)
    monkeypatch.setattr("gradviz.compiler.blas.UNPACKED", 300)
    monkeypatch.setattr("gradviz.compiler.blas.SHORT", 150)
    monkeypatch.setattr("gradviz.compiler.blas.SHORT_BY_COLUMNS", 100)
    monkeypatch.setattr("gradviz.compiler.blas.NARROW", 16)
    graph = gv.graph(loss=gv.sum(gv.square(build(gv.data("x", shape=(6, 8))) - 0.3)))
    inputs = {"x": RNG.normal(size=(6, 8) if batch is None else (batch, 6, 8))}
    value, gradients = gv.compile(graph, batch=batch, backend=backend).value_and_grad(**inputs)
    monkeypatch.undo()
    plain = gv.backprop(graph if batch is None else gv.batched(graph, batch, mean=["loss"]), at=inputs, output="loss")
    assert value == pytest.approx(float(plain.forward["loss"]), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_source_is_the_same_on_all_machines(monkeypatch):
    x, y = gv.data("x", shape=200), gv.data("y", shape=())
    graph = gv.graph(loss=gv.square(gv.sum(nn.dense(x, 300, activation="tanh")) - y))
    sources = []
    for quick in (False, True):
        monkeypatch.setattr("gradviz.compiler.blas.is_quick_at_short_products", lambda quick=quick: quick)
        layer = gv.compile(graph, batch=32)
        layer.step(0.1, x=np.zeros((32, 200)), y=np.zeros(32))
        assert layer._programs.step(32).tuned is quick
        sources.append(layer.source)
    assert sources[0] == sources[1]


@pytest.mark.parametrize(
    ("shape", "columns", "expected", "by_columns"),
    [
        ((1024, 513), 32, 32, 64),
        ((1024, 32), 513, 32, 64),
        ((1024, 513), 256, 1, 1),
        ((64, 64), 64, 1, 1),
        ((1021, 513), 32, 1, 1),
    ],
)
def test_where_a_matrix_is_cut(shape, columns, expected, by_columns, monkeypatch):
    monkeypatch.setattr("gradviz.compiler.blas.is_quick_at_short_products", lambda: True)
    a, b = np.empty(shape), np.empty((shape[1], columns))
    assert blocks(a, b) == expected
    assert blocks(a, np.asfortranarray(b)) == by_columns
    assert blocks(np.asfortranarray(a), b) == (expected if shape[1] <= 64 else 1)
    assert blocks(np.empty((shape[0], 2000))[:, : shape[1]], b) == 1
    monkeypatch.setattr("gradviz.compiler.blas.is_quick_at_short_products", lambda: False)
    assert blocks(a, b) == 1


@pytest.mark.parametrize(
    ("kind", "threads", "architecture", "quick"),
    [("openblas", 1, "SkylakeX", True), ("openblas", 2, "SkylakeX", False), ("openblas", 1, "Haswell", False),
     ("mkl", 1, None, False)],
)  # fmt: skip
def test_short_products_by_the_library_at_hand(kind, threads, architecture, quick, monkeypatch):
    library = {"filepath": "numpy.libs/x.so", "internal_api": kind, "num_threads": threads}
    other = {"filepath": "torch/y.so", "internal_api": "openblas", "num_threads": 1, "architecture": "SkylakeX"}
    found = [other, library | ({"architecture": architecture} if architecture else {})]
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: found)
    assert is_quick_at_short_products() is quick


def test_labels_out_of_range_are_refused():
    x, y = gv.data("x", shape=3), gv.data("y", shape=(), dtype=int)
    layer = gv.compile(gv.graph(loss=nn.cross_entropy(nn.dense(x, 4), y)), batch=2)
    for wrong in (4, -1):
        with pytest.raises(gv.GradvizError, match=rf"the index {wrong} is out of range \(there are 4"):
            layer.step(0.1, x=np.ones((2, 3)), y=np.array([0, wrong]))


def of_scores(weigh):
    """A loss of batched scores (2, 8, 6), and the inputs it needs; weigh is what is done with the scores."""
    x, y = gv.data("x", shape=(8, 5)), gv.data("y", shape=(6, 5))
    queries, keys = (gv.param(name, RNG.normal(size=(2, 5, 3))) for name in ("queries", "keys"))
    scores = (x @ queries) @ gv.swapaxes(y @ keys, 1, 2) / gv.constant(1.7).named("root")
    return gv.sum(gv.square(weigh(scores) - 0.1)), ("x", "y")


SCORES = {
    "softmax": lambda s: gv.softmax(s),
    "masked": lambda s: gv.softmax(s + np.where(np.tri(8, 6, dtype=bool), 0.0, -np.inf)),
    "scaled again": lambda s: gv.softmax(2.5 * gv.tanh(s) - 1),
    "log": lambda s: gv.log_softmax(s),
    "times values": lambda s: gv.softmax(s) @ gv.param("values", RNG.normal(size=(2, 6, 4))),
    "named": lambda s: gv.softmax(s.named("scores")) @ gv.param("values", RNG.normal(size=(6, 4))),
    "read twice": lambda s: gv.softmax(s) + gv.reshape(s, (2, 6, 8)).reshape(2, 8, 6),
    "by another shape": lambda s: gv.softmax(s) * gv.param("many", RNG.normal(size=(3, 2, 8, 6))),
    "along columns": lambda s: gv.softmax(s, axis=1),
    "largest": lambda s: gv.max(s, axis=2),
    "ranges": lambda s: gv.max(s, axis=2) - gv.sum(s, axis=2) - gv.sum(s, axis=(0, 1, 2)),
    "turned": lambda s: gv.softmax(s) * gv.swapaxes(gv.param("p", RNG.normal(size=(2, 6, 8))), 1, 2),
    "joined": lambda s: gv.concatenate([gv.softmax(s), s], axis=2),
}


@pytest.mark.parametrize("batch", [1, 4, 9])
@pytest.mark.parametrize("weigh", SCORES.values(), ids=SCORES)
def test_scores_that_stand_column_after_column(weigh, batch, monkeypatch):
    monkeypatch.setattr("gradviz.compiler.layouts.FEWEST_ROWS", 1)
    loss, names = of_scores(weigh)
    agree(gv.graph(loss=loss), batch, {name: RNG.normal(size=(batch, {"x": 8, "y": 6}[name], 5)) for name in names})


@pytest.mark.parametrize("weigh", SCORES.values(), ids=SCORES)
def test_scores_that_are_outputs(weigh):
    x, y = gv.data("x", shape=(2, 40, 3)), gv.data("y", shape=(2, 6, 3))
    scores = gv.concatenate([x, x], axis=1)[:, :8] @ gv.swapaxes(y, 1, 2)
    weights = weigh(scores)
    graph = gv.graph(weights=weights, scores=scores, more=gv.exp(gv.softmax(gv.square(scores))))
    inputs = {"x": RNG.normal(size=(7, 2, 40, 3)), "y": RNG.normal(size=(7, 2, 6, 3))}
    found = gv.compile(graph, batch=7)(**inputs)
    plain = gv.evaluate(gv.batched(graph, 7), at=inputs)
    for name, value in found.items():
        np.testing.assert_allclose(value, plain.forward[name], rtol=1e-10, atol=1e-12, err_msg=name)


def test_attention_moves_nothing():
    x, y = (gv.data(name, shape=(16, 12)) for name in "xy")
    weighed = nn.multi_head_attention(x, 3, mask="causal")
    layer = gv.compile(gv.graph(loss=gv.sum(gv.square(weighed - y))), batch=8, dtype=np.float32)
    gradients = layer.source.split("def make_gradients")[1].split("\ndef ")[0]
    assert "copyto(" not in gradients
    assert ".transpose(1, 2, 3, 0)" in gradients  # the scores, whose keys' axis is the first in memory
    assert re.search(r"divide\(\w+, root, ", gradients)  # of the queries, which are fewer than the scores
    assert re.search(r"add\(matmul\((\w+), (\w+), (\w+)\), mask, \3\)  # \3 = \1 @ \2 \+ mask", gradients)
    assert re.search(r"exp\(subtract\((\w+), \w+, \1\), \1\)", gradients)  # in place


def test_a_number_times_a_product_that_others_read_stays():
    x = gv.data("x", shape=(6, 2))
    scores = x @ gv.swapaxes(x, 0, 1)
    graph = gv.graph(loss=gv.sum(gv.square(scores / gv.constant(3.0)) + scores))
    source = agree(graph, 3, {"x": RNG.normal(size=(3, 6, 2))}).source
    assert source.split("def make_gradients")[0].count("matmul(") == 1
