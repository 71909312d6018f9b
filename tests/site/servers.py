"""Servers of this machine for the tests of pages."""

import contextlib
import functools
import http.server
import threading


@contextlib.contextmanager
def serving(handler, folder):
    """Serve a folder by a class of handlers while the context lasts → its address."""
    handler = functools.partial(handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
