"""Secrets that a test planted, and every place where an operator could come across them."""

import json
import subprocess

from gateway_process import BINARY, PATIENCE_SECONDS

PAGES = ("/metrics", "/v1/config", "/v1/health", "/v1/outputs", "/v1/notifications?limit=100", "/v1/dead-letters",
         "/v1/dead-letters/stats", "/v1/suppressions", "/v1/audit")


def leaks(gateway, secrets):
    """[(place, secret)] where one of them is shown."""
    places = {path: gateway.admin(path)[2] for path in PAGES}
    letters = json.loads(places["/v1/dead-letters"]).get("dead_letters", [])
    for letter in letters:
        path = f"/v1/dead-letters/{letter['id']}"
        places[path] = gateway.admin(path)[2]
    places["its log"] = json.dumps([line for line in gateway.log() if line], ensure_ascii=False)
    done = subprocess.run([BINARY, "check", "-c", gateway.config_path], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)
    places["tocsin check"] = done.stdout + done.stderr
    assert done.returncode == 0, places["tocsin check"]
    return [(place, secret) for place, text in places.items() for secret in secrets if secret in text]
