"""Set up this environment's Jupyter for the book; what its reader has set stays.

JupyterLab opens without asking about news or looking for updates, stores widgets with a notebook that is saved after a
run, and takes uploads of up to 200 MB: a photograph above the server's own limit of 10 MB would break the connection.
A notebook converted to HTML, by nbconvert or in the menu, shows an explorer's picture: its widget would be a blank
strip without a network.
"""

import json
import pathlib
import sys

SETTINGS = {
    "share/jupyter/lab/settings/overrides.json": {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
    },
    "etc/jupyter/jupyter_server_config.json": {
        "ServerApp": {"tornado_settings": {"websocket_max_message_size": 200 * 2**20}},
    },
    "etc/jupyter/jupyter_config.json": {  # which nbconvert and the server both read
        "WidgetsDataTypeFilter": {  # asked for pages and slides only; nbconvert's own order has the widget view first
            "display_data_priority": [
                *("application/javascript", "text/html", "application/vnd.jupyter.widget-view+json", "text/markdown"),
                *("image/svg+xml", "text/vnd.mermaid", "text/latex", "image/png", "image/jpeg", "text/plain"),
            ],
        },
    },
}


def set_up(prefix):
    """Add the book's settings to the environment at ``prefix``; all files are read before one is written."""
    files = {pathlib.Path(prefix, place): settings for place, settings in SETTINGS.items()}
    own = {path: read(path) for path in files}
    for path, settings in files.items():
        merged = merge(own[path], settings, path)
        if merged != own[path]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(merged, indent=2, ensure_ascii=False) + "\n", "utf-8")


def read(path):
    """Read a file's settings; none where there is no file. Ends the program where they can't be read."""
    try:
        settings = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if not isinstance(settings, dict):
            raise ValueError("its outermost value must be an object")
    except ValueError as error:
        raise SystemExit(f"{path} is not valid ({error}): mend it or move it away; nothing was changed.") from None
    return settings


def merge(own, book, path, within=""):
    """Return a reader's own settings and, where there are none, the book's; say where the two differ."""
    merged = dict(own)
    for name, value in book.items():
        kept = merged.setdefault(name, value)
        if isinstance(kept, dict) and isinstance(value, dict):
            merged[name] = merge(kept, value, path, f"{within}{name}.")
        elif kept != value:
            print(f"{path}: {within}{name} stays {json.dumps(kept)}, as you set it; the book's is {json.dumps(value)}.")
    return merged


if __name__ == "__main__":
    set_up(sys.prefix)
