"""The page in a real browser: its numbers against `gv.backprop`, its steps, keys, sizes, colors and safety."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import Opened

import gradviz as gv
from gradviz.core.format import array_text, number_text
from gradviz.core.plain import tex_to_text
from gradviz.draw.theme import THEMES

FIVE = ("hinge_loss-loss", "squared_loss-loss", "baydin_example-y", "mazur_network-loss", "micrograd_readme-g")


@pytest.fixture(scope="session")
def pages(example_roots, tmp_path_factory):
    """The graphs and the pages of five examples."""
    folder = tmp_path_factory.mktemp("pages")
    graphs = {name: gv.graph(example_roots[name]) for name in FIVE}
    return {name: (graph, gv.figure(graph).save(folder / f"{name}.html")) for name, graph in graphs.items()}


@pytest.fixture(scope="session")
def hinge(pages):
    return pages["hinge_loss-loss"]


def array(value):
    return np.array(value["data"]).reshape(value["shape"]) if isinstance(value, dict) else np.array(value)


def assert_same_numbers(found, values):
    """Every value, adjoint, derivative and contribution."""
    graph = values.graph
    for index in range(len(graph)):
        np.testing.assert_allclose(array(found["f"][str(index)]), values.forward[index], rtol=1e-12, atol=1e-15)
    assert set(map(int, found["g"])) == set(values.backward)
    for index in values.backward:
        np.testing.assert_allclose(array(found["g"][str(index)]), values.backward[index], rtol=1e-12, atol=1e-15)
    assert found["c"]
    for edge in found["c"]:
        key = tuple(map(int, edge.split("/")))
        np.testing.assert_allclose(array(found["c"][edge]), values.contribution[key], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(array(found["d"][edge]), values.local[key], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", FIVE)
def test_an_edited_value_recomputes_every_number(browser, pages, name):
    graph, path = pages[name]
    with Opened(browser, path) as opened:
        assert_same_numbers(opened.found(), gv.backprop(graph))
        at = {}
        for leaf in [leaf for leaf in graph.leaves if leaf.name][:3]:
            value = np.array(leaf.value)
            value.flat[0] = -0.7531 if leaf.id % 2 else 1.2379
            at[leaf.path] = value
            opened.page.locator(f'fieldset[data-leaf="{leaf.id}"] input').first.fill(str(value.flat[0]))
            values = gv.backprop(graph, at)
            assert_same_numbers(opened.found(), values)
            shown = opened.figure()
            assert shown
            for source, text in shown.items():
                value = (values.forward if source[0] == "f" else values.backward)[int(source[1:])]
                assert text.replace(",", ", ") == flat(array_text(value)), source


def flat(text):
    """A number or array as its characters stand in the figure: powers are raised, the brackets of a matrix lines."""
    return re.sub(r"[\[\]; ,]", "", text).replace("^", "") if ";" in text else text.replace("^", "")


def numerals(text):
    return re.findall(r"−?\d+(?:\.\d+)?", text)


@pytest.mark.parametrize("name", FIVE)
def test_the_steps_are_those_of_the_terminal(browser, pages, name):
    graph, path = pages[name]
    done = gv.steps(graph)
    with Opened(browser, path) as opened:
        opened.press("Home")
        known = {}
        for place, step in enumerate(done, 1):
            opened.press("ArrowRight")
            assert opened.page.locator("#where").inner_text().startswith(f"Step {place} of {len(done)}")
            said = opened.page.locator("#now .sentence").inner_text()
            assert said == re.sub(r"\b([fg])_(\d+)\b", r"\1\2", step.sentence)
            numbers = opened.page.locator("#now .numbers").inner_text()
            expected = re.sub(r"\^", " ", tex_to_text(step.substituted))
            assert numerals(numbers) == numerals(expected), step.substituted
            known[f"{'f' if step.phase in ('forward', 'update') else 'g'}{step.node}"] = step.after
            shown = opened.figure()
            for source, text in shown.items():
                leaf = source[0] == "f" and graph.rows[int(source[1:])].op.leaf
                if source in known:
                    assert text.replace(",", ", ") == flat(array_text(known[source])), (source, step)
                elif not leaf:
                    assert text == "·", (source, step)


def test_a_step_leaves_alone_what_shows_the_same(browser, hinge):
    _, path = hinge
    drawn = "[...document.querySelectorAll('#figure [data-shows], #steps [data-hole], [data-known]')]"
    with Opened(browser, path) as opened:
        opened.press("Home", "ArrowRight")
        opened.page.evaluate(f"for (const one of {drawn}) if (one.lastChild) one.lastChild.old = true")
        opened.press("ArrowRight")
        new = f"{drawn}.filter(one => !one.lastChild?.old).map(one => one.dataset.shows ?? one.dataset.known ?? 'hole')"
        assert len(set(opened.page.evaluate(new))) == 1  # the value of one node, in the figure and in the table
        opened.press("u")
        assert "hole" in opened.page.evaluate(new)


def test_going_back_and_scrubbing(browser, hinge):
    _, path = hinge
    with Opened(browser, path) as opened:
        complete = opened.figure()
        opened.press("Home", *["ArrowRight"] * 6)
        there = opened.figure()
        opened.press("ArrowRight", "ArrowLeft")
        assert opened.figure() == there != complete
        opened.page.locator("#scrub").fill("11")
        assert opened.page.locator("#where").inner_text().startswith("Step 11 of 11")
        assert opened.page.get_by_role("button", name="Next", exact=True).is_disabled()
        opened.page.locator("#scrub").fill("0")
        assert set(opened.figure().values()) == {"·", "[0.2, 0.3]".replace(" ", ""), "[−1,1]", "1"}


def test_playing_runs_to_the_end_and_stops(browser, hinge):
    _, path = hinge
    with Opened(browser, path) as opened:
        opened.page.clock.install()
        opened.page.get_by_role("button", name="Play").click()
        assert opened.page.get_by_role("button", name="Pause").get_attribute("aria-pressed") == "true"
        opened.page.clock.run_for(4 * 1500)
        assert opened.page.locator("#where").inner_text().startswith("Step 4 of 11")
        opened.page.keyboard.press("Escape")
        opened.page.get_by_role("button", name="Pause").click()
        opened.page.clock.run_for(60_000)
        assert opened.page.locator("#where").inner_text().startswith("Step 4 of 11")
        opened.page.get_by_role("button", name="Play").click()
        opened.page.clock.run_for(60_000)
        assert opened.page.locator("#where").inner_text().startswith("Step 11 of 11")
        assert opened.page.get_by_role("button", name="Play").get_attribute("aria-pressed") == "false"


def test_keyboard_alone_reaches_everything(browser, hinge):
    _, path = hinge
    with Opened(browser, path) as opened:
        reached = set()
        for _ in range(60):
            opened.press("Tab")
            reached.add(
                opened.page.evaluate("(a => a.id || a.getAttribute('aria-label') || a.tagName)(document.activeElement)")
            )
        names = {"loss", "margin", "W", "W, element 1 of 2", "scrub", "play", "next", "rate", "update", "theme"}
        assert names <= reached
        opened.page.locator(".parameter > g").focus()
        assert "∂loss" in "".join(opened.page.locator("#inspector").inner_text().split())
        opened.press("Enter")
        assert opened.page.locator("path.lit").count() == 4
        opened.press("Escape")
        assert opened.page.locator("path.lit").count() == 0
        opened.page.locator("body").press("n")
        assert "Step 11" in opened.page.locator("#where").inner_text()


def test_a_leaf_lights_its_paths_and_reads_the_products(browser, tmp_path):
    x = gv.param("x", 3.0)
    graph = gv.graph(((x * x).named("a") + gv.sin(x)).named("y"))
    with Opened(browser, gv.figure(graph, leaves="once").save(tmp_path / "x.html")) as opened:
        opened.page.locator(".parameter > g").click()
        assert opened.page.locator("path.lit").count() == 5
        text = opened.page.locator("#inspector").inner_text()
        text = " ".join(text.split())
        assert "path 1:" in text
        assert "path 3:" in text
        assert number_text(float(gv.backprop(graph).grad["x"])) in text


def test_arrays_too_large_to_be_printed_stand_in_no_product():
    x = gv.param("x", np.ones(10))
    holes = re.findall('data-hole="([^"]*)"', gv.figure(gv.sum(gv.square(x) + x)).html())
    assert holes == [
        "f1", "f2", "f3", "g3", "c3/0", "c2/0", "c2/1", "c1/0", "a1/0", "g0", "g0", "u0", "p0/0", "p0/1", "g0"
    ]  # fmt: skip


def test_gradient_descent(browser, hinge):
    graph, path = hinge
    with Opened(browser, path) as opened:
        opened.page.locator("#rate").fill(str(np.log10(0.02)))
        assert opened.page.locator("#rate-now").inner_text() == "0.02"
        at = {}
        for _ in range(3):
            at = {"W": gv.steps(graph, at, learning_rate=0.02)[-1].after}
            opened.page.get_by_role("button", name="Update once").click()
        assert_same_numbers(opened.found(), gv.backprop(graph, at))
        assert "after 3 updates" in opened.page.locator("#losses").inner_text()
        fields = opened.page.locator('fieldset[data-leaf="0"] input')
        assert [float(fields.nth(place).input_value()) for place in range(2)] == pytest.approx(at["W"])
        opened.page.get_by_role("button", name="Reset").click()
        assert_same_numbers(opened.found(), gv.backprop(graph))


def test_a_leaf_without_a_value_waits_for_one(browser, tmp_path):
    w, x = gv.param("w"), gv.data("x", 3.0)
    graph = gv.graph(gv.square(w * x).named("loss"))
    with Opened(browser, gv.figure(graph).save(tmp_path / "x.html")) as opened:
        assert opened.figure() == {f"f{graph.find('x')}": "3"} | {
            source: "·" for source in opened.figure() if source != f"f{graph.find('x')}"
        }
        assert "no value yet" in opened.page.locator("#now").inner_text()
        assert opened.page.get_by_role("button", name="Next", exact=True).is_disabled()
        field = opened.page.get_by_role("textbox", name="w")
        field.fill("no number")
        assert field.get_attribute("aria-invalid") == "true"
        field.fill("−2")
        assert field.get_attribute("aria-invalid") is None
        assert_same_numbers(opened.found(), gv.backprop(graph, {"w": -2.0}))


def test_not_a_number_is_named(browser, tmp_path):
    graph = gv.graph(gv.log(gv.param("x", 2.0)).named("y"))
    with Opened(browser, gv.figure(graph).save(tmp_path / "x.html")) as opened:
        opened.page.get_by_role("textbox", name="x").fill("-1")
        opened.page.locator("#scrub").fill("0")
        assert "y is the first to hold NaN" in opened.page.locator("#now").inner_text()


def test_an_infinity_that_is_meant_is_not_named(browser, tmp_path):
    mask = gv.constant(np.array([0.0, -np.inf])).named("mask")
    graph = gv.graph(gv.sum(gv.softmax(gv.param("x", [1.0, 2.0]) + mask)))
    with Opened(browser, gv.figure(graph).save(tmp_path / "x.html")) as opened:
        opened.page.locator("#scrub").fill("0")
        assert "The leaves have their values" in opened.page.locator("#now").inner_text()


def test_several_outputs_and_arrays_have_the_way_forward(browser, tmp_path):
    x = gv.data("x", [1.0, 2.0])
    graph = gv.graph(gv.concatenate([x, x * x], 0).named("phi"))
    with Opened(browser, gv.figure(graph).save(tmp_path / "x.html")) as opened:
        opened.press("Home", "ArrowRight")
        assert "Step 1 of 2" in opened.page.locator("#where").inner_text()
        assert opened.page.get_by_role("button", name="Update once").is_disabled()


def paper(opened):
    return opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1600, "dark")])
@pytest.mark.parametrize("name", FIVE)
def test_it_fits_and_is_accessible(browser, pages, name, width, scheme):
    _, path = pages[name]
    with Opened(browser, path, width=width, color_scheme=scheme) as opened:
        page = opened.page
        page.locator("summary").first.click()
        page.locator("summary").last.click()
        page.locator("svg [tabindex]").first.focus()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        theme = THEMES["dark" if scheme == "dark" else "slide"]
        assert paper(opened) == "rgb({}, {}, {})".format(*bytes.fromhex(theme.paper[1:]))
        found = Axe().run(page).response["violations"]
        assert [one for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_theme_can_be_chosen(browser, hinge):
    _, path = hinge
    with Opened(browser, path, color_scheme="light") as opened:
        before = paper(opened)
        opened.page.locator("#theme").click()
        assert paper(opened) != before
        opened.page.locator("#theme").click()
        assert paper(opened) == before


def test_it_zooms_and_pans(browser, hinge):
    _, path = hinge
    with Opened(browser, path) as opened:

        def view():
            return [float(one) for one in opened.page.locator("#figure svg").get_attribute("viewBox").split()]

        whole = view()
        opened.page.locator("#closer").click()
        opened.page.locator("#closer").click()
        assert view()[2] == pytest.approx(whole[2] / 1.25**2)
        near = view()
        box = opened.page.locator("#figure svg").bounding_box()
        opened.page.mouse.move(box["x"] + 150, box["y"] + 150)
        opened.page.mouse.down()
        opened.page.mouse.move(box["x"] + 100, box["y"] + 100, steps=4)
        opened.page.mouse.up()
        assert view()[0] > near[0]
        opened.page.locator("#fit").click()
        assert view() == whole


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "</script><script>alert(1)</script>",
    "@@script@@",
    "\ue000f0\ue001",
    "${alert(1)}",
    "javascript:alert(1)",
    "<!--",
]


def test_hostile_labels_execute_nothing(browser, tmp_path):
    leaves = [gv.param(name, 1.0) for name in HOSTILE]
    tex = [r"\href{javascript:alert(1)}{x}", r"\text{<img src=x onerror=alert(1)>}", r"\style{color:red}{x}", "</math>"]
    leaves += [gv.param(f"t{place}", 1.0, tex=one) for place, one in enumerate(tex)]
    total = leaves[0]
    for leaf in leaves[1:]:
        total = total + leaf
    picture = gv.figure(total.named("</title><script>alert(1)</script>"), title="</title><script>alert(1)</script>")
    with Opened(browser, picture.save(tmp_path / "x.html")) as opened:
        opened.press("Home", *["ArrowRight"] * 45)
        for leaf in range(len(leaves)):
            opened.page.locator(".parameter > g").nth(leaf).focus()
        assert opened.page.locator("script").count() == 2
        assert opened.page.locator("img, a, [style], [onerror]").count() == 0
        assert opened.page.evaluate("walk.found.f[graph.root]") == len(leaves)


def test_it_prints_its_figure_and_steps(browser, hinge):
    _, path = hinge
    with Opened(browser, path) as opened:
        opened.page.emulate_media(media="print", color_scheme="dark")
        assert opened.page.locator("#figure svg").is_visible()
        headings = [heading for heading in opened.page.locator("h1, h2, h3").all() if heading.is_visible()]
        assert [heading.inner_text() for heading in headings] == ["loss"]  # none over what is not printed
        for what in ("#play", "#scrub", "#rate", "#now"):
            assert opened.page.locator(what).is_hidden()
        assert paper(opened) == "rgb(255, 255, 255)"
        assert opened.page.locator("#steps > li").first.is_visible()


def test_it_is_small_and_repeatable(hinge, tmp_path):
    graph, path = hinge
    assert path.stat().st_size < 150_000
    assert gv.figure(graph).html() == path.read_text(encoding="utf-8")


def test_a_frame_has_no_page():
    with pytest.raises(gv.GradvizError, match="no page"):
        gv.frames(gv.square(gv.param("x", 1.0)))[0].html()
