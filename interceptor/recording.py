"""Recordings of a run: what happened and what was decided, as Parquet; the truth in a file apart.

Enters: frames with their decisions, and what the simulator knows of them. Leaves: FILE.parquet (one row an event, the
decision's columns after the event's) and FILE.truth.parquet (one row for each event that belongs to a campaign or to a
look-alike habit). Invariant: a file has its final name only when it is whole; both files carry the id of their run.

On the way back a recording is a stream of frames like the simulator's own, so that the same engine replays it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interceptor.schema import EVENT_SCHEMA, TRUTH_SCHEMA
from simulator.city import Slice
from simulator.population import Habit
from simulator.report import Setting
from simulator.scam_types import SCAM_TYPES
from simulator.scams.chains import Step

FORMAT = "2"  # 2: addresses, persons, findings, feedback
ROW_GROUP_ROWS = 1 << 17
# What the truth file knows beyond the schema: the habit of the event's sender, "" where it is nothing special
TRUTH_FILE_SCHEMA = TRUTH_SCHEMA.append(pa.field("habit", pa.string(), nullable=False))
_TYPES = pa.array([*SCAM_TYPES, ""])
_STEPS, _HABITS = (pa.array(["", *(one.name.lower() for one in enum if one)]) for enum in (Step, Habit))
_PREFIX = "interceptor."


class RecordingError(Exception):
    """A recording that can't be written or read; the message says which file, what is wrong, and what to do."""


class WritingFailed(RecordingError):
    """The disk took no more: nothing is wrong with what was asked."""


class Known(Protocol):
    """What is kept of the truth."""

    @property
    def campaign(self) -> np.ndarray: ...
    @property
    def step(self) -> np.ndarray: ...
    @property
    def habit(self) -> np.ndarray: ...


class Decided(Protocol):
    """What is kept of the engine's Decisions."""

    def to_arrow(self) -> pa.RecordBatch: ...


def truth_path(path: Path) -> Path:
    """Where the truth of a recording lies: day.parquet → day.truth.parquet."""
    return path.with_name(f"{path.stem}.truth{path.suffix}")


class _Part:
    """A Parquet file in the making, under a temporary name in the folder of its final one."""

    def __init__(self, path: Path, about: dict[str, str]) -> None:
        self.path = path
        self._about = {f"{_PREFIX}{key}": value for key, value in about.items()}
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._temporary.open("wb").close()  # a folder that can't be written to shows now, not after the run

    def add(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting)
        if self._writer is None:
            schema = table.schema.with_metadata(self._about)
            self._writer = pq.ParquetWriter(self._temporary, schema, compression="zstd", version="2.6")
        self._writer.write_table(table.cast(self._writer.schema), row_group_size=ROW_GROUP_ROWS)
        self._waiting, self._waiting_rows = [], 0

    def finish(self) -> None:
        """Whole on disk under its temporary name."""
        if self._waiting:
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def publish(self) -> None:
        if self._writer is None:
            self.discard()
        else:
            self._temporary.replace(self.path)

    def discard(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._temporary.unlink(missing_ok=True)


class Recorder:
    """Writes a recording; use as a context: leaving it publishes both files, leaving it by an exception neither."""

    def __init__(self, path: Path, setting: Setting, ruleset: str) -> None:
        """`ruleset`: the hash of the rules that decide. The run's id follows from setting and rules, so that the same
        run gives the same bytes. Raises RecordingError where the files can't be made."""
        if path.is_dir() or not path.name:
            raise RecordingError(f"--record {path}: this is a folder; name a file, such as {path / 'day.parquet'}")
        if path.exists() and not path.is_file():  # it would be replaced by one
            raise RecordingError(f"--record {path}: this is no ordinary file; name one, such as day.parquet")
        self.path, self.events = path, 0
        about = {**setting.as_text(), "format": FORMAT}
        about["run"] = blake2b(json.dumps([about, ruleset]).encode(), digest_size=8).hexdigest()
        try:
            self._truth = _Part(truth_path(path), about)
            self._events = _Part(path, about)
        except OSError as error:
            raise RecordingError(f"--record {path}: can't write there: {error.strerror}") from error

    def add(self, frame: pa.RecordBatch, decided: Decided, truth: Known, type_of_campaign: np.ndarray) -> None:
        """A frame, its decisions and the truth, row by row; type_of_campaign holds positions in SCAM_TYPES."""
        decisions = decided.to_arrow().drop_columns(["event_id"])
        schema = pa.schema([*frame.schema, *decisions.schema])
        try:
            self._events.add(pa.RecordBatch.from_arrays([*frame.columns, *decisions.columns], schema=schema))
            self._truth.add(_truth_batch(frame, truth, type_of_campaign))
        except OSError as error:
            raise WritingFailed(f"{self.path}: writing stopped after {self.events:,} events: {error}") from error
        self.events += frame.num_rows

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        parts = (self._truth, self._events)  # the events last: whoever sees them finds their truth
        try:
            if kind is None:
                for part in parts:
                    part.finish()
                for part in parts:
                    part.publish()
        except OSError as error:
            raise WritingFailed(f"{self.path}: could not be finished: {error}") from error
        finally:
            for part in parts:
                part.discard()


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one frame's events: campaign int32[n], -1 = none; step (Step) and habit (Habit) uint8[n]."""

    campaign: np.ndarray
    step: np.ndarray
    habit: np.ndarray

    @classmethod
    def nothing(cls, count: int) -> Truth:
        return cls(np.full(count, -1, np.int32), np.zeros(count, np.uint8), np.zeros(count, np.uint8))


def _truth_batch(frame: pa.RecordBatch, truth: Known, type_of_campaign: np.ndarray) -> pa.RecordBatch:
    """The rows of the truth file for one frame."""
    # A row that says only the habit has campaign 0xFFFFFFFF: as int32 that is -1, none.
    rows = np.flatnonzero((truth.campaign >= 0) | (truth.habit != 0))
    campaign = truth.campaign[rows]
    of_type = np.append(type_of_campaign, len(SCAM_TYPES))[campaign]  # campaign -1 takes the last one
    columns = [
        pa.array(frame.column("event_id").to_numpy()[rows]),
        pa.array(campaign.astype(np.uint32)),
        _TYPES.take(pa.array(of_type)),
        _STEPS.take(pa.array(truth.step[rows])),
        _HABITS.take(pa.array(truth.habit[rows])),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TRUTH_FILE_SCHEMA)


@dataclass(slots=True)
class Recording:
    """An opened recording; type_of_campaign holds positions in SCAM_TYPES."""

    path: Path
    setting: Setting
    events: int
    has_truth: bool
    type_of_campaign: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    _columns: Truth = field(default_factory=lambda: Truth.nothing(0))

    def slices(self, rows: int = 8192) -> Iterator[Slice]:
        """The events in frames of at most `rows`, in the recorded order, each with its truth."""
        done = 0
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(rows, columns=EVENT_SCHEMA.names):
                    frame = pa.RecordBatch.from_arrays(batch.columns, schema=EVENT_SCHEMA)
                    truth = self._truth_of(frame.column("event_id").to_numpy())
                    first_ms, last_ms = (frame.column("ts_ms")[row].as_py() for row in (0, -1))
                    yield Slice(frame, truth.campaign, truth.step, truth.habit, first_ms, last_ms)
                    done += frame.num_rows
        except (OSError, pa.ArrowException) as error:
            raise RecordingError(_damaged(self.path, f"unreadable after event {done:,} of {self.events:,}")) from error

    def _truth_of(self, ids: np.ndarray) -> Truth:
        truth = Truth.nothing(len(ids))
        if len(self._ids):
            at = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
            rows = np.flatnonzero(self._ids[at] == ids)
            for name in Truth.__slots__:
                getattr(truth, name)[rows] = getattr(self._columns, name)[at[rows]]
        return truth


def open_recording(path: Path) -> Recording:
    """Raises RecordingError for a file that is cut short, isn't a recording, or has the truth of another run."""
    events, about = _open(path)
    beside = truth_path(path)
    try:
        setting = Setting.from_text(about)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(_damaged(path, "what it says of its run can't be read")) from error
    if not beside.exists():
        return Recording(path, setting, events, has_truth=False)
    _, truth_about = _open(beside)
    if truth_about.get("run") != about.get("run"):
        raise RecordingError(f"{beside}: belongs to another run than {path}\n  hint: move it away, or record again")
    try:
        table = pq.read_table(beside)
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(_damaged(beside, "its rows can't be read")) from error
    return _with_truth(Recording(path, setting, events, has_truth=True), table)


def _open(path: Path) -> tuple[int, dict[str, str]]:
    """Number of rows, and what the recorder said."""
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file") from None
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(_damaged(path, f"no Parquet footer in its {path.stat().st_size:,} bytes")) from error
    said = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    about = {key.removeprefix(_PREFIX): value for key, value in said.items() if key.startswith(_PREFIX)}
    if about.get("format") != FORMAT:
        what = f"a recording of format {about['format']}, not {FORMAT}" if "format" in about else "not a recording"
        raise RecordingError(f"{path}: {what}\n  hint: make one with: interceptor run --record FILE.parquet")
    return rows, about


def _damaged(path: Path, what: str) -> str:
    return (
        f"{path}: {what}: the file was cut short, or isn't a recording\n"
        "  hint: copy it again from where it came, or record the run again with the same --seed"
    )


def _with_truth(recording: Recording, table: pa.Table) -> Recording:
    types, step, habit = (
        _codes(recording, table[name], names)
        for name, names in (("scam_type", _TYPES), ("step", _STEPS), ("habit", _HABITS))
    )
    ids, campaign = table["event_id"].to_numpy(), table["campaign"].to_numpy().astype(np.int32)
    order = np.argsort(ids, kind="stable")
    recording._ids = ids[order]
    recording._columns = Truth(campaign[order], step[order].astype(np.uint8), habit[order].astype(np.uint8))
    recording.type_of_campaign = np.zeros(int(campaign.max(initial=-1)) + 1, np.int64)
    recording.type_of_campaign[campaign[campaign >= 0]] = types[campaign >= 0]
    return recording


def _codes(recording: Recording, column: pa.ChunkedArray, names: pa.Array) -> np.ndarray:
    """Position of each row's string among the names that this version knows."""
    codes = pc.index_in(column, names)
    if codes.null_count:
        unknown = column.filter(codes.is_null())[0]
        raise RecordingError(f"{truth_path(recording.path)}: {unknown} is unknown here: record the run again")
    return np.asarray(codes.to_numpy())
