"""Rate limits of a company's own, as TEST lets them be raised."""

from __future__ import annotations

from typing import Any

CHANGEABLE = {
    "onlineSession": (10, 30, 120),
    "batchSession": (10, 20, 60),
    "invoiceSend": (10, 30, 180),
    "invoiceStatus": (30, 120, 1200),
    "sessionList": (5, 10, 60),
    "sessionInvoiceList": (10, 20, 200),
    "sessionMisc": (10, 120, 1200),
    "invoiceMetadata": (8, 16, 20),
    "invoiceExport": (8, 16, 20),
    "invoiceExportStatus": (10, 60, 600),
    "invoiceDownload": (8, 16, 64),
    "collectiveIdentifier": (10, 60, 120),
    "other": (10, 30, 120),
}
NAMES = ("perSecond", "perMinute", "perHour")


def ten_times(**changed: tuple[int, int, int]) -> dict[str, Any]:
    """The highest limits that are allowed, some of them changed."""
    highest = {group: tuple(10 * each for each in limits) for group, limits in CHANGEABLE.items()}
    return {
        "rateLimits": {
            group: dict(zip(NAMES, limits, strict=True)) for group, limits in {**highest, **changed}.items()
        }
    }
