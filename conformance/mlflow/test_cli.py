"""The `mlflow` command line, unmodified, against a live Trestle: `TRESTLE_URL=http://127.0.0.1:4400 python test_cli.py`."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
import uuid
from pathlib import Path

URL = os.environ.get("TRESTLE_URL", "http://127.0.0.1:4400").rstrip("/")


def mlflow(*args):
    ran = subprocess.run([sys.executable, "-m", "mlflow", *args], capture_output=True, text=True,
                         env={**os.environ, "MLFLOW_TRACKING_URI": URL, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"})
    assert ran.returncode == 0, f"mlflow {' '.join(args)}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def check_experiments_and_runs_and_artifacts_by_the_command_line():
    name = f"cli-{uuid.uuid4().hex[:8]}"
    exp = re.search(r"with id (\d+)", mlflow("experiments", "create", "-n", name)).group(1)
    mlflow("experiments", "rename", "--experiment-id", exp, "--new-name", name + "-b")
    assert name + "-b" in mlflow("experiments", "search")
    run = re.search(r"[0-9a-f]{32}", mlflow("runs", "create", "--experiment-id", exp, "--run-name", "by-hand", "--status", "FINISHED")).group(0)
    assert run in mlflow("runs", "list", "--experiment-id", exp)
    assert json.loads(mlflow("runs", "describe", "--run-id", run))["info"]["run_name"] == "by-hand"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.txt"
        file.write_text("hello")
        mlflow("artifacts", "log-artifact", "--local-file", str(file), "--run-id", run, "--artifact-path", "notes")
        assert "notes/a.txt" in mlflow("artifacts", "list", "--run-id", run, "--artifact-path", "notes")
        mlflow("artifacts", "download", "--run-id", run, "--artifact-path", "notes", "--dst-path", f"{folder}/down")
        assert Path(f"{folder}/down/notes/a.txt").read_text() == "hello"
    mlflow("runs", "delete", "--run-id", run)
    mlflow("runs", "restore", "--run-id", run)
    mlflow("experiments", "delete", "--experiment-id", exp)
    mlflow("experiments", "restore", "--experiment-id", exp)


def main():
    passed = failed = 0
    for name, check in [(n, f) for n, f in globals().items() if n.startswith("check_")]:
        began = time.time()
        try:
            check()
            passed += 1
            print(f"ok   {name[6:].replace('_', ' ')} ({time.time() - began:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {name[6:].replace('_', ' ')}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
