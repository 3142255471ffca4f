"""What Trestle answers over HTTP against what Python's onnxruntime answers, for models made here by their own exporters. Prints `N passed, N failed`."""

import json
import os
import sys
import traceback
import urllib.error
import urllib.request
import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
from models import all_models  # noqa: E402

URL = os.environ["TRESTLE_URL"].rstrip("/")
KINDS = {"float32": "FP32", "float64": "FP64", "float16": "FP16", "int64": "INT64", "uint8": "UINT8", "object": "BYTES"}
DTYPES = {kind: dtype for dtype, kind in KINDS.items()}


def http(method, path, body=None, headers=None):
    request = urllib.request.Request(URL + path, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read(), response.headers
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None


def call(method, path, body):
    answer, _ = http(method, path, json.dumps(body).encode(), {"content-type": "application/json"})
    return json.loads(answer)


def upload(name, files):
    """One file goes up as it is; several become a run's artifacts, as MLflow logs them."""
    if len(files) == 1:
        http("PUT", f"/api/models/{name}/versions", files["model.onnx"])
        return
    run = call("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})["run"]["info"]
    for file, content in files.items():
        root = run["artifact_uri"].split("mlflow-artifacts:/")[1].lstrip("/")
        http("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{root}/model/{file}", content)
    call("POST", "/api/2.0/mlflow/registered-models/create", {"name": name})
    call("POST", "/api/2.0/mlflow/model-versions/create", {"name": name, "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]})


def as_json(value):
    return [element.item() if hasattr(element, "item") else element for element in value.ravel().tolist()]


def infer_json(name, feed):
    inputs = [{"name": n, "datatype": KINDS[v.dtype.name], "shape": v.shape, "data": as_json(v)} for n, v in feed.items()]
    answer = call("POST", f"/v2/models/{name}/infer", {"inputs": inputs})
    return {o["name"]: np.array(o["data"], DTYPES[o["datatype"]]).reshape(o["shape"]) for o in answer["outputs"]}


def to_bytes(value):
    if value.dtype != object:
        return np.ascontiguousarray(value).tobytes()
    texts = [text.encode() for text in value.ravel()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def from_bytes(raw, output):
    kind = output["datatype"]
    if kind != "BYTES":
        return np.frombuffer(raw, DTYPES[kind]).reshape(output["shape"])
    texts, at = [], 0
    while at < len(raw):
        end = at + 4 + int.from_bytes(raw[at : at + 4], "little")
        texts.append(raw[at + 4 : end].decode())
        at = end
    return np.array(texts, object).reshape(output["shape"])


def infer_binary(name, feed):
    blobs = [to_bytes(value) for value in feed.values()]
    inputs = [
        {"name": n, "datatype": KINDS[v.dtype.name], "shape": v.shape, "parameters": {"binary_data_size": len(blob)}}
        for (n, v), blob in zip(feed.items(), blobs)
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    body, headers = http("POST", f"/v2/models/{name}/infer", head + b"".join(blobs), {"Inference-Header-Content-Length": str(len(head))})
    at = int(headers["Inference-Header-Content-Length"])
    outputs = {}
    for output in json.loads(body[:at])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        outputs[output["name"]] = from_bytes(body[at : at + size], output)
        at += size
    return outputs


def tensors_of(value):
    """Python's onnxruntime gives maps as dictionaries and sequences as lists; we give what they are made of."""
    if not isinstance(value, list):
        return value
    return np.array([list(item.values()) if isinstance(item, dict) else item for item in value], np.float32)


def same(ours, truth, what):
    assert ours.shape == truth.shape, f"{what}: shape {ours.shape}, not {truth.shape}"
    if truth.dtype == object or truth.dtype.kind in "iu":
        assert (ours == truth).all(), f"{what}: {ours}, not {truth}"
        return
    tolerance = 1e-3 if truth.dtype == np.float16 else 1e-6
    off = np.abs(ours.astype(np.float64) - truth) / np.maximum(1, np.abs(truth))
    assert off.max() <= tolerance, f"{what}: off by {off.max()}"


def check(name, files, model, feed):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    truth = dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))
    upload(name, files)
    call("POST", "/api/endpoints", {"name": name, "model": f"{name}/1"})
    for infer in (infer_binary, *([] if "float16" in str([v.dtype for v in feed.values()]) else [infer_json])):
        ours = infer(name, feed)
        assert list(ours) == list(truth), f"outputs {list(ours)}, not {list(truth)}"
        for output, value in truth.items():
            same(ours[output], tensors_of(value), f"{infer.__name__} {output}")
    maps = {output: value for output, value in truth.items() if isinstance(value, list) and isinstance(value[0], dict)}
    if maps:
        columns = [value.ravel().tolist() if value.shape[1] == 1 else value.tolist() for value in feed.values()]
        rows = [dict(zip(feed, row)) for row in zip(*columns)] if len(feed) > 1 else columns[0]
        rows = call("POST", f"/endpoints/{name}/predict", {"instances": rows})["predictions"]
        for output, expected in maps.items():
            for row, probabilities in zip(rows, expected):
                ours = row["outputs"][output]
                assert list(ours) == [str(key) for key in probabilities], f"{ours}, not {probabilities}"
                assert np.allclose(list(ours.values()), list(probabilities.values()), rtol=1e-6, atol=1e-6)


def main():
    passed = failed = 0
    for name, files, model, feed in all_models():
        try:
            check(name, files, model, feed)
            passed += 1
        except Exception:
            failed += 1
            print(f"FAILED {name}", file=sys.stderr)
            traceback.print_exc()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
