"""What the suites of this folder share: the server, its endpoints over the serving fixtures, and running every `check_*` of a script."""

import asyncio
import json
import os
import sys
import traceback
import urllib.request
from pathlib import Path

URL = os.environ["TRESTLE_URL"].rstrip("/")
GRPC = os.environ["TRESTLE_GRPC"]
FILES = Path(__file__).resolve().parents[2] / "packages/server/src/modules/serving/fixtures"


def http(method, path, body=None, headers=None):
    request = urllib.request.Request(URL + path, data=body, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read()


def call(method, path, body):
    return json.loads(http(method, path, json.dumps(body).encode(), {"content-type": "application/json"}))


def serve(**models):
    """An endpoint over each fixture, once."""
    there = [endpoint["name"] for endpoint in json.loads(http("GET", "/api/endpoints"))["items"]]
    for name, file in models.items():
        if name not in there:
            http("PUT", f"/api/models/{name}/versions", (FILES / file).read_bytes())
            call("POST", "/api/endpoints", {"name": name, "model": f"{name}/1"})


def run(checks):
    passed = failed = 0
    for name, check in [(n, c) for n, c in checks.items() if n.startswith("check_")]:
        try:
            if asyncio.iscoroutinefunction(check):
                asyncio.run(check())
            else:
                check()
            passed += 1
        except Exception:
            failed += 1
            print(f"FAILED {name}", file=sys.stderr)
            traceback.print_exc()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
