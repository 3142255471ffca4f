"""Writes the ONNX file as an MLflow model folder, for `mlflow models serve`."""
import os
import sys

import mlflow
import numpy as np
import onnx

model = onnx.load(os.environ["BENCH_MODEL"])
name = model.graph.input[0].name
example = {name: np.zeros((1, 12), dtype=np.float32)}
mlflow.onnx.save_model(model, sys.argv[1], signature=mlflow.models.infer_signature(example))
