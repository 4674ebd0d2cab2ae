"""A linear function (D06) and its activated form (D07): score = φ·W and h = σ(score)."""

import gradviz as gv

phi = [gv.data(f"phi{i}", value, tex=rf"\phi_{i}") for i, value in enumerate([1.0, -2.0, 0.5], 1)]
w = [gv.param(f"w{i}", value) for i, value in enumerate([0.4, 0.3, -0.6], 1)]

score = (phi[0] * w[0] + phi[1] * w[1] + phi[2] * w[2]).named("score")
h = gv.sigmoid(score).named("h")
