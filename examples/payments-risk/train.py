"""Trains three versions of the card-payments fraud score and registers them with MLflow.

v1  good: logistic regression on scaled columns, features joined point in time.
v2  better: gradient-boosted trees on the same data.
v3  harmful: the same trees, trained on a careless export. It joins each payment to the row its
    customer and merchant had at the end of the window, so a payment's own dispute is already in its
    features, and it holds averages in cents. Validation looks best of all three, because the
    validation rows share both faults. Live traffic has neither.

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python train.py --data DIR

DIR holds what `src/generate.ts` wrote. Without a tracking server: `--no-tracking`. The last line of
the output is JSON: the versions, their runs and their metrics.
"""

import argparse
import hashlib
import json
import os
from pathlib import Path

import lightgbm
import mlflow
import numpy as np
import onnx
import onnxruntime
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema, TensorSpec
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType as LightGbmFloat
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType as SklearnFloat
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAME = "payments-risk"
SEED = 7
VALIDATION_SHARE = 0.25
OPSET = {"": 15, "ai.onnx.ml": 3}
KEYS = ["transaction_id", "event_timestamp", "customer_id", "merchant_id"]
TARGET = "is_fraud"
LOGISTIC = {"C": 1.0, "max_iter": 500}
TREES = {
    "n_estimators": 120,
    "learning_rate": 0.07,
    "num_leaves": 15,
    "min_child_samples": 40,
    "random_state": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "n_jobs": 1,
    "verbose": -1,
}
VERSIONS = {
    "v1": {"kind": "logistic", "data": "training.csv"},
    "v2": {"kind": "trees", "data": "training.csv"},
    "v3": {"kind": "trees", "data": "training_careless.csv"},
}


def main():
    args = parse_args()
    tables = {file: read(args.data / file) for file in ("training.csv", "training_careless.csv", "live.csv")}
    columns = [c for c in tables["live.csv"] if c not in [*KEYS, TARGET, "label_known_at"]]
    live = tables["live.csv"]
    golden = golden_rows(live)
    args.models.mkdir(exist_ok=True)

    report = {
        "input": {"name": "input", "type": "float32", "shape": ["N", len(columns)], "columns": columns},
        "outputs": {"label": {"type": "int64", "shape": ["N"]}, "score": {"type": "float32", "shape": ["N"]}},
        "data": {file: {"rows": len(t), "sha256": digest(args.data / file)} for file, t in tables.items()},
        "golden": {"transaction_ids": golden["transaction_id"].tolist(), "inputs": matrix(golden, columns).tolist()},
        "models": {},
    }
    live_scores = {}
    for version, spec in VERSIONS.items():
        table = tables[spec["data"]]
        split = round(len(table) * (1 - VALIDATION_SHARE))
        train, validation = table[:split], table[split:]
        estimator, params = make_estimator(spec["kind"])
        estimator.fit(matrix(train, columns), train[TARGET])
        model = to_onnx(estimator, len(columns))
        path = args.models / f"{version}.onnx"
        onnx.save(model, path)

        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        predict = lambda frame: session.run(["label", "score"], {"input": matrix(frame, columns)})
        score = lambda frame: predict(frame)[1]
        live_scores[version] = score(live)
        report["models"][version] = {
            "kind": spec["kind"],
            "params": params,
            "trained_on": spec["data"],
            "rows": {"train": len(train), "validation": len(validation)},
            "validation": quality(validation[TARGET], score(validation)),
            "live": quality(live[TARGET], live_scores[version]) | agreement(live_scores["v1"], live_scores[version]),
            "onnx_max_difference": check_equal(estimator, matrix(live, columns), predict(live)),
            "golden_scores": [round(float(s), 7) for s in score(golden)],
            "sha256": digest(path),
            "bytes": path.stat().st_size,
        }
        if args.tracking:
            register(version, report, {"model": model, "train": train, "columns": columns, "spec": spec})

    published = {v: {k: m for k, m in e.items() if k not in ("run_id", "version")} for v, e in report["models"].items()}
    text = json.dumps(report | {"models": published}, indent=2)
    (args.models / "metrics.json").write_text(text + "\n")
    keep = ("version", "run_id", "validation", "live")
    print(json.dumps({v: {k: e[k] for k in keep if k in e} for v, e in report["models"].items()}))


def parse_args():
    parser = argparse.ArgumentParser(description="Trains and registers the fraud score, versions 1 to 3.")
    parser.add_argument("--data", type=Path, required=True, help="folder written by src/generate.ts")
    parser.add_argument("--models", type=Path, default=Path(__file__).parent / "models")
    parser.add_argument("--no-tracking", dest="tracking", action="store_false", help="write files only")
    args = parser.parse_args()
    if args.tracking and not os.environ.get("MLFLOW_TRACKING_URI"):
        parser.error("set MLFLOW_TRACKING_URI, or pass --no-tracking")
    return args


def read(path):
    return pd.read_csv(path, parse_dates=["event_timestamp", "label_known_at"])


def matrix(frame, columns):
    return frame[columns].to_numpy(np.float32)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def golden_rows(live):
    """The first four honest and the first four fraudulent payments of the live stream."""
    return pd.concat([live[live[TARGET] == 0].head(4), live[live[TARGET] == 1].head(4)])


def make_estimator(kind):
    if kind == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(**LOGISTIC)), LOGISTIC
    return lightgbm.LGBMClassifier(**TREES), TREES


def to_onnx(estimator, width):
    """`input` float32 [N, width] to `label` int64 [N] and `score` float32 [N], the chance of fraud."""
    if isinstance(estimator, lightgbm.LGBMClassifier):
        inputs = [("input", LightGbmFloat([None, width]))]
        booster = with_float32_thresholds(estimator.booster_)
        model = convert_lightgbm(booster, initial_types=inputs, zipmap=False, target_opset=OPSET[""])
    else:
        inputs = [("input", SklearnFloat([None, width]))]
        model = convert_sklearn(estimator, initial_types=inputs, options={"zipmap": False}, target_opset=OPSET)
    graph = model.graph
    label, probabilities = graph.output[0].name, graph.output[1].name
    index = onnx.helper.make_tensor("fraud_column", onnx.TensorProto.INT64, [], [1])
    graph.initializer.append(index)
    graph.node.append(onnx.helper.make_node("Gather", [probabilities, "fraud_column"], ["score"], axis=1))
    if label != "label":
        graph.node.append(onnx.helper.make_node("Identity", [label], ["label"]))
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, ["N"]))
    graph.output.append(onnx.helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, ["N"]))
    graph.name = NAME
    onnx.checker.check_model(model, full_check=True)
    return model


def with_float32_thresholds(booster):
    """The same trees with each threshold lowered to the nearest float32 below it.

    For float32 inputs `x <= t` means the same before and after. Left alone, the converter would round to
    the nearest float32, and an input that lies between the two would take the other branch.
    """

    def lower(line):
        exact = np.array(line.removeprefix("threshold=").split(), np.float64)
        nearest = exact.astype(np.float32)
        below = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
        return "threshold=" + " ".join(repr(float(t)) for t in below)

    lines = booster.model_to_string().split("\n")
    # Tree sizes in bytes no longer hold; without them LightGBM reads the trees one by one.
    kept = [lower(line) if line.startswith("threshold=") else line for line in lines if not line.startswith("tree_sizes=")]
    return lightgbm.Booster(model_str="\n".join(kept))


def check_equal(estimator, rows, predicted):
    """The largest difference between the estimator's scores and its ONNX form's. Refuses one that would show."""
    label, score = predicted
    difference = float(np.abs(estimator.predict_proba(rows)[:, 1] - score).max())
    if difference > 1e-5 or not np.array_equal(label, estimator.predict(rows)):
        raise SystemExit(f"the ONNX model differs from the estimator, in scores by {difference}")
    return round(difference, 9)


def quality(labels, scores):
    return {
        "auc": round(float(roc_auc_score(labels, scores)), 4),
        "average_precision": round(float(average_precision_score(labels, scores)), 4),
        "log_loss": round(float(log_loss(labels, scores.astype(float))), 4),
        "mean_score": round(float(scores.mean()), 4),
        "fraud_rate": round(float(np.mean(labels)), 4),
    }


def agreement(v1, scores):
    return {
        "within_0.1_of_v1": round(float((np.abs(v1 - scores) <= 0.1).mean()), 4),
        "same_label_as_v1": round(float(((v1 > 0.5) == (scores > 0.5)).mean()), 4),
        "correlation_with_v1": round(float(np.corrcoef(v1, scores)[0, 1]), 4),
    }


def register(version, report, what):
    """One MLflow run and one registered version. Adds their ids to the report."""
    entry, spec, columns = report["models"][version], what["spec"], what["columns"]
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, len(columns)), "input")]),
        outputs=Schema([TensorSpec(np.dtype(np.int64), (-1,), "label"), TensorSpec(np.dtype(np.float32), (-1,), "score")]),
    )
    mlflow.set_experiment(NAME)
    with mlflow.start_run(run_name=f"{NAME}-{version}") as run:
        mlflow.log_params({"model": spec["kind"], "seed": SEED, "training_data": spec["data"], **entry["params"]})
        dataset = mlflow.data.from_pandas(what["train"], source=spec["data"], targets=TARGET, name=spec["data"])
        mlflow.log_input(dataset, context="training")
        mlflow.log_metrics({f"validation_{k}": v for k, v in entry["validation"].items()})
        mlflow.set_tags({"columns": ",".join(columns), "data_sha256": report["data"][spec["data"]]["sha256"]})
        logged = mlflow.onnx.log_model(
            what["model"],
            name="model",
            signature=signature,
            input_example={"input": np.array(report["golden"]["inputs"], np.float32)},
            pip_requirements=[f"onnx=={onnx.__version__}", f"onnxruntime=={onnxruntime.__version__}"],
            onnx_execution_providers=["CPUExecutionProvider"],
            registered_model_name=NAME,
        )
    entry |= {"run_id": run.info.run_id, "version": logged.registered_model_version}


if __name__ == "__main__":
    main()
