"""What a reader would object to in a picture, as far as a program can see it."""

from __future__ import annotations

from itertools import pairwise

from gradviz.draw.geometry import Grid, Rect, bounds, union
from gradviz.draw.scene import PlacedBox

SMALLEST_PT = 7.0
PT_PER_PX = 0.75
ASTRAY = 90.0
"""How far from its line a label is no longer read as its own, px."""
BESIDE, AROUND = 6.0, 4.0
"""How near beside a label another text reads as part of it, and how near a box is too near, px."""
BODIES = ("operation", "parameter", "data", "constant")


def faults(scene):
    """List overlaps, lines through text, clipped or tiny text, and labels that seem to belong elsewhere."""
    looks = (_overlaps, _crossings, _outside, _tiny, _astray, _crowded)
    return [fault for look in looks for fault in look(scene)]


def _overlaps(scene):
    grid = Grid()
    for place, text in enumerate(scene.texts):
        rect = text.rect.grown(-0.5)
        for found, other in set(grid.near(rect)):
            if rect.overlaps(found):
                yield f"{text.kind} {text.text!r} overlaps {scene.texts[other].text!r}"
        grid.add(rect, place)
    for box in scene.boxes:
        for text in scene.texts:
            if text.owner != box.key and text.rect.grown(-0.5).overlaps(box.rect):
                yield f"{text.kind} {text.text!r} lies on the box {box.key}"
            elif text.owner == box.key and text.kind != "operation" and text.rect.grown(-0.5).overlaps(box.rect):
                yield f"{text.kind} {text.text!r} lies on its own box"


def _crossings(scene):
    grid = Grid()
    for place, text in enumerate(scene.texts):
        if text.rect.width > 0 and text.rect.height > 0:
            grid.add(text.rect.grown(-0.5), place)
    for box in scene.boxes:
        grid.add(box.rect.grown(-0.5), box.key)
    for edge in scene.edges:
        found = set()
        for a, b in pairwise(edge.line):
            for rect, owner in grid.near(bounds((a, b))):
                if not rect.crossed_by(a, b):
                    continue
                if isinstance(owner, int):
                    text = scene.texts[owner]
                    if not (text.owner in (edge.parent, edge.child) and text.kind in BODIES):
                        found.add(f"{text.kind} {text.text!r}")
                elif owner not in (edge.parent, edge.child):
                    found.add(f"box {owner}")
        for what in sorted(found):
            yield f"the edge {edge.parent} to {edge.child} crosses {what}"


def _outside(scene):
    frame = Rect(0, 0, scene.width, scene.height)
    things = [(text.text, text.rect) for text in scene.texts]
    things += [(box.key, box.rect) for box in scene.boxes]
    things += [(f"{edge.parent} to {edge.child}", bounds(edge.line)) for edge in scene.edges]
    for name, rect in things:
        if min(rect.left, rect.top, frame.right - rect.right, frame.bottom - rect.bottom) < 0:
            yield f"{name!r} lies outside the picture"


def _tiny(scene):
    for text in scene.texts:
        if text.size * PT_PER_PX < SMALLEST_PT:
            yield f"{text.text!r} is set at {text.size * PT_PER_PX:.1f} pt"


def _astray(scene):
    lines = {f"{edge.parent}/{edge.slot}": edge.line for edge in scene.edges}
    segments = Grid()
    for key, line in lines.items():
        for a, b in pairwise(line):
            segments.add(bounds((a, b)).grown(0.1), (key, a, b))
    for owner, texts in _derivatives(scene).items():
        rect = union([text.rect for text in texts])
        own = min(rect.distance(a, b) for a, b in pairwise(lines[owner]))
        if own > ASTRAY:
            yield f"the label {texts[0].text!r} stands far from its line"
        nearer = {key for _, (key, a, b) in segments.near(rect.grown(own)) if rect.distance(a, b) < own - 0.5}
        for key in sorted(nearer):
            yield f"the label {texts[0].text!r} of {owner} stands nearer the line of {key}"


def _crowded(scene):
    """Labels that read as one formula with another text, or stand on the edge of a box."""
    grid = Grid()
    for text in scene.texts:
        grid.add(text.rect, text)
    for box in scene.boxes:
        grid.add(box.rect, box)
    for text in scene.texts:
        if text.kind != "derivative":
            continue
        beside, around = text.rect.grown(BESIDE, -2.0), text.rect.grown(AROUND)
        for rect, other in set(grid.near(beside)) | set(grid.near(around)):
            if isinstance(other, PlacedBox):
                if around.overlaps(rect):
                    yield f"the label {text.text!r} stands close to the box {other.key}"
            elif other.owner != text.owner and beside.overlaps(rect):
                yield f"the label {text.text!r} reads as one with {other.text!r}"


def _derivatives(scene):
    found = {}
    for text in scene.texts:
        if text.kind == "derivative":
            found.setdefault(text.owner, []).append(text)
    return found
