"""What a run simulates: scenario files and their defaults.

Enters: the name of a scenario that comes with the project, or the path of a YAML file. Leaves: a Scenario, or a
ScenarioError that names file and line. Invariant: every assumption [A] of the campaigns is a field here, so that a
scenario file can change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interceptor.rules.errors import Problem, RulesError, nearest
from interceptor.rules.source import Document
from interceptor.rules.source import parse as read_yaml
from simulator.scam_types import MULE_NETWORK, SCAM_TYPES, TYPES

Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0, le=1000)]
Yuan = Annotated[float, Field(gt=0)]


class ScenarioError(ValueError):
    """The scenario can't be run; the message says where and what to do. `missing`: there is no such scenario."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OrdinaryLife(_Section):
    """How ordinary days differ from the population's habits."""

    calls_factor: Annotated[float, Field(ge=1, le=2)] = 1.0  # 1.3: three in ten parties call like two
    gifts_per_resident: Annotated[float, Field(ge=0, le=10)] = 0.0  # gift transfers a day to people they know


class Campaigns(_Section):
    """How many campaigns start a day. `weights`: relative to the shares of SOURCES.md D2."""

    per_100k_people: Annotated[float, Field(gt=0, le=1000)] = 24.0  # A: many more than in life, so that a day shows all
    every_type_from_people: Annotated[int, Field(ge=1)] = 100_000  # from here on at least one of every type a day
    networks_per_100k_people: Annotated[float, Field(gt=0, le=100)] = 1.0  # A
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)


class Volleys(_Section):
    """How much the campaigns send, relative to the chains' own figures."""

    lines_factor: Factor = 1.0  # lines that dial, and calls with them
    trunk_factor: Factor = 1.0  # lines of international trunks
    messages_factor: Factor = 1.0
    visits_factor: Factor = 1.0
    hook_factor: Factor = 1.0
    answer: Share = 0.45  # A: of calls from unknown numbers (US 2018: 24 %, P)
    stranger_elsewhere: Share = 0.12  # A: scam calls over local lines to people outside the city
    # A: of people who saw through a call, a message, a site; minutes to hours later
    report_call: Share = 0.012
    report_message: Share = 0.006
    report_visit: Share = 0.004
    report_minutes: float = 40.0
    report_sigma: float = 1.3


class Victims(_Section):
    """How people react to what the interceptor does [A]."""

    stopped_by_warning: tuple[Share, Share, Share, Share] = (0.15, 0.3, 0.55, 0.9)  # tiers W1 … W4
    labelled: Share = 0.5  # of the hooked go on although call or message was marked
    challenged: Share = 0.3  # of fraud callers who get past a prompt
    warn_page: Share = 0.25  # go on to a site behind a warning page
    revoke: Share = 0.5  # of delayed transfers are withdrawn within 24 h, without a warning
    revoke_by_tier: tuple[Share, Share, Share, Share] = (0.05, 0.1, 0.25, 0.4)  # more, with the tier
    retry_payee: Share = 0.3  # of refused transfers are tried again to another account
    retry_contact: Share = 0.7  # of blocked later calls and sites, over another line or host
    without_site: Share = 0.25  # go on by chat alone when the site can't be opened
    report_loss: Share = 0.6  # of those who paid
    report_loss_minutes: float = 200.0
    report_loss_sigma: float = 1.2
    report_warned: Share = 0.3  # of those whom a warning stopped
    warning_days: Annotated[float, Field(gt=0)] = 30.0  # until a warning is forgotten
    loss_sigma: Annotated[float, Field(gt=0, le=3)] = 1.6  # B4
    loss_factor: Factor = 1.0
    loss_yuan_max: Annotated[int, Field(gt=0)] = 1_000_000


class Rotation(_Section):
    """How fast campaigns replace what was taken from them [A]."""

    minutes: tuple[float, float] = (5.0, 60.0)
    spare_lines: Annotated[float, Field(ge=0, le=20)] = 2.0  # for each line in use
    line_cost_yuan: float = 150.0
    local: Share = 0.6  # SIMs in devices within the city, whose cell and IMEI are seen
    virtual: Share = 0.15  # of SIMs are of virtual operators


class Laundering(_Section):
    """The mule networks. Hop delays after SOURCES.md B7, the rest [A]."""

    hop_minutes: tuple[float, float, float] = (4.0, 8.0, 25.0)  # L1 → L2 → L3 → exit, medians
    hop_sigma: float = 1.0
    corporate_minutes: float = 15.0  # first hop of sums from 100,000 yuan on
    on_duty: tuple[int, int, int] = (3, 5, 6)  # accounts of each layer in use at a time
    duty_hours: float = 6.0  # median time an account is used before it rests for good
    spare_accounts: Annotated[int, Field(ge=0)] = 60  # per network and day
    replace_minutes: tuple[float, float] = (20.0, 120.0)
    fresh: Share = 0.45  # opened within the last 15 days
    dormant: Share = 0.35  # unused for months; the rest are rented from people who use them
    tested: Share = 0.5  # of accounts get a few yuan before they are used
    whole_yuan: tuple[Yuan, Yuan] = (3_000.0, 10_000.0)  # sums up to here aren't split, by layer
    piece_yuan: Yuan = 2_500.0  # nobody bothers with smaller pieces of what came into the first layer
    exits: tuple[Share, Share, Share, Share] = (0.35, 0.30, 0.25, 0.10)  # wallet or purchase, USDT, cash, abroad
    retry_hop: Share = 0.7  # of refused hops are tried to another account
    # What a bank finds in a network's account beside this city's money, median in yuan: the mean is that of B1, 106,500
    # yuan for each stopped account, less than a tenth of it this city's own [S].
    elsewhere_yuan: Annotated[float, Field(ge=0)] = 41_000.0
    elsewhere_sigma: Annotated[float, Field(gt=0, le=3)] = 1.3
    # Of it, whose victims have reported by the time police decide on a freeze: a stopped account held 106,500 yuan in
    # the mean, and of a frozen one 30,600 were frozen (B1) [S].
    elsewhere_reported: Share = 0.22


class Banks(_Section):
    """How fast the centre's requests are carried out. Rhythm after A1 and B7: seconds to answer, minutes to stop."""

    desk_minutes: tuple[float, float, float] = (3.0, 8.0, 25.0)  # A: of a large bank, a small one, a payment company
    desk_shares: tuple[Share, Share, Share] = (0.6, 0.3, 0.1)  # A: of accounts
    desk_sigma: float = 0.6  # A
    night_factor: Factor = 2.5  # A: from 22 to 8 h fewer people answer
    query_minutes: float = 4.0  # A: for each layer further down, until the next bank's account is known


class Incident(_Section):
    """One case that is known to have happened."""

    day: Annotated[int, Field(ge=0)]
    hour: Annotated[float, Field(ge=0, lt=24)]
    scam_type: str
    yuan: Annotated[int, Field(gt=0)]
    reported_minutes: Annotated[float, Field(ge=0)]  # after the payment


class Scenario(_Section):
    """One scenario file."""

    scenario: Annotated[str, Field(min_length=1, max_length=60)]
    title: str
    about: str = ""
    people: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    days: Annotated[int, Field(ge=1, le=366)] = 1
    ordinary: OrdinaryLife = OrdinaryLife()
    campaigns: Campaigns = Campaigns()
    volleys: Volleys = Volleys()
    victims: Victims = Victims()
    rotation: Rotation = Rotation()
    laundering: Laundering = Laundering()
    banks: Banks = Banks()
    incidents: tuple[Incident, ...] = ()
    # What a report says that all days together came to, as a centre's bulletin names its figures: money.alerts: 2129.
    reported: dict[str, float] = Field(default_factory=dict)

    def weight(self, scam_type: str) -> float:
        """Share of campaigns of this type; those of the eleven types with victims add up to 1."""
        raw = {type_.id: type_.weight_percent * self.campaigns.weights.get(type_.id, 1.0) for type_ in TYPES}
        return raw[scam_type] / sum(raw.values())


def known_scenarios() -> tuple[str, ...]:
    """Names of the scenarios that come with the project."""
    folder = files("simulator").joinpath("scenarios")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load(name_or_path: str) -> Scenario:
    """A known name, or the path of a file. Raises ScenarioError."""
    if name_or_path in known_scenarios():
        source = files("simulator").joinpath("scenarios", f"{name_or_path}.yaml").read_bytes()
        return parse(source, f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if not path.exists():
        raise ScenarioError(_unknown(name_or_path), missing=True)
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror or error}", missing=True) from None
    return parse(source, str(path))


def parse(source: bytes, where: str) -> Scenario:
    """`source`: a YAML file's bytes; `where`: what to call it in errors. Raises ScenarioError."""
    try:
        document = read_yaml(where, source)
    except RulesError as error:
        raise ScenarioError(_told(_about_scenarios(problem) for problem in error.problems)) from None
    try:
        scenario = Scenario.model_validate(document.data)
    except ValidationError as error:
        raise ScenarioError(_told([_problem(document, item) for item in error.errors()])) from None
    problems = list(_contradictions(scenario, document))
    if problems:
        raise ScenarioError(_told(problems))
    return scenario


def _told(problems: Iterable[Problem]) -> str:
    return "\n".join(str(problem) for problem in problems)


def _about_scenarios(problem: Problem) -> Problem:
    """The reader is the one of rules files: what it says of them isn't what is wanted here."""
    if problem.code == "not-a-mapping":
        return replace(problem, message="a scenario file is one mapping, which begins with `scenario: NAME`")
    return problem


def _unknown(name: str) -> str:
    known = known_scenarios()
    hint = nearest(name.lower(), known)
    known_names = f"known: {', '.join(known)}; or give the path of a YAML file"
    return f"unknown scenario {name!r}{': ' + hint if hint else ''}\n{known_names}"


def _problem(document: Document, item: Any) -> Problem:
    """One of pydantic's errors."""
    path = tuple(part for part in item["loc"] if not (isinstance(part, str) and part.endswith("]")))
    name, place = ".".join(str(part) for part in path), document.place(path)
    if item["type"] == "extra_forbidden":
        known = _fields(path[:-1])
        hint = nearest(str(path[-1]), known) or f"known: {', '.join(known)}"
        return Problem(document.place((*path, "key")), "unknown-field", f"{name}: unknown field", hint)
    if item["type"] == "missing":
        return Problem(place, "missing-field", f"{name} is missing")
    message = item["msg"][0].lower() + item["msg"][1:]
    return Problem(place, "bad-value", f"{name}: {message}, not {item['input']!r}")


def _fields(path: tuple[Any, ...]) -> list[str]:
    model: Any = Scenario
    for part in path:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


def _contradictions(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """What no single field can know."""
    victims = SCAM_TYPES[:MULE_NETWORK]
    weights, laundering = scenario.campaigns.weights, scenario.laundering
    for name in weights:
        if name not in victims:
            hint = nearest(name, victims) or f"known: {', '.join(victims)}"
            place = document.place(("campaigns", "weights", name, "key"))
            yield Problem(place, "unknown-type", f"campaigns.weights: unknown scam type {name}", hint)
    if not any(weights.get(name, 1.0) for name in victims):
        place = document.place(("campaigns", "weights"))
        yield Problem(place, "bad-value", "campaigns.weights: at least one type needs a weight above 0")
    spans = {"rotation.minutes": scenario.rotation.minutes, "laundering.replace_minutes": laundering.replace_minutes}
    for field, (low, high) in spans.items():
        if not 0 < low <= high:
            place = document.place(tuple(field.split(".")))
            yield Problem(place, "bad-value", f"{field}: two numbers above 0, the smaller first")
    if abs(sum(laundering.exits) - 1) > 1e-6:
        place, total = document.place(("laundering", "exits")), sum(laundering.exits)
        yield Problem(place, "bad-value", f"laundering.exits: shares add up to {total:g}, must be 1")
    for nth, incident in enumerate(scenario.incidents):
        if incident.scam_type not in victims:
            hint = nearest(incident.scam_type, victims) or f"known: {', '.join(victims)}"
            place = document.place(("incidents", nth, "scam_type"))
            yield Problem(place, "unknown-type", f"incidents: unknown scam type {incident.scam_type}", hint)
    if laundering.fresh + laundering.dormant > 1:
        place, total = document.place(("laundering", "fresh")), laundering.fresh + laundering.dormant
        yield Problem(place, "bad-value", f"laundering.fresh: fresh and dormant add up to {total:g}, at most 1")
