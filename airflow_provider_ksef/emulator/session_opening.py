"""What a new session remembers, of whichever kind it is."""

from __future__ import annotations

from airflow_provider_ksef.emulator.access import Caller
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.facts import FormCode
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.store.sessions import OPEN, Session

_LIFE = 12 * 3600 * TICKS_PER_SECOND
_KINDS = {"Online": "SO", "Batch": "SB"}


def new_session(
    emulator: Emulator, caller: Caller, kind: str, form: FormCode, encryption: tuple[bytes | None, bytes]
) -> Session:
    """
    Make a session that is open from now on; it is not kept yet.

    :param encryption: AES key and IV; the key is None where it could not be decrypted.
    """
    now = emulator.clock.now()
    login = emulator.logins.get(caller.login)
    return Session(
        reference=emulator.new_reference(_KINDS[kind]),
        kind=kind,
        context=caller.context,
        form=form.system_code,
        code=OPEN,
        details=None,
        created=now,
        updated=now,
        closed=None,
        valid_until=now + _LIFE,
        is_offline=False,
        aes_key=encryption[0],
        iv=encryption[1],
        subject=caller.subject,
        token_reference=login.token if login else None,
        document_hash=login.document_hash if login else None,
    )
