"""Loops beside and inside one another are written out at places of their own."""

import numpy as np

import gradviz as gv


def named(x, h):
    return gv.tanh(x + 0.5 * h).named("h", "h_t")


def test_scans_beside_and_on_top_of_one_another():
    x = gv.data("x", [1.0, 2.0, 3.0])
    one = gv.scan(named, x, 0.0)
    two = gv.scan(named, one, 0.0)
    three = gv.scan(named, x, 1.0)
    graph = gv.graph(y=gv.sum(two * three))
    unrolled = gv.unroll(graph)
    wanted = {f"{place}t{time}" for place in ("", "scan_2/", "scan_3/") for time in (1, 2, 3)}
    assert {node.scope for node in unrolled.nodes} - {""} == wanted
    assert unrolled.node(unrolled.find("scan_2/t3/h")).tex == "h_{3}"
    h = np.zeros(4), np.zeros(4), np.ones(4)
    for t in range(3):
        for place, given in ((0, t + 1), (1, None), (2, t + 1)):
            item = h[0][t] if given is None else given
            h[place][t] = np.tanh(item + 0.5 * h[place][t - 1 if t else 3])
    np.testing.assert_allclose(gv.evaluate(graph).output, np.sum(h[1][:3] * h[2][:3]), rtol=1e-14)


def test_a_scan_in_a_scan():
    x = gv.data("x", [[1.0, 2.0], [3.0, 4.0]])
    with gv.scope("outer"):
        h = gv.scan(lambda row, h: gv.scan(named, row, h)[-1], x, 0.0)
    scopes = {node.scope for node in gv.unroll(gv.graph(h)).nodes}
    assert {f"outer/t{row}/t{time}" for row in (1, 2) for time in (1, 2)} <= scopes


def test_what_only_begins_alike_keeps_its_path():
    x = gv.data("x", [1.0, 2.0])
    with gv.scope("gate"):
        h = gv.scan(named, x, 0.0)
    with gv.scope("gate_2"):
        h = gv.scan(named, h, 0.0)
    paths = [path for path in gv.unroll(gv.graph(h)).paths if path.endswith("/h")]
    assert sorted(paths) == ["gate/t1/h", "gate/t2/h", "gate_2/t1/h", "gate_2/t2/h"]
