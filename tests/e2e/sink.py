"""The receiver of webhooks that tests start: tests/provider/provider.py in a child process."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "provider" / "provider.py"


class Sink:
    """Takes what comes and records it; how it answers is told in the words of behaviour.py."""

    def __init__(self, folder, record=True):
        self.path = Path(folder) / "received.jsonl"
        self.recording = record
        self.port = 0
        self.start()

    def start(self):
        """Listens, after stop() again where it did before; what it took before stays recorded."""
        command = [sys.executable, PROGRAM, "--port", str(self.port)]
        command += ["--record", self.path] if self.recording else []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.port}{path}"

    def mode(self, *words):
        """From now on every request is answered so."""
        self._ask("PUT", "/_mode", " ".join(words))

    def plan(self, segment="", **settings):
        """How requests below /SEGMENT are answered from now on; what is counted for them begins anew."""
        self._ask("PUT", f"/_plan/{segment}", json.dumps(settings))

    def report(self, segment="", **expected):
        """What happened below /SEGMENT; `expected` says how many messages each series has."""
        return json.loads(self._ask("GET", f"/_report/{segment}", json.dumps(expected or None)))

    def received(self):
        """Every request it took so far, in order."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def titles(self):
        """Of the notifications it took, in order and with repetitions."""
        return [json.loads(request["body"])["title"] for request in self.received()]

    def count(self):
        return int(self._ask("GET", "/_count"))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(self.url(path), body.encode() if body is not None else None, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()
