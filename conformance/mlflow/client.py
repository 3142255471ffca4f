"""What the MLflow suites share: the client, refusals, plain HTTP, and running every `check_*` of a script."""

import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("TRESTLE_URL", "http://127.0.0.1:4400").rstrip("/")
os.environ["MLFLOW_TRACKING_URI"] = URL
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

mlflow.set_tracking_uri(URL)
client = MlflowClient()


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def refused(code, call):
    """Asserts that a call is refused with an MLflow error code, and at once: a 5xx would be tried again for minutes."""
    began = time.time()
    try:
        call()
    except MlflowException as error:
        assert error.error_code == code, f"{error.error_code}, not {code}: {error}"
        assert time.time() - began < 3, "the client tried again"
        return error
    raise AssertionError(f"not refused with {code}")


def http(method, path, body=None, headers=None):
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, method=method, headers=headers or {})
    if body is not None and not isinstance(body, bytes):
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def experiment():
    name = unique("exp")
    return name, mlflow.set_experiment(name).experiment_id


def main(names):
    """Runs the checks of a script, given as its `globals()`; an argument picks those whose name holds it."""
    checks = {name: f for name, f in names.items() if name.startswith("check_")}
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    passed = failed = 0
    for name, check in checks.items():
        if only not in name:
            continue
        began = time.time()
        try:
            check()
            passed += 1
            print(f"ok   {name[6:].replace('_', ' ')} ({time.time() - began:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {name[6:].replace('_', ' ')}\n{traceback.format_exc()}", flush=True)
        finally:
            while mlflow.active_run():
                mlflow.end_run()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
