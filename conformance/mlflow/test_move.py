"""Moving from MLflow to Trestle and back, with real MLflow databases and servers made by the pinned client.

`TRESTLE_URL=http://127.0.0.1:4400 python test_move.py`. Prints one line for each promise and, last, `N passed, N failed`.
"""

import glob
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
import uuid
from pathlib import Path

URL = os.environ.get("TRESTLE_URL", "http://127.0.0.1:4400").rstrip("/")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow  # noqa: E402
import mlflow.sklearn  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, ViewType  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

ROOT = Path(tempfile.mkdtemp(prefix="trestle-move-"))
REPO = Path(__file__).resolve().parents[2]
TRESTLE = [str(REPO / "node_modules/.bin/node"), str(REPO / "packages/cli/bin/trestle.mjs")]
X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})


def trestle(*args, project):
    ran = subprocess.run([*TRESTLE, "--url", URL, "--project", project, "--json", *args], capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


def moved(*args, project):
    code, out, err = trestle(*args, project=project)
    assert code == 0, f"{args}: exit {code}\n{out}\n{err}"
    rows = {row["what"]: row for row in json.loads(out)}
    assert all(row["isSame"] for row in rows.values()), rows
    return {what: row["there"] for what, row in rows.items()}


def make_project(name):
    """A project of its own, also when the script is run again on the same server."""
    name = f"{name}-{uuid.uuid4().hex[:8]}"
    code, _, err = trestle("projects", "create", name, project="default")
    assert code == 0, err
    return name


def on_trestle(project):
    # Clients say the project by a header plugin or a key; here every request of this process goes to it.
    import mlflow.utils.rest_utils as rest

    if not hasattr(rest, "_plain"):
        rest._plain = rest.http_request

        def with_project(host_creds, endpoint, method, *a, **kw):
            if host_creds.host.startswith(URL):
                kw["extra_headers"] = {**(kw.get("extra_headers") or {}), "x-trestle-project": on_trestle.project}
            return rest._plain(host_creds, endpoint, method, *a, **kw)

        import mlflow.store.artifact.http_artifact_repo as http_repo

        for module in list(sys.modules.values()):
            if getattr(module, "http_request", None) is rest._plain and module is not rest:
                module.http_request = with_project
        http_repo.http_request = with_project
        rest.http_request = with_project
    on_trestle.project = project
    mlflow.set_tracking_uri(URL)
    return MlflowClient(URL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A real `mlflow server` with a database and an artifact folder of its own."""

    def __init__(self, name):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder = ROOT / name
        folder.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd=folder)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=1)
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError("mlflow server did not start")

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def fill(uri, artifacts=None):
    """What a team has after a while: experiments, one of them deleted, nested and deleted runs, history, data, models with a gap."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    where = None if artifacts is None else f"file://{artifacts}/churn"
    exp = client.create_experiment("churn", artifact_location=where, tags={"team": "risk", "ünï": "cödé"})
    gone = client.create_experiment("abandoned", artifact_location=None if artifacts is None else f"file://{artifacts}/gone")
    client.create_run(gone)
    client.delete_experiment(gone)
    mlflow.set_experiment(experiment_id=exp)
    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_params({"lr": 0.1, "note": "naïve 'quotes' \"too\""})
        mlflow.log_metric("loss", float("nan"), step=0)
        mlflow.log_metric("loss", float("inf"), step=1)
        client.log_batch(parent.info.run_id, metrics=[Metric("m", i / 7, 1000 + i % 50, i) for i in range(3000)])
        mlflow.log_text("hello", "notes/deep/a b.txt")
        mlflow.log_input(mlflow.data.from_pandas(X, name="churn-data"), context="training")
        with mlflow.start_run(nested=True, run_name="child") as child:
            mlflow.log_metric("m", 1)
        for c in (1.0, 0.1, 0.01):
            mlflow.sklearn.log_model(LogisticRegression(C=c).fit(X, [0, 0, 1, 1]), name="model", registered_model_name="churn",
                                     input_example=X, pip_requirements=[], skops_trusted_types=None)
    client.delete_model_version("churn", "2")
    client.set_registered_model_alias("churn", "champion", "1")
    client.transition_model_version_stage("churn", "3", "Production")
    client.set_model_version_tag("churn", "3", "approved", "yes")
    client.update_registered_model("churn", "who leaves")
    deleted = client.create_run(exp)
    client.log_param(deleted.info.run_id, "p", "kept")
    client.delete_run(deleted.info.run_id)
    return {"exp": exp, "parent": parent.info.run_id, "child": child.info.run_id, "deleted": deleted.info.run_id}


def same(there, here, ids):
    """Asserts that two clients see the same, run by run and version by version."""
    run_ids = [ids["parent"], ids["child"], ids["deleted"]]
    for run_id, other in zip(run_ids, ids.get("here", run_ids)):
        a, b = there.get_run(run_id), here.get_run(other)
        for field in ("run_name", "user_id", "status", "start_time", "end_time", "lifecycle_stage"):
            assert getattr(a.info, field) == getattr(b.info, field), field
        assert a.data.params == b.data.params
        own = ("trestle.", "mlflow.runName", "mlflow.parentRunId")
        strip = lambda tags: {k: v for k, v in tags.items() if not k.startswith(own)}  # noqa: E731
        assert strip(a.data.tags) == strip(b.data.tags), (a.data.tags, b.data.tags)
        for key in a.data.metrics:
            points = [[(p.timestamp, p.step, None if math.isnan(p.value) else p.value) for p in c.get_metric_history(r, key)]
                      for c, r in ((there, run_id), (here, other))]
            assert sorted(points[0], key=str) == sorted(points[1], key=str), key
        data = [[d.dataset.to_dictionary() for d in r.inputs.dataset_inputs] for r in (a, b)]
        assert data[0] == data[1], data
    models = [c.search_model_versions("name = 'churn'") for c in (there, here)]
    rows = [sorted((str(v.version), v.current_stage, v.description or "", str(v.tags)) for v in vs) for vs in models]
    assert rows[0] == rows[1] and [r[0] for r in rows[0]] == ["1", "3"], rows
    assert {k: str(v) for k, v in here.get_registered_model("churn").aliases.items()} == {"champion": "1"}
    assert here.get_registered_model("churn").description == "who leaves"


def loads(client, run_id):
    """The champion predicts as it did, and the run's files are the same bytes."""
    mlflow.set_tracking_uri(client.tracking_uri)
    assert list(mlflow.sklearn.load_model("models:/churn@champion").predict(X)) == [0, 0, 1, 1]
    path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="notes/deep/a b.txt")
    assert Path(path).read_text() == "hello"


def check_a_sqlite_database_comes_over_whole_and_twice_is_once():
    folder = ROOT / "sqlite"
    folder.mkdir()
    source = f"sqlite:///{folder}/mlflow.db"
    ids = fill(source, artifacts=folder / "artifacts")
    project = make_project("from-sqlite")
    # Broken off in the middle, it is completed by the next start.
    first = subprocess.Popen([*TRESTLE, "--url", URL, "--project", project, "import", "mlflow", "--from", source],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.2)
    first.kill()
    first.wait()
    counts = moved("import", "mlflow", "--from", source, project=project)
    assert counts["runs"] == 4 and counts["metric values"] == 3003 and counts["model versions"] == 2, counts
    assert counts["files"] > 10 and counts["logged models"] == 3, counts
    assert moved("import", "mlflow", "--from", source, project=project) == counts
    here = on_trestle(project)
    same(MlflowClient(source), here, ids)
    loads(here, ids["parent"])
    assert here.get_experiment_by_name("churn").tags == {"team": "risk", "ünï": "cödé"}
    assert here.get_experiment_by_name("abandoned").lifecycle_stage == "deleted"
    assert here.get_run(ids["child"]).data.tags["mlflow.parentRunId"] == ids["parent"]


def check_a_server_comes_over_by_rest_and_goes_back_by_rest():
    server, other = Server("server"), Server("other")
    try:
        ids = fill(server.url)
        project = make_project("from-server")
        counts = moved("import", "mlflow", "--from", server.url, project=project)
        assert counts["runs"] == 4 and counts["metric values"] == 3003 and counts["files"] > 10, counts
        there, here = MlflowClient(server.url), on_trestle(project)
        same(there, here, ids)
        loads(here, ids["parent"])
        # And back, to a server that has nothing.
        back = moved("export", "mlflow", "--to", other.url, project=project)
        assert back["runs"] == 3 and back["metric values"] == 3003 and back["model versions"] == 2, back
        again = moved("export", "mlflow", "--to", other.url, project=project)
        assert again["runs"] == 3 and again["metric values"] == 3003, again
        third = MlflowClient(other.url)
        exp = third.get_experiment_by_name("churn").experiment_id
        runs = {r.data.tags["trestle.exportedFrom"]: r.info.run_id for r in third.search_runs([exp], run_view_type=ViewType.ALL)}
        assert len(runs) == 3
        same(there, third, {**ids, "here": [runs[ids[k]] for k in ("parent", "child", "deleted")]})
        loads(third, runs[ids["parent"]])
    finally:
        server.stop()
        other.stop()


def postgres_bin():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return Path(found[-1]).parent if found else None


def check_a_postgresql_database_comes_over():
    bin_dir = postgres_bin()
    if bin_dir is None:
        assert os.environ.get("CI") != "true", "no PostgreSQL"
        return print("     skipped: no PostgreSQL on this machine")
    data, port = ROOT / "pg", free_port()
    data.mkdir()
    as_user = {}
    if os.getuid() == 0:
        shutil.chown(data, "postgres", "postgres")
        os.chmod(ROOT, 0o755)
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/tmp", **as_user}
    subprocess.run([bin_dir / "initdb", "-D", data, "-U", "trestle", "-A", "trust", "--no-sync"], check=True, **quiet)
    server = subprocess.Popen([bin_dir / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", str(data), "-F"], **quiet)
    try:
        for _ in range(100):
            if subprocess.run([bin_dir / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], **quiet).returncode == 0:
                break
            time.sleep(0.1)
        source = f"postgresql+psycopg2://trestle@127.0.0.1:{port}/postgres"
        ids = fill(source, artifacts=ROOT / "pg-artifacts")
        project = make_project("from-postgresql")
        counts = moved("import", "mlflow", "--from", source, project=project)
        assert counts["runs"] == 4 and counts["metric values"] == 3003, counts
        here = on_trestle(project)
        same(MlflowClient(source), here, ids)
        loads(here, ids["parent"])
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def check_what_can_not_be_read_is_said_and_nothing_hangs():
    for args, says in [
        (["--from", "sqlite:////nowhere/x.db"], "no file"),
        (["--from", "redis://x"], "neither"),
        (["--from", "http://127.0.0.1:1"], "did not answer"),
    ]:
        code, _, err = trestle("import", "mlflow", *args, project="default")
        assert code == 1 and says in err, (args, code, err)
    empty = ROOT / "empty.db"
    import sqlite3

    sqlite3.connect(empty).close()
    code, _, err = trestle("import", "mlflow", "--from", f"sqlite:///{empty}", project="default")
    assert code == 1 and "no MLflow database" in err, err


def main():
    checks = {name: f for name, f in globals().items() if name.startswith("check_")}
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
    shutil.rmtree(ROOT, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
