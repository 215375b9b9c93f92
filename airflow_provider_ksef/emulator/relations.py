"""How those who may be on an invoice belong together, as the emulator knows it now."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.authorizations import AuthorizationStore
from airflow_provider_ksef.emulator.store.taxpayers import TaxpayerStore


@dataclass(frozen=True)
class EmulatedRelations:
    """Relations by test data and by authorizations; they count from the moment at which they are made."""

    taxpayers: TaxpayerStore
    authorizations: AuthorizationStore

    def parents(self, nip: str) -> set[str]:
        """The VAT groups and local governments that a NIP belongs to."""
        return self.taxpayers.parents(nip)

    def has_role(self, nip: str, role: str) -> bool:
        """Whether a NIP is an enforcement authority or a bailiff."""
        return self.taxpayers.has_role(nip, role)

    def allows(self, seller_nip: str, authorized: Identity, permission: str) -> bool:
        """Whether a seller has authorized somebody to issue its invoices."""
        return self.authorizations.allows(Identity("Nip", seller_nip), authorized, permission)
