"""One MLflow model in a process of its own: `python host.py FOLDER MEMORY_MB`.

A message is two lengths (little-endian, 4 bytes each), that much JSON, and that much binary: the tensors that the JSON names, end to end, as the
Open Inference Protocol lays them out. Requests come on standard input, answers go to what was standard output; what the model prints goes to
standard error. Ends when its input does.
"""

import json
import os
import struct
import sys

answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

KINDS = {
    "bool": "BOOL", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "uint8": "UINT8", "uint16": "UINT16",
    "uint32": "UINT32", "uint64": "UINT64", "float16": "FP16", "float32": "FP32", "float64": "FP64",
}  # fmt: skip
DTYPES = {kind: dtype for dtype, kind in KINDS.items()}
COLUMNS = {"boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64"}


def send(head, body=b""):
    text = json.dumps(head).encode()
    answers.write(struct.pack("<II", len(text), len(body)) + text + body)
    answers.flush()


def receive(source):
    lengths = source.read(8)
    if len(lengths) < 8:
        return None
    head, body = struct.unpack("<II", lengths)
    return json.loads(source.read(head)), source.read(body)


def limit_memory(megabytes):
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
    except (ImportError, ValueError, OSError):
        pass  # not every system has it


def specs(schema, default):
    """What a signature says of its columns or tensors; None when it says nothing that can be checked."""
    if schema is None:
        return None
    found = []
    for i, one in enumerate(schema.inputs):
        name = one.name if isinstance(one.name, str) else default if len(schema.inputs) == 1 else f"{default}-{i}"
        if schema.is_tensor_spec():
            found.append({"name": name, "datatype": KINDS.get(one.type.name, "BYTES"), "shape": list(one.shape)})
        else:
            found.append({"name": name, "datatype": COLUMNS.get(getattr(one.type, "name", ""), "BYTES"), "shape": [-1]})
    return found


def read_tensors(head, body):
    import numpy as np

    tensors, at = {}, 0
    for tensor in head["inputs"]:
        end = at + tensor["bytes"]
        if tensor["datatype"] == "BYTES":
            texts = []
            while at < end:
                start = at + 4
                at = start + struct.unpack_from("<I", body, at)[0]
                texts.append(body[start:at].decode())
            value = np.array(texts, dtype=object)
        else:
            value = np.frombuffer(body[at:end], dtype=DTYPES[tensor["datatype"]])
        tensors[tensor["name"]] = value.reshape(tensor["shape"])
        at = end
    return tensors


def to_input(tensors, schema):
    """A data frame for a model of columns, arrays for one of tensors; without a signature a lone matrix is an array."""
    import pandas as pd

    if schema is not None and schema.is_tensor_spec():
        names = [one.name for one in schema.inputs]
        return tensors if all(isinstance(name, str) for name in names) else next(iter(tensors.values()))
    first = next(iter(tensors.values()))
    if schema is None and len(tensors) == 1 and first.ndim > 1:
        return first
    frame = pd.DataFrame({name: value.reshape(len(value), -1)[:, 0] for name, value in tensors.items()})
    if schema is not None:
        for one in schema.inputs:
            if getattr(one.type, "name", "") == "datetime":
                frame[one.name] = pd.to_datetime(frame[one.name])
    return frame


def to_arrays(answer, names):
    import numpy as np
    import pandas as pd

    if isinstance(answer, pd.DataFrame):
        return {str(name): answer[name].to_numpy() for name in answer.columns}
    if isinstance(answer, dict):
        return {str(name): np.asarray(value) for name, value in answer.items()}
    if isinstance(answer, pd.Series) and isinstance(answer.name, str):
        return {answer.name: answer.to_numpy()}
    if isinstance(answer, list) and answer and isinstance(answer[0], dict):
        return to_arrays(pd.DataFrame(answer), names)
    if hasattr(answer, "toarray"):  # a sparse matrix
        answer = answer.toarray()
    return {names[0] if len(names) == 1 else "predictions": np.asarray(answer)}


def write_tensors(arrays):
    import numpy as np

    outputs, parts = [], []
    for name, value in arrays.items():
        if value.ndim == 0:
            value = value.reshape(1)
        kind = KINDS.get(value.dtype.name)
        if kind is None:
            texts = [str(one).encode() for one in value.ravel().tolist()]
            raw = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            raw = np.ascontiguousarray(value).tobytes()
        outputs.append({"name": name, "datatype": kind or "BYTES", "shape": list(value.shape), "bytes": len(raw)})
        parts.append(raw)
    return outputs, b"".join(parts)


def main():
    folder, memory = sys.argv[1], int(sys.argv[2])
    source = sys.stdin.buffer
    try:
        limit_memory(memory)
        import mlflow.pyfunc

        model = mlflow.pyfunc.load_model(folder)
        signature = model.metadata.signature
        inputs = signature.inputs if signature is not None else None
        named = specs(signature.outputs if signature is not None else None, "predictions")
        send({"kind": "loaded", "inputs": specs(inputs, "input-0"), "outputs": named or []})
    except BaseException as error:
        send({"kind": "not-loaded", "message": f"{type(error).__name__}: {error}"})
        return
    names = [one["name"] for one in named or []]
    while (message := receive(source)) is not None:
        head, body = message
        try:
            answer = model.predict(to_input(read_tensors(head, body), inputs))
            outputs, raw = write_tensors(to_arrays(answer, names))
            send({"kind": "done", "id": head["id"], "outputs": outputs}, raw)
        except MemoryError:
            os._exit(97)
        except Exception as error:
            send({"kind": "failed", "id": head["id"], "message": f"{type(error).__name__}: {error}"})


main()
