"""The squared loss of a two-layer network (D12): (w·σ(Vφ(x)) - y)²."""

import gradviz as gv

V = gv.param("V", [[0.5, -0.4], [0.1, 0.8]], tex=r"\mathbf{V}")
w = gv.param("w", [1.0, -1.0], tex=r"\mathbf{w}")
phi = gv.data("phi", [1.0, 2.0], tex=r"\phi(x)")
y = gv.data("y", 1.0)

h = gv.sigmoid(V @ phi).named("h")
score = (w @ h).named("score")
residual = (score - y).named("residual")
loss = gv.square(residual).named("loss")
