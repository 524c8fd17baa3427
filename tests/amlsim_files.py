"""Made transfers in AMLSim's layout: an economy of accounts, and laundering of known shapes in it.

Enters: a seed, sizes. Leaves: a folder with transactions.csv and accounts.csv. Invariant: the same arguments give the
same bytes; amounts are paid out of what an account has.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

HEADER = "tran_id,orig_acct,bene_acct,tx_type,base_amt,tran_timestamp,is_sar,alert_id"
SHAPES = ("fan_in", "fan_out", "cycle", "gather_scatter", "stack")
Row = tuple[int, int, float, float]  # payer, payee, share of what the alert has, days after its start


def shape_of(name: str, rng: np.random.Generator, members: list[int]) -> list[Row]:
    """Transfers of one alert; a share below 0 means: all that has come in."""
    first, rest = members[0], members[1:]
    days = np.sort(rng.uniform(0.01, 0.9, len(members)))
    if name == "fan_in":
        return [(one, first, 1.0, day) for one, day in zip(rest, days, strict=False)] + [
            (first, rest[0] + 1, -1.0, 1.0)
        ]
    if name == "fan_out":
        share = 1 / (len(rest) - 1)
        return [(rest[0], first, 1.0, 0.0)] + [
            (first, one, share, day) for one, day in zip(rest[1:], days, strict=False)
        ]
    if name == "cycle":
        return [(one, other, 0.97, day) for one, other, day in zip(members, [*rest, first], days, strict=True)]
    half = len(members) // 2
    sources, sinks = rest[: half - 1], rest[half - 1 :]
    gather = [(one, first, 1.0, day / 2) for one, day in zip(sources, days, strict=False)]
    if name == "gather_scatter":
        return gather + [(first, one, 1 / len(sinks), 0.5 + day / 2) for one, day in zip(sinks, days, strict=False)]
    return [(one, other, 0.9, day) for one, other, day in zip(members[:-1], rest, days, strict=False)]


def write_amlsim(folder: Path, seed: int, accounts: int = 2_000, days: int = 30, alerts: int = 20) -> Path:
    """Some five transfers an account; every alert within a day or so."""
    rng = np.random.default_rng(seed)
    balance = np.round(rng.uniform(50_000, 100_000, accounts), 2)
    opening = balance.copy()
    agenda: list[tuple[float, int, int, float, int]] = []  # day, payer, payee, amount or share, alert
    for _ in range(accounts * 5):
        payer, payee = rng.integers(0, accounts, 2).tolist()
        agenda.append((rng.uniform(0, days), payer, payee, round(float(rng.lognormal(5, 1)), 2), -1))
    for alert in range(alerts):
        members = rng.choice(accounts - 1, rng.integers(6, 13), replace=False).tolist()
        start, sum_ = rng.uniform(0, days - 2), float(rng.uniform(2_000, 20_000))
        for payer, payee, share, day in shape_of(SHAPES[alert % len(SHAPES)], rng, members):
            agenda.append((start + day, payer, payee, -sum_ * share if share > 0 else -sum_, alert))
    lines = [HEADER]
    for number, (day, payer, payee, amount, alert) in enumerate(sorted(agenda), start=1):
        paid = round(min(abs(amount), balance[payer]), 2)
        balance[payer], balance[payee] = balance[payer] - paid, balance[payee] + paid
        stamp = np.datetime64("2017-01-01T00:00:00") + np.timedelta64(int(day * 86_400), "s")
        lines.append(f"{number},{payer},{payee},TRANSFER,{paid:.2f},{stamp}Z,{alert >= 0},{alert}")
    folder.mkdir(exist_ok=True)
    (folder / "transactions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    names = [f"{at},C_{at},{fen:.2f}" for at, fen in enumerate(opening)]
    (folder / "accounts.csv").write_text(
        "\n".join(["acct_id,dsply_nm,initial_deposit", *names]) + "\n", encoding="utf-8"
    )
    return folder
