"""The chain rule (D10): in → mid → out, and how far a small change at `in` moves `out`.

Run as a program it prints the sensitivity: ∂out/∂in · ε beside what really happens.
"""

import gradviz as gv

x = gv.data("in", 0.5, tex=r"\mathrm{in}")
mid = gv.square(x).named("mid")
out = gv.exp(mid).named("out")

if __name__ == "__main__":
    graph = gv.graph(out)
    values = gv.backprop(graph)
    product = values.local["out", 0] * values.local["mid", 0]
    print(f"∂out/∂in = ∂out/∂mid · ∂mid/∂in = {product:.6f} = {values.grad['in']:.6f}")
    for change in (0.1, 0.01, 0.001):
        moved = gv.evaluate(graph, at={"in": 0.5 + change}).output - values.output
        print(f"ε = {change:<6} predicted {product * change:.6f}   measured {moved:.6f}")
