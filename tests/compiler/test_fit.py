"""Training finds what is known in closed form, takes every sample once, stops in time, and goes on to the bit."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_layer import ReferenceLayer

import gradviz as gv
from gradviz.compiler.optimizers import Adam, GradientDescent, Momentum
from gradviz.compiler.samples import Samples
from gradviz.compiler.train import fit
from gradviz.errors import FileError, TrainingError, UsageError


def linear(batch=4, dtype="float64"):
    W, b = gv.param("W", [0.0, 0.0]), gv.param("b", 0.0)
    x, y = gv.data("x", shape=(2,)), gv.data("y", shape=())
    return ReferenceLayer(gv.square(W @ x + b - y).named("loss"), batch, dtype)


def points(count=12, noise=0.3, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 2))
    return {"x": x, "y": x @ [1.0, -2.0] + 0.5 + noise * random.normal(size=count)}


def least_squares(data):
    matrix = np.column_stack([data["x"], np.ones(len(data["x"]))])
    return np.linalg.lstsq(matrix, data["y"], rcond=None)[0]


def found(layer):
    return np.array([*layer.parameters["W"], layer.parameters["b"]])


@pytest.mark.parametrize(
    ("optimizer", "rate", "epochs"),
    [
        ("sgd", 0.25, 120),
        ("momentum", 0.05, 250),
        ("nesterov", 0.05, 200),
        ("adam", 0.1, 400),
        (GradientDescent(clip_norm=0.5), 0.2, 200),
    ],
)
def test_whole_batches_find_the_least_squares(optimizer, rate, epochs):
    layer, data = linear(batch=12), points()
    history = fit(layer, data, optimizer=optimizer, learning_rate=rate, epochs=epochs)
    np.testing.assert_allclose(found(layer), least_squares(data), atol=1e-4)
    assert history.steps == history.epochs == epochs
    assert history.ended == "done"


def test_weight_decay_finds_the_ridge():
    data, decay = points(), 0.4
    layer = linear(batch=12)
    fit(layer, data, optimizer=GradientDescent(weight_decay=decay), learning_rate=0.2, epochs=200)
    matrix = np.column_stack([data["x"], np.ones(12)])
    ridge = np.linalg.solve(2 * matrix.T @ matrix / 12 + decay * np.eye(3), 2 * matrix.T @ data["y"] / 12)
    np.testing.assert_allclose(found(layer), ridge, atol=1e-9)


def test_online_descent_finds_what_fits_exactly():
    layer, data = linear(), points(noise=0.0)
    fit(layer, data, online=True, learning_rate=0.1, epochs=40)
    np.testing.assert_allclose(found(layer), [1, -2, 0.5], atol=1e-6)


def test_a_falling_rate_finds_the_least_squares_online():
    layer, data = linear(), points(noise=0.5)
    fit(layer, data, online=True, schedule=lambda step: 0.3 / (1 + step / 10), epochs=150)
    np.testing.assert_allclose(found(layer), least_squares(data), atol=2e-2)


def test_float32_stays_float32():
    layer = linear(batch=12, dtype=np.float32)
    data = points()
    fit(layer, data, optimizer="adam", learning_rate=0.1, epochs=300)
    assert layer.parameters["W"].dtype == np.float32
    np.testing.assert_allclose(found(layer), least_squares(data), atol=1e-4)


def test_online_is_a_batch_of_one_and_a_layer_without_batches_is_online():
    data = points(7)
    layers = [linear(), linear(), linear(batch=None)]
    for layer, options in zip(layers, ({"online": True}, {"batch_size": 1}, {}), strict=True):
        fit(layer, data, epochs=2, learning_rate=0.05, **options)
    for other in layers[1:]:
        np.testing.assert_array_equal(found(layers[0]), found(other))


def test_a_batch_is_the_mean_of_its_samples():
    data = points(6)
    layer = linear()
    history = fit(layer, data, batch_size=6, learning_rate=0.1, shuffle=False)
    residual = -data["y"]  # of the parameters 0
    np.testing.assert_allclose(layer.parameters["W"], -0.1 * 2 * (residual[:, None] * data["x"]).mean(axis=0))
    np.testing.assert_allclose(history.losses, [(residual**2).mean()])


def test_the_last_batch_is_smaller_and_counts_less():
    data = points(10)
    layer = linear()
    history = fit(layer, data, batch_size=4, learning_rate=1e-12, shuffle=False)
    assert history.steps == 3
    squares = data["y"] ** 2
    np.testing.assert_allclose(history.losses, [squares[:4].mean(), squares[4:8].mean(), squares[8:].mean()])
    np.testing.assert_allclose(history.epoch_losses, [squares.mean()])


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 2**32), st.integers(0, 3))
def test_every_sample_once_in_an_epoch(count, size, seed, epoch):
    layer = linear()
    samples = Samples(layer, {"x": np.zeros((count, 2)), "y": np.arange(count)})
    order = np.random.default_rng((seed, epoch)).permutation(count)
    dealt = [batch["y"].copy() for batch in samples.batches(size, order)]
    assert sorted(np.concatenate(dealt)) == list(range(count))
    assert all(len(batch) == size for batch in dealt[:-1])
    late = [batch["y"].copy() for batch in samples.batches(size, order, first=1)]
    assert [list(batch) for batch in late] == [list(batch) for batch in dealt[1:]]


def test_orders_differ_between_epochs_and_seeds_and_repeat():
    def orders(**options):
        seen = []
        layer = linear()
        layer.step = lambda rate, **batch: seen.append(batch["y"].tolist()) or 1.0
        fit(layer, {"x": np.zeros((20, 2)), "y": np.arange(20)}, batch_size=20, epochs=2, **options)
        return seen

    first, second = orders()
    assert first != second
    assert orders() == [first, second]
    assert first not in orders(seed=1)
    assert orders(shuffle=False) == [list(range(20))] * 2


def test_plain_descent_takes_the_fused_step():
    layer = linear()
    layer.gradients = None
    fit_by_step = []
    layer.step = lambda rate, **batch: fit_by_step.append(rate) or 1.0
    fit(layer, points(), learning_rate=0.5)
    assert fit_by_step == [0.5] * 3


# early stopping


def valley(layer_losses, layer):
    """Validation losses in a given order, whatever the parameters are."""
    values = iter(layer_losses)
    layer.__class__ = type("Valley", (ReferenceLayer,), {"loss": lambda self, **_: next(values)})


def test_patience_stops_and_puts_the_best_parameters_back():
    layer = linear(batch=12)
    valley([5, 4, 3, 3.5, 3, 4, 1], layer)
    kept = []
    history = fit(
        layer,
        points(),
        learning_rate=0.1,
        epochs=50,
        validation=points(),
        patience=3,
        callbacks=lambda layer, history: kept.append(found(layer)),
    )
    assert history.ended == "patience"
    assert history.epochs == 6  # an equal loss is not better
    assert history.best_epoch == 3
    np.testing.assert_array_equal(found(layer), kept[2])
    assert (found(layer) != kept[-1]).all()


def test_without_patience_the_last_parameters_stay():
    layer = linear(batch=12)
    valley([1, 2, 3], layer)
    kept = []
    fit(
        layer,
        points(),
        epochs=3,
        validation=points(),
        callbacks=[lambda layer, history: kept.append(found(layer)), lambda *_: None],
    )
    np.testing.assert_array_equal(found(layer), kept[-1])


def test_patience_without_validation_watches_the_training_loss():
    layer = linear(batch=12)
    losses = iter([3.0, 2.0, 2.5, 2.5, 1.0])
    layer.step = lambda rate, **batch: next(losses)
    history = fit(layer, points(), epochs=9, patience=2)
    assert history.epoch_losses.tolist() == [3, 2, 2.5, 2.5]


def test_a_callback_can_end_it():
    history = fit(linear(), points(), epochs=9, callbacks=lambda layer, history: history.epochs == 4)
    assert (history.epochs, history.ended) == (4, "callback")


def test_validation_is_the_mean_loss_of_its_samples():
    layer, other = linear(), points(7, seed=5)
    history = fit(layer, points(), validation=other, batch_size=3)
    x, y = other["x"], other["y"]
    expected = np.mean((x @ layer.parameters["W"] + layer.parameters["b"] - y) ** 2)
    np.testing.assert_allclose(history.validation, [expected])


# checkpoints


@pytest.mark.parametrize("optimizer", [GradientDescent, Momentum, lambda: Momentum(nesterov=True), Adam])
def test_resumed_to_the_same_bits(optimizer, tmp_path):
    data = points(11)
    options = {"learning_rate": 0.05, "batch_size": 4, "validation": points(5, seed=1)}
    whole, parted = linear(), linear()
    history = fit(whole, data, epochs=7, optimizer=optimizer(), schedule="constant", **options)
    path = tmp_path / "run.safetensors"
    for epochs in (2, 3, 7):
        parted = linear()  # as in a new process
        resumed = fit(parted, data, epochs=epochs, optimizer=optimizer(), checkpoint=path, **options)
    np.testing.assert_array_equal(found(parted), found(whole))
    np.testing.assert_array_equal(resumed.losses, history.losses)
    np.testing.assert_array_equal(resumed.validation, history.validation)
    assert resumed.best_epoch == history.best_epoch
    assert len(resumed.seconds) == 7


def test_resumed_in_the_middle_of_an_epoch(tmp_path, monkeypatch):
    data, path = points(11), tmp_path / "run.safetensors"
    whole = linear()
    history = fit(whole, data, epochs=4, optimizer="adam", batch_size=2)
    monkeypatch.setattr("gradviz.compiler.train._GLANCE", -1.0)
    monkeypatch.setattr("gradviz.compiler.checkpoint.Checkpoint.EVERY", -1.0)  # after every step
    broken = linear()
    ask, steps = broken.gradients, iter(range(15))

    def fails_after_a_while(**batch):
        if next(steps) == 14:
            raise RuntimeError("the lights went out")
        return ask(**batch)

    broken.gradients = fails_after_a_while
    with pytest.raises(RuntimeError, match="lights"):
        fit(broken, data, epochs=4, optimizer="adam", batch_size=2, checkpoint=path)
    resumed = linear()
    calls = resumed.calls
    again = fit(resumed, data, epochs=4, optimizer="adam", batch_size=2, checkpoint=path)
    assert resumed.calls - calls == 24 - 14
    np.testing.assert_array_equal(found(resumed), found(whole))
    np.testing.assert_array_equal(again.losses, history.losses)
    np.testing.assert_array_equal(again.epoch_losses, history.epoch_losses)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": np.int64(3)},
        {"batch_size": np.int64(3)},
        {"optimizer": Adam(beta1=np.float32(0.9))},
        {"optimizer": GradientDescent(clip_norm=np.int64(1))},
    ],
)
def test_numbers_of_numpy_are_settings_of_a_checkpoint(options, tmp_path):
    path = tmp_path / "training.safetensors"
    for epochs in (1, 2):
        layer = linear()
        assert fit(layer, points(), epochs=epochs, checkpoint=path, **options).epochs == epochs


def test_a_finished_training_is_taken_from_its_checkpoint(tmp_path):
    path = tmp_path / "run.safetensors"
    first = linear()
    fit(first, points(), epochs=3, checkpoint=path)
    second = linear()
    history = fit(second, points(), epochs=3, checkpoint=path)
    assert second.calls == 0
    assert history.epochs == 3
    np.testing.assert_array_equal(found(second), found(first))
    fit(second, points(), epochs=1, checkpoint=path, resume=False)
    assert second.calls == 3


def test_patience_goes_on_over_a_checkpoint(tmp_path):
    path = tmp_path / "run.safetensors"
    for losses, epochs in (([3, 1, 2], 3), ([2], 9), ([], 9)):
        layer = linear(batch=12)
        valley(losses, layer)
        history = fit(layer, points(), epochs=epochs, validation=points(), patience=2, checkpoint=path)
    assert history.ended == "patience"
    assert history.validation.tolist() == [3, 1, 2, 2]
    once = linear(batch=12)
    fit(once, points(), epochs=2)
    np.testing.assert_array_equal(found(layer), found(once))  # those of the second epoch


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 3}, "batch_size=4, and not 3"),
        ({"seed": 1}, "seed=0, and not 1"),
        ({"shuffle": False}, "seed=0, and not None"),
        ({"optimizer": "momentum"}, "optimizer="),
        ({"optimizer": Adam(weight_decay=0.1)}, "optimizer="),
        ({"validation": points()}, "validation=False"),
    ],
)
def test_a_checkpoint_of_another_training(options, said, tmp_path):
    path = tmp_path / "run.safetensors"
    fit(linear(), points(), optimizer="adam", checkpoint=path)
    before, layer = path.read_bytes(), linear()
    with pytest.raises(FileError, match=said) as caught:
        fit(layer, points(), **{"optimizer": "adam", "checkpoint": path} | options)
    assert "resume=False" in caught.value.hint
    assert path.read_bytes() == before
    assert not found(layer).any()


# what is not finite


def logarithm():
    """log(w·x): the rate 1 throws w below 0 as soon as x is large."""
    w, x = gv.param("w", 2.0), gv.data("x", shape=())
    return ReferenceLayer(gv.log((w * x).named("product")).named("loss"), batch=1)


@pytest.mark.parametrize("optimizer", ["sgd", Momentum(momentum=0.0)])
def test_nan_stops_with_the_step_and_the_node(optimizer):
    layer = logarithm()
    data = {"x": np.array([1.0, 1.0, 1.0, 1.0, 1.0, -1.0])}
    with pytest.raises(TrainingError) as caught:
        fit(layer, data, optimizer=optimizer, learning_rate=0.1, shuffle=False)
    assert "the loss is NaN in step 6 (epoch 1)" in str(caught.value)
    assert "loss (log) is the first to hold NaN" in str(caught.value)
    assert "test_fit.py" in str(caught.value)
    good = logarithm()
    fit(good, {"x": np.ones(5)}, optimizer=optimizer, learning_rate=0.1, shuffle=False)
    np.testing.assert_array_equal(layer.parameters["w"], good.parameters["w"])


def test_nan_in_a_later_epoch_and_after_a_copy(monkeypatch):
    monkeypatch.setattr("gradviz.compiler.train._GLANCE", -1.0)
    monkeypatch.setattr("gradviz.compiler.run.Rescue.EVERY", -1.0)  # a copy after every step
    layer = logarithm()
    with pytest.raises(TrainingError, match=r"is NaN in step 12 \(epoch 4\)"):
        fit(layer, {"x": np.ones(3)}, learning_rate=0.22, shuffle=False, epochs=9)
    w = [2.0]
    while w[-1] > 0:
        w.append(w[-1] - 0.22 * (1 / w[-1]))
    assert len(w) == 12
    assert layer.parameters["w"] == w[-1]


def test_what_callbacks_change_is_kept_when_steps_are_made_again():
    def put(layer, history):
        layer.parameters["w"][...] = 2.0 if history.epochs < 5 else 0.1

    layer = logarithm()
    with pytest.raises(TrainingError, match=r"the loss is NaN in step 17 \(epoch 6\)"):
        fit(layer, {"x": np.ones(3)}, learning_rate=0.22, shuffle=False, epochs=9, callbacks=put)
    assert layer.parameters["w"] == 0.1 - 0.22 * (1 / 0.1)


def test_callbacks_that_break_a_parameter_are_named():
    def divide(layer, history):
        layer.parameters["w"][...] = np.inf

    layer, good = logarithm(), logarithm()
    with pytest.raises(TrainingError, match="the parameter 'w' is infinite by the callbacks after epoch 1"):
        fit(layer, {"x": np.ones(3)}, epochs=2, callbacks=divide)
    fit(good, {"x": np.ones(3)})
    assert layer.parameters == good.parameters


def test_a_gradient_that_is_infinite():
    w, x = gv.param("w", 0.5), gv.data("x", shape=())
    layer = ReferenceLayer(gv.sqrt(gv.abs(w - x)).named("loss") + 0 * w, batch=1)
    with pytest.raises(TrainingError, match=r"the gradient of 'w' is (NaN|infinite) in step 2 \(epoch 1\)"):
        fit(layer, {"x": np.array([2.0, 2.0])}, learning_rate=2 * np.sqrt(1.5) * 1.5, shuffle=False)
    np.testing.assert_allclose(layer.parameters["w"], 2.0)


def test_a_parameter_beyond_its_dtype():
    w, x = gv.param("w", 1.0), gv.data("x", shape=())
    layer = ReferenceLayer((w * x).named("loss"), batch=1)
    with pytest.raises(TrainingError, match=r"a parameter leaves the range of its dtype in step 2"):
        fit(layer, {"x": np.array([0.0, 1e9])}, learning_rate=1e300, shuffle=False)
    np.testing.assert_array_equal(layer.parameters["w"], 1.0)


def test_a_bad_parameter_at_the_start():
    layer = linear()
    layer.parameters["b"][...] = np.nan
    with pytest.raises(TrainingError, match="the parameter 'b' is not finite before the first step"):
        fit(layer, points())


def test_the_best_parameters_are_put_back_also_then():
    layer = logarithm()
    kept = []
    with pytest.raises(TrainingError):
        fit(
            layer,
            {"x": np.ones(3)},
            learning_rate=0.22,
            epochs=9,
            patience=5,
            callbacks=lambda layer, _: kept.append(layer.parameters["w"].copy()),
        )
    np.testing.assert_array_equal(layer.parameters["w"], kept[2])


def test_a_validation_loss_that_is_nan():
    with pytest.raises(TrainingError, match="the validation loss is NaN after epoch 1: loss"):
        fit(logarithm(), {"x": np.ones(2)}, validation={"x": np.array([1.0, -1.0])})


def test_a_schedule_that_gives_no_rate():
    with pytest.raises(TrainingError, match=r"the schedule gives the rate nan in step 3"):
        fit(linear(), points(), schedule=lambda step: [0.1, 0.1, float("nan")][step])


def test_a_checkpoint_never_holds_what_is_not_finite(tmp_path, monkeypatch):
    monkeypatch.setattr("gradviz.compiler.train._GLANCE", -1.0)
    monkeypatch.setattr("gradviz.compiler.checkpoint.Checkpoint.EVERY", -1.0)
    path = tmp_path / "run.safetensors"
    with pytest.raises(TrainingError):
        fit(logarithm(), {"x": np.ones(3)}, learning_rate=0.22, epochs=9, shuffle=False, checkpoint=path)
    from gradviz.compiler.weights import load

    layer = logarithm()
    load(layer, path)
    assert np.isfinite(layer.parameters["w"])
    assert layer.parameters["w"] != 2.0


# what is refused before the first step


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"x": np.ones((3, 2))}, "the data lack 'y'"),
        ({"x": np.ones((3, 2)), "y": np.ones(3), "z": 1}, "have 'z', which is no input"),
        ({"X": np.ones((3, 2)), "y": np.ones(3)}, "have 'X', which is no input"),
        ((np.ones((3, 2)),), "have 1 arrays, not 2"),
        ("words", "of type str"),
        ({"x": np.ones((3, 3)), "y": np.ones(3)}, r"'x' have shape \(3, 3\); \(samples, 2\) is wanted"),
        ({"x": np.ones(2), "y": np.ones(3)}, "the first axis counts the samples"),
        ({"x": np.ones((3, 2)), "y": np.ones((3, 1))}, r"'y' have shape \(3, 1\); \(samples,\) is wanted"),
        ({"x": np.ones((3, 2)), "y": np.ones(4)}, "different numbers of samples: x 3, y 4"),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, "have no samples"),
        ({"x": np.ones((3, 2)), "y": [1, np.nan, np.inf]}, "'y' hold NaN in sample 1, and 1 more"),
        ({"x": [[1, 2], [3, np.inf]], "y": [1, 2]}, r"'x' hold inf as float64 in sample 1 at \[1\]"),
        ({"x": [["a", "b"]], "y": [1]}, "'x' are no real numbers"),
        ({"x": np.ones((3, 2)) * 1j, "y": np.ones(3)}, "'x' are no real numbers: complex128"),
        ({"x": [[1, 2], [3]], "y": [1, 2]}, "'x' are no array"),
    ],
)
def test_data_that_do_not_fit(data, said):
    layer = linear()
    with pytest.raises(TrainingError, match=said) as caught:
        fit(layer, data)
    assert layer.calls == 0
    assert "\n" not in str(caught.value)
    assert "test_fit.py" in str(caught.value)


def test_data_that_do_not_fit_into_the_dtype():
    data = {"x": np.full((3, 2), 1e200), "y": np.ones(3)}
    with pytest.raises(TrainingError, match="'x' hold inf as float32 in sample 0"):
        fit(linear(dtype=np.float32), data)


def test_indices_are_whole_numbers_that_fit():
    layer = linear()
    layer.input_dtypes = layer.input_dtypes | {"y": np.dtype(np.int8)}
    assert Samples(layer, points() | {"y": np.arange(12.0)}).arrays["y"].dtype == np.int8
    with pytest.raises(TrainingError, match="'y' are no whole numbers"):
        Samples(layer, points())
    with pytest.raises(TrainingError, match="'y' do not fit into int8"):
        Samples(layer, points() | {"y": np.arange(12) * 100})


def test_the_validation_data_are_checked_before_the_first_step():
    layer = linear()
    with pytest.raises(TrainingError, match="the validation data lack 'y'"):
        fit(layer, points(), validation={"x": np.ones((3, 2))})
    assert layer.calls == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": 2.5}, "epochs=2.5"),
        ({"epochs": None}, "epochs=None: a whole number, 1 or more"),
        ({"seed": None}, "seed=None: a whole number, 0 or more"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2, "online": True}, "online=True takes one sample"),
        ({"patience": -1}, "patience=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
        ({"learning_rate": float("inf")}, "learning_rate=inf"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"learning_rate": "fast"}, "learning_rate='fast': a number above 0 is wanted"),
        ({"learning_rate": True}, "learning_rate=True"),
        ({"learning_rate": 0.1, "schedule": lambda step: 0.1}, "leave out learning_rate"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"schedule": "linear"}, "no schedule 'linear'"),
        ({"schedule": [0.1]}, r"no schedule \[0.1\].*give a function"),
        ({"optimizer": [1]}, r"no optimizer \[1\]"),
    ],
)
def test_wrong_options(options, said):
    with pytest.raises(UsageError, match=said):
        fit(linear(), points(), **options)


@pytest.mark.parametrize("wrt", [["x"], []])
def test_a_layer_whose_parameters_do_not_learn(wrt):
    layer = gv.compile(gv.square(gv.param("w", 2.0) * gv.data("x", shape=())), batch=2, wrt=wrt)
    with pytest.raises(UsageError, match="no parameter of the layer learns"):
        layer.fit({"x": np.ones(4)})


def test_a_layer_without_batches_takes_one_sample_a_step():
    with pytest.raises(UsageError, match="compiled without batch"):
        fit(linear(batch=None), points(), batch_size=2)


def test_a_function_of_parameters_alone_is_minimized():
    w = gv.param("w", 5.0)
    layer = ReferenceLayer(gv.square(w - 3).named("loss"), batch=32)
    history = fit(layer, {}, learning_rate=0.25, epochs=60)
    assert history.steps == 60
    assert layer.parameters["w"] == 3
    with pytest.raises(TrainingError, match=r"have 'x', which is no input .the layer has no inputs: give {}"):
        fit(layer, {"x": 1})


def test_a_layer_without_parameters_learns_nothing():
    layer = linear()
    layer.parameters = {}
    with pytest.raises(TrainingError, match="no parameters to learn"):
        fit(layer, points())


# the history


def test_the_history_tells_what_happened():
    history = fit(linear(), points(), epochs=3, learning_rate=0.1, schedule="cosine", validation=points())
    assert len(history.losses) == len(history.rates) == history.steps == 9
    assert history.rates[0] == 0.1
    assert (np.diff(history.rates) < 0).all()
    assert len(history.validation) == len(history.seconds) == 3
    assert repr(history).startswith("<history: 3 epochs, 9 steps; loss ")
    facts = json.loads(history.to_json())
    assert facts["losses"] == history.losses.tolist()
    assert facts["ended"] == "done"
    assert repr(gv.History()) == "<history: no step yet>"


def test_the_curve_is_drawn_and_the_same_each_time(tmp_path):
    pytest.importorskip("matplotlib")
    histories = [fit(linear(), points(), epochs=5, validation=points()) for _ in range(2)]
    for kind, magic in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        paths = [tmp_path / f"{place}.{kind}" for place in range(2)]
        for history, path in zip(histories, paths, strict=True):
            history.plot(path)
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].read_bytes().startswith(magic)
    plot = histories[0].plot()
    labels = [text.get_text() for text in plot.axes.get_legend().get_texts()]
    assert labels == ["training", "validation", "best: epoch 5"]
    np.testing.assert_array_equal(plot.axes.lines[0].get_ydata(), histories[0].epoch_losses)
    one = fit(linear(), points()).plot()
    assert one.axes.get_xlabel() == "step"
    assert len(one.axes.lines[0].get_ydata()) == 3


def test_a_curve_cannot_be_saved_where_there_is_no_folder(tmp_path):
    pytest.importorskip("matplotlib")
    history = fit(linear(), points())
    with pytest.raises(FileError, match="cannot write"):
        history.plot(tmp_path / "none" / "x.svg")
    with pytest.raises(UsageError, match="did you mean 'svg'"):
        history.plot(tmp_path / "x.svgg")
    with pytest.raises(UsageError, match="no suffix"):
        history.plot(tmp_path / "x")
