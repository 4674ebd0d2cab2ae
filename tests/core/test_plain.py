"""Plain text of formulas: what is read back is what was meant, whatever LaTeX a user writes."""

from __future__ import annotations

import math
import random

import pytest
from formulas import readings
from hypothesis import given
from hypothesis import strategies as st

import gradviz as gv
from gradviz.core.plain import tex_to_text
from gradviz.passes.labels import Labeler, node_numbers

FUNCTIONS = "exp log sqrt sin tanh sigmoid relu abs atan".split()


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"y\,x^{y - 1}", "y x^(y−1)"),
        (r"e^{\frac{x}{y}}", "e^(x/y)"),
        (r"e^{-x} + 10^{-5}\,x_{12} + x_{i}", "e^(−x) + 10^−5 x_12 + x_i"),
        (r"g_{w_{1}} + g_{h_{t-1}} + 0.25^{2} + {0.5}_{1}", "g_w_1 + g_(h_(t−1)) + 0.25^2 + 0.5_1"),
        (r"(x^{y})^{z} \cdot x^{y^{z}} \cdot {x^{y}}^{z}", "(x^y)^z · x^(y^z) · (x^y)^z"),
        (r"3\left(\frac{x}{y}\right)^{2}", "3(x/y)^2"),
        (r"3 \cdot \frac{x}{\frac{x}{y}^{2}}", "3 · x/(x/y)^2"),
        (r"\frac{2}{n}(x - \overline{x})", "(2/n)(x − x̄)"),
        (r"-\frac{x - y}{z^{2}} + \frac{1}{\ln(x)}\,y", "−(x − y)/z^2 + (1/ln(x)) y"),
        (r"\frac{\partial \mathcal{L}}{\partial \mathrm{h{(}t{)}}}", "(∂L)/(∂h(t))"),
        (r"\mathrm{P{(}y{=}1{)}}\,\mathrm{K{-}means}\,\mathrm{train\ loss}", "P(y=1) K-means train loss"),
        (r"\nabla_\theta J(\theta) = \ell_1 + \mathbb{E}[x]", "∇_θ J(θ) = ℓ_1 + E[x]"),
        (r"\sum_{i=1}^{n}x_i + \textstyle\sum_{j \ge i} g_j", "∑_(i=1)^n x_i + ∑_(j≥i) g_j"),
        (r"\hat{\mathbf{x}}_{t-1}^{(i)} + W^{\top}\,C'(x)", "x̂_(t−1)^(i) + Wᵀ C'(x)"),
        (r"\frac{s_{1}}{\|s_{1}\|} \odot |x|^{2}", "s_1/‖s_1‖ ⊙ |x|^2"),
        (r"7{\times}7,\ \|\cdot\| = 1.5\times 10^{6}", "7×7, ‖·‖ = 1.5×10^6"),
        (r"\begin{bmatrix} 1 & -2 \\ 3 & 4 \end{bmatrix}", "[1, −2; 3, 4]"),
        (r"\begin{cases} x & x > 0 \\ 0 & \text{else} \end{cases}", "[x, x > 0; 0, else]"),
        (r"\mathbf{1}[\cdot > \cdot] + [\,\cdot\,,\cdot\,] + \frac{1}{\cdot}", "1[· > ·] + [·, ·] + 1/·"),
        (
            r"\sin x\cos\theta + \sqrt[3]{x + y} + \operatorname*{argmax}_i f",
            "sin x cos θ + (x + y)^(1/3) + argmax_i f",
        ),
        (r"\left\lfloor a\right\rfloor\quad \bigl(b\bigr)'", "⌊a⌋ (b)'"),
        (r"\mathrm{a\^{}b}, \{x\} \mathrel{+}= 1", "a^b, {x} += 1"),
        (r"\unknown{x}_{\text{in}} + \unknown y + \left.x\right|_0", "unknown(x)_in + unknown y + x|_0"),
        (r"x^ + {x_ + }} \frac{x", "x^+ x_+ x/"),
        ("^", "^"),
        ("", ""),
    ],
)
def test_formulas(tex, text):
    assert tex_to_text(tex) == text


def expression(rng, depth):
    if depth == 0 or rng.random() < 0.1:
        return rng.choice(["x", "y", "z", "2", "3"])
    part = [f"({expression(rng, depth - 1)})" for _ in range(2)]
    if rng.random() < 0.3:
        return f"{rng.choice(FUNCTIONS)}{part[0]}"
    return rng.choice([f"{part[0]}{sign}{part[1]}" for sign in ("+", "-", "*", "/", "/", "**", "**")] + [f"-{part[0]}"])


@pytest.mark.parametrize("seed", range(400))
def test_what_labels_say_is_true(seed):
    rng = random.Random(seed)
    text = expression(rng, 3)
    graph = gv.from_expression(text)
    point = {leaf.name: rng.uniform(0.5, 2.0) for leaf in graph.leaves if leaf.name}
    values = gv.backprop(graph, point) if point else gv.evaluate(graph)
    numbers = node_numbers(graph)
    names = {f"f_{number}": float(values.forward[index]) for index, number in numbers.items()} | point
    labeler = Labeler(graph, numbers)
    for (parent, slot), true in values.local.items():
        label = tex_to_text(labeler.derivative(parent, slot))
        if all(map(math.isfinite, (true, *(values.forward[arg] for arg in graph.args[parent])))):
            assert readings(label, names) == pytest.approx([true] * 2, rel=0.02), (text, label)


SIGNS = (
    r"( ) [ ] { } { } ^ _ ' | \| & \\ x 1 + - = \, \{ \ ~ $ \frac \sqrt \left \right \mathrm \text \hat \foo \sin \quad"
)
SIGNS += r" \begin{cases} \end{cases} \operatorname* \mathrel"


@given(st.lists(st.sampled_from(SIGNS.split(" ")), max_size=30).map("".join) | st.text(max_size=20))
def test_whatever_a_user_writes_is_readable(tex):
    text = tex_to_text(tex)
    assert text == text.strip()
    assert bool(text) == bool(tex.strip())


@pytest.mark.parametrize(
    "tex", ["{" * 5000 + "x", r"\hat" * 5000, r"\frac{x}{" * 5000, "x^" * 5000, r"\mathrm{" * 5000]
)
def test_deep_nesting_is_no_problem(tex):
    assert tex_to_text(tex)
