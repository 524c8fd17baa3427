"""Hosts that pass for an official domain.

Enters: the official domains, a host. Leaves: which of them it imitates, and how. Invariant: an official domain and all
below it imitate nothing; the same host always gets the same answer.

Two names are compared as skeletons (folding.fold_host: case, scripts, digits and hyphens gone) in which what a
browser's bar can't tell apart is one: i and l, rn and m, vv and w. Punycode is read first, so that a Cyrillic а is
an a.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from interceptor.folding import fold_hosts, strings_of

PUNYCODE = "xn--"
# Below a country's own second level everybody can register: the name is what stands before it.
SECOND_LEVELS = frozenset(["com", "net", "org", "gov", "edu", "ac", "co"])
HOST_CHARS_MAX, LABEL_CHARS_MAX = 253, 63  # RFC 1035
STEM_MIN = 4  # a shorter name, such as jd or ccb, is found only where it stands alone
EDITS_MOST = 2
EDITS_1_CHARS_MIN, EDITS_2_CHARS_MIN = 5, 8  # [A] shorter names are near to everything; two edits: D4 W02
ANSWERS_MAX = 50_000
_ALIKE = (("rn", "m"), ("vv", "w"), ("i", "l"))


class How(StrEnum):
    """What makes a host a look-alike, strongest first."""

    CARRIES = "carries"  # the domain in full, before one's own: icbc.com.cn.pay.top
    SKELETON = "skeleton"  # the same name to the eye, or under another suffix: 1cbc.com, icbc.top
    EDITS = "edits"  # one or two letters off: lcbbc.com
    WORD = "word"  # the name with something beside it: icbc-points.top


@dataclass(frozen=True, slots=True)
class Likeness:
    """`domain` is imitated; `edits` between the names (0 where the eye sees none)."""

    domain: str
    how: How
    edits: int = 0

    def __str__(self) -> str:
        words = {How.CARRIES: "carries it in full", How.SKELETON: "the same to the eye", How.WORD: "its name as a word"}
        edits = f"edit distance {self.edits}"
        return f"look-alike of {self.domain}: {words.get(self.how, edits)}"


@dataclass(frozen=True)
class Official:
    """The official domains, and services that everybody uses (short links, stores): nobody imitates these, but they
    are never scam sites either. A domain stands for all that is below it."""

    domains: frozenset[str]
    services: frozenset[str] = frozenset()
    _by_shape: dict[str, str] = field(init=False, repr=False, compare=False)
    _stems: dict[str, tuple[str, str]] = field(init=False, repr=False, compare=False)  # name → shape, domain
    _answered: dict[str, Likeness | None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        shapes: dict[str, str] = {}
        stems: dict[str, tuple[str, str]] = {}
        for domain in sorted(self.domains):
            stem = stem_of(domain)
            shapes.setdefault(shape(stem), domain)
            stems.setdefault(stem, (shape(stem), domain))
        object.__setattr__(self, "_by_shape", shapes)
        object.__setattr__(self, "_stems", stems)

    @classmethod
    def of(cls, domains: Iterable[str], services: Iterable[str] = ()) -> Official:
        return cls(frozenset(domains), frozenset(services))

    def owner(self, host: str) -> str | None:
        """The domain of one of them that a host is, or is below."""
        return next((name for name in _upwards(host) if name in self.domains or name in self.services), None)

    def below(self, host: str) -> str | None:
        """One of their domains that would be blocked with this host."""
        return self._below.get(host)

    @cached_property
    def _below(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in sorted(self.domains | self.services):
            for above in _upwards(name.partition(".")[2]):
                found.setdefault(above, name)
        return found

    def imitated(self, host: str) -> Likeness | None:
        """The strongest likeness, None = it is official or like none. A tenth of a millisecond, for a host not asked
        before."""
        if host not in self._answered:
            if len(self._answered) >= ANSWERS_MAX:
                self._answered.clear()
            self._answered[host] = self._compared(host)
        return self._answered[host]

    def _compared(self, host: str) -> Likeness | None:
        if len(host) > HOST_CHARS_MAX or self.owner(host):
            return None
        labels = [decoded(label) for label in host.split(".")]
        own = labels[: max(1, len(labels) - len(suffix_of(host).split(".")))]
        words = list({word: None for label in own for word in _words(label)})
        name, *of_words = shapes([own[-1], *words])
        return self._carried(".".join(labels)) or self._alike(name) or self._near(name) or self._worded(words, of_words)

    def _carried(self, host: str) -> Likeness | None:
        for domain in self._long:
            at = host.find(domain)
            while at >= 0:
                after = host[at + len(domain) : at + len(domain) + 1]
                if (at == 0 or host[at - 1] in ".-") and after in (".", "-"):
                    return Likeness(domain, How.CARRIES)
                at = host.find(domain, at + 1)
        return None

    @cached_property
    def _long(self) -> list[str]:
        """Domains long enough to mean something in the middle of a host, longest first."""
        return sorted((domain for domain in self.domains if len(domain) > 2 * STEM_MIN - 2), key=len, reverse=True)

    def _alike(self, name: str) -> Likeness | None:
        found = self._by_shape.get(name)
        return Likeness(found, How.SKELETON) if found else None

    def _near(self, name: str) -> Likeness | None:
        if len(name) > self._longest + EDITS_MOST:
            return None
        candidates = {other for rest in _rests(name, EDITS_MOST) for other in self._by_rest.get(rest, ())}
        best: Likeness | None = None
        for other in sorted(candidates, key=self._rank.__getitem__):
            most = _edits_of(other)
            edits = edit_distance(name, other, min(most, best.edits - 1 if best else most))
            if edits is not None:
                best = Likeness(self._by_shape[other], How.EDITS, edits)
        return best

    @cached_property
    def _by_rest(self) -> dict[str, list[str]]:
        """Shapes by what is left of them without some letters: two names have as many edits between them at most as
        letters have to go from each until they are the same. So only a few need to be compared."""
        found: dict[str, list[str]] = {}
        for other in self._by_shape:
            for rest in _rests(other, _edits_of(other)) if _edits_of(other) else ():
                found.setdefault(rest, []).append(other)
        return found

    @cached_property
    def _rank(self) -> dict[str, int]:
        return {other: nth for nth, other in enumerate(self._by_shape)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_shape), default=0)

    def _worded(self, words: list[str], of_words: list[str]) -> Likeness | None:
        """A name between hyphens, dots or digits; from STEM_MIN characters on also glued to another word."""
        plain, whole = set(words), set(of_words)
        edges = {edge for word in whole for n in range(1, len(word)) for edge in (word[:n], word[n:])}
        for stem, (seen, domain) in self._stems.items():
            long, glued = len(stem) >= STEM_MIN, not stem.isdecimal()
            if stem in plain or (long and (seen in whole or (glued and seen in edges))):
                return Likeness(domain, How.WORD)
        return None


def is_host(name: str) -> bool:
    """Whether the internet can have a host of this name: no part of it too long, none that only looks like
    punycode."""
    return len(name) <= HOST_CHARS_MAX and all(
        0 < len(label) <= LABEL_CHARS_MAX and (not label.startswith(PUNYCODE) or not decoded(label).isascii())
        for label in name.split(".")
    )


def stem_of(host: str) -> str:
    """The label that somebody registered: icbc of mybank.icbc.com.cn."""
    labels = host.split(".")
    return labels[max(0, len(labels) - len(suffix_of(host).split(".")) - 1)]


def suffix_of(host: str) -> str:
    """com.cn of icbc.com.cn, top of bad.top."""
    labels = host.split(".")
    two = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVELS
    return ".".join(labels[-2:] if two else labels[-1:])


def decoded(label: str) -> str:
    """What a browser may show of a label in punycode; the label itself where it isn't valid."""
    if not label.startswith(PUNYCODE):
        return label
    try:
        return label[len(PUNYCODE) :].encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        return label


def shape(name: str) -> str:
    """How a name looks at a glance."""
    return shapes([name])[0]


def shapes(names: Sequence[str]) -> list[str]:
    """The same of several, which takes hardly longer than of one."""
    folded = fold_hosts(strings_of(names))
    found = []
    for nth in range(len(names)):
        name = folded[nth]
        for seen, taken_for in _ALIKE:
            name = name.replace(seen, taken_for)
        found.append(name)
    return found


def edit_distance(one: str, other: str, most: int) -> int | None:
    """Insertions, deletions, changes and swaps of neighbours (optimal string alignment); None = more than `most`."""
    if most < 0 or abs(len(one) - len(other)) > most:
        return None
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
        before, last = last, row
    return last[-1] if last[-1] <= most else None


def _upwards(host: str) -> Iterator[str]:
    """The host, then each domain above it."""
    while host:
        yield host
        host = host.partition(".")[2]


def _words(label: str) -> Iterator[str]:
    """The parts of a label between hyphens, whole and without digits at their ends."""
    yield label
    for part in label.replace("_", "-").split("-"):
        yield part
        yield part.strip("0123456789")


def _edits_of(shape_of: str) -> int:
    """How far off a name may be to pass for this one."""
    if shape_of.isdecimal() or len(shape_of) < EDITS_1_CHARS_MIN:
        return 0
    return EDITS_MOST if len(shape_of) >= EDITS_2_CHARS_MIN else 1


def _rests(name: str, most: int) -> set[str]:
    """A name without up to `most` of its letters, in all ways."""
    found = last = {name}
    for _ in range(most):
        last = {rest[:n] + rest[n + 1 :] for rest in last for n in range(len(rest))}
        found = found | last
    return found
