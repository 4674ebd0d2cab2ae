"""What plots draw is what they were given."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as gv


def shown(plot):
    """The colors of an image's places, as matplotlib will paint them."""
    (image,) = plot.axes.images
    return image.to_rgba(image.get_array())[..., :3]


def test_an_image_without_anything_below_0_goes_from_paper_to_ink():
    with gv.Plot() as plot:
        plot.image(plot.axes, [[0, 1], [2, 4]])
    colors = shown(plot)
    assert colors[0, 0] == pytest.approx([1, 1, 1])
    darkness = colors.sum(axis=-1)
    assert darkness[0, 0] > darkness[0, 1] > darkness[1, 0] > darkness[1, 1]


def test_a_signed_image_is_paper_at_0_and_two_colors_beyond():
    with gv.Plot() as plot:
        plot.image(plot.axes, [[-4, 0], [4, 2]])
    red, green, blue = np.moveaxis(shown(plot), -1, 0)
    assert [channel[0, 1] for channel in (red, green, blue)] == pytest.approx([1, 1, 1], abs=0.01)
    assert red[0, 0] > blue[0, 0]
    assert blue[1, 0] > red[1, 0]
    assert red[1, 0] < red[1, 1] < 1


def test_images_with_the_same_limits_can_be_compared():
    with gv.Plot(columns=2) as plot:
        for axes, value in zip(plot.all_axes, (1, 3), strict=True):
            plot.image(axes, [[value]], low=0, high=3)
    assert [axes.images[0].get_clim() for axes in plot.all_axes] == [(0, 3), (0, 3)]


def test_numbers_can_be_read_on_their_places():
    with gv.Plot() as plot:
        plot.image(plot.axes, [[0, 1], [-2.5, 4]], numbers=True)
    texts = {text.get_text(): text for text in plot.axes.texts}
    assert set(texts) == {"0", "1", "−2.5", "4"}
    assert texts["0"].get_color() == plot.theme.ink
    assert texts["4"].get_color() == plot.theme.paper
    assert texts["−2.5"].get_position() == (0, 1)


def test_a_blank_image_is_paper():
    with gv.Plot() as plot:
        plot.image(plot.axes, np.zeros((3, 3)))
    assert (shown(plot) == 1).all()


def test_regions_are_where_the_function_is_above_0():
    with gv.Plot() as plot:
        plot.regions(plot.axes, lambda points: points[:, 0] - 0.5, (0, 2), (0, 1))
    filled = plot.axes.collections[0].get_paths()[0]
    assert filled.contains_point((1.5, 0.5))
    assert not filled.contains_point((0.25, 0.5))
    assert plot.axes.get_xlim() == (0, 2)
