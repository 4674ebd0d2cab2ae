"""Every rule is proved by SymPy, and every wrong rule is refuted."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import sympy
from cases import cases, choose
from gallery import ROOT
from proofs import page
from terms import run

import gradviz.ops  # noqa: F401 - fills the registry
from gradviz.core.primitive import REALS, REGISTRY
from gradviz.namespaces import numpy as numbers
from gradviz.namespaces import sympy as symbols
from gradviz.namespaces.record import Term, as_term, recorder, symbol
from gradviz.passes import attempt
from gradviz.passes.claims import claims_of
from gradviz.passes.limit import TimeIsUpError
from gradviz.passes.prove import prove
from gradviz.passes.zero import is_zero

CASES = cases()


def test_every_primitive_has_a_case():
    assert {case.op.name for case in CASES} >= {
        name for name, op in REGISTRY.items() if op.forward.__module__.startswith("gradviz")
    }


def test_the_page_of_proofs_is_true():
    found = page()
    assert found == (ROOT / "docs" / "proofs.md").read_text(encoding="utf-8"), "make pictures writes it anew"
    assert f"{len(REGISTRY)} of {len(REGISTRY)} primitives are proved." in found


def test_the_namespace_has_the_whole_vocabulary():
    assert [name for name in numbers.__all__ if not hasattr(symbols, name)] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_rule_is_proved(case):
    proof = prove(case.op, case.attrs, case.shapes, seconds=30)
    assert [slot.verdict for slot in proof.slots] == ["proved"] * len(case.shapes), proof.slots


def test_many_blocks_are_proved_one_by_one():
    op = REGISTRY["max"]
    attrs = {"axis": (2, 3), "keepdims": False}
    (slot,) = prove(op, attrs, ((40, 30, 2, 2),)).slots
    assert slot.verdict == "numeric"
    assert slot.reason == "its blocks have too many regions together; proved for (1, 1, 2, 2)"
    wrong = dataclasses.replace(op, vjp=lambda xp, g, f, x, axis, keepdims: (0 * x,))
    assert "proved" not in prove(wrong, attrs, ((40, 30, 2, 2),)).slots[0].reason


# mutants: rules that are wrong in one place


def record(rule, case, adjoint):
    """Record a rule of a case."""
    shape = case.op.shape(*case.shapes, **case.attrs)
    given = [symbol(f"a{place}", shape) for place, shape in enumerate(case.shapes)]
    first = [symbol("g", shape)] if adjoint else []
    found = rule(recorder, *first, symbol("f", shape), *given, **case.attrs)
    return tuple(map(as_term, found)) if isinstance(found, tuple) else as_term(found)


def without_a_term(term):
    """Yield the term with one summand or one factor left out, at each place where there is one."""
    if term.fn in ("add", "subtract", "multiply", "divide"):
        yield term.args[0]
        yield (
            term.args[1]
            if term.fn in ("add", "multiply")
            else -term.args[1]
            if term.fn == "subtract"
            else 1 / term.args[1]
        )
    for place, arg in enumerate(term.args):
        if isinstance(arg, Term):
            for changed in without_a_term(arg):
                args = (*term.args[:place], as_term(changed), *term.args[place + 1 :])
                yield Term(term.fn, args, term.attrs, term.shape)


def as_rule(term, adjoint):
    def rule(xp, *args, **attrs):
        names = ["g", "f"] if adjoint else ["f"]
        known = dict(zip([*names, *(f"a{place}" for place in range(len(args)))], args, strict=False))
        return run(term, xp, known)

    return rule


def answers(op, case):
    """The rule's numbers at a few points, or None where a rule cannot run."""
    found = []
    for seed in range(4):
        source = np.random.default_rng(seed)
        domain = case.op.domain or (REALS,) * len(case.shapes)
        chosen, args = choose(case, source), []
        for place, (shape, (low, high)) in enumerate(zip(case.shapes, domain, strict=True)):
            base = source.uniform(max(low, -2) + 0.05, min(high, low + 4 if low > -3 else 2) - 0.05, shape)
            args.append(chosen.get(place, base * (seed != 3 or not low < 0 < high)))
        with np.errstate(all="ignore"):
            if op.kink is not None and np.any(op.kink(numbers, *args, **case.attrs) == 0):
                continue  # there is no derivative, only a convention
            f = op.forward(numbers, *args, **case.attrs)
            try:
                if op.partials is not None:
                    given = [partial(numbers, f, *args, **case.attrs) for partial in op.partials]
                else:
                    given = op.vjp(numbers, source.normal(size=np.shape(f)), f, *args, **case.attrs)
            except (ValueError, IndexError, TypeError):
                return None
        shapes = [np.shape(one) for one in given]
        wrong = any(a not in (b, ()) for a, b in zip(shapes, case.shapes, strict=True))
        found += [(a, ()) if wrong else np.broadcast_to(a, b) for a, b in zip(given, case.shapes, strict=True)]
    return found


def differs(case, mutant):
    """Whether a mutant computes anything else than the rule; x·0 may lose its factor unnoticed."""
    right, wrong = answers(case.op, case), answers(mutant, case)
    if wrong is None:
        return True
    return any(
        isinstance(b, tuple) or not np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
        for a, b in zip(right, wrong, strict=True)
    )


def mutants(case):
    """Yield (kind, primitive) for every way in which the case's rule is spoiled."""
    op = case.op
    count = len(case.shapes)
    changes = {"×1.001": lambda one: one * 1.001, "sign": lambda one: -one}

    def changed(change):
        return lambda rule: lambda xp, *args, **attrs: change(rule(xp, *args, **attrs))

    def with_vjp(make):
        return dataclasses.replace(op, vjp=lambda xp, *args, **attrs: make(list(op.vjp(xp, *args, **attrs))))

    if op.partials is not None:
        for place in range(count):
            for kind, change in changes.items():
                partials = list(op.partials)
                partials[place] = changed(change)(partials[place])
                yield kind, dataclasses.replace(op, partials=tuple(partials))
            for term in without_a_term(record(op.partials[place], case, adjoint=False)):
                partials = list(op.partials)
                partials[place] = as_rule(as_term(term), adjoint=False)
                yield "term", dataclasses.replace(op, partials=tuple(partials))
        for i, j in itertools.combinations(range(count), 2):
            partials = list(op.partials)
            partials[i], partials[j] = partials[j], partials[i]
            yield "swap", dataclasses.replace(op, partials=tuple(partials))
        return
    for place in range(count):
        for kind, change in changes.items():
            yield (
                kind,
                with_vjp(lambda given, p=place, c=change: tuple(c(g) if i == p else g for i, g in enumerate(given))),
            )
        terms = record(op.vjp, case, adjoint=True)
        for term in without_a_term(terms[place]):
            spoiled = as_rule(as_term(term), adjoint=True)

            def vjp(xp, *args, p=place, rule=spoiled, **attrs):
                given = list(op.vjp(xp, *args, **attrs))
                given[p] = rule(xp, *args, **attrs)
                return tuple(given)

            yield "term", dataclasses.replace(op, vjp=vjp)
    for i, j in itertools.combinations(range(count), 2):

        def swapped(given, i=i, j=j):
            given[i], given[j] = given[j], given[i]
            return tuple(given)

        yield "swap", with_vjp(swapped)


def test_every_mutant_is_refuted(capsys):
    killed: dict[str, int] = {}
    same = 0
    survivors = []
    for case in CASES:
        for kind, mutant in mutants(case):
            if not differs(case, mutant):
                same += 1
                continue
            proof = prove(mutant, case.attrs, case.shapes, seconds=20)
            if any(slot.verdict == "WRONG" for slot in proof.slots):
                killed[kind] = killed.get(kind, 0) + 1
            else:
                survivors.append((str(case), kind, [slot.verdict + slot.reason for slot in proof.slots]))
    total = sum(killed.values())
    with capsys.disabled():
        print(f" {total} wrong rules refuted {killed}, {same} changes that change nothing ", end="")
    assert not survivors, survivors
    assert set(killed) == {"×1.001", "sign", "swap", "term"}
    assert total > 500


def test_what_sympy_cannot_decide_is_sampled(monkeypatch):
    monkeypatch.setattr("gradviz.passes.attempt.is_zero", lambda expression: False)
    proof = prove(REGISTRY["sigmoid"], {}, ((),))
    assert proof.slots[0].verdict == "sampled"
    assert "40 digits" in proof.slots[0].reason


def test_a_counterexample_is_a_point_and_two_numbers():
    wrong = dataclasses.replace(REGISTRY["tanh"], partials=(lambda xp, f, x: 1 - f,))
    (slot,) = prove(wrong, {}, ((),)).slots
    found = slot.counterexample
    assert slot.verdict == "WRONG"
    assert found.claimed == pytest.approx(1 - np.tanh(found.point["a"]), rel=1e-12)
    assert found.correct == pytest.approx(1 - np.tanh(found.point["a"]) ** 2, rel=1e-12)
    assert str(found).startswith(f"at a = {found.point['a']:.6g} the rule gives ")


@pytest.mark.parametrize("exponent", [3, 2, -1, 0.5, 0, 2.5, -1.5])
def test_a_power_with_a_fixed_exponent_is_proved_for_negative_numbers(exponent):
    base, _ = prove(REGISTRY["power"], {}, ((), ()), fixed={1: exponent}).slots
    assert base.verdict == "proved"


def test_too_many_entries_are_left_to_numbers():
    proof = prove(REGISTRY["matmul"], {}, ((30, 20), (20, 10)))
    assert {slot.verdict for slot in proof.slots} == {"numeric"}
    assert proof.slots[0].reason == "1100 entries are too many for symbols; proved for (2, 3) · (3, 2)"


def test_time_that_is_up_between_two_arguments_leaves_a_verdict_on_both(monkeypatch):
    def claims_in_time(place, argument, claim):
        if place:
            raise TimeIsUpError
        return claims_of(place, argument, claim)

    monkeypatch.setattr(attempt, "claims_of", claims_in_time)
    assert [slot.verdict for slot in prove(REGISTRY["add"], {}, ((), ())).slots] == ["numeric", "numeric"]


def test_time_that_is_too_short_is_said():
    slots = prove(REGISTRY["std"], {"axis": (0,), "keepdims": False, "ddof": 0}, ((12,),), seconds=0.05).slots
    assert slots[0].verdict in ("sampled", "numeric")
    assert "0.05 s" in slots[0].reason or "in time" in slots[0].reason


X, Y = sympy.symbols("x y", real=True)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (sympy.exp(X) * sympy.exp(-X) - 1, True),
        (1 / (1 + sympy.exp(-X)) - sympy.exp(X) / (1 + sympy.exp(X)), True),
        (sympy.sqrt(X**2 + 1) ** 2 - X**2 - 1, True),
        ((X + Y) ** 3 - X**3 - 3 * X**2 * Y - 3 * X * Y**2 - Y**3, True),
        (sympy.sin(X) ** 2 + sympy.cos(X) ** 2 - 1, True),
        (sympy.tanh(X) - (sympy.exp(2 * X) - 1) / (sympy.exp(2 * X) + 1), True),
        (sympy.exp(X) - 1, False),
        (X - Y, False),
    ],
)
def test_zero(expression, expected):
    assert is_zero(expression) is expected
