"""What the page computes with: every primitive's rules, printed as JavaScript and run by a browser, against NumPy."""

import json
from importlib.resources import files

import numpy as np
import pytest
from cases import cases, choose

import gradviz as gv
from gradviz.core.format import array_text, number_text
from gradviz.draw.program import Walkthrough
from gradviz.errors import RuleError
from gradviz.namespaces.javascript import literal

SCRIPTS = "".join(
    files("gradviz.draw").joinpath("web", name).read_text(encoding="utf-8")
    for name in ("arrays.js", "numbers.js", "walk.js")
)


@pytest.fixture(scope="module")
def page(browser):
    return browser.new_page()


def inside(domain):
    low, high = domain
    return max(low, -2.0) + 0.3, min(high, 2.5) - 0.2


def of(case, rng):
    """A graph of a case with a single number as its output, its arguments in the primitive's domain."""
    domains = case.op.domain or ((-np.inf, np.inf),) * len(case.shapes)
    domains = tuple(domains) * len(case.shapes) if len(domains) < len(case.shapes) else domains
    chosen = choose(case, rng)
    leaves = [
        gv.data(f"x{place}", chosen[place], dtype=int)
        if place in chosen
        else gv.param(f"x{place}", rng.uniform(*inside(domain), size=shape))
        for place, (shape, domain) in enumerate(zip(case.shapes, domains, strict=False))
    ]
    out = case.op(*leaves, **case.attrs)
    return gv.unroll(gv.graph(gv.sum(out * gv.data("c", rng.normal(size=out.shape))).named("y")))


def plain(value):
    array = np.asarray(value)
    return {"shape": list(array.shape), "data": array.ravel().tolist()} if array.shape else array.item()


def test_every_primitive_computes_what_numpy_does(page):
    rng = np.random.default_rng(7)
    graphs = [of(case, rng) for case in cases()]
    graphs.append(gv.graph(gv.sum(gv.tanh(gv.param("x", np.float32([0.1, 0.2])) * gv.data("z", np.float32(3.3))))))
    walks = [Walkthrough.of(graph, None, 0.1) for graph in graphs]
    programs = [f"[(() => {{ {walk.script()} return program; }})(), {json.dumps(walk.data(0.1))}]" for walk in walks]
    page.goto("about:blank")
    found = page.evaluate(
        f"() => {{ {SCRIPTS}\n const plain = v => isNumber(v) ? v : {{shape: v.shape, data: [...v.data]}};"
        f"return [{','.join(programs)}].map(([program, graph]) => {{"
        "const found = new Walk(graph, program).found;"
        "const d = edge => derivative(graph, program, found.f, edge);"
        "return {f: graph.nodes.map((_, i) => plain(found.f[i])), c: Object.fromEntries("
        "Object.entries(found.c).map(([edge, c]) => [edge, [plain(c), plain(d(edge))]]))}; }); }"
    )
    for case, graph, answer in zip([*cases(), "float32"], graphs, found, strict=True):
        values = gv.backprop(graph)
        tolerance = {"rtol": 2e-6} if case == "float32" else {"rtol": 1e-11, "atol": 1e-13}
        for index, value in enumerate(answer["f"]):
            np.testing.assert_allclose(unplain(value), values.forward[index], err_msg=str(case), **tolerance)
        assert answer["c"]
        for edge, (added, local) in answer["c"].items():
            key = tuple(map(int, edge.split("/")))
            np.testing.assert_allclose(unplain(added), values.contribution[key], err_msg=str(case), **tolerance)
            np.testing.assert_allclose(unplain(local), values.local[key], err_msg=str(case), **tolerance)


def unplain(value):
    return np.array(value["data"]).reshape(value["shape"]) if isinstance(value, dict) else value


def test_numbers_are_written_as_in_the_pictures(page):
    rng = np.random.default_rng(1)
    numbers = [0.0, -0.0, 1.0, -1.0, 0.125, 1.125, 1.375, -2.5, 0.5, 12.25, 1000.5, 1001.5, 999.5, 9.995, 99.95, 0.0625]
    numbers += [1e-5, -1e-4, 0.001, 0.00099995, 123456.0, 1e6, 1.5e6, 123456.5, -2.345e-12, 1e21, 1e300, 5e-324]
    numbers += [*(rng.normal(size=200) * 10.0 ** rng.integers(-9, 9, size=200)), *(rng.integers(-4000, 4000, 200) / 8)]
    page.goto("about:blank")
    script = f"() => {{ {SCRIPTS}\n return [{','.join(map(literal, map(float, numbers)))}].map(numberText); }}"
    assert page.evaluate(script) == [number_text(float(one)) for one in numbers]
    special = f"() => {{ {SCRIPTS}\n return [NaN, Infinity, -Infinity].map(numberText); }}"
    assert page.evaluate(special) == [number_text(one) for one in (np.nan, np.inf, -np.inf)]


def test_arrays_are_written_as_in_the_pictures(page):
    arrays = [
        np.array([1.0, -0.5]),
        np.array([[1.0, 2.0], [3.0, 4e-7]]),
        np.zeros(0),
        np.ones((3, 4)),
        np.ones((1, 2, 2)),
        np.ones((2, 2, 2)),
        np.ones((1, 1, 3, 3)),
        np.full((1, 1, 1), -2.0),
    ]
    made = [f"make({literal(one.shape)}, Float64Array.from({literal(one.ravel())}))" for one in arrays]
    page.goto("about:blank")
    script = f"() => {{ {SCRIPTS}\n return [{','.join(made)}].map(arrayText); }}"
    assert page.evaluate(script) == [array_text(one) for one in arrays]


def test_only_what_javascript_can_say_is_printed():
    with pytest.raises(RuleError, match="no form in JavaScript"):
        literal(object())
    assert literal((np.float64(2.0), [True, np.inf], 'a"b')) == '[2.0, [true, Infinity], "a\\"b"]'
