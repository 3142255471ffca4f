"""KServe's own Python client, REST (V1 and V2) and gRPC, against a live Trestle. Prints `N passed, N failed`."""

import json
import time

import fixtures
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

fixtures.serve(identities="identities.onnx", fraud="fraud-1.onnx", text="text.onnx")
ROW = [120.5, 0.5, 2.0]

# The ends of each type, and numbers that a detour through JSON's doubles or through text would change.
VALUES = {
    "FP32": np.array([[np.float32(0.1), -0.0], [3.4028235e38, 1e-45]], np.float32),
    "FP64": np.array([[np.pi, -1e300], [5e-324, 0.1]], np.float64),
    "FP16": np.array([[0.5, 65504], [6e-8, -0.1]], np.float16),
    "INT8": np.array([[-128, 127], [0, -1]], np.int8),
    "INT16": np.array([[-32768, 32767], [0, -1]], np.int16),
    "INT32": np.array([[-(2**31), 2**31 - 1], [0, -1]], np.int32),
    "INT64": np.array([[-(2**63), 2**63 - 1], [2**53 + 1, -1]], np.int64),
    "UINT8": np.array([[0, 255], [1, 2]], np.uint8),
    "UINT16": np.array([[0, 65535], [1, 2]], np.uint16),
    "UINT32": np.array([[0, 2**32 - 1], [1, 2]], np.uint32),
    "UINT64": np.array([[0, 2**64 - 1], [2**53 + 1, 2]], np.uint64),
    "BOOL": np.array([[True, False], [False, False]]),
    "BYTES": np.array([["grün", ""], ["日本\n", '"']], dtype=np.object_),
}


def every_datatype():
    inputs = []
    for datatype, value in VALUES.items():
        tensor = InferInput(name=datatype, shape=list(value.shape), datatype=datatype)
        tensor.set_data_from_numpy(value, binary_data=True)
        inputs.append(tensor)
    return InferRequest(model_name="identities", infer_inputs=inputs, request_id="r-7")


def same_bits(response):
    assert response.id == "r-7", response.id
    ours = {output.name: output for output in response.outputs}
    for datatype, value in VALUES.items():
        back = ours[f"{datatype}_out"].as_numpy()
        if datatype == "BYTES":
            texts = [text.decode() if isinstance(text, bytes) else text for text in back.ravel()]
            assert texts == value.ravel().tolist(), texts
        else:
            assert back.dtype == value.dtype and back.tobytes() == value.tobytes(), (datatype, back)


async def check_every_datatype_keeps_its_bits_over_rest():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    same_bits(await client.infer(fixtures.URL, every_datatype(), model_name="identities"))


async def check_every_datatype_keeps_its_bits_over_grpc():
    async with InferenceGRPCClient(fixtures.GRPC) as client:
        same_bits(await client.infer(every_datatype()))


async def check_json_tensors_are_exact():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    for datatype in ("INT64", "FP32"):
        inputs = [InferInput(name=d, shape=list(v.shape), datatype=d) for d, v in VALUES.items()]
        for tensor in inputs:
            tensor.set_data_from_numpy(VALUES[tensor.name], binary_data=tensor.name != datatype)
        response = await client.infer(fixtures.URL, InferRequest(model_name="identities", infer_inputs=inputs), model_name="identities")
        back = next(output for output in response.outputs if output.name == f"{datatype}_out").as_numpy()
        assert back.tobytes() == VALUES[datatype].tobytes(), back


async def check_health():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(fixtures.URL) is True
    assert await client.is_server_ready(fixtures.URL) is True
    assert await client.is_model_ready(fixtures.URL, "fraud") is True
    assert not await client.is_model_ready(fixtures.URL, "nothing")
    async with InferenceGRPCClient(fixtures.GRPC) as grpc:
        assert await grpc.is_server_live() and await grpc.is_server_ready() and await grpc.is_model_ready("fraud")


async def check_v1():
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_model_ready(fixtures.URL, "fraud") is True
    answer = await client.infer(fixtures.URL, {"instances": [ROW, [1, 0.5, 2]]}, model_name="fraud")
    assert [p["label"] for p in answer["predictions"]] == [1, 0], answer
    explained = await client.explain(fixtures.URL, "fraud", {"instances": [ROW]})
    assert explained


def check_cloud_events_are_paired_and_logged():
    from cloudevents.conversion import to_binary, to_structured
    from cloudevents.http import CloudEvent

    kind = "org.kubeflow.serving.inference"
    asked = CloudEvent({"type": f"{kind}.request", "source": "agent", "id": "ce-1", "inferenceservicename": "fraud"}, {"instances": [ROW]})
    answered = CloudEvent({"type": f"{kind}.response", "source": "agent", "id": "ce-1"}, {"predictions": [{"label": 1}]})
    for headers, body in (to_binary(asked), to_structured(answered)):
        said = json.loads(fixtures.http("POST", "/endpoints/fraud/events", body, dict(headers)))
    assert said["paired"] == 1, said
    logged = []
    for _ in range(50):
        logged = logged or json.loads(fixtures.http("GET", "/api/predictions?id=ce-1"))["items"]
        time.sleep(0 if logged else 0.1)
    assert logged[0]["inputs"] == {"float_input.0": 120.5, "float_input.1": 0.5, "float_input.2": 2}, logged


async def check_errors_are_readable():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    request = InferRequest(model_name="fraud", infer_inputs=[InferInput(name="float_input", shape=[1, 2], datatype="FP32", data=[1.0, 2.0])])
    try:
        await client.infer(fixtures.URL, request, model_name="fraud")
        raise AssertionError("was taken")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 400 and "unexpected shape" in str(error), error


fixtures.run(dict(globals()))
