"""Feature maps φ (D01): what a linear predictor W·φ(x) sees of its input.

Linear [x], quadratic [x, x²], all monomials up to degree 2, the distance from a normal temperature,
the logarithm of a count, and indicator bins. Run as a program it prints each map at a point.
"""

import gradviz as gv

x = gv.data("x", 3.0)
linear = gv.stack([x]).named("linear")

x = gv.data("x", 3.0)
quadratic = gv.stack([x, gv.square(x)]).named("quadratic")

height, weight = gv.data("h", 1.8), gv.data("w", 75.0)
monomials = gv.stack([gv.constant(1.0), height, weight, gv.square(height), gv.square(weight), height * weight]).named(
    "monomials"
)

T = gv.data("T", 38.5)
from_normal = gv.stack([gv.constant(1.0), gv.square(T - 37)]).named("temperature")

T = gv.data("T", 38.5)
powers = gv.stack([gv.constant(1.0), T, gv.square(T)]).named("powers")

N = gv.data("N", 100.0)
logarithm = gv.log(N).named("logarithm")

N = gv.data("N", 100.0)
bins = gv.stack([(low < N) * (high > N) for low, high in [(0, 11), (10, 101), (100, 1001)]]).named("bins")

if __name__ == "__main__":
    for feature in (linear, quadratic, monomials, from_normal, powers, logarithm, bins):
        print(f"{feature.name:<12}", gv.evaluate(feature).output)
