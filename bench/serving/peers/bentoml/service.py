"""The model in BentoML: named columns in, as Trestle's plain JSON takes them; ONNX Runtime with one thread."""
import json
import os

import bentoml
import numpy as np
import onnxruntime as ort

COLUMNS = json.loads(os.environ["BENCH_COLUMNS"])


@bentoml.service
class Fraud:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options)
        self.input = self.session.get_inputs()[0].name
        self.names = [output.name for output in self.session.get_outputs()]

    @bentoml.api
    def predict(self, row: dict[str, float]) -> dict:
        rows = np.array([[row[name] for name in COLUMNS]], dtype=np.float32)
        answers = self.session.run(self.names, {self.input: rows})
        return {name: value[0].tolist() for name, value in zip(self.names, answers)}
