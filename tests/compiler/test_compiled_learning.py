"""Compiled layers learn what plain backpropagation, sample by sample, learns; their files and inputs are their own."""

import numpy as np
import pytest
from reference_layer import ReferenceLayer

import gradviz as gv
from gradviz.compiler.train import fit
from gradviz.errors import TrainingError

RNG = np.random.default_rng(0)


def line():
    W, b = gv.param("W", [0.5, -0.5]), gv.param("b", 0.1)
    x, y = gv.data("x", shape=2), gv.data("y", shape=())
    return gv.graph(loss=gv.square(W @ x + b - y)), {"x": (2,), "y": ()}


def network():
    V, w = gv.param("V", RNG.normal(size=(3, 2))), gv.param("w", RNG.normal(size=3))
    c, d = gv.param("c", np.zeros(3)), gv.param("d", 0.0)
    x, y = gv.data("x", shape=2), gv.data("y", shape=())
    score = w @ gv.tanh(V @ x + c) + d
    return gv.graph(loss=gv.square(score - y), score=score), {"x": (2,), "y": ()}


def neuron():
    w, b = gv.param("w", 0.3), gv.param("b", -0.2)
    x, y = gv.data("x", shape=()), gv.data("y", shape=())
    return gv.graph(loss=gv.softplus(-(w * x + b) * y)), {"x": (), "y": ()}


def words():
    table, index = gv.param("table", RNG.normal(size=(5, 3))), gv.data("index", shape=(), dtype=np.int64)
    y = gv.data("y", shape=3)
    return gv.graph(loss=gv.sum(gv.square(gv.take(table, index, axis=0) - y))), {"index": (), "y": (3,)}


def samples(shapes, count=10):
    return {
        name: RNG.integers(0, 5, count) if name == "index" else RNG.normal(size=(count, *shape))
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize("make", [line, network, neuron, words])
@pytest.mark.parametrize("batch", [None, 1, 4, 10, 64])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_it_learns_what_plain_backpropagation_learns(make, batch, optimizer):
    graph, shapes = make()
    data, validation = samples(shapes), samples(shapes, 3)
    plain = graph.with_outputs({"loss": graph.outputs["loss"]})
    options = {"epochs": 3, "learning_rate": 0.05, "optimizer": optimizer, "validation": validation}
    expected, layer = ReferenceLayer(plain, batch), gv.compile(graph, batch=batch)
    histories = [fit(expected, data, **options), layer.fit(data, **options)]
    for name, parameter in layer.parameters.items():
        np.testing.assert_allclose(parameter, expected.parameters[name], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(histories[1].losses, histories[0].losses, rtol=1e-9)
    np.testing.assert_allclose(histories[1].validation, histories[0].validation, rtol=1e-9)


def test_there_and_back_and_on_to_the_same_bits(tmp_path):
    graph, shapes = network()
    data = samples(shapes, 33)
    options = {"optimizer": "adam", "batch_size": 8}
    whole = gv.compile(graph, batch=8, dtype="float32")
    whole.fit(data, epochs=4, **options)
    for epochs in (1, 4):
        parts = gv.compile(graph, batch=8, dtype="float32")
        parts.fit(data, epochs=epochs, checkpoint=tmp_path / "run.safetensors", **options)
    for name, parameter in whole.parameters.items():
        assert parameter.tobytes() == parts.parameters[name].tobytes()
    whole.save(tmp_path / "w.safetensors")
    other = gv.compile(graph, batch=8, dtype="float32")
    other.load(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(other(**data)["score"], whole(**data)["score"])


def test_what_is_shared_is_given_once():
    w, x = gv.param("w", [1.0, 2.0]), gv.data("x", shape=2)
    mask, y = gv.data("mask", shape=2), gv.data("y", [3.0, 1.0])
    graph = gv.graph(loss=gv.sum(gv.square(w * x * mask - y)))
    layer = gv.compile(graph, batch=3, shared=["mask", "y"])
    data = {"x": RNG.normal(size=(5, 2)), "mask": [1, 0]}
    before = layer.parameters["w"].copy()
    history = layer.fit(data, epochs=2, learning_rate=0.1)
    assert history.steps == 4
    assert layer.parameters["w"][1] == before[1]
    assert layer.parameters["w"][0] != before[0]
    with pytest.raises(TrainingError, match=r"'mask' have shape \(5, 2\); \(2,\) is wanted"):
        layer.fit(data | {"mask": np.ones((5, 2))})
    with pytest.raises(TrainingError, match="lack 'mask'"):
        layer.fit({"x": data["x"]})


def test_only_what_is_asked_for_learns():
    graph, shapes = network()
    layer = gv.compile(graph, batch=5, wrt=["w", "d"])
    before = {name: one.copy() for name, one in layer.parameters.items()}
    for optimizer in ("sgd", "adam", gv.optimizers.Momentum(weight_decay=0.1, clip_norm=1.0)):
        layer.fit(samples(shapes), optimizer=optimizer)
    changed = {name for name, one in layer.parameters.items() if (one != before[name]).any()}
    assert changed == {"w", "d"}


def test_nan_names_the_node_of_the_users_graph():
    w, x = gv.param("w", 1.0), gv.data("x", shape=())
    layer = gv.compile(gv.graph(loss=gv.log(w * x).named("logarithm")), batch=2)
    with pytest.raises(TrainingError, match=r"in step 2 \(epoch 1\): .*log.* is the first to hold NaN"):
        layer.fit({"x": [1.0, 2.0, 1.0, -1.0]}, shuffle=False, learning_rate=0.01)
    assert np.isfinite(layer.parameters["w"])
