"""Pictures are small, readable and refuse what they can't draw."""

from io import BytesIO

import matplotlib as mpl
import pytest
import torch
from PIL import Image

from patchwork import figures
from patchwork.images import load_image


def drawn(picture):
    data, size = picture._repr_png_()
    return Image.open(BytesIO(data)), size


def test_a_picture_shows_itself_without_pyplot():
    picture, size = drawn(figures.show_images({"one": torch.rand(3, 20, 30)}))
    assert picture.format == "PNG"
    assert picture.width == 676
    assert size["width"] < picture.width


def test_a_photograph_stays_small():
    data, _ = figures.show_images({"astronaut": load_image("astronaut", size=224)})._repr_png_()
    assert len(data) < 250_000


def test_the_same_picture_is_the_same_bytes():
    image = torch.rand(1, 8, 8)
    assert figures.show_images({"": image})._repr_png_() == figures.show_images({"": image})._repr_png_()


def test_an_image_is_drawn_in_its_own_colors():
    red = torch.tensor([1.0, 0, 0]).view(3, 1, 1).expand(3, 8, 8)
    picture, _ = drawn(figures.show_images({"red": red}))
    center = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))
    assert center[0] > 250
    assert max(center[1:]) < 5


def test_the_query_wears_the_accent():
    accent = tuple(int(figures.ACCENT[i : i + 2], 16) for i in (1, 3, 5))

    def accents(query):
        picture, _ = drawn(figures.show_heat({"": torch.rand(4, 5)}, query=query))
        return sum(max(abs(a - b) for a, b in zip(pixel, accent, strict=True)) < 40 for pixel in colors(picture))

    assert accents(None) == 0
    assert accents((1, 2)) > 100


def colors(picture):
    data = picture.convert("RGB").tobytes()
    return zip(data[::3], data[1::3], data[2::3], strict=True)


def test_a_network_is_drawn_with_its_patch_and_its_depth():
    parts = torch.rand(3, 28, 42), torch.rand(2, 3), torch.rand(2, 3, 3), [3.0, 2.0, 1.0]
    panels = figures.show_network(*parts, query=4, depth=1).axes
    assert [len(panel.patches) for panel in panels] == [1, 1, 1, 0]
    assert panels[0].patches[0].get_xy() == (14, 14)
    assert panels[3].lines[1].get_xydata().tolist() == [[1, 2]]


def test_shared_maps_have_one_color_scale():
    maps = {"low": torch.zeros(2, 2), "high": torch.ones(2, 2)}
    alone, together = (figures.show_heat(maps, shared=shared).axes[1].images[0].get_clim() for shared in (False, True))
    assert alone[0] > 0.5
    assert together == (0, 1)


def test_a_sequence_is_numbered_by_place_and_the_chosen_one_wears_the_accent():
    panels = figures.show_sequence(torch.rand(9, 12), 2, indices=[4, 7, 2], selected=7).axes
    assert [panel.get_xlabel() for panel in panels] == ["4", "7", "2"]
    assert [panel.xaxis.label.get_color() == figures.ACCENT for panel in panels] == [False, True, False]


def test_more_curves_than_marks_are_all_drawn():
    curves = {str(n): torch.full((3,), n, requires_grad=True, dtype=torch.float32) for n in range(8)}
    (axes,) = figures.show_curves([1, 2, 3], curves, xlabel="x", ylabel="y").axes
    assert len(axes.lines) == 8


@pytest.mark.parametrize(("values", "expected"), [([1, 3, 9], ["1", "2", "5"]), ([1, 30, 9000], ["10^{2}", "10^{3}"])])
def test_a_logarithmic_axis_has_numbers_enough_to_read_it(values, expected):
    picture = figures.show_curves([1, 2, 4], {"curve": values}, xlabel="x", ylabel="y", log=True)
    picture._repr_png_()  # ticks are placed when a picture is drawn
    texts = [label.get_text() for label in picture.axes[0].get_yticklabels()]
    assert all(any(each in text for text in texts) for each in expected), texts


def test_what_was_predicted_is_dashed():
    curves = {"a": [1, 2], "b": [2, 3]}
    (axes,) = figures.show_curves([1, 2], curves, xlabel="x", ylabel="y", predicted={"b": [2.5, 3]}).axes
    assert [line.get_linestyle() for line in axes.lines] == ["-", "-", "--"]
    assert axes.lines[2].get_ydata().tolist() == [2.5, 3]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_only_the_axis_across_may_be_logarithmic():
    (axes,) = figures.show_curves([1, 2, 4], {"curve": [0.0, 0.5, 1.0]}, xlabel="x", ylabel="y", log="x").axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")


def test_images_share_one_scale():
    small, large = figures.show_images({"small": torch.rand(3, 8, 8), "large": torch.rand(3, 16, 32)}).axes
    assert small.get_xlim() == large.get_xlim() == (0, 32)
    assert small.images[0].get_extent() == [0, 8, 8, 0]


def test_attention_is_drawn_over_the_whole_image_from_zero_and_the_query_is_marked_everywhere():
    maps = {"fine": torch.rand(4, 4) + 1, "coarse": torch.tensor([[0.25, 0.5]])}
    panels = figures.show_attention(torch.rand(1, 16, 32), maps, query=1).axes
    assert [panel.images[0].get_extent() for panel in panels] == [[0, 32, 16, 0]] * 3
    assert [panel.images[0].get_clim()[0] for panel in panels[1:]] == [0, 0]
    assert [panel.patches[0].get_bbox().bounds for panel in panels] == [(8, 0, 8, 4), (8, 0, 8, 4), (16, 0, 16, 16)]
    assert panels[2].get_xlabel() == "up to 0.5"
    assert not any(panel.patches for panel in figures.show_attention(torch.rand(1, 8, 8), maps).axes)


def test_what_is_not_heard_is_dark_and_can_still_be_made_out():
    heard, stripes = torch.tensor([[True, False], [False, False]]), torch.tensor([0.0, 1.0]).repeat(1, 8, 4)
    (panel,) = figures.show_windows(stripes, {"a block": heard}, at=(0, 0)).axes
    drawn = torch.tensor(panel.images[0].get_array())
    assert panel.get_title() == "a block"
    assert torch.equal(drawn[:4, :4, 0], stripes[0, :4, :4].double())
    for dark in (drawn[4:], drawn[:4, 4:]):
        assert dark.max() < 0.5
        assert (dark[:, 1::2] - dark[:, ::2]).min() > 0.2


def test_windows_have_one_panel_a_map_over_the_whole_image_in_as_many_columns_as_asked():
    maps = {name: torch.rand(*grid) > 0.5 for name, grid in (("a", (2, 4)), ("b", (4, 8)), ("c", (1, 1)))}
    panels = figures.show_windows(torch.rand(3, 16, 32), maps, at=(15, 31), columns=2).axes
    assert [panel.get_title() for panel in panels] == ["a", "b", "c"]
    assert [panel.images[0].get_extent() for panel in panels] == [[0, 32, 16, 0]] * 3
    assert [(panel.get_xlim(), panel.get_ylim()) for panel in panels] == [((0, 32), (16, 0))] * 3
    assert len({panel.get_subplotspec().colspan.start for panel in panels}) == 2


@pytest.mark.parametrize(
    ("at", "row", "column"), [((0, 0), 0, 0), ((7, 15), 0, 8), ((8, 16), 8, 16), ((15.5, 31.5), 8, 24)]
)
def test_the_token_that_holds_the_pixel_wears_the_accent(at, row, column):
    (panel,) = figures.show_windows(torch.rand(3, 16, 32), {"": torch.ones(2, 4).bool()}, at=at).axes
    (token,) = panel.patches
    assert token.get_bbox().bounds == (column, row, 8, 8)
    assert mpl.colors.to_hex(token.get_edgecolor()) == figures.ACCENT


def borders(panel):
    """The rows and columns, in pixels, of the lines across a panel; each goes from one end to the other."""
    lines = [segment.tolist() for lines in panel.collections for segment in lines.get_segments()]
    rows = {y for (x, y), (end, below) in lines if (x, end) == panel.get_xlim() and y == below}
    columns = {x for (x, y), (end, below) in lines if (below, y) == panel.get_ylim() and x == end}
    assert len(lines) == 2 * (len(rows) + len(columns)), "a light line on a dark one, and none that ends inside"
    return sorted(rows), sorted(columns)


def test_windows_stand_where_the_shift_put_them_and_the_first_are_cut():
    heard = dict.fromkeys(("still", "shifted", "no windows"), torch.ones(8, 16).bool())
    windows = {"still": (4, 0), "shifted": (4, 1)}
    still, shifted, bare = figures.show_windows(torch.rand(1, 16, 32), heard, at=(0, 0), windows=windows).axes
    assert borders(still) == ([0, 8, 16], [0, 8, 16, 24, 32])
    assert borders(shifted) == ([0, 2, 10, 16], [0, 2, 10, 18, 26, 32])
    assert not bare.collections


def test_a_coarser_grid_has_larger_tokens_and_windows_than_the_map():
    fine = {"stage 0": torch.ones(8, 8).bool(), "stage 1": torch.ones(8, 8).bool()}
    windows, grids = dict.fromkeys(fine, (2, 0)), {"stage 1": (4, 4)}
    first, second = figures.show_windows(IMAGE, fine, at=(5, 9), windows=windows, grids=grids).axes
    assert [panel.patches[0].get_bbox().bounds for panel in (first, second)] == [(8, 4, 2, 2), (8, 4, 4, 4)]
    assert borders(first)[0] == [0, 4, 8, 12, 16]
    assert borders(second)[0] == [0, 8, 16]


def edges(lines):
    """The ends of each line, as pixels (row, column)."""
    return {tuple((y, x) for x, y in segment) for segment in lines.get_segments()}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("layout", [torch.strided, torch.sparse_csr])
def test_an_edge_joins_the_middles_of_two_patches_and_a_heavier_one_is_darker(layout):
    graph = torch.zeros(4, 4)
    graph[0, 1] = graph[1, 0] = 4.0
    graph[3, 1] = 1.0  # one way is enough for an edge
    graph = graph.to_sparse_csr() if layout == torch.sparse_csr else graph
    (panel,) = figures.show_graphs(torch.rand(3, 16, 32), {"a": graph}, grid=(2, 2), query=3).axes
    everybody, own = panel.collections
    assert edges(everybody) == {((4, 8), (4, 24)), ((4, 24), (12, 24))}
    light, dark = sorted(everybody.get_color()[:, 3])
    assert dark > 1.5 * light > 0
    assert edges(own) == {((4, 24), (12, 24))}
    assert mpl.colors.to_hex(own.get_color()[0][:3]) == figures.ACCENT
    assert panel.patches[0].get_bbox().bounds == (16, 8, 16, 8)
    assert not figures.show_graphs(IMAGE, {"no edges": torch.zeros(4, 4)}, grid=(2, 2)).axes[0].patches


def test_patterns_are_white_at_zero_and_each_has_its_own_scale():
    maps = {"small": torch.tensor([[-0.1, 0.05]]), "large": torch.tensor([[1.0, 2.0]]), "nothing": torch.zeros(1, 2)}
    limits = [panel.images[0].get_clim() for panel in figures.show_patterns(maps).axes]
    assert all(low == -high for low, high in limits)
    assert [high for _, high in limits] == pytest.approx([0.1, 2, 1], rel=0.05)


IMAGE = torch.full((3, 16, 16), 0.5)


def network(**chosen):
    parts = {"weights": torch.eye(2), "colors": torch.rand(2, 2, 3), "query": 0, "depth": 0}
    return figures.show_network(IMAGE, curve=[2.0, 1.0], **parts | chosen)


HEARD = {"a": torch.ones(4, 4).bool()}
REFUSED = [
    (lambda: figures.show_grid(IMAGE, 5), r"patch_size 5 does not divide .* 16 and width 16"),
    (lambda: figures.show_grid(IMAGE, 0), "patch_size must be a whole number of at least 1, got 0"),
    (lambda: figures.show_grid(IMAGE, 8, selected=4), "selected must be one of the patches 0 … 3, got 4"),
    (lambda: figures.show_grid(IMAGE[None], 8), r"image must have shape \(C, H, W\), got \(1, 3, 16, 16\)"),
    (lambda: figures.show_images({"": IMAGE}, patch_size=5), "patch_size 5 does not divide"),
    (lambda: figures.show_images({"": IMAGE[:2]}), r"1 or 3 channels, got 2: shape \(2, 16, 16\)"),
    (lambda: figures.show_images({"": IMAGE * 510}), r"lies in \[0, 1\], got 255 … 255"),
    (lambda: figures.show_images({"": IMAGE.byte()}), "floating-point numbers, got torch.uint8"),
    (lambda: figures.show_images({"": IMAGE * torch.nan}), "must not hold NaN"),
    (lambda: figures.show_images({"": IMAGE.numpy()}), "must be a tensor"),
    (lambda: figures.show_images(IMAGE), "must be a dict from titles to tensors, not empty; got Tensor"),
    (lambda: figures.show_heat({}), "must be a dict from titles to tensors, not empty"),
    (lambda: figures.show_heat({"": IMAGE}), r"must have shape \(h, w\), got \(3, 16, 16\)"),
    (lambda: figures.show_sequence(torch.rand(4, 12), 2, indices=[]), "expected indices"),
    (lambda: figures.show_sequence(torch.rand(4, 12), 2, indices=[4]), "one of the patches 0 … 3, got 4"),
    (lambda: figures.show_sequence(torch.rand(4, 12), 5, indices=[0]), "patches of C·5·5 numbers, got .* 12"),
    (lambda: figures.show_cells(torch.rand(2, 2), torch.zeros(2, 2)), "whole numbers"),
    (lambda: figures.show_cells(torch.ones(2, 2), torch.zeros(2, 3)), "groups of one shape"),
    (lambda: figures.show_attention(IMAGE, {}), "must be a dict from titles to tensors, not empty"),
    (lambda: figures.show_attention(IMAGE, {"": torch.rand(2, 2)}, query=4), "one of the patches 0 … 3, got 4"),
    (lambda: figures.show_attention(IMAGE, {"a": torch.eye(2) * torch.nan}), r"maps\['a'\] must not hold NaN, found 4"),
    (
        lambda: figures.show_attention(IMAGE, {"a": -torch.eye(2)}),
        "must be weights of at least 0, got -1",
    ),
    (lambda: figures.show_attention(IMAGE, {"a": torch.eye(2) * 1j}), r"maps\['a'\] must be real, .* torch.complex64$"),
    (lambda: network(weights=-torch.eye(2)), "must be weights of at least 0, got -1"),
    (lambda: network(colors=torch.rand(2, 3, 3)), r"colors must have shape \(2, 2, 3\), got \(2, 3, 3\)"),
    (lambda: network(query=4), "query must be one of the patches 0 … 3, got 4"),
    (lambda: network(depth=2), "depth must be one of 0 … 1, got 2"),
    (lambda: figures.show_curves([1], {"": [1]}, xlabel="", ylabel="", log="y"), "log must be .* 'x', got 'y'"),
    (
        lambda: figures.show_curves([1], {"a": [1]}, xlabel="", ylabel="", predicted={"b": [1]}),
        "predicted 'b', 1 values, is for no curve of 1: a",
    ),
    (
        lambda: figures.show_curves([1], {"a": [1]}, xlabel="", ylabel="", predicted={"a": [1, 2]}),
        "predicted 'a', 2 values, is for no curve of 1: a",
    ),
    (lambda: figures.show_patterns({"": IMAGE}), r"must have shape \(rows, columns\), got \(3, 16, 16\)"),
    (lambda: figures.show_patterns({"a": torch.eye(2) * torch.nan}), r"maps\['a'\] must not hold NaN, found"),
    (lambda: figures.show_graphs(IMAGE, {}, grid=(2, 2)), "graphs must be a dict from titles to tensors, not empty"),
    (
        lambda: figures.show_graphs(IMAGE, {"a": torch.eye(3)}, grid=(2, 2)),
        r"graphs\['a'\] must have shape \(4, 4\), got \(3, 3\)",
    ),
    (lambda: figures.show_graphs(IMAGE, {"a": -torch.eye(4)}, grid=(2, 2)), "weights of at least 0, got -1"),
    (lambda: figures.show_graphs(IMAGE, {"a": torch.eye(4)}, grid=(2, 2), query=4), "one of the patches 0 … 3, got 4"),
    (lambda: figures.show_windows(IMAGE[0], HEARD, at=(0, 0)), r"image must have shape \(C, H, W\), got \(16, 16\)"),
    (lambda: figures.show_windows(IMAGE * torch.nan, HEARD, at=(0, 0)), "must not hold NaN"),
    (lambda: figures.show_windows(IMAGE, {}, at=(0, 0)), "heard must be a dict from titles to tensors, not empty"),
    (lambda: figures.show_windows(IMAGE, HEARD["a"], at=(0, 0)), "heard must be a dict from titles .*; got Tensor"),
    (
        lambda: figures.show_windows(IMAGE, {"a": torch.ones(4).bool()}, at=(0, 0)),
        r"heard\['a'\] must have shape \(rows, columns\), got \(4,\)",
    ),
    (
        lambda: figures.show_windows(IMAGE, {"a": torch.ones(4, 4)}, at=(0, 0)),
        r"heard\['a'\] must be boolean, got torch.float32",
    ),
    *(
        (lambda at=at: figures.show_windows(IMAGE, HEARD, at=at), rf"at must be a pixel .* \(16, 16\), got {got}")
        for at, got in (
            ((16, 0), r"\(16, 0\)"),
            ((0, 16), r"\(0, 16\)"),
            ((-1, 0), r"\(-1, 0\)"),
            ((0, float("nan")), r"\(0, nan\)"),
            ((1, 2, 3), r"\(1, 2, 3\)"),
            (("a", 0), r"\('a', 0\)"),
            (3, "3"),
            (None, "None"),
        )
    ),
    (
        lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), windows={"b": (2, 0)}),
        r"windows must be a dict with titles of heard, \['a'\], got \{'b'",
    ),
    (lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), grids=5), "grids must be a dict .* got 5"),
    (lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), windows={"a": 4}), r"\['a'\] must be a pair .* got 4"),
    (lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), windows={"a": (4,)}), r"must be a pair .* got \(4,\)"),
    (
        lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), grids={"b": (2, 2)}),
        r"grids must be a dict with titles of heard, \['a'\], got \{'b'",
    ),
    (lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), grids={"a": (0, 4)}), r"grids\['a'\] .* at least 1, got 0"),
    (lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), grids={"a": 4}), r"grids\['a'\] .* got 4"),
    (
        lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), windows={"a": (2, 2)}),
        r"shift must be in 0 … 1 for window_size 2, got 2",
    ),
    (lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), windows={"a": (2, -1)}), "shift must be .* at least 0"),
    (lambda: figures.show_windows(IMAGE, HEARD, at=(0, 0), windows={"a": (0, 0)}), "window_size must be .* at least 1"),
    (lambda: figures.show_curves([1, 2], {"a": [1]}, xlabel="", ylabel=""), "curve 'a' has 1 values over 2 places"),
]


@pytest.mark.parametrize(("draw", "message"), REFUSED)
def test_what_is_no_picture_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_noise_beyond_the_range_is_cut_off():
    noisy = IMAGE + torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.5
    assert figures.show_images({"noisy": noisy})._repr_png_()


def test_labels_are_drawn_as_colors_of_their_own_and_not_as_heat():
    labels, heat = figures.show_heat(
        {"labels": torch.tensor([[0, 1]]), "heat": torch.tensor([[0.0, 1.0]])}, bar=False
    ).axes
    assert labels.images[0].get_cmap().name == figures.LABELS.name
    assert heat.images[0].get_cmap().name == "cividis"
