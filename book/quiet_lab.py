"""Tell this environment's JupyterLab to open without asking about news or looking for updates."""

import json
import pathlib
import sys

settings = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
path = pathlib.Path(sys.prefix, "share/jupyter/lab/settings/overrides.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(settings, indent=2) + "\n", "utf8")
