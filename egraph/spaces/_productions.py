"""Small context-free grammars, and the derivations of their symbols."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from egraph.errors import DataError

__all__ = ["Derivation", "Productions", "Section", "read_productions"]

_RULE = re.compile(r"<([\w-]+)> *::= *(.+)")
_SECTION = re.compile(r"<([\w-]+)>(?:\{([0-9]{1,3}),([0-9]{1,3})\})?")
_SYMBOL = re.compile(r"<([\w-]+)>")
_RANGE = re.compile(r"\[([\w-]+):([0-9]{1,6})\.\.([0-9]{1,6})(?::([0-9]{1,6}))?\]")
_TERMINAL = re.compile(r"[\w:.+-]+")

_MOST = 20_000  # derivations of one symbol at most


class Section(NamedTuple):
    """A part of the outer level: ``low`` to ``high`` blocks that are derived from one symbol."""

    symbol: str
    low: int
    high: int


class Derivation(NamedTuple):
    """A text and the choices that derive it.

    Attributes:
        text: Terminals with spaces between.
        genes: Numbers of the options chosen for each symbol and integer parameter, from left to right.
    """

    text: str
    genes: Mapping[str, tuple[int, ...]]


class Productions(NamedTuple):
    """A grammar.

    Attributes:
        sections: Sections of the outer level, in order.
        rules: Alternatives of each symbol; an alternative is a sequence of words.
    """

    sections: tuple[Section, ...]
    rules: Mapping[str, tuple[tuple[str, ...], ...]]

    def options(self, slot: str) -> int:
        """Number of options of a symbol or of a word with an integer parameter."""
        return len(_values(slot)) if slot.startswith("[") else len(self.rules[slot])

    def derive(
        self,
        symbol: str,
        genes: Mapping[str, tuple[int, ...]] | None = None,
        rng: np.random.Generator | None = None,
    ) -> list[Derivation]:
        """The derivations of a symbol by these genes.

        After the last gene of a symbol all its options are taken, or with a generator one that is drawn.

        Raises:
            DataError: There are too many derivations.
        """
        found: list[Derivation] = []
        self._expand([f"<{symbol}>"], [], {}, genes or {}, rng, found)
        return found

    def _expand(
        self,
        words: list[str],
        text: list[str],
        used: dict[str, tuple[int, ...]],
        genes: Mapping[str, tuple[int, ...]],
        rng: np.random.Generator | None,
        found: list[Derivation],
    ) -> None:
        """Derives the words from left to right, after the text that is derived already."""
        if not words:
            found.append(Derivation(" ".join(text), used))
            if len(found) > _MOST:
                raise DataError(f"more than {_MOST:,} blocks can be derived; use larger steps or fewer rules")
            return
        word, rest = words[0], words[1:]
        if not word.startswith(("<", "[")):
            self._expand(rest, [*text, word], used, genes, rng, found)
            return
        slot = word if word.startswith("[") else word[1:-1]
        before, known = used.get(slot, ()), genes.get(slot, ())
        if len(before) < len(known):
            options = [known[len(before)]]
        elif rng is not None:
            options = [int(rng.integers(self.options(slot)))]
        else:
            options = list(range(self.options(slot)))
        for option in options:
            now = used | {slot: (*before, option)}
            if word.startswith("["):
                self._expand(rest, [*text, _values(word)[option]], now, genes, rng, found)
            else:
                self._expand([*self.rules[slot][option], *rest], text, now, genes, rng, found)


def read_productions(path: str | Path) -> Productions:
    """Reads a grammar from a text file.

    Each line has one rule, ``<symbol> ::= words | words``; ``#`` starts a comment. A word is a terminal, a
    ``<symbol>``, or an integer parameter ``[name:low..high:step]``, which stands for ``name:value``; the
    default of the step is 1. The first rule is the outer level: a sequence of symbols, each with the
    number of its blocks as ``{least,most}``, or without for a single one.

    Raises:
        DataError: The file cannot be read, a line is not a rule, a symbol has no rule or derives itself.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the grammar {path}: {error}") from None
    outer: tuple[Section, ...] = ()
    rules: dict[str, tuple[tuple[str, ...], ...]] = {}
    for number, line in enumerate(lines, 1):
        if not (content := line.partition("#")[0].strip()):
            continue
        where = f"line {number} of {path}"
        if (rule := _RULE.fullmatch(content)) is None:
            raise DataError(f"{where} is no rule '<symbol> ::= words', got {content[:60]!r}")
        if not outer:
            outer = _read_sections(rule[2], where)
        elif rule[1] in rules:
            raise DataError(f"{where} has a second rule for <{rule[1]}>; put the alternatives on one line")
        else:
            rules[rule[1]] = tuple(_read_words(part, where) for part in rule[2].split("|"))
    if not outer:
        raise DataError(f"{path} has no rules")
    for section in outer:
        _check_symbol(section.symbol, rules, (), path)
    return Productions(outer, rules)


def _read_sections(text: str, where: str) -> tuple[Section, ...]:
    sections = []
    for word in text.split():
        if (found := _SECTION.fullmatch(word)) is None:
            raise DataError(f"{where}, the outer level, takes words such as '<block>{{1,4}}', got {word!r}")
        low, high = (int(found[2]), int(found[3])) if found[2] else (1, 1)
        if not low <= high or high < 1:
            raise DataError(f"{where} wants {low} to {high} of <{found[1]}>; the most must be 1 or more")
        sections.append(Section(found[1], low, high))
    symbol, count = Counter(section.symbol for section in sections).most_common(1)[0]
    if count > 1:
        raise DataError(f"{where} has <{symbol}> in two places; give each its own symbol")
    return tuple(sections)


def _read_words(text: str, where: str) -> tuple[str, ...]:
    words = tuple(text.split())
    for word in words:
        if not any(kind.fullmatch(word) for kind in (_SYMBOL, _RANGE, _TERMINAL)):
            raise DataError(f"{where} takes '<symbol>', '[name:low..high:step]' and terminals, got {word!r}")
        if word.startswith("[") and not _values(word):
            raise DataError(f"{where} has a parameter without values: {word}")
    if not words:
        raise DataError(f"{where} has an alternative without words")
    return words


def _check_symbol(
    symbol: str, rules: Mapping[str, tuple[tuple[str, ...], ...]], above: tuple[str, ...], path: str | Path
) -> None:
    if symbol in above:
        raise DataError(f"<{symbol}> of {path} derives itself; blocks must be finite")
    if symbol not in rules:
        raise DataError(f"{path} has no rule for <{symbol}>")
    for word in itertools.chain(*rules[symbol]):
        if word.startswith("<"):
            _check_symbol(word[1:-1], rules, (*above, symbol), path)


@lru_cache
def _values(word: str) -> tuple[str, ...]:
    """The texts of all values of an integer parameter."""
    found = _RANGE.fullmatch(word)
    assert found is not None
    name, low, high, step = found.groups()
    return tuple(f"{name}:{value}" for value in range(int(low), int(high) + 1, max(int(step or 1), 1)))
