"""The real Feast SDK with `online_store: remote` against a live Trestle: reads, writes, pushes, materialization, faults."""

import os
import tempfile
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource
from feast.errors import FeatureViewNotFoundException
from feast.data_source import PushMode
from feast.repo_config import RepoConfig
from feast.types import Bool, Float32, Float64, Int64, String
from feast.value_type import ValueType

from trestle import URL, apply, call, run

folder = Path(tempfile.mkdtemp(prefix="feast-"))
NOW = datetime.now(timezone.utc).replace(microsecond=0)

history = folder / "driver_stats.parquet"
pd.DataFrame(
    {
        "driver_id": [1001, 1002, 1001],
        "event_timestamp": [NOW - timedelta(hours=3), NOW - timedelta(hours=2), NOW - timedelta(hours=1)],
        "created": [NOW - timedelta(hours=3), NOW - timedelta(hours=2), NOW - timedelta(hours=1)],
        "conv_rate": [0.1, 0.2, 0.3],
        "trips": [1, 2, 3],
    }
).astype({"conv_rate": "float32"}).to_parquet(history)

apply(
    {
        "entities": [
            {"name": "driver", "keys": [{"name": "driver_id", "type": "int64"}]},
            {"name": "zone", "keys": [{"name": "zone_id", "type": "string"}]},
        ],
        "views": [
            {
                "name": "driver_stats",
                "entities": ["driver"],
                "features": [{"name": "conv_rate", "type": "float32"}, {"name": "trips", "type": "int64"}],
                "ttlMs": 24 * 3_600_000,
                "pushSource": "driver_push",
                "batch": {"kind": "parquet", "path": str(history), "createdTime": "created"},
            },
            {
                "name": "driver_zone",
                "entities": ["driver", "zone"],
                "features": [
                    {"name": "rating", "type": "float64"},
                    {"name": "is_home", "type": "bool"},
                    {"name": "nickname", "type": "string"},
                ],
            },
        ],
        "services": [
            {"name": "activity", "features": [{"view": "driver_stats", "features": ["conv_rate", "trips"]}]}
        ],
    }
)

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
zone = Entity(name="zone", join_keys=["zone_id"], value_type=ValueType.STRING)
batch = FileSource(path=str(history), timestamp_field="event_timestamp", created_timestamp_column="created")
pushed = PushSource(name="driver_push", batch_source=batch)
driver_stats = FeatureView(
    name="driver_stats",
    entities=[driver],
    ttl=timedelta(days=1),
    schema=[Field(name="conv_rate", dtype=Float32), Field(name="trips", dtype=Int64)],
    source=pushed,
)
driver_zone = FeatureView(
    name="driver_zone",
    entities=[driver, zone],
    schema=[
        Field(name="rating", dtype=Float64),
        Field(name="is_home", dtype=Bool),
        Field(name="nickname", dtype=String),
        Field(name="driver_id", dtype=Int64),
        Field(name="zone_id", dtype=String),
    ],
    source=batch,
)
store = FeatureStore(
    config=RepoConfig(
        project="default",
        registry=str(folder / "registry.db"),
        provider="local",
        online_store={"type": "remote", "path": URL},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
)
store.apply([driver, zone, pushed, driver_stats, driver_zone, FeatureService(name="activity", features=[driver_stats])])

BOTH = ["driver_stats:conv_rate", "driver_stats:trips"]


def read(features, rows, **more):
    return store.get_online_features(features=features, entity_rows=rows, **more).to_dict()


def frame(**columns):
    return pd.DataFrame(columns)


def refused_at_once(error, work):
    began = time.time()
    try:
        work()
    except error as found:
        assert time.time() - began < 3, "the client tried again"
        return found
    raise AssertionError("it was not refused")


def check_materialize_fills_the_online_store():
    store.materialize(NOW - timedelta(days=1), NOW + timedelta(minutes=1))
    assert read(BOTH, [{"driver_id": 1001}, {"driver_id": 1002}]) == {
        "driver_id": [1001, 1002],
        "conv_rate": [0.30000001192092896, 0.20000000298023224],
        "trips": [3, 2],
    }


def check_trestle_reads_the_same_file_itself():
    call("POST", "/api/features/materialize", {"view": "driver_stats"})
    assert read(["driver_stats:trips"], [{"driver_id": 1001}])["trips"] == [3]


def check_an_unknown_entity_is_none():
    assert read(BOTH, [{"driver_id": 404}]) == {"driver_id": [404], "conv_rate": [None], "trips": [None]}


def check_full_names_and_services():
    by_name = read(["driver_stats:trips"], [{"driver_id": 1001}], full_feature_names=True)
    assert by_name == {"driver_id": [1001], "driver_stats__trips": [3]}, by_name
    service = store.get_feature_service("activity")
    assert read(service, [{"driver_id": 1002}])["trips"] == [2]


def check_a_push_is_served_and_an_older_one_does_not_undo_it():
    push = lambda trips, at: store.push(
        "driver_push",
        frame(driver_id=[7], conv_rate=[0.5], trips=[trips], event_timestamp=[at], created=[at]),
        to=PushMode.ONLINE,
    )
    push(10, NOW)
    push(9, NOW - timedelta(days=10))
    assert read(["driver_stats:trips"], [{"driver_id": 7}])["trips"] == [10]


def check_write_to_online_store_with_a_composite_key():
    store.write_to_online_store(
        "driver_zone",
        frame(
            driver_id=[1, 11],
            zone_id=["12", "2"],
            rating=[4.5, 1.5],
            is_home=[True, False],
            nickname=["é", None],
            event_timestamp=[NOW, NOW],
            created=[NOW, NOW],
        ),
    )
    rows = [{"driver_id": 1, "zone_id": "12"}, {"driver_id": 11, "zone_id": "2"}, {"driver_id": 1, "zone_id": "2"}]
    found = read(["driver_zone:rating", "driver_zone:is_home", "driver_zone:nickname"], rows)
    assert found["rating"] == [4.5, 1.5, None], found
    assert found["is_home"] == [True, False, None] and found["nickname"] == ["é", None, None], found


def check_integers_beyond_two_to_the_53_come_back_whole():
    store.write_to_online_store(
        "driver_stats",
        frame(driver_id=[8], conv_rate=[0.0], trips=[9007199254740993], event_timestamp=[NOW], created=[NOW]),
    )
    assert read(["driver_stats:trips"], [{"driver_id": 8}])["trips"] == [9007199254740993]


def check_many_entities_in_one_read():
    rows = [{"driver_id": 1001 if i % 2 else 1002} for i in range(500)]
    assert read(["driver_stats:trips"], rows)["trips"] == [3 if i % 2 else 2 for i in range(500)]


def check_an_unknown_view_is_feasts_own_error_and_at_once():
    refused_at_once(FeatureViewNotFoundException, lambda: read(["nope:x"], [{"driver_id": 1}]))


def check_an_unknown_feature_is_refused_at_once():
    refused_at_once(Exception, lambda: read(["driver_stats:nope"], [{"driver_id": 1}]))


def check_a_missing_key_is_never_matched_partially():
    refused_at_once(Exception, lambda: read(["driver_zone:rating"], [{"driver_id": 1}]))


def check_incremental_materialization_over_http():
    request = urllib.request.Request(
        f"{URL}/materialize-incremental",
        data=b'{"end_ts": "2030-01-01T00:00:00Z"}',
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.read()) == (200, b"null")


def check_values_past_their_ttl_are_not_served():
    """Feast's own server answers them as PRESENT (its issue 6821); the protocol says that they are returned unset."""
    old = NOW - timedelta(hours=25)
    store.write_to_online_store(
        "driver_stats",
        frame(driver_id=[9], conv_rate=[0.5], trips=[5], event_timestamp=[old], created=[old]),
    )
    assert read(["driver_stats:trips"], [{"driver_id": 9}])["trips"] == [None]


run([(name[6:].replace("_", " "), check) for name, check in list(globals().items()) if name.startswith("check_")])
