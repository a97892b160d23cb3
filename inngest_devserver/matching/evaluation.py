"""From a tree to a function of events: each part becomes a closure, once, which is then asked of many events.

Expressions see `event`, `async` and `vars`: in a trigger `event` is what arrived; in a wait or a cancellation `event`
is what started the run and `async` what arrived; `vars` holds nothing. An error is raised as NoValueError.
"""

from __future__ import annotations

from collections.abc import Callable

from inngest_core.options.expressions import shorten

from .arithmetic import subtract
from .effort import Effort
from .functions import FUNCTIONS, METHODS, Function, date, duration
from .nodes import Call, ExpressionError, Fold, ListOf, Literal, MapOf, Name, Node, Select
from .values import MISSING, TYPE_NAMES, Made, NoValueError, Type, equal, members, order, select, unequal

Variables = dict[str, object]
Evaluator = Callable[[Variables], object]

NOW = "@now"
EFFORT = "@effort"
"""What an evaluation carries along, under names that no expression can use."""
_BRIEF = frozenset({"_[_]", "_&&_", "_||_", "!_", "_?_:_", "@not_strictly_false", "size", "type", "dyn"})
"""Functions that do not go through their arguments."""


class Compiler:
    """text: the expression, for messages."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._names = {"event", "async", "vars"}
        self._carried: list[str] = []
        """What each of the loops around carries along, the innermost last."""

    def compile(self, node: Node) -> Evaluator:
        """Return the function that evaluates *node*; raises ExpressionError."""
        match node:
            case Literal():
                value = node.value
                return lambda _: value
            case Name():
                return self._name(node)
            case Select():
                return self._has(node) if node.is_test else self._select(node)
            case Call():
                return self._call(node)
            case ListOf():
                items = [self.compile(item) for item in node.items]
                return lambda variables: tuple([item(variables) for item in items])
            case MapOf():
                pairs = [(self.compile(key), self.compile(value)) for key, value in node.items]
                return lambda variables: Made([(_key(key(variables)), value(variables)) for key, value in pairs])
            case Fold():
                return self._fold(node)

    def _refuse(self, at: int, what: str) -> ExpressionError:
        return ExpressionError(f"expression {shorten(self._text)}: column {at + 1}: {what}")

    def _name(self, node: Name) -> Evaluator:
        name = node.name
        if name in self._names:
            return lambda variables: variables[name]
        if name in TYPE_NAMES:
            found = Type(name)
            return lambda _: found
        raise self._refuse(node.at, f"undeclared reference to '{name}'")

    def _select(self, node: Select) -> Evaluator:
        operand, field = self.compile(node.operand), node.field
        return lambda variables: select(operand(variables), field)

    def _has(self, node: Select) -> Evaluator:
        """Tell whether a key is there. In a wait, engines have no answer for a key that the event lacks: neither true
        nor false."""
        operand, field = self.compile(node.operand), node.field
        is_about_async = _root(node) == "async"

        def has(variables: Variables) -> bool:
            owner = operand(variables)
            found = isinstance(owner, dict) and field in owner
            if is_about_async and not found:
                raise NoValueError(f"has() of {field}, which the event lacks, has no value in a wait")
            return found

        return has

    def _call(self, node: Call) -> Evaluator:
        special = _SPECIAL.get(node.function) if node.target is None else None
        looks = bool(self._carried) and node.function not in _BRIEF
        arguments = [self._argument(argument, looks=looks) for argument in node.arguments]
        if special is not None:
            try:
                return special(*arguments)
            except TypeError:
                raise self._refuse(node.at, f"{node.function}() takes another number of arguments") from None
        function = (FUNCTIONS if node.target is None else METHODS).get(node.function)
        if function is None:
            raise self._refuse(node.at, f"undeclared reference to '{node.function}'")
        return _calling(
            function, arguments if node.target is None else [self._argument(node.target, looks=looks), *arguments]
        )

    def _argument(self, node: Node, *, looks: bool) -> Evaluator:
        """looks: whether the function goes through it, again and again."""
        evaluator = self.compile(node)
        # What a macro has gathered so far grows by one item in each turn, and is not looked at.
        is_gathered = isinstance(node, Name) and node.name in self._carried
        return _looking(evaluator) if looks and not is_gathered else evaluator

    def _fold(self, node: Fold) -> Evaluator:
        over, initial = self._argument(node.over, looks=bool(self._carried)), self.compile(node.initial)
        added = {node.variable, node.carried} - self._names
        self._names |= added
        self._carried.append(node.carried)
        condition, step = self.compile(node.condition), self.compile(node.step)
        self._carried.pop()
        result = self.compile(node.result)
        self._names -= added
        variable, carried = node.variable, node.carried

        def fold(variables: Variables) -> object:
            inner = {**variables, carried: initial(variables)}
            effort = _effort(variables)
            for item in members(over(variables)):
                effort.turn()
                inner[variable] = item
                if not condition(inner):
                    break
                inner[carried] = _later(step, inner)
            found = result(inner)
            if isinstance(found, NoValueError):
                raise found
            return found

        return fold


def evaluate(evaluator: Evaluator, event: object, async_event: object, now: float) -> object:
    """Return the value for these events at the Unix time *now*; raises NoValueError."""
    variables: Variables = {"event": event, "async": async_event, "vars": MISSING, NOW: now, EFFORT: Effort()}
    try:
        return evaluator(variables)
    except RecursionError:
        raise NoValueError("the event is nested too deeply") from None


def _effort(variables: Variables) -> Effort:
    effort = variables[EFFORT]
    assert isinstance(effort, Effort)  # noqa: S101 - made by `evaluate`
    return effort


def _looking(evaluator: Evaluator) -> Evaluator:
    """Return what evaluates the same, and counts the value as looked at."""

    def look(variables: Variables) -> object:
        value = evaluator(variables)
        _effort(variables).look_at(value)
        return value

    return look


def _later(step: Evaluator, variables: Variables) -> object:
    """Return the value of a turn, or its error: a later turn of exists() may make it not count."""
    try:
        return step(variables)
    except NoValueError as error:
        return error


def _root(node: Node) -> str:
    while isinstance(node, Select):
        node = node.operand
    return node.name if isinstance(node, Name) else ""


def _key(value: object) -> object:
    if isinstance(value, (str, int, float)):
        return value
    raise NoValueError("only texts, numbers and booleans are keys of a map")


def _calling(function: Function, arguments: list[Evaluator]) -> Evaluator:
    def call(variables: Variables) -> object:
        values = [argument(variables) for argument in arguments]
        try:
            return function(*values)
        except (TypeError, ValueError, OverflowError) as error:  # the wrong number of arguments, or odd values
            raise NoValueError(str(error)) from None

    return call


def _truth(evaluator: Evaluator, variables: Variables) -> bool:
    value = evaluator(variables)
    if isinstance(value, NoValueError):
        raise value
    if not isinstance(value, bool):
        raise NoValueError("an operand of a logical operator is not a boolean")
    return value


def _or(one: Evaluator, other: Evaluator) -> Evaluator:
    return _either(one, other, decisive=True)


def _and(one: Evaluator, other: Evaluator) -> Evaluator:
    return _either(one, other, decisive=False)


def _either(one: Evaluator, other: Evaluator, *, decisive: bool) -> Evaluator:
    """Return the value that decides, whichever side it is on: an error on the other side does not count then."""

    def either(variables: Variables) -> bool:
        try:
            if _truth(one, variables) is decisive:
                return decisive
        except NoValueError:
            if _truth(other, variables) is decisive:
                return decisive
            raise
        return _truth(other, variables)

    return either


def _not_strictly_false(evaluator: Evaluator) -> Evaluator:
    def check(variables: Variables) -> bool:
        try:
            return evaluator(variables) is not False
        except NoValueError:
            return True

    return check


def _conditional(condition: Evaluator, yes: Evaluator, no: Evaluator) -> Evaluator:
    return lambda variables: yes(variables) if _truth(condition, variables) else no(variables)


def _not(one: Evaluator) -> Evaluator:
    return lambda variables: not _truth(one, variables)


def _equal(one: Evaluator, other: Evaluator) -> Evaluator:
    return lambda variables: equal(one(variables), other(variables))


def _unequal(one: Evaluator, other: Evaluator) -> Evaluator:
    return lambda variables: unequal(one(variables), other(variables))


def _comparing(holds: Callable[[int], bool]) -> Callable[[Evaluator, Evaluator], Evaluator]:
    def comparing(one: Evaluator, other: Evaluator) -> Evaluator:
        return lambda variables: holds(order(one(variables), other(variables)))

    return comparing


def _index(owner: Evaluator, key: Evaluator) -> Evaluator:
    return lambda variables: select(owner(variables), key(variables))


def _now() -> Evaluator:
    return _time


def _now_minus(text: Evaluator) -> Evaluator:
    return lambda variables: subtract(_time(variables), duration(text(variables)))


def _time(variables: Variables) -> object:
    now = variables[NOW]
    assert isinstance(now, float)  # noqa: S101 - made by `evaluate`
    return date(now * 1000)


_SPECIAL: dict[str, Callable[..., Evaluator]] = {
    "_&&_": _and,
    "_||_": _or,
    "!_": _not,
    "_?_:_": _conditional,
    "@not_strictly_false": _not_strictly_false,
    "_==_": _equal,
    "_!=_": _unequal,
    "_<_": _comparing(lambda order: order < 0),
    "_<=_": _comparing(lambda order: order <= 0),
    "_>_": _comparing(lambda order: order > 0),
    "_>=_": _comparing(lambda order: order >= 0),
    "_[_]": _index,
    "now": _now,
    "now_minus": _now_minus,
}
"""What is more than a function of its arguments' values."""
