"""The hinge loss of a linear classifier (D11): max{1 - W·φ(x) y, 0}."""

import gradviz as gv

W = gv.param("W", [0.2, 0.3], tex=r"\mathbf{W}")
phi = gv.data("phi", [-1.0, 1.0], tex=r"\phi(x)")
y = gv.data("y", 1.0)

score = (W @ phi).named("score")
margin = (score * y).named("margin")
loss = gv.maximum(1 - margin, 0).named("loss")
