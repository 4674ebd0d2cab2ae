"""The expression of micrograd's README: g = 24.7041, ∂g/∂a = 138.8338, ∂g/∂b = 645.5773."""

import gradviz as gv

a = gv.param("a", -4.0)
b = gv.param("b", 2.0)
c = a + b
d = a * b + b**3
c = c + c + 1
c = c + 1 + c + (-a)
d = d + d * 2 + gv.relu(b + a)
d = d + 3 * d + gv.relu(b - a)
e = c - d
f = e**2
g = f / 2.0
g = (g + 10.0 / f).named("g")
