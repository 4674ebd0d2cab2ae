"""Capsules, autoencoders, random features and reservoirs without a peer."""

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError


def draw(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def test_squash_keeps_the_direction_and_is_safe_at_zero():
    s = gv.param("s", [[3.0, 4.0], [0.0, 0.0], [1e-3, 0.0]])
    v = gv.evaluate(nn.squash(s)).output
    np.testing.assert_allclose(v[0], np.array([3, 4]) / 5 * 25 / 26)
    np.testing.assert_array_equal(v[1], 0)
    assert np.all(np.linalg.norm(v, axis=1) < 1)
    np.testing.assert_array_equal(gv.backprop(gv.sum(nn.squash(s))).grad["s"][1], 0)


def test_routing_follows_agreement():
    votes = np.zeros((3, 2, 2, 2))
    votes[:, 0] = np.eye(2)  # all agree on capsule 0
    votes[0, 1], votes[1, 1], votes[2, 1] = np.eye(2), -np.eye(2), np.zeros((2, 2))
    graph = gv.graph(v=nn.capsule(gv.data("u", np.full((3, 2), 0.7)), 2, 2, W=votes))
    values = gv.evaluate(graph)
    np.testing.assert_array_equal(values.forward["capsule/c1"], 0.5)
    assert np.all(values.forward["capsule/c3"][:, 0] > 0.5)
    np.testing.assert_allclose(values.forward["capsule/c3"].sum(axis=1), 1)


def test_codes_have_the_value_of_what_they_are_the_codes_of():
    first, second = nn.stacked_autoencoder(gv.data("x", [0.1, -0.2, 0.3]), [4, 2], 2).stages
    found = gv.graph(second.loss)
    np.testing.assert_array_equal(found.node(found.find("codes")).value, gv.evaluate(first.code).output)


def test_stages_and_network_share_their_parameters():
    stack = nn.stacked_autoencoder(gv.data("x", shape=6), [5, 3], 2)
    first, second = stack.stages
    assert (first.x.name, second.x.name) == ("x", "codes")
    network = gv.graph(stack.network)
    for stage, path in ((first, "layer1"), (second, "layer2")):
        own = gv.graph(stage.loss)
        for name in ("W", "b"):
            mine, theirs = (g.constants[g.find(f"{path}/{name}")] for g in (own, network))
            assert mine is theirs
    assert not any("decoder" in path for path in network.paths)


def test_greedy_training_starts_the_network():
    """What the slide says: train a stage, throw its decoder away, train the next on its codes."""
    xs = np.tanh(draw(40, 2) @ draw(2, 6, seed=2))
    stack = nn.stacked_autoencoder(gv.data("x", shape=6), [4, 2], 1, activation="tanh")
    learned, given = {}, {"x": xs}
    for stage in stack.stages:
        layer = gv.compile(gv.graph(loss=stage.loss), batch=40)
        before, after = [layer.step(0.05, **given) for _ in range(300)][::299]
        assert after < 0.5 * before
        encoder = [leaf.path for leaf in gv.graph(stage.code).leaves if leaf.op.name == "parameter"]
        learned |= {path: layer.parameters[path] for path in encoder}
        codes = gv.batched(gv.graph(code=stage.code), 40)
        given = {"codes": gv.evaluate(codes, at={**given, **{path: learned[path] for path in encoder}}).output}
    network = gv.compile(gv.graph(score=stack.network), batch=40)
    for path, value in learned.items():
        network.parameters[path][...] = value
    W, b = network.parameters["output/W"], network.parameters["output/b"]
    np.testing.assert_allclose(network(x=xs), given["codes"] @ W.T + b, rtol=1e-10, atol=1e-12)


def test_cosines_approximate_the_gaussian_kernel():
    points = draw(5, 3)
    phi = gv.evaluate(nn.random_features(gv.data("x", points), 20_000, scale=1.5, kind="cos")).output
    distance = np.sum((points[:, None] - points[None]) ** 2, axis=-1)
    np.testing.assert_allclose(phi @ phi.T, np.exp(-distance / (2 * 1.5**2)), atol=0.03)


def test_random_features_are_not_learned():
    x = gv.data("x", draw(3))
    graph = gv.graph(nn.dense(nn.random_features(x, 8), 1, name="readout"))
    assert [leaf.path for leaf in graph.leaves if leaf.op.name == "parameter"] == ["readout/W", "readout/b"]
    assert set(gv.backprop(gv.graph(gv.sum(nn.dense(nn.random_features(x, 8), 1, name="readout")))).grad) == {
        "readout/W", "readout/b",
    }  # fmt: skip
    many = gv.evaluate(gv.batched(graph, 4), at={"x": draw(4, 3)}).output
    assert many.shape == (4, 1)


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_reservoir(leak):
    x = draw(12, 2)
    graph = gv.graph(h=nn.reservoir(gv.data("x", x), 20, spectral_radius=0.8, leak=leak, density=0.4, input_scale=0.5))
    (cell,) = [node.attrs["loop"].cell for node in graph.nodes if node.op.name == "scan"]
    U, W, b = (cell.constants[cell.find(f"reservoir/{name}")] for name in "UWb")
    assert np.max(np.abs(np.linalg.eigvals(W))) == pytest.approx(0.8)
    assert 0.3 < np.mean(W != 0) < 0.5
    assert np.max(np.abs(U)) <= 0.5
    h = np.zeros(20)
    for item, found in zip(x, gv.evaluate(graph).output, strict=True):
        h = (1 - leak) * h + leak * np.tanh(U @ item + W @ h + b)
        np.testing.assert_allclose(found, h, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gv.compile(graph)(), gv.evaluate(graph).output, rtol=1e-12, atol=1e-14)


def test_a_reservoir_forgets_where_it_began():
    x = gv.data("x", draw(60, 1))
    ends = [
        gv.evaluate(nn.reservoir(x, 10, density=0.5, initial=start, name="r")).output
        for start in (np.zeros(10), draw(10))
    ]
    assert np.linalg.norm(ends[0][-1] - ends[1][-1]) < 0.02 * np.linalg.norm(ends[0][0] - ends[1][0])


def test_ridge_regression_is_the_minimum():
    h, y, penalty = draw(30, 4), draw(30, 2, seed=2), 0.7
    W, b = nn.ridge_readout(h, y, penalty=penalty)
    residual = h @ W.T + b - y
    np.testing.assert_allclose(residual.T @ h + penalty * W, 0, atol=1e-10)  # the gradient by W
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-10)  # and by b


def layers():
    x = gv.data("x", [0.5, -1.0])
    return {
        "capsule": nn.capsule(gv.data("u", draw(2, 2)), 2, 2, routing=2),
        "autoencoder": nn.autoencoder(x, 2).reconstruction,
        "features": nn.dense(nn.random_features(x, 3, kind="cos"), 2),
        "reservoir": nn.dense(nn.reservoir(gv.data("x", draw(2, 1)), 3, density=0.8)[-1], 2),
    }


@pytest.mark.parametrize("name", layers())
def test_every_layer_checks_clean_draws_steps_and_explains(name, tmp_path):
    loss = gv.graph(gv.sum(gv.square(layers()[name])).named("loss"))
    report = gv.check(loss, seconds=15)
    assert report.ok
    assert set(report.counts) <= {"proved", "numeric"}
    gv.figure(loss, values=gv.backprop(loss)).save(tmp_path / "layer.svg")
    assert gv.steps(loss)
    wanted = next(leaf.path for leaf in loss.leaves if leaf.op.name == "parameter")
    assert "loss" in repr(gv.explain(loss, wrt=wanted))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: nn.squash(1.0), "squash: s must be a vector, not the shape ()"),
        (lambda x: nn.capsule(x[0], 2, 2), "capsule: u must be a list of vectors (capsules, length)"),
        (lambda x: nn.capsule(x, 2, 2, routing=0), "capsule: routing must be a positive integer, not 0"),
        (lambda x: nn.autoencoder(1.0, 2), "an autoencoder takes a vector, or rows of vectors"),
        (lambda x: nn.autoencoder(x, -1), "encoder: hidden must be a positive integer, not -1"),
        (lambda x: nn.stacked_autoencoder(x, [2], 1), "stacked_autoencoder: x must be a vector, not the shape (3, 2)"),
        (lambda x: nn.stacked_autoencoder(x[0], [], 1), "needs at least one hidden layer"),
        (lambda x: nn.random_features(x, 4, kind="sin"), "random_features: there is no kind 'sin'"),
        (lambda x: nn.random_features(x, 4, scale=0), "random_features: scale must be above 0, not 0"),
        (lambda x: nn.reservoir(x[0], 4), "reservoir: x must be a sequence of vectors"),
        (lambda x: nn.reservoir(x, 4, leak=0), "reservoir: leak must be above 0 and at most 1, not 0"),
        (lambda x: nn.reservoir(x, 4, density=1e-9), "has no eigenvalue but 0 (make it denser)"),
        (lambda x: nn.reservoir(x, 4, initial=[0.0]), "the initial state must have the shape (4,), not the shape (1,)"),
        (lambda x: nn.ridge_readout(np.ones((3, 2)), np.ones(2)), "states (3, 2) and targets (2, 1) must be as many"),
        (lambda x: nn.ridge_readout(np.ones((3, 2)), np.ones(3), penalty=-1), "penalty must be at least 0, not -1"),
    ],
)
def test_errors_are_one_clear_line(make, message):
    with pytest.raises(GradvizError) as caught:
        make(gv.data("x", draw(3, 2)))
    assert message in str(caught.value)
    assert caught.value.where.startswith(__file__)


@pytest.mark.parametrize(("wrong", "hint"), [({"kind": "sin"}, "choose one of relu, cos"), ({"scale": 0}, None)])
def test_random_features_hint_at_what_is_wrong(wrong, hint):
    with pytest.raises(GradvizError) as caught:
        nn.random_features(gv.data("x", draw(3, 2)), 4, **wrong)
    assert caught.value.hint == hint
