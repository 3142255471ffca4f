"""Triton's own Python clients against a live Trestle: `python test_tritonclient.py --http HOST:PORT --grpc HOST:PORT`.

The server needs the endpoints `simple`, `identities`, `text` and `fraud` over the models of the serving fixtures; `run.ts` beside this file
makes them and runs this program. Prints `N passed, N failed`.
"""

import argparse
import sys
import traceback

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def health_and_metadata(client, lib, **_):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("simple") and client.is_model_ready("simple", "1")
    meta = client.get_server_metadata()
    name = meta["name"] if isinstance(meta, dict) else meta.name
    assert name == "trestle"
    model = client.get_model_metadata("simple")
    if isinstance(model, dict):
        assert [i["datatype"] for i in model["inputs"]] == ["INT32", "INT32"]
    else:
        assert [i.datatype for i in model.inputs] == ["INT32", "INT32"] and list(model.inputs[0].shape) == [-1, 16]


def simple_inputs(lib, **binary):
    a = np.arange(32, dtype=np.int32).reshape(2, 16)
    b = np.ones((2, 16), dtype=np.int32)
    inputs = []
    for name, data in (("INPUT0", a), ("INPUT1", b)):
        tensor = lib.InferInput(name, list(data.shape), "INT32")
        tensor.set_data_from_numpy(data, **binary)
        inputs.append(tensor)
    return a, b, inputs


@case
def sum_and_difference(client, lib, **_):
    a, b, inputs = simple_inputs(lib)
    result = client.infer("simple", inputs, request_id="r-1")
    assert (result.as_numpy("OUTPUT0") == a + b).all() and (result.as_numpy("OUTPUT1") == a - b).all()
    response = result.get_response()
    assert (response["id"] if isinstance(response, dict) else response.id) == "r-1"


@case
def requested_outputs_and_versions(client, lib, **_):
    a, b, inputs = simple_inputs(lib)
    result = client.infer("simple", inputs, model_version="1", outputs=[lib.InferRequestedOutput("OUTPUT1")])
    assert (result.as_numpy("OUTPUT1") == a - b).all() and result.as_numpy("OUTPUT0") is None


@case
def json_tensors(client, lib, protocol, **_):
    if protocol != "http":
        return
    a, b, inputs = simple_inputs(lib, binary_data=False)
    outputs = [lib.InferRequestedOutput("OUTPUT0", binary_data=False), lib.InferRequestedOutput("OUTPUT1", binary_data=True)]
    result = client.infer("simple", inputs, outputs=outputs)
    assert (result.as_numpy("OUTPUT0") == a + b).all() and (result.as_numpy("OUTPUT1") == a - b).all()


@case
def compression(client, lib, protocol, **_):
    a, b, inputs = simple_inputs(lib)
    if protocol == "http":
        for algorithm in ("gzip", "deflate"):
            result = client.infer("simple", inputs, request_compression_algorithm=algorithm)
            assert (result.as_numpy("OUTPUT0") == a + b).all()
    else:
        assert (client.infer("simple", inputs, compression_algorithm="gzip").as_numpy("OUTPUT0") == a + b).all()


VALUES = {
    "FP32": np.array([[1.5, -0.0]], np.float32), "FP64": np.array([[np.pi, -1e300]], np.float64), "FP16": np.array([[0.5, 65504]], np.float16),
    "INT8": np.array([[-128, 127]], np.int8), "INT16": np.array([[-32768, 32767]], np.int16), "INT32": np.array([[-(2**31), 2**31 - 1]], np.int32),
    "INT64": np.array([[-(2**63), 2**53 + 1]], np.int64), "UINT8": np.array([[0, 255]], np.uint8), "UINT16": np.array([[0, 65535]], np.uint16),
    "UINT32": np.array([[0, 2**32 - 1]], np.uint32), "UINT64": np.array([[0, 2**64 - 1]], np.uint64), "BOOL": np.array([[True, False]]),
    "BYTES": np.array([["grün", ""]], dtype=np.object_),
}


@case
def every_datatype(client, lib, **_):
    inputs = []
    for datatype, value in VALUES.items():
        tensor = lib.InferInput(datatype, [1, 2], datatype)
        tensor.set_data_from_numpy(value)
        inputs.append(tensor)
    result = client.infer("identities", inputs)
    for datatype, value in VALUES.items():
        out = result.as_numpy(f"{datatype}_out")
        expected = np.array([[v.encode() for v in value[0]]], dtype=np.object_) if datatype == "BYTES" else value
        assert (out == expected).all(), (datatype, out)


@case
def whole_numbers_in_json_are_exact(client, lib, protocol, **_):
    if protocol != "http":
        return
    inputs = []
    for datatype, value in VALUES.items():
        tensor = lib.InferInput(datatype, [1, 2], datatype)
        tensor.set_data_from_numpy(value, binary_data=datatype == "FP16")
        inputs.append(tensor)
    outputs = [lib.InferRequestedOutput(f"{d}_out", binary_data=False) for d in ("INT64", "UINT64")]
    result = client.infer("identities", inputs, outputs=outputs)
    assert (result.as_numpy("INT64_out") == VALUES["INT64"]).all() and (result.as_numpy("UINT64_out") == VALUES["UINT64"]).all()


@case
def classifier(client, lib, **_):
    tensor = lib.InferInput("float_input", [2, 3], "FP32")
    tensor.set_data_from_numpy(np.array([[120.5, 0.5, 2.0], [1.0, 0.5, 2.0]], np.float32))
    result = client.infer("fraud", [tensor])
    assert result.as_numpy("label").tolist() == [1, 0] and result.as_numpy("probabilities").shape == (2, 2)


@case
def errors_are_readable(client, lib, **_):
    _, _, inputs = simple_inputs(lib)
    for model, tensors, text in (("none", inputs, "unknown model"), ("simple", inputs[:1], "expected 2 inputs but got 1")):
        try:
            client.infer(model, tensors)
            raise AssertionError("was taken")
        except InferenceServerException as error:
            assert text in error.message(), error.message()


@case
def statistics_and_index(client, lib, **_):
    stats = client.get_inference_statistics("simple")
    one = stats["model_stats"][0] if isinstance(stats, dict) else stats.model_stats[0]
    success = one["inference_stats"]["success"]["count"] if isinstance(one, dict) else one.inference_stats.success.count
    assert int(success) >= 1
    index = client.get_model_repository_index()
    models = index if isinstance(index, list) else index.models
    assert len(models) >= 4


@case
def classification(client, lib, protocol, **_):
    tensor = lib.InferInput("float_input", [2, 3], "FP32")
    tensor.set_data_from_numpy(np.array([[120.5, 0.5, 2.0], [1.0, 0.5, 2.0]], np.float32))
    output = lib.InferRequestedOutput("probabilities", class_count=2)
    classes = client.infer("fraud", [tensor], outputs=[output]).as_numpy("probabilities")
    assert classes.shape == (2, 2), classes
    top = [row[0].decode().split(":") for row in classes]
    assert [index for _, index in top] == ["1", "0"] and all(float(value) > 0.5 for value, _ in top)


@case
def model_configuration(client, lib, protocol, **_):
    config = client.get_model_config("simple")
    config = config if isinstance(config, dict) else config.config
    read = config.get if isinstance(config, dict) else lambda name: getattr(config, name)
    assert read("name") == "simple" and read("max_batch_size") == 64 and len(read("input")) == 2


@case
def load_and_unload(client, lib, protocol, **_):
    client.unload_model("text")
    assert not client.is_model_ready("text")
    client.load_model("text")
    assert client.is_model_ready("text")
    try:
        client.load_model("nothing")
        raise AssertionError("was taken")
    except InferenceServerException as error:
        assert "failed to load 'nothing'" in error.message(), error.message()


@case
def packed_answers(client, lib, protocol, **_):
    if protocol != "http":
        return
    a, b, inputs = simple_inputs(lib)
    for algorithm in ("gzip", "deflate"):
        result = client.infer("simple", inputs, response_compression_algorithm=algorithm)
        assert (result.as_numpy("OUTPUT0") == a + b).all()


@case
def concurrent_requests(client, lib, protocol, **_):
    a, b, inputs = simple_inputs(lib)
    if protocol == "http":
        pending = [client.async_infer("simple", inputs) for _ in range(50)]
        results = [p.get_result() for p in pending]
    else:
        results = [client.infer("simple", inputs) for _ in range(50)]
    assert all((r.as_numpy("OUTPUT0") == a + b).all() for r in results)


@case
def stream(client, lib, protocol, **_):
    if protocol != "grpc":
        return
    import queue

    answers = queue.Queue()
    a, b, inputs = simple_inputs(lib)
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for _ in range(3):
        client.async_stream_infer("simple", inputs)
    client.async_stream_infer("none", inputs)
    for i in range(4):
        result, error = answers.get(timeout=10)
        assert (error is None) == (i < 3)
        if error is None:
            assert (result.as_numpy("OUTPUT0") == a + b).all()
    client.stop_stream()


@case
def llm_as_vllm_backend(client, lib, protocol, **_):
    if protocol != "grpc":
        return
    import json
    import queue

    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for is_stream in (False, True):
        values = {"text_input": b"Say hello.", "stream": is_stream, "sampling_parameters": json.dumps({"temperature": "0.1", "max_tokens": 20}).encode()}
        inputs = []
        for name, value in values.items():
            tensor = lib.InferInput(name, [1], "BOOL" if name == "stream" else "BYTES")
            tensor.set_data_from_numpy(np.array([value], dtype=bool if name == "stream" else np.object_))
            inputs.append(tensor)
        client.async_stream_infer("llm", inputs, request_id=str(is_stream), outputs=[lib.InferRequestedOutput("text_output")])
    texts = {"False": [], "True": []}
    while not (texts["False"] and len(texts["True"]) > 1):
        result, error = answers.get(timeout=10)
        assert error is None, error
        texts[result.get_response().id].append(result.as_numpy("text_output")[0].decode())
    client.stop_stream()
    assert "".join(texts["False"]), texts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", required=True)
    parser.add_argument("--grpc")
    args = parser.parse_args()
    clients = [("http", httpclient, httpclient.InferenceServerClient(args.http, concurrency=8))]
    if args.grpc:
        clients.append(("grpc", grpcclient, grpcclient.InferenceServerClient(args.grpc)))
    passed = failed = 0
    for protocol, lib, client in clients:
        for check in CASES:
            try:
                check(client=client, lib=lib, protocol=protocol)
                passed += 1
            except Exception:
                failed += 1
                print(f"FAILED {protocol} {check.__name__}", file=sys.stderr)
                traceback.print_exc()
        client.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
