"""An application for a certificate that KSeF refuses: its code, its text, the meaning, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_ksef.exceptions import KsefStatusError
from airflow_provider_ksef.operators.certificates import KsefEnrollCertificateOperator
from airflow_provider_ksef.operators.secret_sinks import FileSink
from tests.emulator_process import EmulatorProcess
from tests.system.operator_context import context
from tests.system.permission_ways import to_its_end

TOLD = {
    400: "Wniosek odrzucony.* refused the application: use a new key",
    500: "Nieznany błąd.* failed for an unknown reason: try again later",
    550: "Operacja została anulowana przez system.* broke off: apply again",
}


@pytest.mark.parametrize("deferrable", [False, True], ids=["in place", "deferred"])
def test_each_code_of_an_application_is_told(
    owned: EmulatorProcess, tmp_path: Path, deferrable: bool
) -> None:
    sink = FileSink(tmp_path / "certificate")
    for code, told in TOLD.items():
        owned.control("faults", kind="enrollment-status", code=code)
        task = KsefEnrollCertificateOperator(
            task_id="enroll", certificate_name="Sync 2026", sink=sink, deferrable=deferrable
        )
        with pytest.raises(KsefStatusError, match=rf"status {code}: {told}"):
            to_its_end(task, context())
    assert list(tmp_path.iterdir()) == []
