"""The model in KServe's Python server, Open Inference Protocol; ONNX Runtime with one thread."""
import argparse
import os

import onnxruntime as ort
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server


class Fraud(Model):
    def __init__(self) -> None:
        super().__init__("fraud")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options)
        self.names = [output.name for output in self.session.get_outputs()]
        self.ready = True

    def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        given = payload.inputs[0]
        answers = self.session.run(self.names, {given.name: given.as_numpy()})
        outputs = []
        for name, value in zip(self.names, answers):
            output = InferOutput(name, list(value.shape), "INT64" if value.dtype == "int64" else "FP32")
            output.set_data_from_numpy(value, binary_data=False)
            outputs.append(output)
        return InferResponse(payload.id or "1", self.name, outputs)


parser = argparse.ArgumentParser(parents=[model_server.parser])
args, _ = parser.parse_known_args()
ModelServer().start([Fraud()])
