"""Preset chart pages of MLflow's experiment view.

MLflow keeps shared views as experiment tags ``mlflow.sharedViewState.<key>``. That is
not documented: it was found in MLflow 3.17's own requests, and verified there in a
browser. Where a server does not know it, the tag is ignored, and report.html serves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

TAG = "mlflow.sharedViewState."
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Tells MLflow to show the pages for models, not those for chats."""

_SECTION = "dse"


def preset(run_key: str, metric: str, columns: Sequence[str], *, front_only: bool) -> str:
    """The state of one view, as JSON: parallel coordinates and a scatter of one study.

    ``run_key`` is the study's tag ``dse.run``; ``columns`` are metrics, the axes.
    """
    wanted = f"tags.`dse.run` = '{run_key}' and tags.state != 'study'"
    state: dict[str, Any] = {
        "searchFilter": wanted + (" and tags.pareto = 'true'" if front_only else ""),
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": [
            "attributes.`Source`",
            *(f"metrics.`{name}`" for name in columns),
            "tags.`pareto`",
        ],
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": _cards(metric, columns),
        "compareRunSections": [
            {
                "uuid": _SECTION,
                "name": "Pareto front" if front_only else "All promoted designs",
                "display": True,
                "isReordered": False,
                "deleted": False,
                "isGenerated": False,
                "columns": 1,
                "cardHeight": 380,
            }
        ],
        "groupBy": None,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": False,
        "hideEmptyCharts": True,
        "chartsSearchFilter": "",
    }
    return json.dumps(state, separators=(",", ":"))


def _cards(metric: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    common = {
        "runsCountToCompare": 100,
        "metricSectionId": _SECTION,
        "deleted": False,
        "isGenerated": False,
    }
    parallel = {
        **common,
        "uuid": "dse-parallel",
        "type": "PARALLEL",
        "displayName": "Parallel coordinates",
        "selectedParams": [],
        "selectedMetrics": [*(c for c in columns if c != metric), metric],  # the last one colours
        "showAllRuns": False,
    }
    scatter = {
        **common,
        "uuid": "dse-scatter",
        "type": "SCATTER",
        "displayName": f"{metric} against LUT",
        "xaxis": {"key": "log10_lut", "type": "METRIC"},
        "yaxis": {"key": metric, "type": "METRIC"},
    }
    return [parallel, scatter]
