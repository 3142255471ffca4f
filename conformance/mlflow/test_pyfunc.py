"""MLflow models without ONNX, served from a Python process beside the server. Prints `N passed, N failed`."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import client
import numpy as np
import pandas as pd
from client import main, mlflow, unique
from mlflow.models import ModelSignature, infer_signature
from mlflow.types.schema import ColSpec, Schema
from sklearn.ensemble import RandomForestClassifier

rng = np.random.default_rng(5)
FRAME = pd.DataFrame({"amount": rng.normal(100, 30, 300), "visits": rng.integers(0, 9, 300), "vip": rng.random(300) > 0.5})
TARGET = (FRAME.amount > 100) ^ FRAME.vip


class Moody(mlflow.pyfunc.PythonModel):
    """Doubles a number, and does as it is told."""

    def predict(self, context, model_input, params=None):
        print("what a model prints is no answer")
        for mood in model_input["mood"]:
            if mood == "die":
                os._exit(3)
            if mood == "hang":
                time.sleep(60)
            if mood == "eat":
                bytearray(8 << 30)
            if mood == "raise":
                raise ValueError("bad mood")
        return pd.DataFrame({"double": model_input["x"] * 2, "mood": model_input["mood"].str.upper()})


def http(method, path, body):
    status, _, answer = client.http(method, path, body)
    return status, json.loads(answer)


def serve(model, **logged):
    """Registers a model and makes an endpoint over it."""
    name = unique("pyfunc")
    # With requirements given MLflow does not load each model once more to find them out.
    logged = {"name": "model", "registered_model_name": name, "pip_requirements": ["mlflow"], **logged}
    if isinstance(model, mlflow.pyfunc.PythonModel):
        info = mlflow.pyfunc.log_model(python_model=model, **logged)
    else:
        info = mlflow.sklearn.log_model(model, **logged)
    status, body = http("POST", "/api/endpoints", {"name": name, "model": f"{name}/1"})
    return status, body, name, info.model_uri


MOODY = None


def moody():
    global MOODY
    if MOODY is None:
        inputs = Schema([ColSpec("double", "x"), ColSpec("string", "mood")])
        outputs = Schema([ColSpec("double", "double"), ColSpec("string", "mood")])
        status, body, MOODY, _ = serve(Moody(), signature=ModelSignature(inputs=inputs, outputs=outputs))
        assert status == 201, body
    return MOODY


def predict(name, *rows):
    return http("POST", f"/endpoints/{name}/predict", {"instances": list(rows)})


def check_a_scikit_learn_model_answers_as_mlflow_does():
    model = RandomForestClassifier(20, random_state=0).fit(FRAME, TARGET)
    signature = infer_signature(FRAME, TARGET.to_numpy())
    _, _, name, uri = serve(model, signature=signature, skops_trusted_types=["sklearn.tree._tree.Tree"])
    rows = FRAME.head(20)
    status, body = predict(name, *rows.to_dict("records"))
    assert status == 200, body
    truth = mlflow.pyfunc.load_model(uri).predict(rows)
    assert [p["outputs"]["predictions"] for p in body["predictions"]] == truth.tolist(), body


def check_tensors_keep_their_bits():
    class Echo(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return {"same": model_input}

    array = np.array([[0.1, -0.0, 1e300], [5e-324, np.pi, 2.0]])
    _, _, name, _ = serve(Echo(), signature=infer_signature(array, {"same": array}))
    request = {"inputs": [{"name": "input-0", "datatype": "FP64", "shape": [2, 3], "data": array.ravel().tolist()}]}
    status, body = http("POST", f"/v2/models/{name}/infer", request)
    assert status == 200, body
    same = np.array(body["outputs"][0]["data"]).reshape(2, 3)
    assert body["outputs"][0]["name"] == "same" and same.tobytes() == array.tobytes(), body


def check_columns_and_texts_go_in_and_out():
    status, body = predict(moody(), {"x": 1.5, "mood": "grün"}, {"x": 2, "mood": ""})
    assert status == 200, body
    assert [p["outputs"] for p in body["predictions"]] == [{"double": 3, "mood": "GRÜN"}, {"double": 4, "mood": ""}], body


def check_what_a_model_raises_is_said():
    status, body = predict(moody(), {"x": 1, "mood": "raise"})
    assert status == 500 and "ValueError: bad mood" in body["detail"], body


def check_a_crash_fails_only_its_request():
    moods = ["fine"] * 6 + ["die"] + ["fine"] * 5
    with ThreadPoolExecutor(12) as pool:
        statuses = [status for status, _ in pool.map(lambda m: predict(moody(), {"x": 1, "mood": m}), moods)]
    assert statuses == [500 if m == "die" else 200 for m in moods], statuses


def check_a_call_that_hangs_is_ended():
    began = time.time()
    status, body = predict(moody(), {"x": 1, "mood": "hang"})
    assert status == 500 and "no answer within" in body["detail"] and time.time() - began < 20, body
    assert predict(moody(), {"x": 1, "mood": "fine"})[0] == 200


def check_a_call_that_eats_memory_is_ended():
    status, body = predict(moody(), {"x": 1, "mood": "eat"})
    assert status == 500 and "MB" in body["detail"], body
    assert predict(moody(), {"x": 1, "mood": "fine"})[0] == 200


def check_a_model_that_does_not_load_says_why():
    class Broken(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            raise RuntimeError("no weights")

        def predict(self, context, model_input, params=None):
            return model_input

    status, body, _, _ = serve(Broken())
    assert status >= 400 and "no weights" in body["detail"], body


main(globals())
