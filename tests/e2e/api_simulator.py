"""What the simulated providers share: an HTTP server in a thread, on a port the system chooses."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Simulator:
    """A provider that answers requests by answer(request) -> (status, headers, body) and keeps them all."""

    def __init__(self):
        self._lock = threading.Lock()
        self._received = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                request = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
                status, headers, text = owner.take(request)
                if status is None:  # hangs up without an answer
                    self.close_connection = True
                    return
                payload = text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def take(self, request):
        with self._lock:
            self._received.append(request)
            return self.answer(request)

    def answer(self, request):
        """Called with the lock held."""
        raise NotImplementedError

    def received(self):
        with self._lock:
            return list(self._received)

    def url(self, path=""):
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
