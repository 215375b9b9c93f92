"""Where the official KSeF material lies: beside the checkout, never in it."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED_KSEF = CHECKOUT.parent / "shared" / "ksef"
CONTRACT = SHARED_KSEF / "openapi-2.7.0.json"
