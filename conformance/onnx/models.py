"""Real models as people export them: name → (files, one feed of a few rows). The first file is the ONNX model."""

import os
import tempfile

import lightgbm
import numpy as np
import onnx
import pandas as pd
import xgboost
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as MlFloat
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn import cluster, decomposition, discriminant_analysis, ensemble, gaussian_process, linear_model, mixture
from sklearn import naive_bayes, neighbors, neural_network, preprocessing, svm, tree
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

rng = np.random.default_rng(11)
X = rng.normal(size=(200, 5)).astype(np.float32)
number = (X @ np.array([1, -2, 0.5, 0, 3]) + np.sin(X[:, 1])).astype(np.float32)
binary = (number > 0).astype(np.int64)
classes = np.digitize(number, [-2, 2])
words = np.array(["low", "mid", "high"])[classes]
ROWS = 7


def tabular():
    classifiers = {
        "logistic": linear_model.LogisticRegression(),
        "sgd": linear_model.SGDClassifier(loss="log_loss", random_state=0),
        "svc": svm.SVC(probability=True, random_state=0),
        "linear-svc": svm.LinearSVC(),
        "tree": tree.DecisionTreeClassifier(max_depth=5, random_state=0),
        "forest": ensemble.RandomForestClassifier(20, random_state=0),
        "extra-trees": ensemble.ExtraTreesClassifier(20, random_state=0),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
        "bagging": ensemble.BaggingClassifier(n_estimators=5, random_state=0),
        "ada-boost": ensemble.AdaBoostClassifier(n_estimators=10, random_state=0),
        "neighbours": neighbors.KNeighborsClassifier(),
        "gaussian-bayes": naive_bayes.GaussianNB(),
        "perceptron": neural_network.MLPClassifier(hidden_layer_sizes=(16, 8), max_iter=100, random_state=0),
        "one-vs-rest": OneVsRestClassifier(linear_model.LogisticRegression()),
        "lda": discriminant_analysis.LinearDiscriminantAnalysis(),
        "voting": ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))], voting="soft", flatten_transform=False
        ),
    }
    for i, (name, model) in enumerate(classifiers.items()):
        # Every second one with names for classes; all as the exporter does by default, with maps of probabilities.
        yield f"{name}-classifier", model.fit(X, words if i % 2 else binary)
    regressors = {
        "linear": linear_model.LinearRegression(),
        "ridge": linear_model.Ridge(),
        "elastic-net": linear_model.ElasticNet(alpha=0.01),
        "svr": svm.SVR(),
        "tree": tree.DecisionTreeRegressor(max_depth=5, random_state=0),
        "forest": ensemble.RandomForestRegressor(20, random_state=0),
        "boosting": ensemble.GradientBoostingRegressor(n_estimators=20, random_state=0),
        "bagging": ensemble.BaggingRegressor(n_estimators=5, random_state=0),
        "perceptron": neural_network.MLPRegressor(hidden_layer_sizes=(16, 8), max_iter=100, random_state=0),
        "neighbours": neighbors.KNeighborsRegressor(),
    }
    for name, model in regressors.items():
        yield f"{name}-regressor", model.fit(X, number)
    yield "k-means", cluster.KMeans(4, n_init=2, random_state=0).fit(X)
    yield "pca", make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(3)).fit(X)
    yield "mixture", mixture.GaussianMixture(3, random_state=0).fit(X)
    yield "isolation-forest", ensemble.IsolationForest(n_estimators=10, random_state=0).fit(X)


def from_sklearn():
    for name, model in tabular():
        onx = to_onnx(model, initial_types=[("X", FloatTensorType([None, 5]))], target_opset={"": 18, "ai.onnx.ml": 3})
        yield name, onx, {"X": X[:ROWS]}
    doubles = gaussian_process.GaussianProcessRegressor(alpha=0.1).fit(X[:40].astype(np.float64), number[:40])
    onx = to_onnx(doubles, initial_types=[("X", DoubleTensorType([None, 5]))], target_opset=18)
    yield "gaussian-process-doubles", onx, {"X": X[:ROWS].astype(np.float64)}
    frame = pd.DataFrame({"amount": X[:, 0], "visits": (np.abs(X[:, 1]) * 10).astype(np.int64), "country": rng.choice(["DE", "FR", "日本"], 200)})
    mixed = make_pipeline(
        ColumnTransformer(
            [("scale", preprocessing.StandardScaler(), ["amount", "visits"]), ("encode", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["country"])]
        ),
        ensemble.GradientBoostingClassifier(n_estimators=10, random_state=0),
    ).fit(frame, words)
    types = [("amount", FloatTensorType([None, 1])), ("visits", Int64TensorType([None, 1])), ("country", StringTensorType([None, 1]))]
    feed = {
        "amount": frame[["amount"]].to_numpy()[:ROWS],
        "visits": frame[["visits"]].to_numpy()[:ROWS],
        "country": np.array(["DE", "FR", "日本", "", "nowhere", "DE", "FR"], dtype=object).reshape(-1, 1),
    }
    yield "mixed-columns", to_onnx(mixed, initial_types=types, target_opset=18), feed
    texts = np.array([f"{a} {b} model serves {c}" for a, b, c in rng.choice(["fast", "slow", "good", "bad", "new", "old"], (60, 3))])
    mood = np.array(["yes" if "good" in t else "no" for t in texts])
    for name, vectorizer, model in (
        ("tfidf-logistic", TfidfVectorizer(ngram_range=(1, 2)), linear_model.LogisticRegression()),
        ("counts-bayes", CountVectorizer(), naive_bayes.MultinomialNB()),
    ):
        pipeline = make_pipeline(vectorizer, model).fit(texts, mood)
        # Without this the exporter asks for en_US.UTF-8, which a bare machine does not have.
        options = {type(vectorizer): {"locale": "C.UTF-8"}}
        onx = to_onnx(pipeline, initial_types=[("text", StringTensorType([None, 1]))], target_opset=18, options=options)
        yield f"text-{name}", onx, {"text": texts[:ROWS].astype(object).reshape(-1, 1)}


def from_boosters():
    types = [("input", MlFloat([None, 5]))]
    quiet = {"n_estimators": 15, "random_state": 0}
    for name, model in (
        ("lightgbm-binary", lightgbm.LGBMClassifier(verbose=-1, **quiet).fit(X, binary)),
        ("lightgbm-classes", lightgbm.LGBMClassifier(verbose=-1, **quiet).fit(X, classes)),
        ("lightgbm-regressor", lightgbm.LGBMRegressor(verbose=-1, **quiet).fit(X, number)),
    ):
        yield name, convert_lightgbm(model, initial_types=types, target_opset=15), {"input": X[:ROWS]}
    for name, model in (
        ("xgboost-binary", xgboost.XGBClassifier(**quiet).fit(X, binary)),
        ("xgboost-classes", xgboost.XGBClassifier(**quiet).fit(X, classes)),
        ("xgboost-regressor", xgboost.XGBRegressor(**quiet).fit(X, number)),
    ):
        yield name, convert_xgboost(model, initial_types=types, target_opset=15), {"input": X[:ROWS]}


def graph(nodes, inputs, outputs, weights):
    info = h.make_tensor_value_info
    built = h.make_graph(
        nodes, "net", [info(*i) for i in inputs], [info(*o) for o in outputs], [numpy_helper.from_array(w, n) for n, w in weights.items()]
    )
    model = h.make_model(built, opset_imports=[h.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def floats(*shape):
    return (rng.normal(size=shape) * 0.2).astype(np.float32)


def image_cnn():
    """Bytes of an image of any size in, classes out."""
    nodes = [
        h.make_node("Cast", ["image"], ["f"], to=T.FLOAT),
        h.make_node("Div", ["f", "scale"], ["unit"]),
        h.make_node("Conv", ["unit", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        h.make_node("Relu", ["c1"], ["r1"]),
        h.make_node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        h.make_node("Conv", ["p1", "w2", "b2"], ["c2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        h.make_node("Relu", ["c2"], ["r2"]),
        h.make_node("GlobalAveragePool", ["r2"], ["pool"]),
        h.make_node("Flatten", ["pool"], ["flat"]),
        h.make_node("Gemm", ["flat", "w3", "b3"], ["logits"]),
        h.make_node("Softmax", ["logits"], ["classes"], axis=1),
    ]
    weights = {"scale": np.array(255, np.float32), "w1": floats(8, 3, 3, 3), "b1": floats(8), "w2": floats(16, 8, 3, 3), "b2": floats(16), "w3": floats(16, 10), "b3": floats(10)}
    model = graph(nodes, [("image", T.UINT8, ["N", 3, "H", "W"])], [("classes", T.FLOAT, ["N", 10])], weights)
    return model, {"image": rng.integers(0, 256, (2, 3, 24, 17)).astype(np.uint8)}


def transformer():
    """One encoder layer over token ids of any length: embedding, masked attention of four heads, layer norms, GELU."""
    d, heads = 32, 4
    nodes = [
        h.make_node("Gather", ["embedding", "ids"], ["x"]),
        h.make_node("Shape", ["ids"], ["shape"]),
        h.make_node("Concat", ["shape", "split"], ["to_heads"], axis=0),
    ]
    for part in "qkv":
        nodes += [
            h.make_node("MatMul", ["x", f"w_{part}"], [part]),
            h.make_node("Reshape", [part, "to_heads"], [f"{part}4"]),
            h.make_node("Transpose", [f"{part}4"], [f"{part}h"], perm=[0, 2, 3, 1] if part == "k" else [0, 2, 1, 3]),
        ]
    nodes += [
        h.make_node("MatMul", ["qh", "kh"], ["raw"]),
        h.make_node("Mul", ["raw", "root"], ["scores"]),
        h.make_node("Unsqueeze", ["mask", "axes"], ["mask4"]),
        h.make_node("Cast", ["mask4"], ["keep"], to=T.BOOL),
        h.make_node("Where", ["keep", "scores", "far"], ["masked"]),
        h.make_node("Softmax", ["masked"], ["weights"], axis=-1),
        h.make_node("MatMul", ["weights", "vh"], ["mixed"]),
        h.make_node("Transpose", ["mixed"], ["back"], perm=[0, 2, 1, 3]),
        h.make_node("Concat", ["shape", "whole"], ["to_whole"], axis=0),
        h.make_node("Reshape", ["back", "to_whole"], ["joined"]),
        h.make_node("Add", ["x", "joined"], ["sum1"]),
        h.make_node("LayerNormalization", ["sum1", "g1", "b1"], ["n1"], axis=-1),
        h.make_node("MatMul", ["n1", "up"], ["wide"]),
        h.make_node("Div", ["wide", "sqrt2"], ["scaled"]),
        h.make_node("Erf", ["scaled"], ["erf"]),
        h.make_node("Add", ["erf", "one"], ["erf1"]),
        h.make_node("Mul", ["wide", "erf1"], ["gelu2"]),
        h.make_node("Mul", ["gelu2", "half"], ["gelu"]),
        h.make_node("MatMul", ["gelu", "down"], ["narrow"]),
        h.make_node("Add", ["n1", "narrow"], ["sum2"]),
        h.make_node("LayerNormalization", ["sum2", "g1", "b1"], ["last_hidden_state"], axis=-1),
    ]
    scalar = lambda value: np.array(value, np.float32)  # noqa: E731
    weights = {
        "embedding": floats(100, d), "split": np.array([heads, d // heads]), "whole": np.array([d]), "axes": np.array([1, 2]),
        "w_q": floats(d, d), "w_k": floats(d, d), "w_v": floats(d, d), "root": scalar((d // heads) ** -0.5), "far": scalar(-1e9),
        "g1": np.ones(d, np.float32), "b1": np.zeros(d, np.float32), "up": floats(d, 4 * d), "down": floats(4 * d, d),
        "sqrt2": scalar(2**0.5), "one": scalar(1), "half": scalar(0.5),
    }  # fmt: skip
    inputs = [("ids", T.INT64, ["N", "L"]), ("mask", T.INT64, ["N", "L"])]
    model = graph(nodes, inputs, [("last_hidden_state", T.FLOAT, ["N", "L", d])], weights)
    mask = np.ones((3, 9), np.int64)
    mask[1, 5:] = 0
    return model, {"ids": rng.integers(0, 100, (3, 9)), "mask": mask}


def lstm():
    nodes = [
        h.make_node("Transpose", ["series"], ["time_first"], perm=[1, 0, 2]),
        h.make_node("LSTM", ["time_first", "w", "r", "b"], ["", "hidden"], hidden_size=8),
        h.make_node("Squeeze", ["hidden", "axis"], ["last"]),
        h.make_node("Gemm", ["last", "out"], ["forecast"]),
    ]
    weights = {"w": floats(1, 32, 4), "r": floats(1, 32, 8), "b": floats(1, 64), "axis": np.array([0]), "out": floats(8, 1)}
    model = graph(nodes, [("series", T.FLOAT, ["N", "steps", 4])], [("forecast", T.FLOAT, ["N", 1])], weights)
    return model, {"series": floats(5, 12, 4)}


def halves():
    nodes = [h.make_node("MatMul", ["x", "w"], ["y"]), h.make_node("Sigmoid", ["y"], ["p"])]
    model = graph(nodes, [("x", T.FLOAT16, ["N", 6])], [("p", T.FLOAT16, ["N", 2])], {"w": floats(6, 2).astype(np.float16)})
    return model, {"x": floats(4, 6).astype(np.float16)}


def split_list():
    nodes = [h.make_node("SplitToSequence", ["x"], ["parts"], axis=1, keepdims=0)]
    built = h.make_graph(nodes, "net", [h.make_tensor_value_info("x", T.FLOAT, ["N", 3])], [h.make_tensor_sequence_value_info("parts", T.FLOAT, None)])
    return h.make_model(built, opset_imports=[h.make_opsetid("", 18)], ir_version=9), {"x": floats(4, 3)}


def networks():
    for make in (image_cnn, transformer, lstm, halves, split_list):
        yield make.__name__.replace("_", "-"), *make()


def external():
    """Weights in a file beside the graph, as large models are exported."""
    model = graph(
        [h.make_node("MatMul", ["x", "w"], ["y"])], [("x", T.FLOAT, ["N", 64])], [("y", T.FLOAT, ["N", 64])], {"w": floats(64, 64)}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
        whole = onnx.load(path)
        files = {name: open(os.path.join(folder, name), "rb").read() for name in ("model.onnx", "weights.bin")}
    return files, whole, {"x": floats(3, 64)}


def all_models():
    """Name, files, the same model whole, and a feed."""
    for make in (from_sklearn, from_boosters, networks):
        for name, model, feed in make():
            yield name, {"model.onnx": model.SerializeToString()}, model, feed
    yield "external-weights", *external()
