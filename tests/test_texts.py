"""Ordinary messages: what stands in them, who sends them, where their links lead.

Enters: the rendered texts of one seed. Leaves: nothing. Invariant: texts agree with their host and institution columns.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from simulator.chance import generator
from simulator.events import Pools
from simulator.hosts import FRESH_DAYS, SHORT_LINKS, fresh_hosts, usual_hosts
from simulator.institutions import INSTITUTIONS
from simulator.numbers import host_number
from simulator.texts import SIZES, TextPool, ordinary_texts

Texts = dict[str, TextPool]
CONTACT = re.compile("加微|加V|V信|微信[a-z]")


@pytest.fixture(scope="module")
def made() -> tuple[Texts, Pools]:
    pools = Pools.empty()
    return ordinary_texts(generator(7, "texts"), pools), pools


def strings(made: tuple[Texts, Pools], kind: str) -> tuple[list[str], list[str]]:
    texts, pools = made
    return pools.text.take(texts[kind].text).to_pylist(), pools.host.take(texts[kind].host).to_pylist()


@pytest.mark.parametrize("kind", list(SIZES))
def test_texts_are_whole(made: tuple[Texts, Pools], kind: str) -> None:
    texts, hosts = strings(made, kind)
    assert len(texts) == SIZES[kind]
    for text, host in zip(texts, hosts, strict=True):
        assert text
        assert "{" not in text
        assert "}" not in text
        assert (host in text) if host else ("http" not in text)


@pytest.mark.parametrize("kind", ["code", "bank", "carrier", "parcel", "government"])
def test_institutions_sign_and_link_to_themselves(made: tuple[Texts, Pools], kind: str) -> None:
    texts, hosts = strings(made, kind)
    for text, host, institution in zip(texts, hosts, made[0][kind].institution.tolist(), strict=True):
        assert text.startswith(f"【{INSTITUTIONS[institution].sign}】")
        assert host in ("", INSTITUTIONS[institution].host)


def test_bank_notices_use_the_words_that_phishing_borrows(made: tuple[Texts, Pools]) -> None:
    texts, hosts = strings(made, "bank")
    linked = [text for text, host in zip(texts, hosts, strict=True) if host]
    assert 0.2 < len(linked) / len(texts) < 0.4
    for word in ("积分", "密码器", "失效", "升级", "ETC", "到期"):
        assert any(word in text for text in linked), word


def test_adverts_can_be_refused_and_some_name_a_contact(made: tuple[Texts, Pools]) -> None:
    texts, hosts = strings(made, "advert")
    assert np.mean([bool(re.search("退订|拒收|回[TNR]", text)) for text in texts]) > 0.99
    assert 0.06 < np.mean([bool(CONTACT.search(text)) for text in texts]) < 0.15
    assert any(host in SHORT_LINKS for host in hosts)


def test_people_rarely_repeat_each_other(made: tuple[Texts, Pools]) -> None:
    texts, _ = strings(made, "chat")
    assert len(set(texts)) > 0.5 * len(texts)
    assert len({text for text in texts if len(text) > 8}) > 0.85 * len([text for text in texts if len(text) > 8])


def test_same_seed_same_texts() -> None:
    one, other = Pools.empty(), Pools.empty()
    first, second = ordinary_texts(generator(3, "texts"), one), ordinary_texts(generator(3, "texts"), other)
    for kind in SIZES:
        assert one.text.take(first[kind].text).equals(other.text.take(second[kind].text))


def test_hosts_are_official_tail_and_fresh() -> None:
    pools = Pools.empty()
    usual = usual_hosts(pools, 7)
    names = pools.host.take(usual.pool).to_pylist()
    assert len(set(names)) > 0.9 * len(names) > 3_000
    assert {"icbc.com.cn", "taobao.com"} <= set(names)
    assert usual.registered[: len(INSTITUTIONS)].all()
    assert 0.9 < usual.registered.mean() < 0.97
    assert [host_number(name) for name in names[:20]] == usual.number[:20].tolist()
    assert all(name == name.lower() for name in names)


@pytest.mark.parametrize("day", [0, 40])
def test_new_sites_are_there_on_any_day(day: int) -> None:
    fresh = fresh_hosts(Pools.empty(), 7, day)
    age = fresh.age_h(np.arange(len(fresh.number)), day * 24 + 23)
    assert age.min() < 72
    assert age.max() <= FRESH_DAYS * 24
    assert 0.2 < fresh.registered.mean() < 0.5
    later = fresh_hosts(Pools.empty(), 7, day + 1)
    assert np.isin(later.number, fresh.number).mean() > 0.9, "hosts stay the same from day to day"
