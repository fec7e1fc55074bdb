"""Events written to MLflow; the only file that knows it. Driver only, one thread only.

Writing an event twice gives what writing it once gives: runs are found again by
their tags ``dse.run`` and ``dse.id``.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from converter.errors import ConfigError
from dse.tracking.events import Event, Refused, clean, note
from dse.tracking.picture import draw_front
from dse.tracking.views import KIND, TAG, preset

_FINAL = ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "RESOURCE_ALREADY_EXISTS")
"""Error codes of MLflow that trying again does not mend."""

_PAGE_SIZE = 1000
_BATCH = 100  # params and tags that one call takes
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}


def ui_command(uri: str, port: int = 5000) -> list[str]:
    """What starts MLflow's pages on a store, for this machine alone."""
    if re.match(r"https?://", uri):
        raise ConfigError(f"{uri}: this store has a server of its own; open it in a browser")
    argv = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    return [*argv, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]


def sqlite_uri(path: Path) -> str:
    """The store in one file."""
    return f"sqlite:///{path.absolute()}"


class MlflowLog:
    """One study in one experiment. Every method may raise whatever the server makes it raise."""

    def __init__(self, uri: str, experiment: str, run_name: str, run_key: str) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        for logger in ("mlflow", "alembic"):  # after the import, which sets levels of its own
            logging.getLogger(logger).setLevel(logging.ERROR)
        _make_folder(uri)
        self._client = MlflowClient(tracking_uri=uri)
        self._key = run_key
        self._experiment = self._find_experiment(uri, experiment)
        self._parent = self._find_parent(run_name)
        self._children = self._find_children()

    def write(self, event: Event) -> None:
        """Log one event. Raises Refused where the server will never take it."""
        from mlflow.exceptions import MlflowException

        writers: dict[str, Callable[[Event], None]] = {
            "start": self._start,
            "metrics": self._metrics,
            "design": self._design,
            "front": self._front,
            "finish": self._finish,
        }
        try:
            writers[event["event"]](event)
        except MlflowException as error:
            if error.error_code in _FINAL:
                raise Refused(str(error)) from error
            raise
        except OSError:  # the network and the disk; some of these are ValueErrors too
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    # -------------------------------------------------------------- finding runs

    def _find_experiment(self, uri: str, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        place = None
        if uri.startswith("sqlite:"):
            folder = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts" / clean(name)
            place = folder.absolute().as_uri()
        return str(self._client.create_experiment(name, artifact_location=place, tags=dict(KIND)))

    def _find_parent(self, run_name: str) -> str:
        found = self._search(f"tags.`dse.run` = '{self._key}' and tags.state = 'study'")
        if found:
            return str(found[0].info.run_id)
        tags = {"dse.run": self._key, "state": "study"}
        run = self._client.create_run(self._experiment, run_name=run_name, tags=tags)
        return str(run.info.run_id)

    def _find_children(self) -> dict[int, tuple[str, Mapping[str, str]]]:
        """By design: run id and tags."""
        found = self._search(f"tags.`mlflow.parentRunId` = '{self._parent}'")
        return {
            int(run.data.tags["dse.id"]): (run.info.run_id, run.data.tags)
            for run in found
            if run.data.tags.get("dse.id", "").isdecimal()
        }

    def _search(self, wanted: str) -> list[Any]:
        runs: list[Any] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], wanted, max_results=_PAGE_SIZE, page_token=token
            )
            runs += page
            token = page.token
            if not token:
                return runs

    # -------------------------------------------------------------- writing events

    def _start(self, event: Event) -> None:
        """A parameter cannot change in MLflow; one that did (a longer budget) becomes a tag."""
        known = self._client.get_run(self._parent).data.params
        fresh = {k: v for k, v in event["params"].items() if clean(k) not in known}
        changed = {k: v for k, v in event["params"].items() if known.get(clean(k), v) != v}
        tags = {**event["tags"], **{f"changed.{clean(k)}": v for k, v in changed.items()}}
        self._batch(self._parent, fresh, {}, tags)
        self._client.update_run(self._parent, status="RUNNING")

    def _metrics(self, event: Event) -> None:
        self._batch(self._parent, {}, event["metrics"], {}, event["step"], event["time"])

    def _design(self, event: Event) -> None:
        run_id, tags = self._children.get(event["id"], ("", {}))
        fresh = {"pareto": str(event["pareto"]).lower(), "dse.version": event["version"]}
        if {name: tags.get(name) for name in fresh} == fresh:
            return
        run_id = run_id or self._new_child(event)
        body: Mapping[str, Mapping[str, Any]] = {"params": {}, "metrics": {}, "tags": {}}
        if tags.get("dse.version") != event["version"]:
            body = event
            self._texts(run_id, event["texts"])
            self._files(run_id, event["files"])
            status = "FAILED" if event["tags"]["state"] == "failed" else "FINISHED"
            self._client.set_terminated(run_id, status)
        written = {**body["tags"], **fresh}  # last of all: its version tells that all is there
        self._batch(run_id, body["params"], body["metrics"], written)
        self._children[event["id"]] = run_id, {**tags, **written}

    def _new_child(self, event: Event) -> str:
        tags = {
            "mlflow.parentRunId": self._parent,
            "dse.run": self._key,
            "dse.id": str(event["id"]),
        }
        name = f"design {event['id']}"
        run = self._client.create_run(self._experiment, run_name=name, tags=tags)
        return str(run.info.run_id)

    def _front(self, event: Event) -> None:
        self._tag_front(set(event["front"]))
        self._texts(self._parent, event["texts"])
        picture = None
        if event["points"]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "front.png"
                draw_front(event["points"], event["metric"], path)
                self._client.log_artifact(self._parent, str(path))
            picture = f"get-artifact?path=front.png&run_uuid={self._parent}"
        links = {
            number: f"#/experiments/{self._experiment}/runs/{run_id}"
            for number, (run_id, _) in self._children.items()
        }
        text = note(event, links, picture, self._share_views(event["metric"]))
        self._client.set_tag(self._parent, "mlflow.note.content", text[:7900])

    def _tag_front(self, front: set[int]) -> None:
        for number, (run_id, tags) in self._children.items():
            pareto = str(number in front).lower()
            if tags.get("pareto") != pareto:
                self._client.set_tag(run_id, "pareto", pareto)
                self._children[number] = run_id, {**tags, "pareto": pareto}

    def _share_views(self, metric: str) -> str:
        """Set the preset views; returns links to them in Markdown."""
        columns = [metric, "latency_ns", "lut", "ff", "dsp", "bram_18k"]
        links = []
        for name, front_only in (("front", True), ("all", False)):
            key = f"dse-{self._key}-{name}"
            text = preset(self._key, metric, columns, front_only=front_only)
            self._client.set_experiment_tag(self._experiment, TAG + key, text)
            place = f"#/experiments/{self._experiment}/runs?viewStateShareKey={key}"
            label = "the front" if front_only else "all promoted designs"
            links.append(f"[{label}]({place}&compareRunsMode=CHART&workflowType=machine_learning)")
        return "Charts: " + ", ".join(links) + "."

    def _finish(self, event: Event) -> None:
        self._batch(self._parent, {}, event["metrics"], event["tags"])
        self._client.set_terminated(self._parent, event["status"])

    # -------------------------------------------------------------- small helpers

    def _batch(
        self,
        run_id: str,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        step: int = 0,
        seconds: float | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        stamp = int(1000 * (time.time() if seconds is None else seconds))
        left_params = [Param(clean(k), v[:6000]) for k, v in params.items()]
        left_tags = [RunTag(k, v[:8000]) for k, v in tags.items()]
        left_metrics = [Metric(clean(k), v, stamp, step) for k, v in metrics.items()]
        while left_params or left_tags or left_metrics:
            self._client.log_batch(
                run_id,
                metrics=left_metrics[:500],
                params=left_params[:_BATCH],
                tags=left_tags[:_BATCH],
            )
            left_params, left_tags = left_params[_BATCH:], left_tags[_BATCH:]
            left_metrics = left_metrics[500:]

    def _texts(self, run_id: str, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self._client.log_text(run_id, text, clean(name))

    def _files(self, run_id: str, files: Mapping[str, str]) -> None:
        for name, path in files.items():
            if Path(path).is_file():
                folder = str(Path(name).parent)
                self._client.log_artifact(run_id, path, None if folder == "." else folder)


def _make_folder(uri: str) -> None:
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
