"""`gradviz.check`: verdicts, kinks, broken rules, big graphs."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.primitive import REGISTRY


def hinge(margin_shift=0.0):
    W, phi, y = gv.param("W", [0.2, 0.3]), gv.data("phi", [-1.0, 1.0]), gv.data("y", 1.0)
    margin = ((W @ phi) * y + margin_shift).named("margin")
    return gv.graph(gv.maximum(1 - margin, 0).named("loss"))


def test_every_edge_of_the_examples_is_proved(formula_roots):
    kinks = 0
    for name, node in formula_roots.items():
        report = gv.check(node)
        assert report.ok, (name, report)
        assert set(report.counts) <= {"proved", "kink"}, (name, report.counts)
        kinks += report.counts["kink"]
        assert {row.verdict for row in report.leaves} <= {"agree", "kink"}
        for row in report.leaves:
            if row.sympy is not None:
                assert row.gradviz == pytest.approx(row.sympy, rel=1e-9, abs=1e-12)
                assert row.gradviz == pytest.approx(row.difference, rel=1e-6, abs=1e-8)
    assert kinks == 1  # the indicator bins stand at the edge of one


def test_the_rows_say_rule_and_derivative():
    rows = {row.edge: row for row in gv.check(hinge()).edges()}
    assert rows["loss → f_1"].rule == "1[1 − margin > 0]"
    assert rows["loss → f_1"].answer == "1 if f_1 > 0; 0 if f_1 < 0"
    assert rows["f_4 → W"].answer == "by W[0]: phi[0]"
    assert all(row.difference < 1e-9 for row in rows.values())


def test_leaves_three_ways():
    report = gv.check(hinge(), {"y": 2.0})
    (y,) = [row for row in report.leaves if row.leaf == "y"]
    assert (y.direction, y.verdict) == ("1", "agree")
    assert y.gradviz == pytest.approx(-0.1)
    assert y.sympy == pytest.approx(-0.1)
    assert y.difference == pytest.approx(-0.1)


def test_a_kink_of_a_rule_that_is_only_measured_is_named():
    report = gv.check(gv.max(gv.param("x", np.zeros((30, 30)))).named("largest"))
    (row,) = report.edges()
    assert (row.verdict, row.note) == ("kink", "no derivative; the rule gives the convention, 0 at a tie")


def test_a_kink_is_named_and_never_verified():
    report = gv.check(hinge(margin_shift=0.9))
    row = report.edges()[0]
    assert (row.edge, row.verdict) == ("loss → f_1", "kink")
    assert row.note == "no derivative where f_1 = 0; the rule gives the convention, 0 at a tie"
    assert {row.verdict for row in report.leaves} == {"kink"}
    assert report.ok
    assert any("the point is at a kink" in note for note in report.notes)


@pytest.mark.parametrize(
    ("build", "where"),
    [
        (gv.relu, "x = 0"),
        (lambda x: gv.maximum(0, x), "x = 0"),
        (lambda x: gv.clip(x, 0, 1), "x = 0 or x = 1"),
    ],
)
def test_kinks_are_named_once_with_the_number_last(build, where):
    (row,) = gv.check(build(gv.param("x", 0.0))).edges()
    assert row.note == f"no derivative where {where}; the rule gives the convention, 0 at a tie"


def test_a_kink_that_nobody_declared_is_found(declare):
    mine = declare(forward=lambda xp, x: xp.abs(x) * 3, partials=(lambda xp, f, x: 3 * xp.sign(x),))
    at_kink = gv.check(mine(gv.param("x", 0.0)))
    assert dict(at_kink.counts) == {"kink": 1}
    assert dict(gv.check(mine(gv.param("x", 0.5))).counts) == {"proved": 1}


def test_a_students_tanh_is_caught(declare):
    mine = declare(forward=lambda xp, x: xp.tanh(x), partials=(lambda xp, f, x: 1 - f,))
    report = gv.check(gv.square(mine(gv.param("x", 0.4))))
    row = report.edges()[1]
    assert not report
    assert (row.verdict, row.answer) == ("WRONG", "1 - tanh(x)^2")
    assert "the rule gives" in row.note
    assert "the derivative is" in row.note
    assert [leaf.verdict for leaf in report.leaves] == ["WRONG"]


def test_wrong_by_a_thousandth_is_caught_by_numbers_alone(declare):
    def blind(function):
        return lambda xp, *args: np.asarray(function(*(np.asarray(arg, dtype=float) for arg in args)))

    right = declare(forward=blind(np.arctan), partials=(blind(lambda f, x: 1 / (1 + x**2)),))
    wrong = declare(forward=blind(np.arctan), partials=(blind(lambda f, x: 1.001 / (1 + x**2)),))
    x = np.linspace(-3, 3, 7)
    fine, bad = (gv.check(gv.sum(op(gv.param("x", x)))) for op in (right, wrong))
    assert fine.ok
    assert dict(fine.counts) == {"proved": 1, "numeric": 1}
    assert "does not run on symbols" in fine.edges()[1].note
    assert dict(bad.counts) == {"proved": 1, "WRONG": 1}


BROKEN = {
    "raises": (
        {"partials": (lambda xp, f, x: {}["slope"],)},
        "the rule of mine failed: KeyError: 'slope' (",
    ),
    "kink that raises": (
        {"partials": (lambda xp, f, x: 2,), "kink": lambda xp, x: {}["kink"]},
        "the rule of mine failed: KeyError: 'kink' (",
    ),
    "kink without the attributes": (
        {"partials": (lambda xp, f, x: 2,), "kink": lambda xp: 1},
        "the rule of mine failed: TypeError: ",
    ),
    "wrong shape": (
        {"vjp": lambda xp, g, f, x: (np.ones(7),), "shape": lambda shape: shape},
        "the rule gives shape (7,)",
    ),
    "no derivative": (
        {"vjp": lambda xp, g, f, x: (None,), "shape": lambda shape: shape},
        "no derivative by argument 1",
    ),
    "too few": ({"vjp": lambda xp, g, f, x: (), "shape": lambda shape: shape}, "has no derivative by argument 1"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_rule_is_one_row_and_the_rest_is_checked(declare, what):
    rules, expected = BROKEN[what]
    mine = declare(forward=lambda xp, x: x * 2, **rules)
    x = gv.param("x", [0.4, 0.5])
    report = gv.check(gv.sum(mine(gv.tanh(x))))
    assert not report.ok
    rows = report.edges()
    assert [row.verdict for row in rows] == ["proved", "WRONG", "proved"]
    said = [*(row.note for row in rows), *report.failures]
    assert any(expected.replace("mine", mine.name) in line for line in said), said
    assert all("\n" not in line for line in said)


ATTRIBUTES = {"clip": {"low": -1.0, "high": 0.7}, "elu": {"alpha": 2.0}, "leaky_relu": {"slope": 0.2}}


@pytest.mark.parametrize("given", [True, False], ids=["attributes", "defaults"])
def test_every_elementwise_primitive_is_checked_with_its_attributes_and_without(given):
    x = gv.param("x", [0.4, 0.6])
    chosen = [op for op in REGISTRY.values() if op.elementwise and op.forward.__module__.startswith("gradviz")]
    optional = [op.name for op in chosen if len(inspect.signature(op.forward).parameters) > 1 + len(op.partials)]
    assert sorted(optional) == sorted(ATTRIBUTES)
    for op in chosen:
        attrs = ATTRIBUTES.get(op.name, {}) if given or op.name == "clip" else {}
        made = op(*[x + place + (op.name == "arccosh") for place in range(len(op.partials))], **attrs)
        report = gv.check(made)
        assert report.ok, (op.name, report.to_markdown())
        assert set(report.counts) <= {"proved"}


def test_a_forward_rule_that_fails_is_one_line(declare):
    def forward(xp, x):
        raise RuntimeError("no such luck")

    mine = declare(forward=forward, partials=(lambda xp, f, x: 1,))
    report = gv.check(gv.tanh(mine(gv.param("x", 0.1))))
    assert not report.ok
    assert len(report.failures) == 1
    assert "no such luck" in report.failures[0]
    assert report.edges()[0].verdict == "proved"


def test_our_own_mistakes_do_not_hide_behind_a_users_rule(monkeypatch):
    def broken(*_):
        raise RuntimeError("our own mistake")

    monkeypatch.setattr("gradviz.passes.labels.to_tex", broken)
    with pytest.raises(RuntimeError, match="our own mistake"):
        gv.check(gv.sin(gv.param("x", 1.0))).edges()


def test_random_values_where_there_are_none():
    report = gv.check(gv.tanh(gv.param("x", shape=3) * gv.data("y")).sum())
    assert report.ok
    assert report.notes[0] == "Checked at random values of x, y (seed 0), which had none"


def test_the_seed_is_what_decides():
    first, again, other = (gv.check(hinge(), seed=seed) for seed in (3, 3, 4))
    assert first.leaves == again.leaves
    assert first.leaves != other.leaves
    assert first.to_json() == again.to_json()


def test_several_outputs_and_arrays():
    x = gv.param("x", [0.3, -0.2, 0.9])
    report = gv.check(gv.graph(first=gv.softmax(x), second=gv.cumsum(gv.exp(x)), third=gv.norm(x)))
    assert report.ok
    assert report.leaves[0].verdict == "agree"


def test_a_reduction_with_nothing_beside_it_is_not_wrong():
    report = gv.check(gv.sum(gv.max(gv.param("x", np.zeros((0, 3))), axis=1)))
    assert report.ok, report.to_markdown()


FAR = {
    "variance": lambda x, w: gv.var(x),
    "softmax": lambda x, w: gv.sum(gv.softmax(x) * w),
    "logsumexp": lambda x, w: gv.logsumexp(x) + gv.sum(w),
    "difference": lambda x, w: gv.sum(gv.square(w + x - x)),
}


@pytest.mark.parametrize("function", FAR.values(), ids=FAR)
def test_what_rounding_leaves_of_a_float32_is_no_wrong_rule(function):
    source = np.random.default_rng(1)
    x = gv.param("x", (1e6 + source.normal(size=5)).astype(np.float32))
    w = gv.param("w", source.normal(size=5).astype(np.float32))
    for seed in range(3):
        report = gv.check(function(x, w), seed=seed, seconds=1)
        assert report.ok, report.to_markdown()
        assert {row.verdict for row in report.leaves} == {"agree"}


def test_a_rule_wrong_by_a_thousandth_is_wrong_in_float32():
    rule = (lambda xp, f, x: 1.001 * xp.cos(x),)
    odd = gv.primitive("sine_of_float32", symbol="s", forward=lambda xp, x: xp.sin(x), partials=rule)
    try:
        report = gv.check(gv.sum(odd(gv.param("x", np.linspace(-1, 1, 5, dtype=np.float32)))))
        assert {row.verdict for row in report.leaves} == {"WRONG"}
    finally:
        del REGISTRY["sine_of_float32"]


def test_float32():
    x = gv.param("x", np.linspace(-1, 1, 5, dtype=np.float32))
    report = gv.check(gv.sum(gv.sigmoid(x) * gv.exp(x)))
    assert report.ok
    assert {row.verdict for row in report.leaves} == {"agree"}


def test_nan_is_said_and_is_no_verdict():
    report = gv.check(gv.log(gv.param("x", -1.0)))
    assert report.notes[0] == "The output is not finite at this point"
    assert report.leaves[0].verdict == "not measured"


@pytest.mark.parametrize("value", [1e-8, 1e8, 700.0, -700.0])
def test_extreme_points_are_no_false_alarm(value):
    x = gv.param("x", value)
    for function in (gv.sigmoid, gv.tanh, gv.softplus, gv.sin, gv.arctan, gv.square, gv.erf, gv.gelu, gv.sinc):
        report = gv.check(function(x))
        assert report.ok, report.to_markdown()


@pytest.mark.parametrize("spread", [gv.var, gv.std], ids=["var", "std"])
@pytest.mark.parametrize("value", [1.0, -3e5, 1e-9])
def test_no_spread_is_no_false_alarm(spread, value):
    """The derivative of a variance of equal values is 0; the differences' is what rounding leaves."""
    assert gv.check(spread(gv.param("x", [value] * 16)))


def test_a_chain_of_100_000_nodes():
    y = gv.param("x", 0.3)
    for place in range(100_000):
        y = gv.sin(y) if place % 2 else y + 0.01
    report = gv.check(y)
    assert dict(report.counts) == {"proved": 100_000}
    assert report.leaves[0].verdict == "agree"
    assert [row.count for row in report.edges()] == [50_000, 50_000]


def test_10_000_nodes_with_thousands_of_leaves():
    total = gv.constant(0.0)
    for place in range(2500):
        w = gv.param(f"w{place}", 0.001 * place)
        total = total + gv.tanh(w * (place % 7)) * gv.exp(-w)
    report = gv.check(total)
    assert set(report.counts) == {"proved"}
    assert {row.verdict for row in report.leaves} == {"agree"}
    assert "leaves together" in report.leaves[0].leaf


def test_60_doublings_and_300_sines():
    x = gv.param("x", 0.25)
    y = x
    for _ in range(60):
        y = y + y
    report = gv.check(y)
    assert report.leaves[0].gradviz == 2.0**60
    assert dict(report.counts) == {"proved": 120}
    z = x
    for _ in range(300):
        z = gv.sin(z)
    assert gv.check(z).ok


def test_a_wide_formula_is_not_written_out():
    x = gv.param("x", 0.25)
    for _ in range(40):
        x = gv.sin(x) * gv.cos(x)
    report = gv.check(x, seconds=2)
    assert report.ok
    assert any("terms" in note or "deep" in note for note in report.notes)


def test_json_and_markdown():
    report = gv.check(hinge())
    facts = json.loads(report.to_json())
    assert facts["ok"] is True
    assert facts["counts"] == {"proved": 7, "sampled": 0, "numeric": 0, "kink": 0, "WRONG": 0}
    assert facts["edges"][0] == {
        "edge": "loss → f_1",
        "rule": "1[1 − margin > 0]",
        "answer": "1 if f_1 > 0; 0 if f_1 < 0",
        "difference": 0.0,
        "verdict": "proved",
        "note": "",
        "count": 1,
    }
    text = report.to_markdown()
    assert text.startswith("**Nothing is wrong**: edges: 7 proved; leaves: 3 agree.\n")
    assert "| margin → f_3 |" in text


def test_names_with_bars_keep_the_table_whole():
    x = gv.param("a|b\\c", 0.5)
    lines = gv.check(gv.exp(x)).to_markdown().splitlines()
    row = next(line for line in lines if "→" in line)
    assert row.replace("\\|", "").count("|") == 7


def test_the_convolutional_network_stands_on_no_kink_but_where_pooling_sees_zeros_alone(example_roots):
    report = gv.check(example_roots["cnn-loss"], seconds=1)
    kinks = [row.rule for row in report.edges() if row.verdict == "kink"]
    assert len(kinks) == 2
    assert all(rule.startswith("g ⊙ 1[") for rule in kinks)
    assert {row.verdict for row in report.leaves} == {"agree"}


def test_a_case_that_a_constant_decides_is_decided_in_the_whole_formula():
    w, y = gv.param("w", 0.5), gv.data("y", 1.0)
    for condition in (False, True, [0.0, 1.0]):
        report = gv.check(gv.sum(gv.where(condition, w, y)))
        assert {leaf.verdict for leaf in report.leaves} == {"agree"}
