"""Trestle over plain HTTP, and the frame of the checks: each `check_*` function is one promise."""

import json
import os
import sys
import traceback
import urllib.error
import urllib.request

URL = os.environ.get("TRESTLE_URL", "http://127.0.0.1:4400").rstrip("/")


def call(method, path, body=None):
    request = urllib.request.Request(
        URL + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={} if body is None else {"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error


def apply(manifest):
    return call("POST", "/api/features/apply", {"manifest": manifest})


def run(checks):
    passed = failed = 0
    for name, check in checks:
        try:
            note = check()
            passed += 1
            print(f"ok    {name}{'' if note is None else f': {note}'}")
        except Exception:
            failed += 1
            print(f"FAIL  {name}")
            traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 else 1)
