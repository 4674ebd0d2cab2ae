"""Names of the user's are any text; printed source has them as identifiers, and in its words."""

import itertools
import warnings

import numpy as np
import pytest

import gradviz as gv
from gradviz.compiler.names import Names

ODD = [
    "µ",
    "x²",
    "½",
    "①",
    "\\xi",
    "\\sigma",
    'a"""b',
    'a"',
    "two\nlines",
    "nul\0",
    "tab\t",
    "\u0301",
    "a\ud800",
    "#",
    "'",
]


@pytest.mark.parametrize(("size", "backend"), [(1, "numpy"), (2000, "numpy"), (2000, "numba")])
def test_any_text_is_a_name(size, backend):
    odd = ODD if backend == "numpy" else ["".join(ODD)]
    for parameter, given in zip(odd, itertools.islice(itertools.cycle(odd), 1, None), strict=False):
        w, x = gv.param(parameter, np.full(size, 0.5)), gv.data(f"{given} ", shape=size)
        product = (w * x).named(f"{parameter}{given}")
        layer = gv.compile(gv.graph(**{given: gv.sum(gv.tanh(product))}), backend=backend)
        xs = {f"{given} ": np.ones(size)}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert layer(**xs) == layer.step(0.1, **xs) > layer.value_and_grad(**xs)[0]
            exec(compile(layer.source, "<layer>", "exec"), {})


@pytest.mark.parametrize("size", [2, 40])
def test_any_text_is_the_name_of_a_state(size):
    x, w = gv.data("x", shape=(5, size)), gv.param("w", np.eye(size))
    for name in ODD:
        states = gv.scan(lambda x, h, name=name: gv.tanh(w @ h + x).named(name), x, np.zeros(size))
        layer = gv.compile(gv.graph(loss=gv.sum(states)))
        assert layer.step(0.1, x=np.ones((5, size))) > 0
        compile(layer.source, "<layer>", "exec")


@pytest.mark.parametrize("text", ODD)
def test_identifiers_are_read_as_they_are_printed(text):
    names = Names()
    once, twice = names.new(text), names.new(text)
    assert once != twice
    assert {once, twice} == set(exec_names(f"{once}, {twice} = 1, 2"))


def exec_names(source):
    """Return the names that a text defines."""
    scope = {}
    exec(source, {"__builtins__": {}}, scope)
    return scope


def test_a_name_that_python_reads_otherwise_is_an_input_by_that_name():
    layer = gv.compile(gv.graph(y=gv.param("w", 2.0) * gv.data("µ", shape=())))
    assert layer(**{"µ": 3.0}) == layer.step(0.1, **{"µ": 3.0}) == 6.0
