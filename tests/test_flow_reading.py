"""Files of transfers: layouts of others, recordings, and what is wrong in them, with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interceptor.centre.flow.reading import open_transfers
from interceptor.centre.flow.recorded import read_truth
from interceptor.centre.flow.tracing import Tracer, reported
from interceptor.centre.flow.transfers import FileProblem, Transfers, Way
from interceptor.centre.refusal import Refused
from interceptor.recording import truth_path
from interceptor.schema import Kind, Verdict

DAY_MS = 86_400_000
OLD = "TX_ID,SENDER_ACCOUNT_ID,RECEIVER_ACCOUNT_ID,TX_TYPE,TX_AMOUNT,TIMESTAMP,IS_FRAUD,ALERT_ID"
NEW = "tran_id,orig_acct,bene_acct,tx_type,base_amt,tran_timestamp,is_sar,alert_id"
WORLD = (
    "Timestamp,From Bank,Account,To Bank,Account,Amount Received,Receiving Currency,Amount Paid,Payment Currency,"
    "Payment Format,Is Laundering"
)


def written(folder: Path, *lines: str, name: str = "transactions.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows(transfers: Transfers) -> list[tuple[str, int, str, str, int]]:
    return [
        (
            transfers.id_of(row), int(transfers.ts_ms[row]), transfers.account(transfers.payer[row]),
            transfers.account(transfers.payee[row]), int(transfers.amount_fen[row]),
        )
        for row in range(len(transfers))
    ]  # fmt: skip


def test_amlsim_as_it_was_first(tmp_path: Path) -> None:
    path = written(
        tmp_path, OLD, "9,7,8,TRANSFER,465.05,1,False,-1", "2,8,3,TRANSFER,0.5,1,True,12", "1,1,7,T,5,0,0,-1"
    )
    transfers = open_transfers(path)
    assert rows(transfers) == [("1", 0, "1", "7", 500), ("2", DAY_MS, "8", "3", 50), ("9", DAY_MS, "7", "8", 46_505)]
    assert transfers.labels is not None
    assert transfers.labels.fraud.tolist() == [False, True, False]
    assert transfers.labels.alert.tolist() == [-1, 0, -1]
    assert transfers.labels.alerts == ("12",)
    assert not transfers.stamped


def test_amlsim_as_it_is_now_packed_and_in_a_folder(tmp_path: Path) -> None:
    lines = [
        NEW,
        "1,1001,2001,TRANSFER,150.50,2017-01-01T10:00:00Z,False,-1",
        "2,2001,7,T,9,2017-01-02T11:00:00Z,True,10",
    ]
    (tmp_path / "transactions.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    written(tmp_path, "acct_id,dsply_nm,initial_deposit", "2001,C,70000.5", "5,D,1", name="accounts.csv")
    transfers = open_transfers(tmp_path)
    assert [row[1] for row in rows(transfers)] == [1_483_264_800_000, 1_483_354_800_000]
    assert transfers.stamped
    assert transfers.before_fen.tolist() == [15_050, 7_000_050 + 15_050]


def test_upper_and_lower_case_and_a_mark_before_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f'{OLD.lower()},more\r\n"1",a,b,x,1.005,3,no,,"y, z"\r\n'.encode())
    assert rows(open_transfers(path)) == [("1", 3 * DAY_MS, "a", "b", 100)]


def test_amlworld_has_two_columns_of_one_name_and_no_ids(tmp_path: Path) -> None:
    usd = "US Dollar"
    path = written(
        tmp_path, WORLD, f"2022/09/01 00:20,010,8000EBD30,010,8000EBD30,36.97,{usd},36.97,{usd},Reinvestment,0",
        f"2022/09/01 00:05,03208,8000F4580,001,8000F5340,0.01,{usd},0.02,{usd},Cheque,1",
    )  # fmt: skip
    assert rows(open_transfers(path)) == [
        ("2", 1_661_990_700_000, "03208-8000F4580", "001-8000F5340", 2),
        ("1", 1_661_991_600_000, "010-8000EBD30", "010-8000EBD30", 3_697),
    ]


def test_several_currencies_become_one_by_the_rates_in_the_file(tmp_path: Path) -> None:
    """Two dollars a euro, a hundred yen a euro; most is paid in dollars."""
    rows_ = [
        ("100", "Euro", "200", "US Dollar"), ("50", "Euro", "5000", "Yen"), ("700", "Yen", "700", "Yen"),
        *((sum_, "US Dollar", sum_, "US Dollar") for sum_ in ("5", "6", "7")),
    ]  # fmt: skip
    lines = [
        f"2022/09/01 00:0{at},1,a{at},1,b,{got},{into},{paid},{of},ACH,0"
        for at, (paid, of, got, into) in enumerate(rows_)
    ]
    transfers = open_transfers(written(tmp_path, WORLD, *lines))
    assert transfers.amount_fen.tolist() == [20_000, 10_000, 1_400, 500, 600, 700]
    lost = "2022/09/01 00:09,1,a,1,b,1,Rouble,1,Rouble,ACH,0"
    with pytest.raises(FileProblem, match="4 currencies, and nothing says what Rouble is worth"):
        open_transfers(written(tmp_path, WORLD, *lines, lost, name="lost.csv"))


def test_other_layouts(tmp_path: Path) -> None:
    saml = "Time,Date,Sender_account,Receiver_account,Amount,Payment_currency,Is_laundering,Laundering_type"
    path = written(tmp_path, saml, "10:35:19,2022-10-07,87,27,1459.15,UK pounds,0,Normal")
    assert rows(open_transfers(path)) == [("1", 1_665_138_919_000, "87", "27", 145_915)]
    paysim = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,isFraud,isFlaggedFraud"
    path = written(
        tmp_path,
        paysim,
        "1,TRANSFER,90,C1,100,10,C2,0,1,0",
        "2,CASH_OUT,90,C2,90,0,C3,0,1,0",
        "3,CASH_IN,5,C1,1,6,M1,0,0,0",
    )
    transfers = open_transfers(path)
    assert rows(transfers)[2][2:4] == ("M1", "C1")
    assert transfers.way.tolist() == [Way.ARRIVED, Way.CASHED, Way.ARRIVED]
    assert transfers.ts_ms.tolist() == [3_600_000, 7_200_000, 10_800_000]
    assert Tracer(transfers).trace(reported(transfers, ["1"])).balance_sheet["cashed"] == 9_000


def test_parquet_with_the_same_columns(tmp_path: Path) -> None:
    table = pa.table(
        {"tran_id": [5, 4], "orig_acct": [1, 2], "bene_acct": [2, 3], "base_amt": [1.5, 2.0], "tran_timestamp": [0, 0]}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert rows(open_transfers(tmp_path / "t.parquet")) == [("4", 0, "2", "3", 200), ("5", 0, "1", "2", 150)]
    pq.write_table(table.append_column("is_sar", pa.array([True, None])), tmp_path / "t.parquet")
    with pytest.raises(FileProblem, match="row 2: is_sar has no value"):
        open_transfers(tmp_path / "t.parquet")


GOOD = "1,a,b,x,5,1,False,-1"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((OLD, GOOD, "", "2,a,b,x,abc,1,False,-1"), ":4: TX_AMOUNT 'abc' is no number"),
        ((OLD, GOOD, "2,a,b,x,-3,1,False,-1"), ":3: TX_AMOUNT '-3' is no sum"),
        ((OLD, GOOD, "2,a,b,x,nan,1,False,-1"), ":3: TX_AMOUNT 'nan' is no sum"),
        ((OLD, GOOD, "2,a,b,x,1e30,1,False,-1"), ":3: TX_AMOUNT '1e30' is no sum"),
        ((OLD, GOOD, "2,a,b,x,,1,False,-1"), ":3: TX_AMOUNT '' is no number"),
        ((OLD, GOOD, "2,a,b,x,5,later,False,-1"), ":3: TIMESTAMP 'later' is no whole number"),
        ((OLD, GOOD, "2,a,b,x,5,-4,False,-1"), ":3: TIMESTAMP '-4' is no time"),
        ((OLD, "2,a,b,x,5,2022-13-01,False,-1"), ":2: TIMESTAMP '2022-13-01' is no time"),
        ((OLD, GOOD, "2,a,,x,5,1,False,-1"), ":3: RECEIVER_ACCOUNT_ID '' names no account"),
        ((OLD, GOOD, "2,a,b,x,5,1,maybe,-1"), ":3: IS_FRAUD 'maybe' is neither"),
        ((OLD, GOOD, "1,a,b,x,5,1,False,-1"), ":3: TX_ID '1' is the id of an earlier transfer"),
        ((OLD, GOOD, "2,a,b,x,5,1,False"), "3.*Expected 8 columns, got 7"),
        ((OLD,), "no transfer below it"),
        ((OLD.replace("TX_AMOUNT", "SUM"), GOOD), "nearest is AMLSim, but there is no column TX_AMOUNT or BASE_AMT"),
        (("a,b,c", "1,2,3"), "no known layout"),
        (("",), "no header"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, lines: tuple[str, ...], words: str) -> None:
    with pytest.raises(FileProblem, match=words):
        open_transfers(written(tmp_path, *lines))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PAR1", b"\x1f\x8b\x08broken", b"\x00" * 99])
@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.csv.gz", "noext"])
def test_bytes_that_are_no_file_of_transfers(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileProblem, match=name):
        open_transfers(tmp_path / name)


def test_places_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such file"):
        open_transfers(tmp_path / "none.csv")
    with pytest.raises(FileProblem, match=r"no transactions\.csv"):
        open_transfers(tmp_path)


def test_hostile_names_are_made_visible(tmp_path: Path) -> None:
    path = written(tmp_path, OLD, "1,a,b,x,\x1b[31m,1,False,-1")
    with pytest.raises(FileProblem) as found:
        open_transfers(path)
    assert "\x1b" not in str(found.value)


def test_a_recording_gives_what_happened(city_recording: Path) -> None:
    table = pq.read_table(city_recording)
    kind, verdict = table["kind"].to_numpy(), table["verdict"].to_numpy()
    blocked, held = (
        (kind == Kind.TRANSFER) & (verdict == Verdict.BLOCK),
        (kind == Kind.TRANSFER) & (verdict == Verdict.HOLD),
    )
    transfers = open_transfers(city_recording)
    assert len(transfers) == (kind == Kind.TRANSFER).sum() - blocked.sum()
    assert (transfers.way == Way.HELD).sum() == held.sum() > 0
    assert (np.diff(transfers.ts_ms) >= 0).all()
    assert len(open_transfers(city_recording, observed=True)) == (kind == Kind.TRANSFER).sum()
    event = int(np.flatnonzero(kind == Kind.TRANSFER)[0])
    row = transfers.row_of(str(table["event_id"][event].as_py()))
    assert transfers.account(transfers.payer[row]) == f"0x{table['payer'][event].as_py():016x}"
    if blocked.any():
        with pytest.raises(Refused, match="was blocked"):
            transfers.row_of(str(table["event_id"][int(blocked.argmax())].as_py()))
    other = str(table["event_id"][int((kind != Kind.TRANSFER).argmax())].as_py())
    with pytest.raises(Refused, match=f"no transfer {other}"):
        transfers.row_of(other)


def test_the_truth_of_a_recording(city_recording: Path) -> None:
    transfers = open_transfers(city_recording, observed=True)
    truth = read_truth(city_recording, transfers)
    told = pq.read_table(truth_path(city_recording), columns=["step"])["step"].to_pylist()
    assert truth.payment.sum() == told.count("payment")
    assert truth.hop.sum() == sum(told.count(step) for step in ("hop_2", "hop_3", "exit"))
    assert (truth.campaign[truth.hop] >= 0).all()
