"""The live panel: every photograph, every setting, every error."""

import io
import re
from datetime import UTC, datetime

import ipywidgets as widgets
import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from patchwork.explorers.panel import LivePanel


def draw_cut(image, patch_size=16, strength=0.5, gray=False):
    """A photograph, cut."""
    if patch_size == 13:
        raise ValueError("patch_size 13 does not divide 64\nand more")
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().imshow(image.cpu().permute(1, 2, 0).numpy())
    return figure, f"patches of {patch_size} on {tuple(image.shape)}"


@pytest.fixture
def panel():
    return LivePanel(draw_cut, size=64, patch_size=[8, 13, 16], strength=(0.0, 1.0, 0.25), gray=False)


def alert(panel):
    found = re.search(r'role="alert"[^>]*><b>(.*?)</b>', panel.message.value)
    return found and found[1]


def picture_bytes(kind="PNG", mode="RGB", size=(80, 60), **options):
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


def upload(panel, content):
    file = {"name": "own", "type": "image/png", "size": len(content), "content": content}
    panel.upload.value = ({**file, "last_modified": datetime.now(UTC)},)


def test_it_starts_with_an_answer_at_the_functions_defaults(panel):
    assert re.search(r'<img [^>]*src="data:image/png;base64,[^"]+" alt="[^"]+">$', panel.picture.value)
    assert panel.sentence.value == '<p role="status">patches of 16 on (3, 64, 64)</p>'
    assert panel.controls["strength"].value == 0.5
    assert alert(panel) is None


def test_abbreviations_become_labeled_native_controls(panel):
    kinds = {name: type(control).__name__ for name, control in panel.controls.items()}
    assert kinds == {"patch_size": "Dropdown", "strength": "FloatSlider", "gray": "Checkbox"}
    assert [control.description for control in panel.controls.values()] == ["Patch size", "Strength", "Gray"]
    assert panel.controls["strength"].continuous_update is False


def test_a_change_gives_a_new_answer(panel):
    panel.controls["patch_size"].value = 8
    assert "patches of 8 on" in panel.sentence.value


def test_an_error_is_told_in_one_line_and_the_picture_stays(panel):
    before = panel.picture.value
    panel.controls["patch_size"].value = 13
    assert alert(panel) == "patch_size 13 does not divide 64"
    assert panel.picture.value == before
    panel.controls["patch_size"].value = 8
    assert alert(panel) is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no <b>"), "no &lt;b&gt;"),
        (MemoryError(), "Not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "Not enough memory"),
        (RuntimeError("odd\nTraceback"), "RuntimeError: odd"),
        (KeyError("missing"), "KeyError: &#x27;missing&#x27;"),
        (ZeroDivisionError(), "ZeroDivisionError"),
    ],
)
def test_every_kind_of_error_is_told(error, told):
    def fail(image):
        raise error

    panel = LivePanel(fail, size=32)
    assert told in panel.message.value
    assert "Traceback" not in panel.message.value


def test_an_answer_that_is_no_figure_is_told():
    panel = LivePanel(lambda image: "text", size=32)
    assert "must return a matplotlib figure, got str" in alert(panel)


def test_other_photographs_by_sample_upload_and_path(panel, tmp_path):
    first = panel.image
    panel.sample.value = "coffee"
    assert not torch.equal(panel.image, first)
    upload(panel, picture_bytes("PNG", "LA"))
    assert (panel.image == 1).all()  # transparency over white
    path = tmp_path / "own.jpg"
    path.write_bytes(picture_bytes("JPEG", "L"))
    panel.path.value = str(path)
    assert (panel.image == 0).all()
    assert panel.sample.value is None
    assert panel.image.shape == (3, 64, 64)
    assert alert(panel) is None
    panel.sample.value = "astronaut"
    assert torch.equal(panel.image, first)
    panel.path.value = str(path)  # the same path once more
    assert (panel.image == 0).all()
    upload(panel, picture_bytes("PNG", "LA"))
    upload(panel, picture_bytes("PNG", "LA"))
    assert (panel.image == 1).all()
    assert panel.upload.value == ()
    assert panel.path.value == ""


def test_a_rotated_photograph_stands_upright(panel):
    picture = Image.new("RGB", (64, 64), "white")
    picture.paste("black", (0, 0, 64, 32))
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # its top is at the right
    picture.save(file, "PNG", exif=exif)
    upload(panel, file.getvalue())
    assert panel.image[:, :, -8:].max() == 0
    assert panel.image[:, :, :8].min() == 1


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", picture_bytes()[:60], picture_bytes("JPEG", size=(800, 600))[:400]]
)
def test_a_corrupt_upload_is_told_and_the_photograph_stays(panel, content):
    image, picture = panel.image, panel.picture.value
    upload(panel, content)
    assert alert(panel)
    assert "\n" not in alert(panel)
    assert panel.image is image
    assert panel.picture.value == picture


def test_a_missing_path_and_a_folder_are_told(panel, tmp_path):
    for path in (tmp_path / "missing.png", tmp_path):
        panel.path.value = str(path)
        assert alert(panel), path


def test_a_relative_path_is_told_whole(panel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel.path.value = "missing.png"
    assert str(tmp_path / "missing.png") in alert(panel)


def test_a_large_photograph_is_scaled(panel):
    upload(panel, picture_bytes("PNG", "L", size=(6000, 4000)))
    assert panel.image.shape == (3, 64, 64)


def test_no_figure_stays_open():
    def draw(image, rows=2):
        pyplot.figure()
        if rows == 3:
            raise ValueError("three")
        return pyplot.figure(figsize=(1, 1))

    mine = pyplot.figure()
    panel = LivePanel(draw, size=32, rows=[2, 3])
    panel.controls["rows"].value = 3
    assert pyplot.get_fignums() == [mine.number]
    pyplot.close(mine)


def test_the_settings_hold_every_value_and_fifty_random_ones(panel):
    tries = panel.settings()
    assert len(tries) == 3 + 5 + 2 + 50
    assert [each["patch_size"] for each in tries[:3]] == [8, 13, 16]
    assert [each["strength"] for each in tries[3:8]] == [0, 0.25, 0.5, 0.75, 1]
    assert all(set(each) == {"patch_size", "strength", "gray"} for each in tries)
    assert tries == panel.settings()
    with pytest.raises(ValueError, match="13"):
        panel.compute(**tries[1])


def test_given_widgets_are_used_as_they_are():
    rows = widgets.SelectionSlider(options=[("two", 2), ("four", 4)], description="Rows")
    panel = LivePanel(lambda image, rows: Figure(figsize=(1, 1)), size=32, rows=rows)
    assert panel.controls["rows"] is rows
    assert [each["rows"] for each in panel.settings(0)] == [2, 4]
    assert 'alt="' in panel.picture.value


@pytest.mark.parametrize("options", [{"two": 2, "four": 4}, [("two", 2), ("four", 4)], [2, 4]])
def test_every_kind_of_options_gives_its_values(options):
    panel = LivePanel(lambda image, rows: Figure(figsize=(1, 1)), size=32, rows=widgets.Dropdown(options=options))
    assert [each["rows"] for each in panel.settings(0)] == [2, 4]
    assert alert(panel) is None


def name_it(image, model="none", rows=2):
    """The model's name."""
    if model == "missing":
        raise ValueError("no model 'missing'")
    return Figure(figsize=(1, 1)), f"{model}, {rows} rows"


@pytest.mark.parametrize("control", [widgets.Text(value="none", placeholder="a name or a folder"), "none"])
def test_a_text_answers_when_it_is_entered_whole(control):
    panel = LivePanel(name_it, size=32, model=control, rows=[2, 4])
    text = panel.controls["model"]
    assert type(text) is widgets.Text
    assert text.continuous_update is False  # so nothing arrives from the page but a whole text, on Enter
    assert (text.description, text.value) == ("Model", "none")
    text.set_state({"value": "vit-small"})
    assert "vit-small, 2 rows" in panel.sentence.value
    text.set_state({"value": "missing"})
    assert alert(panel) == "no model &#x27;missing&#x27;"
    text.value = "vit-small"
    assert alert(panel) is None


def test_a_text_is_asked_without_the_blanks_around_it():
    panel = LivePanel(name_it, size=32, model=widgets.Text(value="none"), rows=[2, 4])
    panel.controls["model"].set_state({"value": " my models/vit \n"})
    assert ">my models/vit, 2 rows<" in panel.sentence.value
    assert {each["model"] for each in panel.settings()} == {"my models/vit"}
    panel.controls["model"].set_state({"value": "  "})
    assert ">, 2 rows<" in panel.sentence.value


def test_a_text_is_tried_as_it_stands():
    panel = LivePanel(name_it, size=32, model=widgets.Text(value="vit-small"), rows=[2, 4])
    tries = panel.settings()
    assert len(tries) == 1 + 2 + 50
    assert {each["model"] for each in tries} == {"vit-small"}
    assert {each["rows"] for each in tries} == {2, 4}
    assert repr(panel) == "LivePanel(name_it, sample='astronaut', size=32, model='vit-small', rows=2)"


def test_what_is_unknown_is_named():
    for size in (0, "32", None):
        with pytest.raises(ValueError, match="size must be a whole number of at least 1"):
            LivePanel(draw_cut, size=size)
    with pytest.raises(ValueError, match="sample must be one of"):
        LivePanel(draw_cut, sample="nobody")
    with pytest.raises(ValueError, match="control 'rows' must be a widget"):
        LivePanel(draw_cut, rows=object())


def test_repr_and_page_text_are_the_same_everywhere(panel):
    bundle = panel._repr_mimebundle_()
    expected = "LivePanel(draw_cut, sample='astronaut', size=64, patch_size=16, strength=0.5, gray=False)"
    assert bundle["text/plain"] == repr(panel) == expected
    assert "running kernel" in bundle["text/html"]
    assert "Run this cell (Shift+Enter) in JupyterLab; <code>make lab</code> opens it." in bundle["text/html"]
    assert "cpu" not in bundle["text/html"]


def test_it_says_where_torch_runs(panel):
    assert any(
        "torch runs on: <code>" in child.value
        for child in panel.children[0].children
        if hasattr(child, "value") and isinstance(child.value, str)
    )
