"""A provider's HTTP API in a test: answers what the test puts down, in the provider's documented words."""

import http.server
import json
import threading


class Provider:
    """Listens on a free port. `plan` is what the next requests are answered, the last one for ever."""

    def __init__(self):
        self.requests = []
        self.plan = [(200, {}, "")]
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def answers(self, *answers):
        """Each (status, body) or (status, body, headers); a body that is no text becomes JSON."""
        with self._lock:
            self.plan = [(status, headers[0] if headers else {}, body if isinstance(body, str) else json.dumps(body))
                         for status, body, *headers in answers]

    def take(self, request):
        with self._lock:
            self.requests.append(request)
            return self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                status, headers, answer = provider.take({"path": self.path, "headers": dict(self.headers), "body": body})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(answer.encode())))
                self.end_headers()
                if status != 204:
                    self.wfile.write(answer.encode())

            def log_message(self, *_):
                pass

        return Handler
