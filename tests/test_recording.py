"""Recordings: what is written comes back, and what isn't whole is refused in one clear message."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interceptor.recording import (
    FORMAT,
    ROW_GROUP_ROWS,
    Recorder,
    RecordingError,
    Truth,
    open_recording,
    truth_path,
)
from interceptor.schema import EVENT_SCHEMA, Kind
from simulator.events import Pools, Rows, to_frame
from simulator.population import Habit
from simulator.report import Setting
from simulator.scam_types import SCAM_TYPES
from simulator.scams.chains import Step

SETTING = Setting("city_centre", 1000, 1, 7, 0, 86_400_000)
TYPE_OF_CAMPAIGN = np.array([SCAM_TYPES.index("rebate_tasks"), SCAM_TYPES.index("fake_loan")])


@dataclass
class Decided:
    frame: pa.RecordBatch

    def to_arrow(self) -> pa.RecordBatch:
        count = self.frame.num_rows
        rules = pa.array([["number-sweeper"] if row % 2 else [] for row in range(count)], pa.list_(pa.string()))
        return pa.RecordBatch.from_arrays(
            [self.frame.column("event_id"), pa.array(np.full(count, 3, np.uint8)), rules, pa.repeat("abc", count)],
            names=["event_id", "verdict", "rules", "ruleset"],
        )


def frame_of(count: int, first_id: int) -> pa.RecordBatch:
    pools = Pools.empty()
    text = pools.text.add("积分即将清零")
    return to_frame(Rows.of(Kind.SMS, np.arange(count) + first_id, source=5, target=6, text=text), pools, first_id)


def truth_of(count: int) -> Truth:
    truth = Truth.nothing(count)
    truth.campaign[1], truth.step[1] = 1, Step.PAYMENT
    truth.habit[2] = Habit.COURIER
    return truth


def record(path: Path, frames: int = 2, rows: int = 5, ruleset: str = "rules") -> list[pa.RecordBatch]:
    made = [frame_of(rows, number * rows) for number in range(frames)]
    with Recorder(path, SETTING, ruleset) as recorder:
        for frame in made:
            recorder.add(frame, Decided(frame), truth_of(rows), TYPE_OF_CAMPAIGN)
    return made


def test_events_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    made = record(path)
    recording = open_recording(path)
    assert (recording.events, recording.has_truth, recording.setting) == (10, True, SETTING)
    frames = [slice_.frame for slice_ in recording.slices(rows=3)]
    assert all(frame.schema.equals(EVENT_SCHEMA) for frame in frames)
    assert pa.Table.from_batches(frames).equals(pa.Table.from_batches(made))


def test_truth_lies_apart_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    record(path)
    assert not {"campaign", "scam_type", "step", "habit"} & set(pq.read_schema(path).names)
    recording = open_recording(path)
    parts = list(recording.slices(rows=4))
    campaign, step, habit = (np.concatenate([getattr(part, name) for part in parts]) for name in Truth.__slots__)
    assert campaign.tolist() == [-1, 1, -1, -1, -1] * 2
    assert step.tolist() == [0, Step.PAYMENT, 0, 0, 0] * 2
    assert habit.tolist() == [0, 0, Habit.COURIER, 0, 0] * 2
    assert SCAM_TYPES[recording.type_of_campaign[1]] == "fake_loan"
    table = pq.read_table(truth_path(path))
    assert table["scam_type"].to_pylist()[:2] == ["fake_loan", ""]
    assert table["step"].to_pylist()[:2] == ["payment", ""]
    assert table["habit"].to_pylist()[:2] == ["", "courier"]


def test_decisions_stand_beside_the_events(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    record(path)
    table = pq.read_table(path)
    assert table.column_names == [*EVENT_SCHEMA.names, "verdict", "rules", "ruleset"]
    assert table["rules"].to_pylist()[:2] == [[], ["number-sweeper"]]


def test_many_frames_make_few_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    record(path, frames=3, rows=ROW_GROUP_ROWS // 2)
    assert pq.ParquetFile(path).num_row_groups == 2


def test_a_run_that_fails_leaves_the_old_recording(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    record(path)
    before = path.read_bytes()
    frame = frame_of(5, 0)
    with suppress(ZeroDivisionError), Recorder(path, SETTING, "rules") as recorder:
        recorder.add(frame, Decided(frame), truth_of(5), TYPE_OF_CAMPAIGN)
        raise ZeroDivisionError
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["day.parquet", "day.truth.parquet"]


def test_nothing_has_its_final_name_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    frame = frame_of(5, 0)
    with Recorder(path, SETTING, "rules") as recorder:
        recorder.add(frame, Decided(frame), truth_of(5), TYPE_OF_CAMPAIGN)
        assert not path.exists()
        assert not truth_path(path).exists()
    assert path.exists()


@pytest.mark.parametrize("left", [0, 3, 500, -1])
def test_a_recording_cut_short_is_refused(tmp_path: Path, left: int) -> None:
    path = tmp_path / "day.parquet"
    record(path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(RecordingError, match=r"day\.parquet: .*cut short(.|\n)*hint: "):
        open_recording(path)


def test_damage_in_the_middle_is_told_when_it_is_met(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    record(path, frames=4, rows=ROW_GROUP_ROWS // 2)
    data = bytearray(path.read_bytes())
    at = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data[at : at + 400] = bytes(400)
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=f"unreadable after event {ROW_GROUP_ROWS:,} of"):
        list(open_recording(path).slices())


def test_other_files_are_no_recordings(tmp_path: Path) -> None:
    path = tmp_path / "else.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(RecordingError, match=r"else\.parquet: .*not a recording"):
        open_recording(path)
    with pytest.raises(RecordingError, match="no such file"):
        open_recording(tmp_path / "none.parquet")


def test_a_recording_of_an_older_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    record(path)
    table = pq.read_table(path)
    about = {**table.schema.metadata, b"interceptor.format": b"1"}
    pq.write_table(table.drop_columns(["address"]).replace_schema_metadata(about), path)
    with pytest.raises(RecordingError, match=rf"format 1, not {FORMAT}\n  hint: .*--record"):
        open_recording(path)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        record(tmp_path / f"{name}.parquet")
    for end in (".parquet", ".truth.parquet"):
        assert (tmp_path / f"a{end}").read_bytes() == (tmp_path / f"b{end}").read_bytes()


def test_truth_of_another_run_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "a.parquet")
    record(tmp_path / "b.parquet", ruleset="other rules")
    (tmp_path / "b.truth.parquet").replace(tmp_path / "a.truth.parquet")
    with pytest.raises(RecordingError, match="another run"):
        open_recording(tmp_path / "a.parquet")


def test_without_truth_a_recording_can_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    record(path)
    truth_path(path).unlink()
    recording = open_recording(path)
    assert not recording.has_truth
    assert all((slice_.campaign == -1).all() for slice_ in recording.slices())


def test_a_place_that_cannot_be_written_to_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="this is a folder"):
        Recorder(tmp_path, SETTING, "rules")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="no ordinary file"):
        Recorder(tmp_path / "pipe", SETTING, "rules")
    with pytest.raises(RecordingError, match="can't write there"):
        Recorder(tmp_path / "none" / "day.parquet", SETTING, "rules")
