"""Recorded rules run again, under any namespace: what a term says is what it computes."""


def run(term, xp, known):
    """Run a recorded rule under a namespace."""
    if term.fn == "number":
        return term.args[0]
    if term.fn == "symbol":
        return known[term.args[0]]
    if term.fn == "pi":
        return xp.pi
    args = [run(arg, xp, known) for arg in term.args]
    infix = {
        "add": lambda a, b: a + b,
        "subtract": lambda a, b: a - b,
        "multiply": lambda a, b: a * b,
        "divide": lambda a, b: a / b,
        "power": lambda a, b: a**b,
        "negative": lambda a: -a,
        "square": lambda a: a * a,
        "gt": lambda a, b: a > b,
        "ge": lambda a, b: a >= b,
        "lt": lambda a, b: a < b,
        "le": lambda a, b: a <= b,
    }
    if term.fn in infix:
        return infix[term.fn](*args)
    function = getattr(xp, term.fn)
    if term.fn == "sum" and not term.attrs:  # what broadcasting spread, where the shape says over what
        return xp.sum(args[0], tuple(range(xp.ndim(args[0]))))
    if term.fn in ("concatenate", "stack"):
        return function(args, *term.attrs)
    return function(*term.attrs, *args) if term.fn == "einsum" else function(*args, *term.attrs)
