"""A service that says what a test tells it to: the client's counterpart without a model."""

import json
import threading
import time
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def score(graph):
    """What the pretended model thinks: ten for each vertex and one for each edge; of text, its length."""
    return float(len(graph)) if isinstance(graph, str) else 10.0 * len(graph["ops"]) + len(graph["edges"])


class Pretended(ThreadingHTTPServer):
    """Scores by `score`; ``replies`` are given first, one a request, in place of right answers.

    A reply is a tuple of status, headers and content, a number of seconds to say nothing for, or None, which
    breaks the connection.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies, self.seen, self.connections = deque(), [], 0
        self.versions, self.limits = deque(), {"architectures": 1000, "body_bytes": 10**6, "vertices": 64}
        self.token = None
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self):
        self.connections += 1
        return super().get_request()

    def answer(self, path, content):
        """The right answer; the path is a whole address where this is a proxy."""
        path = path.removeprefix("http://ranker.invalid:8000")
        with self.lock:
            version = self.versions.popleft() if content is not None and self.versions else "1"
        model = {"name": "pretended", "version": version}
        match path:
            case "/v1/model":
                return model | {"space": "nasbench101", "limits": self.limits, "card": {}}
            case "/v1/score":
                graphs = content["architectures"]
                strange = ["operation 'warp'" if "warp" in json.dumps(graph) else None for graph in graphs]
                return {"scores": [score(graph) for graph in graphs], "unfamiliar": strange, "model": model}
            case "/v1/compare":
                rows = [score(pair["a"]) > score(pair["b"]) for pair in content["pairs"]]
                return {
                    "probabilities": [
                        {"worse": 0.9 - 0.8 * r, "equal": 0.1, "better": 0.8 * r} for r in rows
                    ],
                    "model": model,
                }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Pretended

    def do_GET(self):
        self._reply(None)

    def do_POST(self):
        self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _reply(self, content):
        with self.server.lock:
            self.server.seen.append((self.path, dict(self.headers), content))
            reply = self.server.replies.popleft() if content is not None and self.server.replies else ()
        if reply is None:
            self.close_connection = True
            return
        if isinstance(reply, float):
            time.sleep(reply)
            reply = ()
        if self.server.token and self.headers["Authorization"] != f"Bearer {self.server.token}":
            reply = 401, {}, {"title": "Unauthorized"}
        status, headers, answer = reply or (200, {}, self.server.answer(self.path, content))
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": len(data), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def pretend():
    server = Pretended()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
