"""Trains two models of hourly bike rentals and registers them with MLflow.

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python train.py hour.csv
    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python train.py hour.csv --train-from 2011-01-01 --train-until 2011-08-31

Trains on January and February 2011 unless told otherwise, and judges month by month on the rest of 2011.
Both models take `input` float32 [N, 9] and give `prediction` float32 [N, 1], rentals in the hour.
The last line of the output is JSON: versions, runs and metrics. `--no-tracking` registers nothing;
`--models DIR` also writes the ONNX files.
"""

import argparse
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
from sklearn.ensemble import RandomForestRegressor

NAME = "bike-sharing"
SEED = 7
OPSET = {"": 15, "ai.onnx.ml": 3}
# `instant` is a row number and `casual` + `registered` is the target, so none of them is a feature.
# `yr` is left out: it never varies in 2011. `mnth` and `season` too: a model of two months learns nothing from them.
COLUMNS = ["hr", "holiday", "weekday", "workingday", "weathersit", "temp", "atemp", "hum", "windspeed"]
TARGET = "cnt"
ESTIMATORS = {
    "forest": (RandomForestRegressor, {"n_estimators": 40, "max_depth": 12, "min_samples_leaf": 3, "random_state": SEED}),
    "trees": (
        lightgbm.LGBMRegressor,
        {
            "n_estimators": 200,
            "learning_rate": 0.06,
            "num_leaves": 31,
            "min_child_samples": 15,
            "random_state": SEED,
            "deterministic": True,
            "force_row_wise": True,
            "n_jobs": 1,
            "verbose": -1,
        },
    ),
}


def main():
    args = parse_args()
    hours = read(args.csv)
    year = hours[hours["dteday"].dt.year == 2011]
    train = hours[hours["dteday"].between(args.train_from, args.train_until)]
    if train.empty:
        raise SystemExit(f"no rows from {args.train_from} to {args.train_until}")
    report = {"train_from": args.train_from, "train_until": args.train_until, "rows": len(train), "models": {}}
    for kind, (estimator_class, params) in ESTIMATORS.items():
        estimator = estimator_class(**params).fit(matrix(train), train[TARGET])
        model = to_onnx(estimator)
        predictions = predict(model, matrix(year))
        entry = {
            "mae_train": mae(train[TARGET], predict(model, matrix(train))),
            "mae_by_month": {
                month.strftime("%Y-%m"): mae(rows[TARGET], predictions[year.index.get_indexer(rows.index)])
                for month, rows in year.groupby(year["dteday"].dt.to_period("M"))
            },
            "onnx_max_difference": check_equal(estimator, year, predictions),
        }
        if args.models:
            args.models.mkdir(exist_ok=True)
            onnx.save(model, args.models / f"{kind}-until-{args.train_until}.onnx")
        if args.tracking:
            entry |= register(kind, {"model": model, "params": params, "train": train, "entry": entry, "args": args})
        report["models"][kind] = entry
    print(json.dumps(report))


def parse_args():
    parser = argparse.ArgumentParser(description="Trains and registers the bike-rental models.")
    parser.add_argument("csv", type=Path, help="hour.csv of the UCI bike-sharing data")
    parser.add_argument("--train-from", default="2011-01-01")
    parser.add_argument("--train-until", default="2011-02-28", help="last day of training, inclusive")
    parser.add_argument("--models", type=Path, help="also write the ONNX files here")
    parser.add_argument("--no-tracking", dest="tracking", action="store_false")
    args = parser.parse_args()
    if args.tracking and not os.environ.get("MLFLOW_TRACKING_URI"):
        parser.error("set MLFLOW_TRACKING_URI, or pass --no-tracking")
    return args


def read(path):
    return pd.read_csv(path, parse_dates=["dteday"])


def matrix(frame):
    return frame[COLUMNS].to_numpy(np.float32)


def mae(truth, predicted):
    return round(float(np.abs(truth.to_numpy() - predicted).mean()), 2)


def to_onnx(estimator):
    """`input` float32 [N, 9] to `prediction` float32 [N, 1]."""
    if isinstance(estimator, lightgbm.LGBMRegressor):
        booster = with_float32_thresholds(estimator.booster_)
        model = convert_lightgbm(booster, initial_types=[("input", LightGbmFloat([None, len(COLUMNS)]))], target_opset=OPSET[""])
    else:
        model = convert_sklearn(estimator, initial_types=[("input", SklearnFloat([None, len(COLUMNS)]))], target_opset=OPSET)
    graph = model.graph
    inner = graph.output[0].name
    graph.node.append(onnx.helper.make_node("Identity", [inner], ["prediction"]))
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info("prediction", onnx.TensorProto.FLOAT, ["N", 1]))
    graph.name = NAME
    onnx.checker.check_model(model, full_check=True)
    return model


def with_float32_thresholds(booster):
    """The same trees with each threshold lowered to the nearest float32 below it, so that the ONNX form
    takes the same branch for every float32 input. See ../payments-risk/train.py."""

    def lower(line):
        exact = np.array(line.removeprefix("threshold=").split(), np.float64)
        nearest = exact.astype(np.float32)
        below = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
        return "threshold=" + " ".join(repr(float(t)) for t in below)

    lines = booster.model_to_string().split("\n")
    kept = [lower(line) if line.startswith("threshold=") else line for line in lines if not line.startswith("tree_sizes=")]
    return lightgbm.Booster(model_str="\n".join(kept))


def predict(model, rows):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["prediction"], {"input": rows})[0][:, 0]


def check_equal(estimator, frame, predictions):
    """The largest difference in rentals between the estimator and its ONNX form. Refuses one that would show."""
    difference = float(np.abs(estimator.predict(matrix(frame)) - predictions).max())
    if difference > 1e-2:
        raise SystemExit(f"the ONNX model differs from the estimator by {difference}")
    return round(difference, 6)


def register(kind, what):
    """One MLflow run and one registered version; returns their ids."""
    args, entry = what["args"], what["entry"]
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, len(COLUMNS)), "input")]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 1), "prediction")]),
    )
    mlflow.set_experiment(NAME)
    with mlflow.start_run(run_name=f"{NAME}-{kind}-until-{args.train_until}") as run:
        mlflow.log_params({"model": kind, "train_from": args.train_from, "train_until": args.train_until, **what["params"]})
        frame = what["train"][[*COLUMNS, TARGET]].astype(np.float64)
        dataset = mlflow.data.from_pandas(frame, source=str(args.csv), targets=TARGET, name="hour.csv")
        mlflow.log_input(dataset, context="training")
        mlflow.log_metric("mae_train", entry["mae_train"])
        for month, value in entry["mae_by_month"].items():
            # The step is the month of 2011, so that the chart of this metric is the decay of the model.
            mlflow.log_metric("mae", value, step=int(month[-2:]))
        mlflow.set_tag("columns", ",".join(COLUMNS))
        logged = mlflow.onnx.log_model(
            what["model"],
            name="model",
            signature=signature,
            input_example={"input": matrix(what["train"].head(3))},
            pip_requirements=[f"onnx=={onnx.__version__}", f"onnxruntime=={onnxruntime.__version__}"],
            onnx_execution_providers=["CPUExecutionProvider"],
            registered_model_name=NAME,
        )
    return {"run_id": run.info.run_id, "version": logged.registered_model_version}


if __name__ == "__main__":
    main()
