"""TorchServe's curl examples (docs/inference_api.md, docs/management_api.md) and SageMaker's container contract, by curl. Prints `N passed, N failed`."""

import json
import subprocess
import tempfile

import fixtures

fixtures.serve(fraud="fraud-1.onnx", text="text.onnx")
ROW = {"float_input": [120.5, 0.5, 2.0]}


def curl(path, *args):
    done = subprocess.run(["curl", "-s", "-w", "\n%{http_code}", fixtures.URL + path, *args], capture_output=True, text=True, check=True)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), body


def file(content):
    made = tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False)
    made.write(content)
    made.close()
    return made.name


def check_torchserve_sends_a_file_by_put():
    status, body = curl("/predictions/fraud", "-T", file(json.dumps(ROW)))
    assert status == 200 and json.loads(body)["label"] == 1, (status, body)


def check_torchserve_sends_a_file_by_form():
    for path in ("/predictions/fraud", "/predictions/fraud/1"):
        status, body = curl(path, "-F", f"data=@{file(json.dumps(ROW))}")
        assert status == 200 and json.loads(body)["label"] == 1, (status, body)


def check_torchserve_classifies_plain_text():
    status, body = curl("/predictions/text", "-T", file("Bloomberg has decided to publish a new report"))
    assert status == 200 and json.loads(body)["same"].startswith("Bloomberg"), (status, body)


def check_torchserve_management():
    status, body = curl("/torchserve/models")
    assert status == 200 and {"fraud", "text"} <= {m["modelName"] for m in json.loads(body)["models"]}, body
    status, body = curl("/torchserve/models/fraud")
    assert status == 200 and json.loads(body)[0]["workers"][0]["status"] == "READY", body
    status, body = curl("/torchserve/models/fraud?min_worker=3&synchronous=true", "-X", "PUT")
    assert status == 200 and "scaled" in body, body
    status, body = curl("/torchserve/models/none")
    assert status == 404 and json.loads(body)["type"] == "ModelNotFoundException", body


def check_sagemaker_contract():
    assert curl("/ping")[0] == 200
    target = ["-H", "X-Amzn-SageMaker-Target-Model: fraud"]
    status, body = curl("/invocations", *target, "-H", "Content-Type: application/json", "-d", json.dumps({"instances": [ROW["float_input"]]}))
    assert status == 200 and json.loads(body)["predictions"]["label"] == [1], body
    status, body = curl("/invocations", *target, "-H", "Content-Type: text/csv", "-H", "Accept: text/csv", "--data-binary", "120.5,0.5,2\n1,0.5,2\n")
    assert status == 200 and [line.split(",")[0] for line in body.split("\n")[:2]] == ["1", "0"], body
    status, body = curl("/invocations", *target, "-H", "Content-Type: application/json", "-d", "{")
    assert status == 400 and json.loads(body)["error_code"] == "BAD_REQUEST", body


fixtures.run(dict(globals()))
