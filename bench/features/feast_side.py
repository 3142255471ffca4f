"""Feast's half of the comparison: `prepare FOLDER`, then `materialize FOLDER (sqlite|redis)`, `join FOLDER ENTITIES FEATURES`. Prints one JSON line."""

import json
import os
import resource
import sys
import time
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"
warnings.filterwarnings("ignore")

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.repo_config import RepoConfig
from feast.types import Float64, Int64
from feast.value_type import ValueType

VIEWS, FEATURES, ENTITIES = 5, 10, 10_000
T0 = datetime(2026, 1, 1, tzinfo=timezone.utc)


def views(folder):
    entity = Entity(name="thing", join_keys=["id"], value_type=ValueType.INT64)
    made = [
        FeatureView(
            name=f"view_{v}",
            entities=[entity],
            ttl=timedelta(0),
            schema=[Field(name=f"v{v}_f{i}", dtype=Int64) for i in range(FEATURES)] + [Field(name="id", dtype=Int64)],
            source=FileSource(path=str(folder / f"view_{v}.parquet"), timestamp_field="event_timestamp"),
        )
        for v in range(VIEWS)
    ]
    return entity, made


def prepare(folder):
    rng = np.random.default_rng(1)
    for v in range(VIEWS):
        columns = {"id": np.arange(ENTITIES), "event_timestamp": pd.to_datetime([T0] * ENTITIES)}
        columns |= {f"v{v}_f{i}": rng.integers(0, 1_000_000, ENTITIES) for i in range(FEATURES)}
        pd.DataFrame(columns).to_parquet(folder / f"view_{v}.parquet")
    for kind in ("sqlite", "redis"):
        repo = folder / kind
        repo.mkdir(exist_ok=True)
        online = (
            f"  type: redis\n  connection_string: 127.0.0.1:{os.environ['REDIS_PORT']}"
            if kind == "redis"
            else f"  type: sqlite\n  path: {repo / 'online.db'}"
        )
        (repo / "feature_store.yaml").write_text(
            f"project: bench\nregistry: {repo / 'registry.db'}\nprovider: local\nonline_store:\n{online}\n"
            "offline_store:\n  type: file\nentity_key_serialization_version: 3\n"
        )
        entity, made = views(folder)
        FeatureStore(repo_path=str(repo)).apply([entity, *made])
    return {}


def materialize(folder, kind):
    store = FeatureStore(repo_path=str(folder / kind))
    began = time.perf_counter()
    store.materialize(T0 - timedelta(days=1), T0 + timedelta(days=1))
    seconds = time.perf_counter() - began
    return {"rows": VIEWS * ENTITIES, "seconds": seconds}


def join(folder, entity_rows, feature_rows):
    """`get_historical_features` of Feast's default offline store, without a ttl, 500 keys."""
    entity = Entity(name="thing", join_keys=["id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="past",
        entities=[entity],
        ttl=timedelta(0),
        schema=[Field(name=f"f{i}", dtype=Float64) for i in range(5)] + [Field(name="id", dtype=Int64)],
        source=FileSource(path=str(folder / f"past_{feature_rows}.parquet"), timestamp_field="event_timestamp"),
    )
    store = FeatureStore(
        config=RepoConfig(
            project="join",
            registry=str(folder / "join.db"),
            provider="local",
            online_store={"type": "sqlite", "path": str(folder / "join-online.db")},
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
    )
    store.apply([entity, view])
    asked = pd.read_parquet(folder / f"asked_{entity_rows}.parquet")
    began = time.perf_counter()
    found = store.get_historical_features(entity_df=asked, features=[f"past:f{i}" for i in range(5)]).to_df()
    seconds = time.perf_counter() - began
    found.to_parquet(folder / "joined.parquet")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "rows": len(found), "peakMb": peak}


command, folder, *rest = sys.argv[1:]
result = {
    "prepare": lambda: prepare(Path(folder)),
    "materialize": lambda: materialize(Path(folder), rest[0]),
    "join": lambda: join(Path(folder), int(rest[0]), int(rest[1])),
}[command]()
print(json.dumps(result))
