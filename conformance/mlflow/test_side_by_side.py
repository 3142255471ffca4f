"""The same script against a real `mlflow server`, in the same run: what Trestle is asked to do, MLflow does too, but for the differences listed here.

Runs test_mlflow.py against a server of the pinned MLflow. A check that fails there without a reason below fails here, and so does a reason that no longer
holds: a promise that only Trestle keeps is then said to be one.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Check in test_mlflow.py → why MLflow answers otherwise.
DIFFERENCES = {
    # What MLflow does less well.
    "pages of runs are stable while runs are added": "MLflow pages by offset: a run that is added meanwhile moves the others, so one comes twice",
    "an artifact path can not climb": "MLflow takes a path with an encoded backslash (a%5c..%5cb) and answers 200; Trestle refuses it",
    "logged models have tags params metrics and order": "MLflow's filter compares the status's name with the number it stores: status = 'READY' finds nothing",
    "errors have mlflow shape and are never 5xx": "MLflow answers an unknown route with a page of HTML, without an error code",
    "datasets are linked to runs and searchable": "MLflow has the search of data sets for its own pages alone, below /ajax-api",
    "versions have aliases stages tags and descriptions": "MLflow answers the source of a version as it was written (runs:/...), Trestle the place where the files lie",
    # What is Trestle's own: sealing and inspection by /api/models.
    "an onnx model is registered and inspected": "MLflow does not look into models",
    "a sealed version does not change with its source": "MLflow's versions point at files that may change",
    "a broken onnx model fails registration with the reason": "MLflow does not look into models",
    "an onnx file is registered without python": "MLflow's server registers no files",
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def main():
    folder = Path(tempfile.mkdtemp(prefix="trestle-side-"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=folder)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.2)
        ran = subprocess.run([sys.executable, "-u", str(HERE / "test_mlflow.py")], capture_output=True, text=True,
                             env={**os.environ, "TRESTLE_URL": url, "MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"})
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(ran.stdout + ran.stderr)
    ok = set(re.findall(r"^ok   (.+?) \([\d.]+ s\)$", ran.stdout, re.M))
    failing = set(re.findall(r"^FAIL (.+)$", ran.stdout, re.M))
    passed = failed = 0
    for name in sorted(ok | failing):
        reason = DIFFERENCES.get(name)
        if (name in failing) == (reason is not None):
            passed += 1
            if reason is not None:
                print(f"ok   MLflow differs: {name}: {reason}")
        else:
            failed += 1
            print(f"FAIL {name}: " + ("MLflow fails it, and no reason is listed" if reason is None else "listed as a difference, but MLflow passes it"))
    print(f"ok   {len(ok & set(ok - set(DIFFERENCES)))} checks hold on both servers")
    missing = set(DIFFERENCES) - ok - failing
    if missing or not ok:
        failed += 1
        print(f"FAIL listed but never run: {sorted(missing)}\n{ran.stdout[-500:]}{ran.stderr[-2000:]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
