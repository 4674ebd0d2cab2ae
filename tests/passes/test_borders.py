"""A rule that is wrong beyond a border is refuted, wherever the border is; a right one is proved there."""

from __future__ import annotations

import dataclasses

import pytest

import gradviz.ops  # noqa: F401 - fills the registry
from gradviz.core.primitive import REGISTRY
from gradviz.passes.prove import prove


def verdict_of(forward, *partials):
    shapes = ((),) * len(partials)
    op = dataclasses.replace(REGISTRY["relu"], forward=forward, partials=partials, kink=None)
    found = prove(op, {}, shapes)
    return [slot.verdict for slot in found.slots], found.regions


def relu6(xp, x):
    return xp.minimum(xp.maximum(x, 0), 6)


def far_case(xp, x):
    return xp.where(x > 3, xp.exp(-x), xp.sin(x))


def nested(xp, x):
    return xp.where(x > 50, xp.where(x < 51, x**2, 0), x)


def both(xp, a, b):
    return xp.maximum(xp.minimum(a, b), 20)


FAR = {
    "relu6": (relu6, lambda xp, f, x: xp.indicator(x > 0), lambda xp, f, x: xp.indicator(x > 0) * xp.indicator(x < 6)),
    "where": (
        far_case,
        lambda xp, f, x: xp.where(x > 3, 0, xp.cos(x)),
        lambda xp, f, x: xp.where(x > 3, -xp.exp(-x), xp.cos(x)),
    ),
    "a case in a case": (
        nested,
        lambda xp, f, x: xp.where(x > 50, 0, 1),
        lambda xp, f, x: xp.where(x > 50, xp.where(x < 51, 2 * x, 0), 1),
    ),
    "claimed only": (
        lambda xp, x: xp.sin(x),
        lambda xp, f, x: xp.where(x < -300, 0, xp.cos(x)),
        lambda xp, f, x: xp.where(x < -300, xp.cos(x), xp.cos(x)),
    ),
    "guard": (
        lambda xp, x: xp.sin(x),
        lambda xp, f, x: xp.guard(x < 2, xp.cos(x), 0),
        lambda xp, f, x: xp.guard(x < 2, xp.cos(x), xp.cos(x)),
    ),
    "narrow guard": (
        lambda xp, x: xp.sin(x),
        lambda xp, f, x: xp.guard(xp.abs(x - 40) > 0.01, xp.cos(x), 0),
        lambda xp, f, x: xp.guard(xp.abs(x - 40) > 0.01, xp.cos(x), xp.cos(x)),
    ),
}


@pytest.mark.parametrize("what", FAR)
def test_a_rule_is_tried_on_both_sides_of_every_border(what):
    forward, wrong, right = FAR[what]
    assert verdict_of(forward, wrong)[0] == ["WRONG"]
    assert verdict_of(forward, right)[0] == ["proved"]


def test_a_border_that_two_arguments_cross_together():
    def by(first):
        return lambda xp, f, a, b: xp.indicator((a < b) if first else (b < a)) * xp.indicator(xp.minimum(a, b) > 20)

    verdicts, regions = verdict_of(both, by(True), by(False))
    assert verdicts == ["proved", "proved"]
    assert regions == 4
    assert "WRONG" in verdict_of(both, lambda xp, f, a, b: 0, lambda xp, f, a, b: 0)[0]
