"""How texts and numbers stand in an invoice document."""

from __future__ import annotations

from xml.sax.saxutils import escape


def xml_text(text: str) -> str:
    """Escape for element content, quotes too: real documents come with either."""
    return escape(text, {'"': "&quot;", "'": "&apos;"})


def money(hundredths: int) -> str:
    """An amount with two decimals, e.g. ``-0.05``."""
    sign = "-" if hundredths < 0 else ""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{sign}{whole}.{rest:02d}"


def quantity(thousandths: int) -> str:
    """A quantity with as many decimals as it needs."""
    whole, rest = divmod(thousandths, 1000)
    return f"{whole}.{rest:03d}" if rest else str(whole)


def exchange_rate(millionths: int) -> str:
    whole, rest = divmod(millionths, 1_000_000)
    return f"{whole}.{rest:06d}"


def divide(number: int, by: int) -> int:
    """Division rounded half away from zero, as amounts of tax are."""
    half = by // 2
    return (number + half) // by if number >= 0 else -((half - number) // by)
