"""The loop that one would write by hand: pyarrow reads, ONNX Runtime scores, pyarrow writes. `bare.py <model> <input> <output> <batch rows> <threads>`"""
import json
import os
import sys
import time

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq

model, source, target, rows, threads = sys.argv[1:6]
begun, cpu = time.perf_counter(), os.times()
options = ort.SessionOptions()
options.intra_op_num_threads = int(threads)
session = ort.InferenceSession(model, options)
name = session.get_inputs()[0].name
outputs = [output.name for output in session.get_outputs()]
columns = json.loads(os.environ["BENCH_COLUMNS"])
done, writer = 0, None
for batch in pq.ParquetFile(source).iter_batches(batch_size=int(rows)):
    x = np.column_stack([batch.column(c).to_numpy().astype(np.float32, copy=False) for c in columns])
    for output, value in zip(outputs, session.run(outputs, {name: x})):
        batch = batch.append_column(output, pa.array(value.reshape(len(x))) if value.size == len(x) else pa.FixedSizeListArray.from_arrays(value.ravel(), value.shape[1]))
    if writer is None:
        writer = pq.ParquetWriter(target, batch.schema)
    writer.write_batch(batch)
    done += len(x)
writer.close()
now = os.times()
print(json.dumps({"rows": done, "seconds": time.perf_counter() - begun, "cpu": now.user + now.system - cpu.user - cpu.system}))
