"""The real MLflow client against a live Trestle: `TRESTLE_URL=http://127.0.0.1:4400 python test_mlflow.py`.

Each `check_*` function is one promise and uses names of its own, so that the script can be run again on the same server.
Prints one line for each and, last, `N passed, N failed`.
"""

import json
import math
import os
import sys
import tempfile
from pathlib import Path

from client import URL, client, experiment, http, main, refused, unique

import mlflow
import mlflow.onnx
import mlflow.sklearn
import numpy as np
import onnx
import pandas as pd
from mlflow.entities import LoggedModelStatus, Metric, Param, RunTag, ViewType
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression


def onnx_model():
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])],
        [helper.make_tensor("w", TensorProto.FLOAT, [2, 1], [2.0, 3.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="conformance")
    model.ir_version = 9
    meta = model.metadata_props.add()
    meta.key, meta.value = "purpose", "conformance"
    return model


def classifier():
    x = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    return x, LogisticRegression().fit(x, [0, 0, 1, 1])


# --- experiments -------------------------------------------------------------------------------------------------


def check_an_experiment_lives_through_create_tag_rename_delete_restore():
    name, exp_id = experiment()
    assert client.get_experiment_by_name(name).experiment_id == exp_id
    client.set_experiment_tag(exp_id, "team", "fraud")
    assert client.get_experiment(exp_id).tags == {"team": "fraud"}
    client.delete_experiment_tag(exp_id, "team")
    assert client.get_experiment(exp_id).tags == {}
    client.rename_experiment(exp_id, name + "-b")
    assert client.get_experiment(exp_id).name == name + "-b"
    refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_experiment(name + "-b"))
    with mlflow.start_run() as run:
        pass
    client.delete_experiment(exp_id)
    assert client.get_experiment(exp_id).lifecycle_stage == "deleted"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", lambda: client.create_run(exp_id))
    client.restore_experiment(exp_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"


def check_experiments_are_searched_filtered_ordered_and_paged():
    prefix = unique("find")
    ids = [client.create_experiment(f"{prefix}-{i}", tags={"n": str(i % 2)}) for i in range(5)]
    found = client.search_experiments(filter_string=f"name LIKE '{prefix}%' AND tags.n = '1'", order_by=["name DESC"])
    assert [e.experiment_id for e in found] == [ids[3], ids[1]]
    assert [e.name for e in client.search_experiments(filter_string=f"name ILIKE '{prefix.upper()}-2'")] == [f"{prefix}-2"]
    page, seen = client.search_experiments(filter_string=f"name LIKE '{prefix}%'", max_results=2), []
    while True:
        seen += [e.experiment_id for e in page]
        if not page.token:
            break
        page = client.search_experiments(filter_string=f"name LIKE '{prefix}%'", max_results=2, page_token=page.token)
    assert seen == ids[::-1], seen
    client.delete_experiment(ids[0])
    deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY, filter_string=f"name LIKE '{prefix}%'")
    assert [e.experiment_id for e in deleted] == [ids[0]]


def check_the_default_experiment_is_there():
    assert client.get_experiment("0").name == "Default"
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_experiment("987654321"))


# --- runs --------------------------------------------------------------------------------------------------------


def check_a_run_keeps_params_metrics_tags_and_status():
    experiment()
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"depth": 3, "ünïcode name": "ok"})
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metrics({"acc": 0.9, "f1": 0.8}, step=2)
        mlflow.set_tag("team", "ml")
        mlflow.set_tags({"x": "1", "y": "2"})
        mlflow.delete_tag("y")
    got = client.get_run(run.info.run_id)
    assert got.info.status == "FINISHED" and got.info.run_name == "first" and got.info.end_time
    assert got.data.params == {"lr": "0.1", "depth": "3", "ünïcode name": "ok"}
    assert got.data.metrics == {"loss": 0.5, "acc": 0.9, "f1": 0.8}
    assert got.data.tags["team"] == "ml" and "y" not in got.data.tags


def check_failed_and_nested_and_resumed_runs():
    experiment()
    try:
        with mlflow.start_run() as failing:
            raise RuntimeError("boom")
    except RuntimeError:
        pass
    assert client.get_run(failing.info.run_id).info.status == "FAILED"
    with mlflow.start_run() as parent:
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("m", 1)
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    with mlflow.start_run(run_id=child.info.run_id):
        mlflow.log_metric("m", 2, step=1)
    assert client.get_run(child.info.run_id).data.metrics["m"] == 2
    assert mlflow.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id


def check_nan_and_infinity_are_kept():
    experiment()
    with mlflow.start_run() as run:
        mlflow.log_metric("nan", float("nan"))
        mlflow.log_metric("inf", float("inf"))
        mlflow.log_metric("ninf", float("-inf"))
        mlflow.log_metric("exact", 0.1 + 0.2)
    metrics = client.get_run(run.info.run_id).data.metrics
    assert math.isnan(metrics["nan"])
    assert metrics["inf"] == sys.float_info.max and metrics["ninf"] == -sys.float_info.max
    assert metrics["exact"] == 0.1 + 0.2


def check_the_latest_metric_is_the_greatest_step_then_time_then_value():
    experiment()
    with mlflow.start_run() as run:
        id = run.info.run_id
        client.log_metric(id, "m", 5, step=10, timestamp=100)
        client.log_metric(id, "m", 1, step=2, timestamp=999)
        assert client.get_run(id).data.metrics["m"] == 5
        client.log_metric(id, "m", 7, step=10, timestamp=100)
        client.log_metric(id, "m", 6, step=10, timestamp=100)
        assert client.get_run(id).data.metrics["m"] == 7
        client.log_metric(id, "m", 7, step=10, timestamp=100)  # the same point again is kept once
    points = [(p.timestamp, p.step, p.value) for p in client.get_metric_history(id, "m")]
    assert points == [(100, 10, 5), (100, 10, 6), (100, 10, 7), (999, 2, 1)], points


def check_a_large_batch_is_split_and_kept_whole():
    experiment()
    with mlflow.start_run() as run:
        id = run.info.run_id
        client.log_batch(id, metrics=[Metric("m", i / 7, 1000 + i, i) for i in range(2500)])
        mlflow.log_params({f"p{i}": i for i in range(250)})
    history = client.get_metric_history(id, "m")
    assert [p.value for p in history] == [i / 7 for i in range(2500)]
    assert len(client.get_run(id).data.params) == 250


def check_params_are_immutable_and_batches_all_or_nothing():
    experiment()
    with mlflow.start_run() as run:
        id = run.info.run_id
        client.log_param(id, "p", "1")
        client.log_param(id, "p", "1")
        error = refused("INVALID_PARAMETER_VALUE", lambda: client.log_param(id, "p", "2"))
        assert "already logged with value='1'" in str(error)
        refused(
            "INVALID_PARAMETER_VALUE",
            lambda: client.log_batch(id, metrics=[Metric("bad", 1, 1, 1)], params=[Param("p", "3")], tags=[RunTag("t", "v")]),
        )
        run = client.get_run(id)
        assert "bad" not in run.data.metrics and "t" not in run.data.tags
        client.log_param(id, "long", "x" * 7000)
        assert len(client.get_run(id).data.params["long"]) == 6000
        refused("INVALID_PARAMETER_VALUE", lambda: client.log_metric(id, "a//b", 1))
        refused("INVALID_PARAMETER_VALUE", lambda: client.log_metric(id, "../b", 1))


def check_a_deleted_run_takes_no_writes_until_restored():
    experiment()
    with mlflow.start_run() as run:
        pass
    id = run.info.run_id
    client.delete_run(id)
    assert client.get_run(id).info.lifecycle_stage == "deleted"
    refused("INVALID_PARAMETER_VALUE", lambda: client.log_metric(id, "m", 1))
    client.restore_run(id)
    client.log_metric(id, "m", 1)
    client.update_run(id, name="renamed")
    assert client.get_run(id).info.run_name == "renamed"
    client.set_terminated(id, "KILLED")
    assert client.get_run(id).info.status == "KILLED"
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_run("f" * 32))


# --- search ------------------------------------------------------------------------------------------------------


def check_runs_are_found_by_the_whole_filter_grammar():
    name, exp_id = experiment()
    ids = {}
    for i in range(6):
        with mlflow.start_run(run_name=f"run-{i}") as run:
            ids[i] = run.info.run_id
            mlflow.log_metric("acc", i / 10)
            mlflow.log_metric("my metric/x", i)
            if i != 3:
                mlflow.log_param("kind", "Tree" if i % 2 else "linear")
            mlflow.set_tag("team.name", "A" if i < 3 else "B")
    by_id = {v: k for k, v in ids.items()}

    def find(text, **more):
        return sorted(by_id[r.info.run_id] for r in client.search_runs([exp_id], text, **more))

    assert find("") == [0, 1, 2, 3, 4, 5]
    assert find("metrics.acc > 0.2") == [3, 4, 5]
    assert find("metrics.`my metric/x` <= 1") == [0, 1]
    assert find("metrics.acc != 0.2") == [0, 1, 3, 4, 5]
    assert find("params.kind = 'Tree'") == [1, 5]
    assert find('params."kind" != "Tree"') == [0, 2, 4]
    assert find("params.kind LIKE 'tr%'") == []
    assert find("params.kind ILIKE 'tr%'") == [1, 5]
    assert find("tags.team.name = 'B' and metrics.acc < 0.5") == [3, 4]
    assert find("tags.`mlflow.runName` LIKE 'run-_'") == [0, 1, 2, 3, 4, 5]
    assert find("run_name = 'run-4'") == [4]
    assert find(f"run_id IN ('{ids[0]}', '{ids[5]}')") == [0, 5]
    assert find(f"attributes.run_id NOT IN ('{ids[0]}')") == [1, 2, 3, 4, 5]
    assert find("status = 'FINISHED' AND start_time > 0") == [0, 1, 2, 3, 4, 5]
    assert find("attributes.end_time <= 5") == []
    assert find("metrics.absent > 0") == []
    for text in ["metrics.a = '1'", "params.a = 1", "metrics.a > 1 OR metrics.b > 1", "foo = 'x'", "(metrics.a > 1)", "params.a > 'x'"]:
        refused("INVALID_PARAMETER_VALUE", lambda: client.search_runs([exp_id], text))
    client.delete_run(ids[0])
    assert find("", run_view_type=ViewType.DELETED_ONLY) == [0]
    assert find("", run_view_type=ViewType.ALL) == [0, 1, 2, 3, 4, 5]
    frame = mlflow.search_runs(experiment_names=[name], filter_string="metrics.acc > 0.3", order_by=["metrics.acc DESC"])
    assert list(frame["metrics.acc"]) == [0.5, 0.4]


def check_runs_are_ordered_with_nan_and_missing_last():
    _, exp_id = experiment()
    values = {"a": 2.0, "b": float("nan"), "c": 1.0, "d": None, "e": 3.0}
    names = {}
    for name, value in values.items():
        with mlflow.start_run(run_name=name) as run:
            names[run.info.run_id] = name
            if value is not None:
                mlflow.log_metric("m", value)
            mlflow.log_param("p", name * 2)

    def order(*by):
        return "".join(names[r.info.run_id] for r in client.search_runs([exp_id], order_by=list(by)))

    assert order("metrics.m ASC") == "caebd", order("metrics.m ASC")
    assert order("metrics.m DESC") == "eacbd"
    assert order("params.p DESC") == "edcba"
    assert order("attributes.run_name ASC") == "abcde"
    assert order("start_time ASC") == "abcde"
    assert order() == "edcba"
    refused("INVALID_PARAMETER_VALUE", lambda: client.search_runs([exp_id], order_by=["metrics.m FOO"]))


def check_pages_of_runs_are_stable_while_runs_are_added():
    _, exp_id = experiment()
    ids = [client.create_run(exp_id, start_time=1000 + i).info.run_id for i in range(7)]
    page, seen = client.search_runs([exp_id], max_results=3), []
    while True:
        seen += [r.info.run_id for r in page]
        client.create_run(exp_id, start_time=5000)  # newer than all: an offset would now repeat one
        if not page.token:
            break
        page = client.search_runs([exp_id], max_results=3, page_token=page.token)
    assert seen == ids[::-1]


# --- metric history ----------------------------------------------------------------------------------------------


def check_bulk_history_samples_the_same_steps_of_each_run():
    _, exp_id = experiment()
    ids = []
    for k in range(2):
        with mlflow.start_run() as run:
            ids.append(run.info.run_id)
            client.log_batch(run.info.run_id, metrics=[Metric("m", k + i, i, i) for i in range(1000)])
    query = "&".join(f"run_ids={i}" for i in ids) + "&metric_key=m&max_results=100"
    for prefix in ["/api/2.0", "/ajax-api/2.0"]:
        status, _, body = http("GET", f"{prefix}/mlflow/metrics/get-history-bulk-interval?{query}")
        assert status == 200, body
        points = json.loads(body)["metrics"]
        steps = [[p["step"] for p in points if p["run_id"] == i] for i in ids]
        assert steps[0] == steps[1] and 100 <= len(steps[0]) <= 102 and steps[0][0] == 0 and steps[0][-1] == 999


# --- artifacts ---------------------------------------------------------------------------------------------------


def check_artifacts_are_logged_listed_and_downloaded_byte_for_byte():
    experiment()
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        root = Path(folder) / "out"
        (root / "sub" / "deep").mkdir(parents=True)
        payload = os.urandom(3_000_000)
        (root / "big.bin").write_bytes(payload)
        (root / "sub" / "a b+ü.txt").write_text("hällo")
        (root / "sub" / "deep" / "empty").write_bytes(b"")
        mlflow.log_artifacts(str(root), "files")
        mlflow.log_artifact(str(root / "big.bin"))
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"a": 1}, "d.json")
        mlflow.log_table({"q": ["x"], "a": ["y"]}, "table.json")
        id = run.info.run_id
        assert [(f.path, f.is_dir) for f in client.list_artifacts(id)] == [
            ("big.bin", False), ("d.json", False), ("files", True), ("notes", True), ("table.json", False)]
        assert [f.path for f in client.list_artifacts(id, "files/sub")] == ["files/sub/a b+ü.txt", "files/sub/deep"]
        assert client.list_artifacts(id, "big.bin") == []
        local = Path(mlflow.artifacts.download_artifacts(run_id=id, artifact_path="files", dst_path=folder + "/back"))
        assert (local / "big.bin").read_bytes() == payload
        assert (local / "sub" / "a b+ü.txt").read_text() == "hällo"
        assert (local / "sub" / "deep" / "empty").read_bytes() == b""
        assert mlflow.artifacts.load_text(f"runs:/{id}/notes/a.txt") == "hello"
        assert len(mlflow.load_table("table.json", run_ids=[id])) == 1


def check_artifacts_are_served_by_range_and_never_inline():
    _, exp_id = experiment()
    path = f"/api/2.0/mlflow-artifacts/artifacts/{exp_id}/x/artifacts/r.html"
    assert http("PUT", path, b"0123456789", {"content-type": "text/html"})[0] == 200
    status, headers, body = http("GET", path, headers={"range": "bytes=2-5"})
    headers = {k.lower(): v for k, v in headers.items()}
    assert (status, body) == (206, b"2345") and headers["content-range"] == "bytes 2-5/10"
    assert headers["content-disposition"].startswith("attachment") and headers["x-content-type-options"] == "nosniff"
    assert http("GET", path, headers={"range": "bytes=20-"})[0] == 416
    assert http("GET", path, headers={"range": "bytes=-3"})[2] == b"789"
    assert http("DELETE", path)[0] == 200 and http("GET", path)[0] == 404


def check_an_artifact_path_can_not_climb():
    for bad in ["..%2f..%2fetc%2fpasswd", "a/..%2fb", "a%5c..%5cb", "a//b", "a%00b"]:
        status, _, body = http("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{bad}", b"x")
        assert 400 <= status < 500, (bad, status, body)
        assert json.loads(body)["error_code"]


def check_multipart_uploads_join_in_order():
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
    os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = "1000000"
    os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = str(5 * 1024 * 1024)
    try:
        experiment()
        payload = os.urandom(12_000_000)
        with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
            file = Path(folder) / "large.bin"
            file.write_bytes(payload)
            mlflow.log_artifact(str(file), "dir")
            back = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="dir/large.bin", dst_path=folder + "/b")
            assert Path(back).read_bytes() == payload
    finally:
        del os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"]


# --- datasets, logged models -------------------------------------------------------------------------------------


def check_datasets_are_linked_to_runs_and_searchable():
    _, exp_id = experiment()
    data = mlflow.data.from_pandas(pd.DataFrame({"x": [1.0], "y": [2]}), name="train-set", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training")
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert inputs[0].dataset.name == "train-set" and inputs[0].tags[0].value == "training"
    assert len(client.search_runs([exp_id], "dataset.name = 'train-set' AND dataset.context = 'training'")) == 1
    assert len(client.search_runs([exp_id], f"datasets.digest = '{data.digest}'")) == 1
    assert client.search_runs([exp_id], "dataset.name = 'other'") == []
    status, _, body = http("POST", "/api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [exp_id]})
    assert status == 200 and json.loads(body)["dataset_summaries"][0]["context"] == "training"


def check_a_sklearn_model_is_logged_registered_and_loaded():
    _, exp_id = experiment()
    x, model = classifier()
    name = unique("clf")
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name=name, input_example=x)
    assert np.array_equal(mlflow.sklearn.load_model(info.model_uri).predict(x), model.predict(x))
    assert np.array_equal(mlflow.pyfunc.load_model(f"models:/{name}/1").predict(x), model.predict(x))
    assert np.array_equal(mlflow.pyfunc.load_model(f"models:/{name}/latest").predict(x), model.predict(x))
    assert np.array_equal(mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model").predict(x), model.predict(x))
    version = client.get_model_version(name, "1")
    assert version.run_id == run.info.run_id and version.status == "READY"
    found = client.search_logged_models([exp_id], filter_string="name = 'model'")
    assert [m.model_id for m in found] == [info.model_id] and found[0].status == LoggedModelStatus.READY
    assert client.get_run(run.info.run_id).outputs.model_outputs[0].model_id == info.model_id


def check_logged_models_have_tags_params_metrics_and_order():
    _, exp_id = experiment()
    ids = []
    for i in range(3):
        model = mlflow.initialize_logged_model(name=f"m{i}", params={"k": str(i)}, tags={"t": "v"})
        ids.append(model.model_id)
        mlflow.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        with mlflow.start_run():
            mlflow.log_metric("acc", i / 2, model_id=model.model_id)
    mlflow.set_logged_model_tags(ids[0], {"extra": "1"})
    got = mlflow.get_logged_model(ids[0])
    assert got.tags["extra"] == "1" and got.params == {"k": "0"}
    client.delete_logged_model_tag(ids[0], "extra")
    assert "extra" not in mlflow.get_logged_model(ids[0]).tags
    assert mlflow.get_logged_model(ids[2]).metrics[0].value == 1.0

    def search(text=None, **more):
        return [m.model_id for m in client.search_logged_models([exp_id], filter_string=text, **more)]

    assert search("metrics.acc > 0.2") == [ids[2], ids[1]]
    assert search("params.k IN ('0', '2') AND tags.t LIKE 'v%'") == [ids[2], ids[0]]
    assert search("status = 'READY'", order_by=[{"field_name": "metrics.acc", "ascending": True}]) == ids
    assert search(max_results=2, order_by=[{"field_name": "name"}]) == ids[:2]
    client.delete_logged_model(ids[1])
    assert ids[1] not in search()


def check_autolog_works():
    experiment()
    mlflow.sklearn.autolog(log_datasets=True)
    try:
        with mlflow.start_run() as run:
            x, _ = classifier()
            LogisticRegression().fit(x, [0, 0, 1, 1])
    finally:
        mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert "training_score" in got.data.metrics and got.data.params["C"] == "1.0"
    assert got.inputs.dataset_inputs and got.outputs.model_outputs


# --- registry ----------------------------------------------------------------------------------------------------


def check_an_onnx_model_is_registered_and_inspected():
    experiment()
    name = unique("onnx")
    x = np.array([[1.0, 2.0]], dtype=np.float32)
    with mlflow.start_run() as run:
        mlflow.set_tag("mlflow.source.git.commit", "abc123")
        mlflow.log_metric("auc", 0.9)
        mlflow.onnx.log_model(onnx_model(), name="model", registered_model_name=name,
                              signature=infer_signature(x, np.array([[8.0]], dtype=np.float32)))
    client.set_registered_model_alias(name, "champion", "1")
    back = mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(x)
    assert np.allclose(back["y"], [[8.0]])
    assert isinstance(mlflow.onnx.load_model(f"models:/{name}/1"), onnx.ModelProto)
    detail = json.loads(http("GET", f"/api/models/{name}/versions/1")[2])
    assert detail["status"] == "READY" and detail["flavor"] == "onnx" and detail["aliases"] == ["champion"]
    assert detail["onnx"]["inputs"] == [{"name": "x", "type": "tensor(float)", "shape": ["batch", 2]}]
    assert detail["onnx"]["outputs"] == [{"name": "y", "type": "tensor(float)", "shape": ["batch", 1]}]
    assert detail["onnx"]["opset"] == 17 and detail["onnx"]["producer"] == "conformance"
    assert detail["onnx"]["metadata"] == {"purpose": "conformance"}
    assert detail["signature"]["inputs"] == [{"kind": "tensor", "name": None, "dtype": "float32", "shape": [-1, 2]}]
    assert detail["lineage"]["run"]["gitCommit"] == "abc123" and detail["lineage"]["run"]["metrics"] == {"auc": 0.9}
    assert detail["lineage"]["run"]["runId"] == run.info.run_id
    assert {"MLmodel", detail["onnxFile"]} <= {f["path"] for f in detail["files"]}


def check_a_sealed_version_does_not_change_with_its_source():
    experiment()
    name = unique("sealed")
    with mlflow.start_run() as run:
        mlflow.log_text("one", "model/a.txt")
        client.create_registered_model(name)
        client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)
        before = json.loads(http("GET", f"/api/models/{name}/versions/1")[2])["files"]
        mlflow.log_text("two", "model/a.txt")
        mlflow.log_text("new", "model/b.txt")
    assert before and json.loads(http("GET", f"/api/models/{name}/versions/1")[2])["files"] == before


def check_a_broken_onnx_model_fails_registration_with_the_reason():
    name = unique("broken")
    status, _, body = http("PUT", f"/api/models/{name}/versions", b"this is no model", {"content-type": "application/octet-stream"})
    detail = json.loads(body)
    assert status == 201 and detail["status"] == "FAILED_REGISTRATION" and "model.onnx" in detail["statusMessage"]
    bad = onnx_model()
    bad.graph.node[0].op_type = "NoSuchOperator"
    _, _, body = http("PUT", f"/api/models/{name}/versions", bad.SerializeToString(), {"content-type": "application/octet-stream"})
    whole = onnx_model().SerializeToString()
    _, _, body = http("PUT", f"/api/models/{name}/versions", whole[: len(whole) - 20], {"content-type": "application/octet-stream"})
    assert json.loads(body)["status"] == "FAILED_REGISTRATION", body
    assert client.get_model_version(name, "3").status == "FAILED_REGISTRATION"
    status, _, body = http("PUT", f"/api/models/{name}/aliases/champion", {"version": 1})
    assert status == 409 and json.loads(body)["code"] == "registry.version_not_ready"


def check_an_onnx_file_is_registered_without_python():
    name = unique("raw")
    data = onnx_model().SerializeToString()
    query = "description=first&tags=%7B%22team%22%3A%22fraud%22%7D&metrics=%7B%22auc%22%3A0.7%7D"
    status, _, body = http("PUT", f"/api/models/{name}/versions?{query}", data, {"content-type": "application/octet-stream"})
    detail = json.loads(body)
    assert status == 201 and detail["status"] == "READY" and detail["tags"] == {"team": "fraud"}
    assert detail["lineage"]["run"]["metrics"] == {"auc": 0.7} and detail["onnx"]["nodes"] == 1
    local = mlflow.artifacts.download_artifacts(f"models:/{name}/1")
    assert (Path(local) / "model.onnx").read_bytes() == data


def check_versions_have_aliases_stages_tags_and_descriptions():
    experiment()
    name = unique("reg")
    client.create_registered_model(name, tags={"k": "v"}, description="d")
    refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_registered_model(name))
    with mlflow.start_run() as run:
        mlflow.log_text("x", "model/a.txt")
    source = f"runs:/{run.info.run_id}/model"
    versions = [client.create_model_version(name, source, run.info.run_id, tags={"n": str(i)}) for i in range(3)]
    assert [v.version for v in versions] == ["1", "2", "3"] or [v.version for v in versions] == [1, 2, 3]
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "2")
    assert str(client.get_model_version_by_alias(name, "champion").version) == "2"
    assert {a: str(v) for a, v in client.get_registered_model(name).aliases.items()} == {"champion": "2"}
    client.delete_registered_model_alias(name, "champion")
    refused("INVALID_PARAMETER_VALUE", lambda: client.get_model_version_by_alias(name, "champion"))
    for bad in ["latest", "v3", "a b"]:
        refused("INVALID_PARAMETER_VALUE", lambda: client.set_registered_model_alias(name, bad, "1"))
    client.transition_model_version_stage(name, "1", "production")
    moved = client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    assert moved.current_stage == "Production" and client.get_model_version(name, "1").current_stage == "Archived"
    assert [str(v.version) for v in client.get_latest_versions(name, ["Production"])] == ["2"]
    refused("INVALID_PARAMETER_VALUE", lambda: client.transition_model_version_stage(name, "1", "Bogus"))
    client.set_model_version_tag(name, "1", "approved", "yes")
    client.update_model_version(name, "1", "text")
    got = client.get_model_version(name, "1")
    assert got.tags["approved"] == "yes" and got.description == "text"
    client.delete_model_version_tag(name, "1", "approved")
    client.set_registered_model_tag(name, "k2", "v2")
    client.delete_registered_model_tag(name, "k")
    client.update_registered_model(name, "other")
    model = client.get_registered_model(name)
    assert model.tags == {"k2": "v2"} and model.description == "other"
    assert client.get_model_version_download_uri(name, "1").endswith(f"/{run.info.run_id}/artifacts/model")
    client.delete_model_version(name, "3")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_model_version(name, "3"))
    assert str(client.create_model_version(name, source).version) == "4"
    client.rename_registered_model(name, name + "-b")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model(name))
    assert len(client.search_model_versions(f"name = '{name}-b'")) == 3
    copied = client.copy_model_version(f"models:/{name}-b/1", name + "-copy")
    assert copied.name == name + "-copy"
    client.delete_registered_model(name + "-b")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model(name + "-b"))


def check_models_and_versions_are_searched_filtered_and_paged():
    experiment()
    prefix = unique("srch")
    with mlflow.start_run() as run:
        mlflow.log_text("x", "m/a.txt")
    for i in range(5):
        client.create_registered_model(f"{prefix}-{i}", tags={"n": str(i)} if i else None)
        client.create_model_version(f"{prefix}-{i}", f"runs:/{run.info.run_id}/m", run.info.run_id, tags={"n": str(i)})
    page, seen = client.search_registered_models(f"name LIKE '{prefix}%'", max_results=2), []
    while True:
        seen += [m.name for m in page]
        if not page.token:
            break
        page = client.search_registered_models(f"name LIKE '{prefix}%'", max_results=2, page_token=page.token)
    assert seen == [f"{prefix}-{i}" for i in range(5)]
    found = client.search_registered_models(f"name LIKE '{prefix}%' AND tags.n != '1'", order_by=["name DESC"])
    assert [m.name for m in found] == [f"{prefix}-{i}" for i in (4, 3, 2)]
    assert len(client.search_model_versions(f"run_id = '{run.info.run_id}'")) == 5
    assert len(client.search_model_versions(f"run_id IN ('{run.info.run_id}') AND tags.n = '2'")) == 1
    assert [v.name for v in client.search_model_versions(f"name = '{prefix}-3' AND version_number = 1")] == [f"{prefix}-3"]
    refused("INVALID_PARAMETER_VALUE", lambda: client.search_registered_models("creation_timestamp > 5"))


def check_prompts_are_kept_and_hidden_from_model_searches():
    name = unique("prompt")
    mlflow.genai.register_prompt(name=name, template="Hello {{who}}")
    assert mlflow.genai.load_prompt(f"prompts:/{name}/1").format(who="you") == "Hello you"
    mlflow.genai.set_prompt_alias(name, "live", 1)
    assert mlflow.genai.load_prompt(f"prompts:/{name}@live").version == 1
    assert client.search_registered_models(f"name = '{name}'") == []
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model(name + "-nope"))


# --- protocol ----------------------------------------------------------------------------------------------------


def check_errors_have_mlflow_shape_and_are_never_5xx():
    cases = [
        ("GET", "/api/2.0/mlflow/nope", None, 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/api/2.0/mlflow/experiments/get", None, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/mlflow/experiments/create", {"name": 123}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/mlflow/experiments/create", {}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": ["0"], "max_results": 10**9}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": ["0"], "page_token": "zzz"}, 400, "INVALID_PARAMETER_VALUE"),
        ("POST", "/api/2.0/mlflow/experiments/create", {"name": "a\u0000b"}, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", "/api/2.0/mlflow/runs/get?run_id=a%00b", None, 400, "INVALID_PARAMETER_VALUE"),
        ("GET", "/api/2.0/mlflow/registered-models/get?name=zz", None, 404, "RESOURCE_DOES_NOT_EXIST"),
    ]
    for method, path, body, status, code in cases:
        got, _, text = http(method, path, body)
        assert got == status and json.loads(text)["error_code"] == code, (path, got, text)
    got, _, text = http("POST", "/api/2.0/mlflow/experiments/create", b"{}", {"content-type": "text/plain"})
    assert got == 400 and "Content-Type must be one of" in json.loads(text)["message"]
    got, _, text = http("POST", "/api/2.0/mlflow/experiments/create", b"{nope", {"content-type": "application/json"})
    assert got == 400 and json.loads(text)["error_code"] == "BAD_REQUEST"
    assert "Missing value for required parameter 'name'" in json.loads(http("POST", "/api/2.0/mlflow/experiments/create", {})[2])["message"]


def check_health_and_version():
    assert http("GET", "/health")[2] == b"OK"
    from packaging.version import Version

    assert Version(http("GET", "/version")[2].decode()) >= Version("3.4")


main(globals())
