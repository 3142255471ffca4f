"""Autologging, and models of each flavor logged, registered and loaded again, with the real client against a live Trestle."""

import tempfile
from pathlib import Path

import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from client import client, experiment, main, unique

X = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0) % 7})
Y = (X["a"] > 30).astype(int)


def check_sklearn_autolog():
    experiment()
    mlflow.sklearn.autolog()
    try:
        with mlflow.start_run() as run:
            LogisticRegression(C=0.5).fit(X, Y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert got.data.params["C"] == "0.5" and got.data.metrics["training_accuracy_score"] > 0.9, got.data
    assert got.inputs.dataset_inputs and got.outputs.model_outputs
    loaded = mlflow.sklearn.load_model(f"models:/{got.outputs.model_outputs[0].model_id}")
    assert loaded.predict(X)[-1] == 1


def check_a_grid_search_makes_a_run_for_each_candidate():
    _, exp_id = experiment()
    mlflow.sklearn.autolog(max_tuning_runs=3, log_models=False)
    try:
        with mlflow.start_run() as run:
            GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(X, Y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    children = client.search_runs([exp_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert sorted(c.data.params["C"] for c in children) == ["0.1", "1.0", "10.0"]


def check_lightgbm_autolog():
    experiment()
    mlflow.lightgbm.autolog()
    try:
        with mlflow.start_run() as run:
            data = lightgbm.Dataset(X, Y)
            lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 5, valid_sets=[data])
    finally:
        mlflow.lightgbm.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    history = client.get_metric_history(run.info.run_id, "training-binary_logloss")
    assert got.data.params["objective"] == "binary" and [p.step for p in history] == [0, 1, 2, 3, 4], history
    assert client.list_artifacts(run.info.run_id)


def check_lightgbm_is_registered_and_loaded():
    experiment()
    name = unique("lgbm")
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(X, Y), 3)
    expected = booster.predict(X)
    with mlflow.start_run():
        mlflow.lightgbm.log_model(booster, name="m", signature=infer_signature(X, expected), registered_model_name=name)
    client.set_registered_model_alias(name, "champion", "1")
    assert np.allclose(mlflow.lightgbm.load_model(f"models:/{name}@champion").predict(X), expected)
    assert np.allclose(mlflow.pyfunc.load_model(f"models:/{name}/1").predict(X), expected)


class Adder(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["a"] + model_input["b"] + int(open(context.artifacts["offset"]).read())


def check_a_pyfunc_with_artifacts_is_registered_and_loaded():
    experiment()
    name = unique("pyfunc")
    offset = Path(tempfile.mkdtemp()) / "offset.txt"
    offset.write_text("5")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="m", python_model=Adder(), artifacts={"offset": str(offset)}, registered_model_name=name, input_example=X.head(2)
        )
    client.transition_model_version_stage(name, "1", "Production")
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/Production")
    assert list(loaded.predict(X.head(3))) == [5.0, 7.0, 9.0]
    assert [c.name for c in loaded.metadata.signature.inputs] == ["a", "b"]


main(globals())
