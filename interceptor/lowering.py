"""From expressions to instructions.

Enters: expressions of conditions, on events of one kind. Leaves: values of an Assembler. Invariant: an instruction
means what numpy would do; what has none (samples, constants beyond 64 bits) is left to numpy, as a column to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from interceptor.instructions import Assembler, Input, Op, Sort, Value
from interceptor.memberships import Asked, Question
from interceptor.rules.expressions import Expression, comparisons
from interceptor.rules.names import VOCABULARIES, Read, Type
from interceptor.rules.ruleset import Feature, Rule
from interceptor.schema import COLUMN, Kind

_WORD_MAX = 2**63
_FLAG_COLUMNS = ("has_link", "url_in_text")
_PAIRS = {
    "<": (Op.WORD_BELOW, Op.REAL_BELOW, False),
    "<=": (Op.WORD_UP_TO, Op.REAL_UP_TO, False),
    ">": (Op.WORD_BELOW, Op.REAL_BELOW, True),
    ">=": (Op.WORD_UP_TO, Op.REAL_UP_TO, True),
    "==": (Op.WORD_EQUAL, Op.REAL_EQUAL, False),
    "!=": (Op.WORD_OTHER, Op.REAL_OTHER, False),
}  # for words, for reals, and whether a and b change places
_WITH_CONSTANT = {
    "<": (Op.WORD_BELOW_IT, Op.REAL_BELOW_IT),
    "<=": (Op.WORD_UP_TO_IT, Op.REAL_UP_TO_IT),
    ">": (Op.WORD_ABOVE_IT, Op.REAL_ABOVE_IT),
    ">=": (Op.WORD_FROM_IT, Op.REAL_FROM_IT),
    "==": (Op.WORD_EQUAL_IT, Op.REAL_EQUAL_IT),
    "!=": (Op.WORD_OTHER_IT, Op.REAL_OTHER_IT),
}
_ARITHMETIC = {
    "+": (Op.WORD_PLUS, Op.REAL_PLUS),
    "-": (Op.WORD_MINUS, Op.REAL_MINUS),
    "*": (Op.WORD_TIMES, Op.REAL_TIMES),
    "min": (Op.WORD_LESSER, Op.REAL_LESSER),
    "max": (Op.WORD_GREATER, Op.REAL_GREATER),
}


class Lowering:
    """Puts expressions into one assembler."""

    def __init__(self, into: Assembler) -> None:
        self._into = into

    def value(self, expression: Expression) -> Value:
        """Any expression; of a quantity, words where numpy would have whole numbers, else reals."""
        if expression.read is not None:
            return self.read(expression.read)
        if not (expression.op or expression.uses) or expression.constant is not None:
            return self._constant(expression)
        match expression.op:
            case "and" | "or":
                return self._junction(expression)
            case "not":
                return self._into.do(Op.NOT, self.value(expression.parts[0]))
            case "in":
                return self._membership(expression)
            case "+bool":
                return self._into.do(Op.WORD_OF_FLAG, self.value(expression.parts[0]))
            case "-" if len(expression.parts) == 1:
                return self._combined("-", self._zero(), self.value(expression.parts[0]))
            case "/":
                dividend, divisor = (self._real(self.value(part)) for part in expression.parts)
                return self._into.do(Op.REAL_BY, dividend, divisor)
            case "+" | "-" | "*" | "min" | "max":
                found = self.value(expression.parts[0])
                for part in expression.parts[1:]:
                    found = self._combined(expression.op, found, self.value(part))
                return found
        if expression.op in _PAIRS:
            return self._comparison(expression)
        return self._other(expression)

    def steps(self, condition: Expression) -> list[Value]:
        """A condition, part by part as far as it is a conjunction: each value holds where the one before does and one
        part more. First comes what is cheap and seldom true."""
        found = list[Value]()
        for part in sorted(_conjuncts(condition), key=_rank):
            value = self.value(part)
            found.append(self._into.do(Op.AND, found[-1], value) if found else value)
        return found

    def read(self, read: Read) -> Value:
        """What a name stands for."""
        sort, source, into = *_read(read), self._into
        found = into.load(sort, source)
        if sort == "flag":
            return found
        if read.sign:
            return into.do(Op.WORD_OTHER_IT, found)
        if read.hour:
            return into.do(Op.HOUR, found)
        if read.per:
            return into.do(Op.REAL_BY, self._real(found), into.do(Op.REAL, constant=read.per))
        return found if read.times == 1 else into.do(Op.WORD_TIMES, found, into.do(Op.WORD, b=read.times))

    def term(self, read: Read) -> int:
        """The same as a value to be told where a rule hits."""
        return self._into.term(*_read(read), read)

    def _junction(self, expression: Expression) -> Value:
        op = Op.AND if expression.op == "and" else Op.OR
        found = self.value(expression.parts[0])
        for part in expression.parts[1:]:
            found = self._into.do(op, found, self.value(part))
        return found

    def _comparison(self, expression: Expression) -> Value:
        a, b = expression.parts
        if _is_too_large(a.constant) or _is_too_large(b.constant):
            return self._other(expression)
        number = _number(b, a)
        if number is None or isinstance(a.constant, int | float):
            for_words, for_reals, swapped = _PAIRS[expression.op]
            one, other = (self.value(part) for part in ((b, a) if swapped else (a, b)))
            if one.sort == other.sort == "word":
                return self._into.do(for_words, one, other)
            return self._into.do(for_reals, self._real(one), self._real(other))
        left = self.value(a)
        for_words, for_reals = _WITH_CONSTANT[expression.op]
        if left.sort == "word" and isinstance(number, int):
            return self._into.do(for_words, left, number)
        return self._into.do(for_reals, self._real(left), constant=float(number))

    def _combined(self, op: str, a: Value, b: Value) -> Value:
        for_words, for_reals = _ARITHMETIC[op]
        if a.sort == b.sort == "word":
            return self._into.do(for_words, a, b)
        return self._into.do(for_reals, self._real(a), self._real(b))

    def _constant(self, expression: Expression) -> Value:
        value = expression.constant
        if value is None:
            return self._into.do(Op.FLAG, b=int(expression.key == "True"))
        if isinstance(value, int) and not _is_too_large(value):
            return self._into.do(Op.WORD, b=value)
        return self._into.do(Op.REAL, constant=float(value))

    def _membership(self, expression: Expression) -> Value:
        return self._into.load("flag", Input("list", *looked_up(expression)))

    def _other(self, expression: Expression) -> Value:
        sort: Sort = "flag" if expression.type is Type.YES_NO else "real"
        return self._into.load(sort, Input("other", expression.key, other=expression))

    def _real(self, value: Value) -> Value:
        return value if value.sort == "real" else self._into.do(Op.REAL_OF_WORD, value)

    def _zero(self) -> Value:
        return self._into.do(Op.WORD, b=0)


def _read(read: Read) -> tuple[Sort, Input]:
    """The column of a name, and what it holds."""
    source = Input(read.section, read.name)
    if read.section == "text" or (read.section == "column" and _is_flag(read.name)):
        return "flag", source
    return "real" if read.is_real else "word", source


def _conjuncts(condition: Expression) -> Iterator[Expression]:
    """The parts of a conjunction, and of those within it; what a macro stands for stays together: rules share it."""
    if condition.op != "and":
        yield condition
        return
    for part in condition.parts:
        if part.label:
            yield part
        else:
            yield from _conjuncts(part)


def _rank(part: Expression) -> int:
    """Place in a conjunction; changes nothing but the time. Most events are ordinary: windows seldom reach thresholds,
    few texts have the words and few numbers are listed, while what a rule excepts seldom is the case."""
    if part.op == "not":
        return 4
    if part.op in ("in", "") or part.op in ("==", ">", ">=", "<", "<="):
        sections = {section for section, _ in part.uses}
        return 0 if sections & {"feature", "stage"} and part.op != "" else 1 if sections & {"text", "list"} else 2
    return 3


def looked_up(membership: Expression) -> Question:
    """The list, and the column that is looked up in it."""
    read = membership.parts[0].read
    column = "host" if membership.parts[0].type is Type.HOST else read.name if read else ""
    return membership.key.split(" in ")[1], column


def asked(rules: Iterable[Rule], features: Iterable[Feature]) -> Asked:
    """The look-ups that rules and windows ask for on each kind of event."""
    found: dict[Kind, dict[Question, None]] = {kind: {} for kind in Kind}
    conditions = [(rule.kinds, rule.condition) for rule in rules]
    conditions += [one for feature in features for one in feature.conditions]
    for kinds, condition in conditions:
        for leaf in comparisons(condition):
            for kind in kinds if leaf.op == "in" else ():
                found[kind][looked_up(leaf)] = None
    return {kind: tuple(questions) for kind, questions in found.items()}


def _is_too_large(constant: object) -> bool:
    """Whether it is a whole number that no word holds."""
    return isinstance(constant, int) and not -_WORD_MAX <= constant < _WORD_MAX


def _is_flag(column: str) -> bool:
    return column in _FLAG_COLUMNS or (column in COLUMN and pa.types.is_boolean(COLUMN[column].type))


def _number(constant: Expression, compared: Expression) -> float | int | None:
    """What a value is compared with, if that is a constant; a word by its number."""
    if isinstance(constant.constant, str):
        vocabulary = VOCABULARIES[compared.read.name] if compared.read else None
        return int(vocabulary[constant.constant.upper()]) if vocabulary else None
    return constant.constant
