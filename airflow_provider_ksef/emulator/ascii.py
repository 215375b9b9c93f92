"""Polish text where only ASCII may stand."""

from __future__ import annotations

import unicodedata

_UNDECOMPOSED = str.maketrans("łŁ", "lL")


def fold_to_ascii(text: str) -> str:
    """Take the diacritics away; what is no letter of theirs becomes a question mark."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_UNDECOMPOSED))
    bare = "".join(each for each in decomposed if not unicodedata.combining(each))
    return "".join(each if " " <= each <= "~" else "?" for each in bare)
