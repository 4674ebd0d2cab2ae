"""The building blocks of every derivative (D09): what stands on the edges of +, -, ·, max, σ and (·)²."""

import gradviz as gv


def inputs(first: float, second: float) -> tuple[gv.Expr, gv.Expr]:
    """Return the two inputs of a block, as the slide names them."""
    return gv.data("in1", first), gv.data("in2", second)


in1, in2 = inputs(3.0, 2.0)
add = (in1 + in2).named("sum")

in1, in2 = inputs(3.0, 2.0)
subtract = (in1 - in2).named("difference")

in1, in2 = inputs(3.0, 2.0)
multiply = (in1 * in2).named("product")

in1, in2 = inputs(3.0, 2.0)
maximum = gv.maximum(in1, in2).named("larger")

sigmoid = gv.sigmoid(gv.data("in", 0.5))

square = gv.square(gv.data("in", 3.0))
