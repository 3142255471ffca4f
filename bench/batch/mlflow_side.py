"""MLflow's batch prediction: `mlflow.pyfunc.load_model(...).predict` of a table in chunks. `mlflow_side.py <input> <output> <batch rows>`"""
import json
import os
import sys
import tempfile
import time

import mlflow
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

source, target, rows = sys.argv[1:4]
columns = json.loads(os.environ["BENCH_COLUMNS"])
graph = onnx.load(os.environ["BENCH_MODEL"])
folder = os.path.join(tempfile.mkdtemp(), "model")
example = pd.DataFrame(np.zeros((1, len(columns)), np.float32), columns=columns)
mlflow.onnx.save_model(graph, folder, signature=mlflow.models.infer_signature(example))
model = mlflow.pyfunc.load_model(folder)
model.predict(example)

begun, cpu, done, writer = time.perf_counter(), os.times(), 0, None
for batch in pq.ParquetFile(source).iter_batches(batch_size=int(rows)):
    frame = batch.to_pandas()
    answer = model.predict(frame[columns])
    for name, value in answer.items():
        frame[name] = np.asarray(value).reshape(len(frame))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if writer is None:
        writer = pq.ParquetWriter(target, table.schema)
    writer.write_table(table)
    done += len(frame)
writer.close()
now = os.times()
print(json.dumps({"rows": done, "seconds": time.perf_counter() - begun, "cpu": now.user + now.system - cpu.user - cpu.system}))
