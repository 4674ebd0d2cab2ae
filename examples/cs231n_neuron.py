"""The sigmoid neuron of Stanford's CS231n notes: f(w, x) = 1/(1 + exp(-(w₀x₀ + w₁x₁ + w₂))).

The course's numbers, to the two digits it prints: f = 0.73; gradients 0.20 by the sum, w₀ -0.20,
x₀ 0.39, w₁ -0.39, x₁ -0.59, w₂ 0.20.
"""

import gradviz as gv

w0, x0 = gv.param("w0", 2.0), gv.param("x0", -1.0)
w1, x1 = gv.param("w1", -3.0), gv.param("x1", -2.0)
w2 = gv.param("w2", -3.0)

dot = (w0 * x0 + w1 * x1 + w2).named("dot")
f = (1 / (1 + gv.exp(-dot))).named("f")
