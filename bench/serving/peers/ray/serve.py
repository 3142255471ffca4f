"""The model in Ray Serve with its FastAPI ingress; ONNX Runtime with one thread."""
import json
import os
import sys
import time

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI
from ray import serve

COLUMNS = json.loads(os.environ["BENCH_COLUMNS"])
app = FastAPI()


@serve.deployment
@serve.ingress(app)
class Fraud:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options)
        self.input = self.session.get_inputs()[0].name
        self.names = [output.name for output in self.session.get_outputs()]

    @app.post("/predict")
    async def predict(self, row: dict[str, float]) -> dict:
        rows = np.array([[row[name] for name in COLUMNS]], dtype=np.float32)
        answers = self.session.run(self.names, {self.input: rows})
        return {name: value[0].tolist() for name, value in zip(self.names, answers)}


serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
serve.run(Fraud.bind())
while True:
    time.sleep(60)
