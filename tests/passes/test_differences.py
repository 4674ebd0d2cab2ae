"""Central differences: no false alarm where they are hard to take, and no wrong rule that gets by."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.primitive import FUNCTIONS, REGISTRY
from gradviz.passes.differences import measure_slope

RNG = np.random.default_rng(0)
NORMAL, WEIGHTS = RNG.normal(size=(2, 300))

HARD = {
    "relu": lambda x: gv.sum(gv.relu(x) * WEIGHTS),
    "abs": lambda x: gv.sum(gv.abs(x)),
    "log abs": lambda x: gv.sum(gv.log(gv.abs(x))),
    "max": gv.max,
    "norm": gv.norm,
    "fast sine": lambda x: gv.sum(gv.sin(1000 * x)),
    "exp": lambda x: gv.sum(gv.exp(x)),
}


@pytest.mark.parametrize("scale", [0.1, 1e-3, 1e-9])
@pytest.mark.parametrize("what", HARD)
def test_many_small_entries_are_no_false_alarm(what, scale):
    """A coarse step crosses hundreds of kinks, or whole periods; only fine ones see the derivative."""
    report = gv.check(HARD[what](gv.param("x", scale * NORMAL)), seed=1, seconds=0.3)
    assert report.ok, report.to_markdown()
    assert {row.verdict for row in report.leaves} == {"agree"}


def blind(rule):
    """A rule that refuses symbols, so that numbers alone decide."""
    return lambda xp, *args: np.asarray(rule(xp, *(np.asarray(arg, dtype=float) for arg in args)))


@pytest.mark.parametrize("scale", [0.1, 1e-3, 1e-9])
@pytest.mark.parametrize("change", [lambda d: 1.01 * d, lambda d: np.where(d == d.max(), -1, d)], ids=["1.01", "sign"])
@pytest.mark.parametrize("name", ["relu", "abs", "exp", "tanh", "square"])
def test_a_wrong_rule_is_called_wrong_at_the_same_points(name, change, scale):
    op = REGISTRY[name]

    def rule(xp, f, x):
        return change(op.partials[0](xp, f, x))

    try:
        mine = gv.primitive("mine", symbol="m", forward=blind(op.forward), partials=(blind(rule),))
        report = gv.check(gv.sum(mine(gv.param("x", scale * NORMAL)) * WEIGHTS), seconds=0.3)
    finally:
        del REGISTRY["mine"], FUNCTIONS["mine"]
    assert report.counts["WRONG"] == 1
    assert {row.verdict for row in report.leaves} == {"WRONG"}


@pytest.mark.parametrize("name", ["exp", "sigmoid", "softplus", "silu", "mish", "logsigmoid"])
def test_numbers_too_small_for_full_precision_are_no_false_alarm(name):
    assert gv.check(REGISTRY[name](gv.param("z", -740.0)))


def test_a_kernel_of_far_points_is_no_false_alarm():
    distance = gv.param("c", NORMAL[:30].reshape(1, 10, 3)) - WEIGHTS[:120].reshape(40, 1, 3)
    assert gv.check(gv.sum(gv.exp(-100 * gv.sum(distance * distance, axis=2))), seconds=0.3)


@pytest.mark.parametrize(
    ("function", "size", "slope"),
    [
        (lambda h: np.exp(1e-9 + h), 1e-9, 1.0),
        (lambda h: np.log(1e-15 + h), 1e-15, 1e15),
        (lambda h: np.sin(1e8 + h), 1e8, np.cos(1e8)),
        (lambda h: (1e100 + h) ** 2, 1e100, 2e100),
        (lambda h: h**3, 0.0, 0.0),
        (lambda h: np.abs(np.array([-2.0, 1e-6]) + h), np.array([2.0, 1e-6]), np.array([-1.0, 1.0])),
    ],
)
def test_a_slope_at_any_scale(function, size, slope):
    found = measure_slope(function, size=size)
    assert np.all(found.trusted & ~found.kink)
    assert found.value == pytest.approx(slope, rel=1e-5, abs=1e-9)
    assert not np.any(found.agrees(slope * 1.001 + 1e-6, 1e-6))


def test_a_kink_and_nothing_at_all():
    kink = measure_slope(lambda h: np.maximum(h, 0) + np.sin(h), size=0.0)
    assert kink.kink
    noise = measure_slope(lambda h: np.sin(1e16 + h), size=1e16)
    assert not noise.trusted


def test_differences_that_settle_on_nothing_are_no_verdict():
    """The sine turns around between the finest two steps."""
    report = gv.check(gv.sum(gv.sin(1e12 * gv.param("x", NORMAL))), seconds=2)
    assert report.ok, report.to_markdown()
    assert [(row.verdict, row.note) for row in report.leaves] == [
        ("not measured", "central differences settle on no number at this point")
    ]
