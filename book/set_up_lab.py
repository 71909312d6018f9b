"""Set up this environment's JupyterLab for the book.

It opens without asking about news or looking for updates, stores widgets with a notebook that is saved after a run,
and takes uploads of up to 200 MB: a photograph above the server's own limit of 10 MB would break the connection.
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
}

for place, settings in SETTINGS.items():
    path = pathlib.Path(sys.prefix, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
