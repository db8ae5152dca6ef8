"""Plots as inline SVG: bars per day, spans of time, pairs of amounts.

Colours and patterns are CSS variables, so that a page's light and dark sides share them; nothing is told by colour alone. Each plot has a title
that screen readers say, and the page has the same figures as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 244
LEFT: Final = 56
RIGHT: Final = 8
TOP: Final = 24
BOTTOM: Final = 26
_INNER: Final = WIDTH - LEFT - RIGHT
_DEEP: Final = HEIGHT - TOP - BOTTOM
_TICKS: Final = 4
_LABELS: Final = 12
_LONG_LABELS: Final = 6
"""Labels below a plot at most, short and long ones."""
_SPAN_TOP: Final = 4
_SPAN_HEIGHT: Final = 26
_LEAST: Final = 1.5
"""Units that even the shortest span is wide, to be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One column: its label below (empty: none), what is said about it, and its parts from the bottom up."""

    label: str
    said: str
    parts: Sequence[tuple[str, float]]
    """CSS class and height of each part."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a line of time, from 0 to 1, with its CSS class and what is said about it."""

    start: float
    stop: float
    css: str
    said: str


def bars(name: str, title: str, columns: Sequence[Bar], unit: str, number: str = "{:g}") -> str:
    """Return stacked columns above a common line; `number` writes the numbers of the scale."""
    most = max((sum(height for _, height in column.parts) for column in columns), default=0.0)
    scale = ticks(most)
    top = scale[-1] or 1.0
    parts = [_axis(scale, top, unit, number)]
    step = _INNER / max(len(columns), 1)
    every = ceil(len(columns) / _LABELS)
    for place, column in enumerate(columns):
        left = LEFT + place * step
        width = max(step * 0.8, 0.6)
        base = float(TOP + _DEEP)
        drawn = []
        for css, value in column.parts:
            if value > 0:
                tall = value / top * _DEEP
                base -= tall
                drawn.append(
                    f'<rect class="{css}" x="{left + step * 0.1:.1f}" y="{base:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'
                )
        parts.append(f"<g><title>{escape(column.said)}</title>{''.join(drawn)}{_reach(left, step)}</g>")
        if column.label and place % every == 0:
            parts.append(
                f'<text x="{left + step / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(column.label)}</text>'
            )
    return _frame(name, title, HEIGHT, parts)


def pairs(name: str, title: str, groups: Sequence[tuple[str, str, Sequence[tuple[str, float]]]], unit: str) -> str:
    """Return groups of columns side by side: of each its label, what is said about it, and its columns by CSS class."""
    most = max((value for _, _, columns in groups for _, value in columns), default=0.0)
    scale = ticks(most)
    top = scale[-1] or 1.0
    parts = [_axis(scale, top, unit, "{:g}")]
    step = _INNER / max(len(groups), 1)
    every = ceil(len(groups) / _LONG_LABELS)
    for place, (label, said, columns) in enumerate(groups):
        left = LEFT + place * step
        width = min(step * 0.8 / max(len(columns), 1), 60)
        start = left + (step - width * len(columns)) / 2
        drawn = "".join(
            f'<rect class="{css}" x="{start + at * width:.1f}" y="{TOP + _DEEP - tall:.1f}" width="{width * 0.92:.1f}" height="{tall:.1f}"/>'
            for at, (css, value) in enumerate(columns)
            if (tall := max(value, 0) / top * _DEEP) > 0
        )
        parts.append(f"<g><title>{escape(said)}</title>{drawn}{_reach(left, step)}</g>")
        if place % every == 0:
            parts.append(
                f'<text x="{left + step / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(label)}</text>'
            )
    return _frame(name, title, HEIGHT, parts)


def spans(name: str, title: str, stretches: Sequence[Span], labels: Sequence[tuple[float, str]]) -> str:
    """Return a line of time with stretches on it, and labels at places from 0 to 1."""
    parts = [f'<rect class="line" x="{LEFT}" y="{_SPAN_TOP}" width="{_INNER}" height="{_SPAN_HEIGHT}"/>']
    for stretch in stretches:
        left = LEFT + min(max(stretch.start, 0), 1) * _INNER
        width = max(LEFT + min(max(stretch.stop, 0), 1) * _INNER - left, _LEAST)
        parts.append(
            f'<rect class="{stretch.css}" x="{left:.1f}" y="{_SPAN_TOP}" width="{width:.1f}" height="{_SPAN_HEIGHT}">'
            f"<title>{escape(stretch.said)}</title></rect>"
        )
    every = ceil(len(labels) / _LABELS)
    low = _SPAN_TOP + _SPAN_HEIGHT + 18
    parts += [
        f'<text x="{LEFT + place * _INNER:.1f}" y="{low}" text-anchor="middle">{escape(label)}</text>'
        for place, label in labels[:: max(every, 1)]
    ]
    return _frame(name, title, low + 8, parts)


def ticks(most: float) -> list[float]:
    """Return round numbers from 0 to at least `most`, about four steps apart."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / _TICKS
    unit = 10.0 ** floor(log10(rough))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough * 0.999)
    return [step * number for number in range(ceil(most / step * 0.999) + 1)]


def _axis(scale: Sequence[float], top: float, unit: str, number: str) -> str:
    drawn = []
    for tick in scale:
        high = TOP + _DEEP * (1 - tick / top)
        drawn.append(
            f'<path class="grid" d="M{LEFT} {high:.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 6}" y="{high + 4:.1f}" text-anchor="end">{escape(number.format(tick))}</text>'
        )
    drawn.append(f'<text class="unit" x="0" y="12" text-anchor="start">{escape(unit)}</text>')
    return "".join(drawn)


def _reach(left: float, step: float) -> str:
    """Return what makes a whole column show its title, also where it is low."""
    return f'<rect class="reach" x="{left:.1f}" y="{TOP}" width="{step:.1f}" height="{_DEEP}"/>'


def _frame(name: str, title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="{name}-title">'
        f'<title id="{name}-title">{escape(title)}</title>{"".join(parts)}</svg>'
    )
