"""The book's settings are added to those that an environment has; a reader's own stay."""

import json
import pathlib
import sys

import pytest
from nbconvert.exporters import HTMLExporter

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "book"))
from set_up_lab import SETTINGS, set_up

LAB, SERVER, CONVERTERS = SETTINGS
WIDGETS, NEWS = "@jupyter-widgets/jupyterlab-manager:plugin", "@jupyterlab/apputils-extension:notification"


def write(prefix, place, text):
    path = prefix / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def read(prefix, place):
    return json.loads((prefix / place).read_text("utf-8"))


def test_an_environment_without_settings_gets_the_books(tmp_path, capsys):
    set_up(tmp_path)
    assert {place: read(tmp_path, place) for place in SETTINGS} == SETTINGS
    assert capsys.readouterr().out == ""


def test_what_a_reader_has_set_elsewhere_stays(tmp_path, capsys):
    theme = {"theme": "JupyterLab Dark", "adaptive-theme": False}
    write(tmp_path, LAB, json.dumps({"@jupyterlab/apputils-extension:themes": theme, NEWS: {"doNotDisturbMode": True}}))
    own = {"ServerApp": {"port": 9999, "tornado_settings": {"headers": {"X-Own": "é"}}}, "LabApp": {}}
    write(tmp_path, SERVER, json.dumps(own))
    set_up(tmp_path)
    lab, server = read(tmp_path, LAB), read(tmp_path, SERVER)
    assert lab.pop("@jupyterlab/apputils-extension:themes") == theme
    assert lab[NEWS].pop("doNotDisturbMode") is True
    assert lab == SETTINGS[LAB]
    assert server["ServerApp"]["tornado_settings"].pop("headers") == {"X-Own": "é"}
    assert server["ServerApp"].pop("port") == 9999
    assert server.pop("LabApp") == {}
    assert server == SETTINGS[SERVER]
    assert capsys.readouterr().out == ""


def test_where_a_reader_has_set_the_same_their_value_stays_and_one_line_says_so(tmp_path, capsys):
    path = write(tmp_path, LAB, json.dumps({WIDGETS: {"saveState": False}, NEWS: "off"}))
    set_up(tmp_path)
    assert read(tmp_path, LAB) == {WIDGETS: {"saveState": False}, NEWS: "off"}
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f'{path}: {NEWS} stays "off", as you set it; the book\'s is {{')
    assert second == f"{path}: {WIDGETS}.saveState stays false, as you set it; the book's is true."


def test_a_second_run_changes_and_says_nothing(tmp_path, capsys):
    text = json.dumps(SETTINGS[SERVER] | {"LabApp": {"ä": [1]}}, indent=7, sort_keys=True)
    write(tmp_path, SERVER, text)
    set_up(tmp_path)
    set_up(tmp_path)
    assert (tmp_path / SERVER).read_text("utf-8") == text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("broken", ['{"ServerApp": {"port": 1}', "", "[1]", '{"a": 1} // mine', "\xff"])
def test_a_file_that_is_no_json_is_told_in_one_line_and_nothing_is_changed(tmp_path, broken):
    path = write(tmp_path, SERVER, "")
    path.write_bytes(broken.encode("latin-1"))
    with pytest.raises(SystemExit) as ended:
        set_up(tmp_path)
    message = str(ended.value)
    assert message.startswith(f"{path} is not valid (")
    assert message.endswith("): mend it or move it away; nothing was changed.")
    assert "\n" not in message
    assert path.read_bytes() == broken.encode("latin-1")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_of_nbconverts_order_only_the_widget_views_place_is_changed():
    view = "application/vnd.jupyter.widget-view+json"
    theirs = HTMLExporter().default_config.NbConvertBase.display_data_priority
    ours = SETTINGS[CONVERTERS]["WidgetsDataTypeFilter"]["display_data_priority"]
    assert ours.index("text/html") < ours.index(view)
    assert [kind for kind in ours if kind != view] == [kind for kind in theirs if kind != view]
