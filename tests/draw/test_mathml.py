"""Formulas for a browser."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from gradviz.core.names import name_to_tex
from gradviz.draw.mathml import to_mathml


@pytest.mark.parametrize(
    "name", ["x^", "a~b", "^", "x_train_set", "50%", "P(y=1)", "{a}", "#1 & $2", "train loss", "a\\b"]
)
def test_a_name_is_shown_as_it_is(name):
    for tex in (name_to_tex(name), rf"\boldsymbol{{{name_to_tex(name)}}}"):
        shown = "".join(ElementTree.fromstring(to_mathml(tex)).itertext())
        assert shown.replace("\N{NO-BREAK SPACE}", " ") == name
