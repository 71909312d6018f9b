"""The built site, a server for it, and one browser, shared by every test that needs them."""

import contextlib
import gzip
import http.server
import os
import shutil
import subprocess
import sysconfig
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
NO_BROWSER = "no Chromium on the PATH"
COMPRESSED = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


def pytest_terminal_summary(terminalreporter):
    left_out = [report for report in terminalreporter.stats.get("skipped", ()) if NO_BROWSER in str(report.longrepr)]
    if left_out:
        terminalreporter.write_line(
            f"Left out: {len(left_out)} browser tests, for there is {NO_BROWSER}. Install Chromium or Chrome (Debian, "
            "Ubuntu: apt install chromium) and run again. With PATCHWORK_REQUIRE_BROWSER=1 a missing browser fails.",
            yellow=True,
        )


@pytest.fixture(scope="session")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        (pytest.fail if os.environ.get("PATCHWORK_REQUIRE_BROWSER") == "1" else pytest.skip)(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def build_book():
    """Return a function that builds a book cold, by the command of the README → the finished process."""
    command = Path(sysconfig.get_path("scripts")) / "jupyter-book"

    def build(output, source=ROOT):
        options = ["-W", "-n", "--keep-going", "--quiet", "--path-output", output]
        return subprocess.run(
            [command, "build", source, *options], capture_output=True, text=True, encoding="utf-8", timeout=300
        )

    return build


@pytest.fixture(scope="session")
def site(tmp_path_factory, build_book):
    """Return the folder of the pages, built once."""
    output = tmp_path_factory.mktemp("site")
    done = build_book(output)
    if done.returncode != 0 or "WARNING" in done.stderr:
        pytest.fail("the book does not build:\n" + (done.stderr or done.stdout)[-2000:], pytrace=False)
    return output / "_build" / "html"


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serve text compressed, as any web server does."""

    def do_GET(self):
        with contextlib.suppress(ConnectionError):  # the browser left the page
            self.send_page()

    def send_page(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file():
            return super().do_GET()
        body = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header("Content-Type", COMPRESSED[path.suffix])
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *details):
        pass


@pytest.fixture(scope="session")
def served(site):
    """Return the address of the site on a server of this machine."""

    def handler(*arguments):
        return Pages(*arguments, directory=str(site))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
