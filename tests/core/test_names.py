"""How names are shown: as a lecture writes them."""

from __future__ import annotations

import pytest

from gradviz.core.names import name_to_tex
from gradviz.core.plain import tex_to_text


@pytest.mark.parametrize(
    ("name", "tex", "text"),
    [
        ("x", "x", "x"),
        ("w12", "w_{12}", "w_12"),
        ("phi", r"\phi", "φ"),
        ("φ", r"\phi", "φ"),
        ("varphi_0", r"\varphi_{0}", "φ_0"),
        ("θ_1", r"\theta_{1}", "θ_1"),
        ("w₁₂", "w_{12}", "w_12"),
        ("xₜ₋₁", "x_{t-1}", "x_(t−1)"),
        ("σ²", r"\sigma^{2}", "σ^2"),
        ("W⁽¹⁾", "W^{(1)}", "W^(1)"),
        ("h_{t-1}", "h_{t-1}", "h_(t−1)"),
        ("h_t-1", "h_{t-1}", "h_(t−1)"),
        ("c_1j", "c_{1j}", "c_1j"),
        ("w_ijk", "w_{ijk}", "w_ijk"),
        ("w_1_2", "w_{1,2}", "w_(1,2)"),
        ("w_αt", r"w_{\alpha t}", "w_αt"),
        ("W_out", r"W_{\mathrm{out}}", "W_out"),
        ("h_prev", r"h_{\mathrm{prev}}", "h_prev"),
        ("W^(1)", "W^{(1)}", "W^(1)"),
        ("a_1^2", "a_{1}^{2}", "a_1^2"),
        ("w*", "w^{*}", "w^*"),
        ("h'", r"h^{\prime}", "h′"),
        ("x_1''", r"x_{1}^{\prime\prime}", "x_1′′"),
        ("y_hat", r"\hat{y}", "ŷ"),
        ("ŷ", r"\hat{y}", "ŷ"),
        ("C_tilde_t", r"\tilde{C}_{t}", "C̃_t"),
        ("mu_bar", r"\bar{\mu}", "μ̄"),
        ("hidden_2", r"\mathrm{hidden}_{2}", "hidden_2"),
        ("权值_1", r"\mathrm{权值}_{1}", "权值_1"),
        ("损失", r"\mathrm{损失}", "损失"),
        ("learning_rate", r"\mathrm{learning\_rate}", "learning_rate"),
        ("a_long_word", r"\mathrm{a\_long\_word}", "a_long_word"),
        ("x_{50%}", r"\mathrm{x\_\{50\%\}}", "x_{50%}"),
        ("x^", r"\mathrm{x\^{}}", "x^"),
    ],
)
def test_a_name_is_written_as_in_the_lecture(name, tex, text):
    assert name_to_tex(name) == tex
    assert tex_to_text(tex) == text


def test_a_raised_name_is_put_in_parentheses_where_it_is_squared():
    import gradviz as gv

    h = gv.param("h'", 0.5)
    labels = [edge.labels[0].text for edge in gv.figure(gv.tanh(h).named("W^1")).figure.edges]
    assert labels == ["1 − (W^1)^2"]
