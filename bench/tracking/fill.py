"""Fills a tracking database as logging would, but by the row: `fill.py trestle|mlflow FILE RUNS POINTS`.

RUNS runs with ten metrics and ten params each in experiment 0, and one run `long` with POINTS points of one metric. Prints the id of `long`.
"""

import sqlite3
import sys
import uuid

kind, path, runs, points = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ids = [uuid.UUID(int=i + 1).hex for i in range(runs)] + [uuid.UUID(int=1 << 100).hex]
db = sqlite3.connect(path, timeout=60)


def metrics(key_of):
    for i in range(runs):
        for m in range(10):
            yield (key_of(i), f"m{m}", 1_700_000_000_000 + i, 0, float((i * 7919 + m) % 1000), 0)


def params(key_of):
    for i in range(runs):
        for p in range(10):
            yield (key_of(i), f"p{p}", str((i // 7 + p) % 10))


def history(key):
    for i in range(points):
        yield (key, "loss", 1_700_000_000_000 + i, i, 1 / (i + 1), 0)


if kind == "trestle":
    # Its server made experiment 0 of the project at the first request.
    db.executemany(
        "insert into runs (run_key, project, run_id, experiment_id, run_name, user_id, status, start_time, end_time, artifact_uri, lifecycle_stage)"
        " values (?, 'default', ?, 0, ?, 'b', 'FINISHED', ?, ?, ?, 'active')",
        ((i + 1, id, f"run {i}", i, i + 1, f"mlflow-artifacts:/0/{id}/artifacts") for i, id in enumerate(ids)),
    )
    key_of, metric = (lambda i: i + 1), "(run_key, key, timestamp, step, value, is_nan)"
    owner = "run_key"
else:
    db.executemany(
        "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
        " values (?, ?, 'UNKNOWN', '', '', 'b', 'FINISHED', ?, ?, '', 'active', ?, 0)",
        ((id, f"run {i}", i, i + 1, f"mlflow-artifacts:/0/{id}/artifacts") for i, id in enumerate(ids)),
    )
    key_of, metric = (lambda i: ids[i]), "(run_uuid, key, timestamp, step, value, is_nan)"
    owner = "run_uuid"
for table in ("metrics", "latest_metrics"):
    db.executemany(f"insert into {table} {metric} values (?, ?, ?, ?, ?, ?)", metrics(key_of))
db.executemany(f"insert into params ({owner}, key, value) values (?, ?, ?)", params(key_of))
db.executemany(f"insert into metrics {metric} values (?, ?, ?, ?, ?, ?)", history(key_of(runs)))
db.commit()
print(ids[-1])
