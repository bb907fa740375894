"""A headless browser, a service in a thread, and that service asked without a browser."""

import contextlib
import json
import re
import shutil
import socket
import threading
import time
import urllib.request

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The browser's own note on an answer that the page shows as a text of its own.
ALLOWED = re.compile(r"Failed to load resource: (the server responded with a status of 422|net::ERR_FAILED)")


@contextlib.contextmanager
def open_browser():
    """Debian's Chromium; the test is skipped where that, or Playwright, is not installed."""
    reason = "the page is tested with Playwright: pip install playwright"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("the page is tested with Chromium: apt install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def serve(models, settings):
    """The address of a service that answers until the end of the block."""
    import uvicorn

    from egraph.service import create_app
    from egraph.service._protocol import protocol_within

    config = uvicorn.Config(
        create_app(models, settings), http=protocol_within(settings.limits), ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_for(lambda: server.started or not thread.is_alive())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def ask(address, route, **content):
    """What the service answers."""
    body = json.dumps(content).encode() if content else None
    request = urllib.request.Request(f"{address}/v1/{route}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_for(condition, seconds=20.0):
    """Returns once the condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)
