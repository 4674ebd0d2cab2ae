"""The examples that learn keep what they state, and their hand-made loops are what `fit` does."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from gallery import example, trained

import gradviz as gv


def test_backprop():
    _, result = trained("backprop")
    losses = [values.output for values in result["course"]]
    assert f"{losses[0]:.3f}" == "0.595"
    assert result["loss"] < 1e-4
    assert all(after < before for before, after in pairwise(losses))


def test_backprop_is_what_a_layer_does():
    variables, result = trained("backprop")
    layer = gv.compile(variables["loss"], batch=1)
    layer.fit({"x1": [1.0], "x2": [2.0], "y": [1.0]}, learning_rate=0.1, epochs=20)
    for name, weight in result["weights"].items():
        np.testing.assert_allclose(layer.parameters[name], weight, rtol=1e-12)


def test_training():
    _, result = trained("training")
    online, batch = (result["losses"][size] - result["least"] for size in (1, 40))
    assert online[40] < 0.1  # after one epoch
    assert batch[1] > 2
    assert batch[-1] < 1e-4
    assert np.mean(online[-400:]) > 0.05  # in the last ten epochs
    np.testing.assert_allclose(result["courses"][40][-1], result["best"], atol=0.01)


def test_training_is_what_fit_does():
    variables, result = trained("training")
    layer = gv.compile(variables["loss"], batch=40)
    history = layer.fit(variables["dataset"](), **variables["training"] | {"batch_size": 40})
    np.testing.assert_allclose(history.losses, result["losses"][40][:-1])


def test_two_cars_learned():
    variables, result = trained("two_cars_learned")
    assert result["accuracy"] >= 0.98
    y = variables["validation"]()["y"]
    assert max(np.mean(y == 1), np.mean(y == -1)) < 0.7  # what guessing would reach


def test_hypothesis_classes():
    variables, result = trained("hypothesis_classes")
    samples = variables["dataset"]()
    phi = np.stack([samples["x"], samples["x"] ** 2], axis=1)
    assert result["quadratic"][1] < result["linear"][1] / 10
    for count, name in enumerate(("linear", "quadratic"), 1):
        best, *_ = np.linalg.lstsq(phi[:, :count], samples["y"], rcond=None)
        np.testing.assert_allclose(result[name][0], best, atol=1e-4)
    for strength, (weights, _) in zip(variables["STRENGTHS"], result["shrunk"], strict=True):
        ridge = np.linalg.solve(phi.T @ phi / 40 + strength * np.eye(2), phi.T @ samples["y"] / 40)
        np.testing.assert_allclose(weights, ridge, atol=1e-4)
    norms, losses = zip(*((np.linalg.norm(weights), loss) for weights, loss in result["shrunk"]), strict=True)
    assert list(norms) == sorted(norms, reverse=True)
    assert list(losses) == sorted(losses)


def test_convolution():
    variables = example("convolution")
    by_hand = 30 * 50 + 30 * 20 + 3 * 30 * 50
    assert gv.evaluate(variables["response"]).output == by_hand == 6600
    found = variables["feature_maps"]()
    corners = [np.argwhere(one == one.max())[0] > 10 for one in found]  # (lower half, right half)
    assert [tuple(corner.tolist()) for corner in corners] == [
        (False, False),
        (False, True),
        (True, True),
        (True, False),
    ]


def test_pooling():
    variables = example("pooling")
    image = variables["image"]()
    (largest, to_largest), (average, to_all) = (variables["pooled"](kind, 10) for kind in ("max", "mean"))
    assert largest == [[image.max()]]
    assert average == [[pytest.approx(image.mean())]]
    np.testing.assert_array_equal(to_largest, image == image.max())
    np.testing.assert_allclose(to_all, 0.01)
    blocks = variables["pooled"]("max", 2)[1].reshape(5, 2, 5, 2)
    np.testing.assert_array_equal(blocks.sum(axis=(1, 3)), 1)


def test_cnn():
    variables, result = trained("cnn")
    assert result["accuracy"] >= 0.97
    seen, unseen = variables["digits"]()
    assert len(seen["label"]) + len(unseen["label"]) == 1797
    assert result["history"].validation[-1] < result["history"].validation[0] / 2
    score = gv.evaluate(variables["scores"], at={**result["layer"].parameters, "image": unseen["image"][0]}).output
    np.testing.assert_allclose(score, result["layer"](**unseen)["scores"][0], rtol=1e-9)


def test_stacked_autoencoder():
    variables, result = trained("stacked_autoencoder")
    assert result["accuracy"] >= 0.85
    assert result["accuracy_of_backpropagation"] == pytest.approx(result["accuracy"], abs=0.06)
    assert result["accuracy_on_random_layers"] < 0.5
    images = variables["digits"]()[0][1347:]
    coded, weights = variables["coded"], result["weights"]
    again = coded(weights, coded(weights, images, "layer1"), "decoder1")
    assert np.square(again - images).sum(axis=1).mean() < np.square(images - images.mean(axis=0)).sum(axis=1).mean() / 8
    first = gv.evaluate(result["stack"].stages[0].reconstruction, at={**_known(result, 1), "x": images[0]}).output
    np.testing.assert_allclose(again[0], first, rtol=1e-9)


def _known(result, stage):
    return {name: value for name, value in result["weights"].items() if name.split("/")[0].endswith(str(stage))}


def test_activations():
    variables = example("activations")
    scores = np.random.default_rng(0).normal(size=10_000)
    h, slope = variables["curves"](gv.relu, scores)
    assert np.mean(h == 0) == pytest.approx(0.5, abs=0.02)
    np.testing.assert_array_equal(slope, scores > 0)
    _, slope = variables["curves"](gv.sigmoid, np.linspace(-5, 5, 101))
    assert slope.max() == 0.25
    assert variables["left_behind"](gv.sigmoid, 10) < 1e-6
    assert variables["left_behind"](gv.relu, 10) == 1
