"""What Evidently and river do on the same questions. One command a call; the last line of stdout is JSON."""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")


def rates(spec):
    """How often Evidently's default test of a column calls drift, by reference size, window size and shift."""
    import numpy as np
    import pandas as pd
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    rng = np.random.default_rng(spec["seed"])
    zipf = 1 / np.arange(1, 21)
    draws = {
        "numeric": lambda n, shift: rng.normal(shift, 1, n),
        "5 categories": lambda n, shift: rng.integers(0, 5, n).astype(str),
        "20 categories": lambda n, shift: rng.choice(20, n, p=zipf / zipf.sum()).astype(str),
    }
    found = []
    for cell in spec["cells"]:
        kind = ColumnType.Numerical if cell["column"] == "numeric" else ColumnType.Categorical
        alarms = 0
        for _ in range(spec["runs"]):
            reference = pd.Series(draws[cell["column"]](cell["reference"], 0))
            current = pd.Series(draws[cell["column"]](cell["rows"], cell["shift"]))
            test = get_stattest(reference, current, kind, None)
            alarms += bool(test(reference, current, kind, None).drifted)
        found.append({**cell, "test": test.name, "rate": alarms / spec["runs"]})
    return found


def speed(spec):
    """Evidently's data drift preset on two Parquet files: seconds of the run and of writing the page."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    reference = pd.read_parquet(spec["reference"])
    current = pd.read_parquet(spec["current"])
    started = time.perf_counter()
    snapshot = Report([DataDriftPreset()]).run(current, reference)
    ran = time.perf_counter()
    snapshot.save_html(spec["html"])
    return {"run": ran - started, "page": time.perf_counter() - ran}


def streams(spec):
    """Where river's detectors, with their defaults, fire on each stream."""
    from river import drift
    from river.drift import binary

    makers = {
        "ADWIN": drift.ADWIN,
        "Page-Hinkley": drift.PageHinkley,
        "KSWIN": lambda: drift.KSWIN(seed=1),
        "DDM": binary.DDM,
        "EDDM": binary.EDDM,
        "HDDM_A": binary.HDDMA,
        "HDDM_W": binary.HDDMW,
    }
    fired = {}
    for name, make in makers.items():
        fired[name] = []
        for stream in json.load(open(spec["streams"])):
            detector = make()
            hits = []
            for i, error in enumerate(stream):
                detector.update(error)
                if detector.drift_detected:
                    hits.append(i)
            fired[name].append(hits)
    return fired


if __name__ == "__main__":
    spec = json.loads(sys.argv[2])
    print(json.dumps({"rates": rates, "speed": speed, "streams": streams}[sys.argv[1]](spec)))
