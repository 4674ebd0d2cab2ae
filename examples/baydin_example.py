"""The running example of Baydin et al., "Automatic Differentiation in Machine Learning: a Survey".

y = ln(x₁) + x₁x₂ - sin(x₂) at (2, 5): y = 11.652, ∂y/∂x₁ = 5.5, ∂y/∂x₂ = 1.716.
"""

import gradviz as gv

x1, x2 = gv.param("x1", 2.0), gv.param("x2", 5.0)
y = (gv.log(x1) + x1 * x2 - gv.sin(x2)).named("y")
