"""A repository that real Feast applied, taken over by `trestle import feast`: the same names, keys, ttls, sources and values."""

import json
import os
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource, RequestSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Array, Float32, Float64, Int64, String
from feast.value_type import ValueType

from trestle import URL, call, run

repo = Path(tempfile.mkdtemp(prefix="feast-repo-"))
NOW = datetime.now(timezone.utc).replace(microsecond=0)
(repo / "feature_store.yaml").write_text(
    "project: taken_over\nprovider: local\nregistry: data/registry.db\nonline_store: {type: sqlite, path: data/online.db}\nentity_key_serialization_version: 3\n"
)
pd.DataFrame(
    {
        "courier_id": [1, 2, 1],
        "happened": [NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW - timedelta(minutes=5)],
        "written": [NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW - timedelta(minutes=5)],
        "rate": [0.1, 0.2, 0.3],
        "n_trips": [1, 2, 3],
        "recent": [[1], [2], [3]],
    }
).astype({"rate": "float32"}).to_parquet(repo / "stats.parquet")

courier = Entity(name="courier", join_keys=["courier_id"], value_type=ValueType.INT64, description="Who brings it", owner="ml")
town = Entity(name="town", join_keys=["town_id"], value_type=ValueType.STRING)
source = FileSource(
    name="stats_file",
    path="stats.parquet",
    timestamp_field="happened",
    created_timestamp_column="written",
    field_mapping={"n_trips": "trips"},
)
stats = FeatureView(
    name="courier_stats",
    entities=[courier],
    ttl=timedelta(hours=3),
    schema=[Field(name="rate", dtype=Float32), Field(name="trips", dtype=Int64), Field(name="recent", dtype=Array(Int64))],
    source=PushSource(name="stats_push", batch_source=source),
    tags={"team": "couriers"},
    description="Lately",
)
weather = FeatureView(
    name="weather",
    entities=[town],
    schema=[Field(name="temp", dtype=Float64)],
    source=PushSource(name="weather_push", batch_source=FileSource(name="w", path="weather.parquet", timestamp_field="at")),
)


@on_demand_feature_view(
    sources=[stats, RequestSource(name="asked", schema=[Field(name="bonus", dtype=Float64)])],
    schema=[Field(name="boosted", dtype=Float64)],
)
def boosted(inputs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"boosted": inputs["trips"] + inputs["bonus"]})


service = FeatureService(
    name="courier_activity",
    features=[stats[["rate", "trips"]], weather.with_name("origin").with_join_key_map({"town_id": "from_id"}), boosted],
)
pd.DataFrame({"town_id": ["x"], "at": [NOW], "temp": [1.0]}).to_parquet(repo / "weather.parquet")
FeatureStore(repo_path=str(repo)).apply([courier, town, stats, weather, boosted, service])


def trestle(*args):
    cli = Path(__file__).parents[2] / "packages/cli/bin/trestle.mjs"
    done = subprocess.run(["node", str(cli), "import", "feast", *args, "--url", URL, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def check_a_dry_run_changes_nothing():
    made = trestle(str(repo), "--dry-run")
    assert not made["isApplied"]
    names = {v["name"] for v in call("GET", "/api/features/views")["items"]}
    assert "courier_stats" not in names, names


def check_declarations_are_taken_over():
    made = trestle(str(repo))
    assert made["isApplied"]
    view = call("GET", "/api/features/views/courier_stats")
    assert view["keys"] == [{"name": "courier_id", "type": "int64"}], view["keys"]
    assert [(f["name"], f["type"]) for f in view["features"]] == [("rate", "float32"), ("trips", "int64")]
    assert view["ttlMs"] == 3 * 3_600_000 and view["pushSource"] == "stats_push"
    assert view["tags"] == {"team": "couriers"} and view["description"] == "Lately"
    assert view["batch"]["path"] == str(repo / "stats.parquet")
    assert (view["batch"]["eventTime"], view["batch"]["createdTime"]) == ("happened", "written")
    assert view["batch"]["columns"] == {"trips": "n_trips"}
    entity = call("GET", "/api/features/entities/courier")
    assert (entity["description"], entity["owner"]) == ("Who brings it", "ml")
    taken = call("GET", "/api/features/services/courier_activity")
    assert sorted(k["key"] for k in taken["keys"]) == ["courier_id", "from_id"]
    assert [n["name"] for n in taken["names"]] == ["rate", "trips", "origin__temp"]


def check_what_is_left_out_is_said():
    notes = " ".join(trestle(str(repo), "--dry-run")["notes"])
    for said in ['"courier_stats:recent"', 'View "boosted" is computed in Python', 'Service "courier_activity" goes without']:
        assert said in notes, notes


def check_again_changes_nothing():
    assert {c["kind"] for c in trestle(str(repo))["changes"]} == {"unchanged"}


def check_values_are_those_of_the_files():
    call("POST", "/api/features/materialize", {"view": "courier_stats"})
    body = {"features": ["courier_stats:trips", "courier_stats:rate"], "rows": [{"courier_id": 1}, {"courier_id": 2}]}
    read = call("POST", "/api/features/online", body)
    assert [row[0] for row in read["values"]] == [3, 2], read


def check_yaml_is_what_apply_takes():
    out = repo / "taken.yaml"
    trestle(str(repo), "--out", str(out))
    cli = Path(__file__).parents[2] / "packages/cli/bin/trestle.mjs"
    done = subprocess.run(["node", str(cli), "apply", str(out), "--dry-run", "--json", "--url", URL], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {c["kind"] for c in json.loads(done.stdout)["changes"]} == {"unchanged"}, done.stdout


def check_a_folder_without_a_registry_is_refused():
    empty = Path(tempfile.mkdtemp(prefix="feast-empty-"))
    (empty / "feature_store.yaml").write_text("project: p\nregistry: data/registry.db\n")
    cli = Path(__file__).parents[2] / "packages/cli/bin/trestle.mjs"
    done = subprocess.run(["node", str(cli), "import", "feast", str(empty), "--url", URL], capture_output=True, text=True)
    assert done.returncode != 0 and "run feast apply first" in done.stderr, done.stderr


run([(name[6:].replace("_", " "), check) for name, check in list(globals().items()) if name.startswith("check_")])
