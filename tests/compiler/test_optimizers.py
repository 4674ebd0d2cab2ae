"""Optimizers step by step against torch's, and against their formulas; schedules against torch's."""

import tracemalloc

import numpy as np
import pytest

from gradviz.compiler import schedules
from gradviz.compiler.optimizers import Adam, GradientDescent, Momentum, Optimizer, find_optimizer
from gradviz.errors import UsageError

STEPS = 25
PAIRS = [
    (GradientDescent(), "SGD", {}),
    (GradientDescent(weight_decay=0.3), "SGD", {"weight_decay": 0.3}),
    (Momentum(momentum=0.8), "SGD", {"momentum": 0.8}),
    (Momentum(weight_decay=0.1), "SGD", {"momentum": 0.9, "weight_decay": 0.1}),
    (Momentum(nesterov=True), "SGD", {"momentum": 0.9, "nesterov": True}),
    (Momentum(nesterov=True, weight_decay=0.2), "SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.2}),
    (Adam(), "Adam", {}),
    (Adam(beta1=0.5, beta2=0.9, epsilon=1e-3), "Adam", {"betas": (0.5, 0.9), "eps": 1e-3}),
    (Adam(weight_decay=0.05), "Adam", {"weight_decay": 0.05}),
    (Momentum(clip_norm=1.5), "SGD", {"momentum": 0.9}),
    (Adam(clip_norm=1.5, weight_decay=0.05), "Adam", {"weight_decay": 0.05}),
]


def start():
    random = np.random.default_rng(0)
    return {"W": random.normal(size=(3, 4)), "b": random.normal(size=4), "c": np.array(0.5)}


def gradients(parameters, step):
    """Some gradient that depends on the parameters, so that errors add up."""
    return {name: np.sin(3 * one + step) * (1 + step % 3) for name, one in parameters.items()}


@pytest.mark.parametrize(("ours", "kind", "options"), PAIRS, ids=lambda value: repr(value))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_as_torch_step_by_step(ours, kind, options, dtype):
    torch = pytest.importorskip("torch", reason="torch is not installed here (pip install torch==2.13.0)")
    parameters = {name: one.astype(dtype) for name, one in start().items()}
    theirs = [torch.tensor(one) for one in parameters.values()]
    optimizer = getattr(torch.optim, kind)(theirs, lr=0.05, **options)
    ours.start(parameters)
    for step in range(STEPS):
        found = gradients(parameters, step)
        for tensor, gradient in zip(theirs, found.values(), strict=True):
            tensor.grad = torch.tensor(gradient.copy())
        if ours.clip_norm:
            torch.nn.utils.clip_grad_norm_(theirs, ours.clip_norm)
        optimizer.step()
        ours.update(found, rate=0.05)
        # torch divides by the norm + 1e-6 where it clips
        tolerance = 1e-5 if ours.clip_norm or dtype == "float32" else 1e-12
        for tensor, parameter in zip(theirs, parameters.values(), strict=True):
            np.testing.assert_allclose(parameter, tensor.numpy(), rtol=tolerance, atol=tolerance)
            assert parameter.dtype == dtype


@pytest.mark.parametrize(("ours", "theirs"), [
    (schedules.step_decay(0.5, every=7, factor=0.3), lambda lr, o: lr.StepLR(o, 7, 0.3)),
    (schedules.exponential(0.5, steps=20, final=0.5 * 0.9**20), lambda lr, o: lr.ExponentialLR(o, 0.9)),
    (schedules.cosine(0.5, steps=20, final=0.1), lambda lr, o: lr.CosineAnnealingLR(o, 20, 0.1)),
])  # fmt: skip
def test_schedules_as_torch(ours, theirs):
    torch = pytest.importorskip("torch", reason="torch is not installed here (pip install torch==2.13.0)")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    scheduler = theirs(torch.optim.lr_scheduler, optimizer)
    for step in range(21):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-15)
        optimizer.step()
        scheduler.step()


def test_clipping_is_of_all_parameters_together():
    parameters = {"a": np.zeros(2), "b": np.zeros(())}
    descent = GradientDescent(clip_norm=1.0)
    descent.start(parameters)
    descent.update({"a": np.array([3.0, 0.0]), "b": np.array(4.0)}, rate=1.0)
    np.testing.assert_allclose(parameters["a"], [-0.6, 0])
    np.testing.assert_allclose(parameters["b"], -0.8)
    descent.update({"a": np.array([0.3, 0.0]), "b": np.array(0.4)}, rate=1.0)  # short enough
    np.testing.assert_allclose(parameters["b"], -1.2)


def test_the_first_step_of_adam_is_the_rate():
    W = np.array([1.0, 1.0, 1.0])
    adam = Adam()
    adam.start({"W": W})
    adam.update({"W": np.array([1e-3, -5.0, 200.0])}, rate=0.1)
    np.testing.assert_allclose(W, [0.9, 1.1, 0.9], rtol=1e-5)


@pytest.mark.parametrize("optimizer", [GradientDescent, Momentum, lambda: Adam(weight_decay=0.1, clip_norm=1.0)])
def test_no_array_is_made_in_a_step(optimizer):
    parameters = {"W": np.zeros((300, 300)), "b": np.zeros(300)}
    found = {name: np.ones_like(one) for name, one in parameters.items()}
    made = optimizer()
    made.start(parameters)
    made.update(found, rate=0.1)
    tracemalloc.start()
    for _ in range(3):
        made.update(found, rate=0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000 < parameters["W"].nbytes
    assert all((one == 1).all() for one in found.values())  # the gradients are the layer's: they stay


def test_used_again_it_goes_on_and_for_other_parameters_it_starts_anew():
    parameters = start()
    twice, once = Adam(), Adam()
    for optimizer in (twice, once):
        optimizer.start(parameters)
    twice.update(gradients(parameters, 0), rate=0.0)
    twice.start(parameters)
    assert twice.updates == 1
    assert twice.state["first_moment/W"].any()
    twice.start(start())
    assert twice.updates == 0
    assert not twice.state["first_moment/W"].any()


def test_a_parameter_without_a_gradient_stays():
    parameters = start()
    before = parameters["b"].copy()
    momentum = Momentum(weight_decay=0.1)
    momentum.start(parameters)
    momentum.update({"W": np.ones((3, 4)), "x": np.ones(7)}, rate=0.1)
    np.testing.assert_array_equal(parameters["b"], before)


def test_an_optimizer_of_ones_own():
    class Sign(Optimizer):
        rate = 0.1

        def _move(self, name, parameter, g, rate, free):
            np.sign(g, out=free)
            parameter -= rate * free

    W = np.array([1.0, 2.0])
    sign = Sign()
    sign.start({"W": W})
    sign.update({"W": np.array([5.0, -0.1])}, rate=0.5)
    np.testing.assert_array_equal(W, [0.5, 2.5])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: find_optimizer("adamm"), "did you mean 'adam'"),
        (lambda: find_optimizer(3), "choose one of sgd"),
        (lambda: Momentum(momentum=1.0), "momentum=1.0"),
        (lambda: Adam(beta2=-0.1), "beta2=-0.1"),
        (lambda: GradientDescent(weight_decay=float("nan")), "weight_decay=nan"),
        (lambda: GradientDescent(clip_norm=0), "clip_norm=0"),
        (lambda: schedules.find_schedule("cosin", 1.0, 10), "did you mean 'cosine'"),
        (lambda: schedules.cosine(1.0, steps=0), "steps=0"),
        (lambda: schedules.exponential(1.0, 10, final=-1.0), "final=-1.0"),
    ],
)
def test_wrong_settings(make, said):
    with pytest.raises(UsageError, match=said) as caught:
        make()
    assert "test_optimizers.py" in str(caught.value)


@pytest.mark.parametrize("name", list(schedules.NAMES))
@pytest.mark.parametrize("steps", [1, 2, 19, 1000])
def test_named_schedules_span_a_run(name, steps):
    schedule = schedules.find_schedule(name, 0.5, steps)
    rates = [schedule(step) for step in range(steps)]
    assert all(0 < rate <= 0.5 for rate in rates)
    if name != "constant" and steps == 1000:
        assert max(rates) == 0.5
        assert rates[-1] < 0.01


def test_warmup_joins_what_follows():
    schedule = schedules.warmup(10, then=schedules.cosine(1.0, steps=90))
    rates = np.array([schedule(step) for step in range(100)])
    assert (np.diff(rates[:11]) > 0).all()
    assert rates[10] == 1.0
    assert (np.diff(rates[10:]) < 0).all()
