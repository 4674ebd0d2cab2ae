"""Two cars, by hand (D03): are they at a safe distance? y = sign(|x₁ - x₂| - 1).

The two linear subproblems h₁ and h₂ are solved by inspection; their sum decides. Run as a program it
prints the slide's table.
"""

import gradviz as gv

phi = gv.data("phi", [1.0, 3.0, 1.0], tex=r"\phi(x)")  # [1, x₁, x₂]
v1 = gv.param("v1", [-1.0, 1.0, -1.0], tex=r"\mathbf{v}_1")
v2 = gv.param("v2", [-1.0, -1.0, 1.0], tex=r"\mathbf{v}_2")

h1 = (v1 @ phi >= 0).named("h1")
h2 = (v2 @ phi >= 0).named("h2")
h = gv.sign(h1 + h2 - 0.5).named("h")

if __name__ == "__main__":
    graph = gv.graph(h)
    print("x1   x2    h1 h2  h")
    for x1, x2 in [(3, 1), (1, 3), (1, 0.5)]:
        values = gv.evaluate(graph, at={"phi": [1, x1, x2]})
        first, second, answer = (int(values.forward[name]) for name in ("h1", "h2", "h"))
        print(f"{x1:<4} {x2:<5} {first}  {second} {answer:+d}")
