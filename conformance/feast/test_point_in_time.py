"""Point-in-time cases as data, answered by the real Feast (its default offline store) and by a live Trestle.

Trestle must give the expected answer in every case. Feast must, too, but for the differences named in DIFFERENCES: should one go away in a newer
Feast, or another appear, this fails and the table has to be put right.
"""

import json
import os
import tempfile
import warnings
from datetime import timedelta
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"
warnings.filterwarnings("ignore")

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.repo_config import RepoConfig
from feast.types import Float64, Int64
from feast.value_type import ValueType

from trestle import apply, call, run

CASES = json.loads(
    (Path(__file__).parents[2] / "packages/server/src/modules/features/fixtures/point_in_time_cases.json").read_text()
)

# What Feast 0.67 answers otherwise, and why we don't follow it.
DROPPED = "it drops an entity row whose only candidates are past their ttl; a training set must keep its labels"
DIFFERENCES = {
    "ibis_join": DROPPED,
    "ttl_boundaries": f"{DROPPED}, also one that lies before all of them",
    "two_views_different_ttl": f"{DROPPED}, with what other views had for it",
    "duplicate_entity_rows_preserved": "it makes one of two entity rows with the same key and time (its issue 6787)",
    "null_entity_key": "it joins a null key to rows without a key, which are somebody else's",
}

folder = Path(tempfile.mkdtemp(prefix="feast-pit-"))


def instants(values):
    return pd.to_datetime(pd.Series(values, dtype="object"), utc=True, format="ISO8601").astype("datetime64[us, UTC]")


def type_of(values):
    return "int64" if all(v is None or float(v).is_integer() for v in values) else "float64"


def views_of(case):
    return list({view["name"]: view for view in case["views"]}.values())


def plain(value):
    return None if value is None or pd.isna(value) else float(value)


def rows_of(case, found):
    """Answers by what was asked, since Feast gives rows in another order; values alone, as numbers."""
    keys = [k for k in case["entity_rows"][0] if k != "event_timestamp"]
    names = [n for n in case["expected"][0] if n not in keys and n != "event_timestamp"]
    return sorted(
        (
            [str(pd.Timestamp(row["event_timestamp"]).tz_convert("UTC"))]
            + [plain(row[k]) for k in keys]
            + [plain(row[n]) for n in names]
            for row in found
        ),
        key=repr,
    )



def expected_of(case):
    return rows_of(
        case,
        [
            {**row, "event_timestamp": pd.to_datetime(row["event_timestamp"], utc=True)}
            for row in case["expected"]
        ],
    )


def feast_answer(case):
    here = folder / f"feast-{case['name']}"
    here.mkdir()
    entities = {
        key: Entity(name=key, join_keys=[key], value_type=ValueType.INT64)
        for key in dict.fromkeys(k for v in case["views"] for k in v["join_keys"])
    }
    declared = {}
    for view in views_of(case):
        rows = view["rows"]
        columns = {
            "event_timestamp": instants([r["event_timestamp"] for r in rows]),
            "created": instants([r.get("created") for r in rows]),
        }
        for key in view["join_keys"]:
            columns[key] = pd.Series([r[key] for r in rows], dtype="Int64")
        for name in view["features"]:
            values = [r[name] for r in rows]
            columns[name] = pd.Series(values, dtype="Int64" if type_of(values) == "int64" else "float64")
        path = here / f"{view['name']}.parquet"
        pd.DataFrame(columns).to_parquet(path)
        declared[view["name"]] = FeatureView(
            name=view["name"],
            entities=[entities[k] for k in view["join_keys"]],
            ttl=timedelta(seconds=view.get("ttl_seconds") or 0),
            schema=[
                Field(name=n, dtype=Int64 if type_of([r[n] for r in rows]) == "int64" else Float64)
                for n in view["features"]
            ]
            + [Field(name=k, dtype=Int64) for k in view["join_keys"]],
            source=FileSource(
                path=str(path), timestamp_field="event_timestamp", created_timestamp_column="created"
            ),
        )
    store = FeatureStore(
        config=RepoConfig(
            project="pit",
            registry=str(here / "registry.db"),
            provider="local",
            online_store={"type": "sqlite", "path": str(here / "online.db")},
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
    )
    aliased = any("alias" in v for v in case["views"])
    store.apply([*entities.values(), *declared.values()])
    if aliased:
        from feast import FeatureService

        service = FeatureService(
            name="aliased",
            features=[
                declared[v["name"]].with_name(v["alias"]).with_join_key_map(v["join_key_map"])
                for v in case["views"]
            ],
        )
        store.apply([service])
        features = service
    else:
        features = [f"{v['name']}:{n}" for v in case["views"] for n in v["features"]]
    keys = [k for k in case["entity_rows"][0] if k != "event_timestamp"]
    asked = pd.DataFrame(
        {
            "event_timestamp": instants([r["event_timestamp"] for r in case["entity_rows"]]),
            **{k: pd.Series([r[k] for r in case["entity_rows"]], dtype="Int64") for k in keys},
        }
    )
    found = store.get_historical_features(
        entity_df=asked,
        features=features,
        full_feature_names=case.get("full_feature_names", False) or aliased,
        filter_by_created_timestamp=case.get("as_known", False),
    ).to_df()
    return rows_of(case, found.to_dict("records"))


def trestle_answer(case):
    prefix = f"pit_{case['name']}_"
    views = []
    for view in views_of(case):
        path = folder / f"{prefix}{view['name']}.csv"
        names = ["event_timestamp", "created", *view["join_keys"], *view["features"]]
        lines = [",".join("" if r.get(n) is None else str(r[n]) for n in names) for r in view["rows"]]
        path.write_text("\n".join([",".join(names), *lines]))
        views.append(
            {
                "name": prefix + view["name"],
                "entities": [prefix + k for k in view["join_keys"]],
                "features": [{"name": n, "type": type_of([r[n] for r in view["rows"]])} for n in view["features"]],
                "ttlMs": (view.get("ttl_seconds") or 0) * 1000 or None,
                "batch": {"kind": "csv", "path": str(path), "createdTime": "created"},
            }
        )
    keys = dict.fromkeys(k for v in case["views"] for k in v["join_keys"])
    apply(
        {
            "entities": [{"name": prefix + k, "keys": [{"name": k, "type": "int64"}]} for k in keys],
            "views": views,
            "services": [
                {
                    "name": prefix + "service",
                    "features": [
                        {
                            "view": prefix + v["name"],
                            "features": v["features"],
                            "alias": v.get("alias"),
                            "joinKeyMap": v.get("join_key_map", {}),
                        }
                        for v in case["views"]
                    ],
                }
            ],
        }
    )
    answer = call(
        "POST",
        "/api/features/historical",
        {
            "service": prefix + "service",
            "rows": case["entity_rows"],
            "mode": "as-known" if case.get("as_known") else "as-corrected",
        },
    )
    assert len(answer["rows"]) == len(case["entity_rows"])
    return rows_of(
        case,
        [
            {**row, "event_timestamp": pd.Timestamp(round(row["event_timestamp"] * 1000), unit="us", tz="UTC")}
            for row in answer["rows"]
        ],
    )


def check(case):
    def both():
        expected = expected_of(case)
        ours = trestle_answer(case)
        assert ours == expected, f"Trestle gives {ours}, not {expected}"
        try:
            theirs = feast_answer(case)
        except Exception as error:
            theirs = f"{type(error).__name__}: {error}"
        known = DIFFERENCES.get(case["name"])
        if known is None:
            assert theirs == expected, f"Feast gives {theirs}, not {expected}: name the difference"
            return "as Feast"
        assert theirs != expected, "Feast gives the expected answer now: the difference is gone"
        return f"unlike Feast: {known}"

    return both


run([(case["name"], check(case)) for case in CASES])
