"""One emulated KSeF: everything that its endpoints work with."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_ksef.emulator.authority import Authority
from airflow_provider_ksef.emulator.clock import Clock
from airflow_provider_ksef.emulator.faults import Faults
from airflow_provider_ksef.emulator.files import Files
from airflow_provider_ksef.emulator.hwm import HighWaterMark
from airflow_provider_ksef.emulator.jobs import Jobs
from airflow_provider_ksef.emulator.keys import ServerKeys
from airflow_provider_ksef.emulator.ksef_tokens import keep_given_tokens
from airflow_provider_ksef.emulator.latarnia import Latarnia
from airflow_provider_ksef.emulator.links import Links
from airflow_provider_ksef.emulator.moments import polish_day
from airflow_provider_ksef.emulator.numbers import make_reference_number
from airflow_provider_ksef.emulator.page_marks import PageMarks
from airflow_provider_ksef.emulator.rate_limits import RateLimits
from airflow_provider_ksef.emulator.schemas import Schemas
from airflow_provider_ksef.emulator.seal import Seal
from airflow_provider_ksef.emulator.settings import Settings
from airflow_provider_ksef.emulator.stats import Stats
from airflow_provider_ksef.emulator.store.attachments import ConsentStore
from airflow_provider_ksef.emulator.store.authorizations import AuthorizationStore
from airflow_provider_ksef.emulator.store.certificates import CertificateStore
from airflow_provider_ksef.emulator.store.collective import CollectiveStore
from airflow_provider_ksef.emulator.store.database import Database
from airflow_provider_ksef.emulator.store.exports import ExportStore
from airflow_provider_ksef.emulator.store.grants import GrantStore
from airflow_provider_ksef.emulator.store.invoices import InvoiceStore
from airflow_provider_ksef.emulator.store.limits import LimitStore
from airflow_provider_ksef.emulator.store.logins import LoginStore
from airflow_provider_ksef.emulator.store.operations import OperationStore
from airflow_provider_ksef.emulator.store.own_limits import OwnLimits
from airflow_provider_ksef.emulator.store.peppol import PeppolStore
from airflow_provider_ksef.emulator.store.session_invoices import SessionInvoiceStore
from airflow_provider_ksef.emulator.store.sessions import SessionStore
from airflow_provider_ksef.emulator.store.taxpayers import TaxpayerStore
from airflow_provider_ksef.emulator.store.tokens import TokenStore
from airflow_provider_ksef.emulator.store.upo import UpoStore
from airflow_provider_ksef.emulator.work_faults import WorkFaults


class Emulator:
    """
    The parts of one emulator, held together.

    :param folder: for uploaded parts and packages; with the database where no state file is given.
    :raises SchemaFolderError: where ``settings.xsd_dir`` lacks schemas.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = self._first_settings = settings
        self.schemas = Schemas(settings.xsd_dir) if settings.xsd_dir else None
        is_lasting = settings.state is not None
        self.database = Database(settings.state or folder / "state.sqlite", durable=is_lasting)
        self.files = Files(folder)
        self.clock = Clock(self.database)
        self.keys = ServerKeys(self.database, self.clock)
        self.hwm = HighWaterMark(self.database, self.clock, settings.hwm_lag)
        self.page_marks = PageMarks(self.hwm)
        self.logins = LoginStore(self.database)
        self.tokens = TokenStore(self.database)
        self.authority = Authority(self.database, self.clock)
        self.seal = Seal(self.database, self.clock)
        self.certificates = CertificateStore(self.database)
        self.peppol = PeppolStore(self.database)
        self.collective = CollectiveStore(self.database)
        self.taxpayers = TaxpayerStore(self.database)
        self.grants = GrantStore(self.database)
        self.authorizations = AuthorizationStore(self.database)
        self.operations = OperationStore(self.database)
        self.invoices = InvoiceStore(self.database)
        self.sessions = SessionStore(self.database)
        self.session_invoices = SessionInvoiceStore(self.database)
        self.upo = UpoStore(self.database)
        self.limits = LimitStore(self.database)
        self.consents = ConsentStore(self.database)
        self.exports = ExportStore(self.database)
        self.jobs = Jobs(settings.delay)
        self.faults = Faults()
        self.stats = Stats()
        self.work_faults = WorkFaults()
        self.latarnia = Latarnia(self.database)
        self.rate_limits = RateLimits(
            OwnLimits(self.database), is_enforced=settings.has_production_rate_limits
        )
        self.secret = self.keys.derive_secret()
        self.links = Links(self.secret, settings.public_url)
        keep_given_tokens(self.tokens, settings.tokens, self.clock.now())

    def reset(self) -> None:
        """Be as just after the start, but for the invoices that the command line seeds."""
        with self.database.transaction():
            self.database.empty()
            self.clock.reload()
            self.hwm.reload()
            self.keys.restore()
            keep_given_tokens(self.tokens, self.settings.tokens, self.clock.now())
            self.rate_limits.own.reload()
        self.files.empty()
        self.faults.clear()
        self.work_faults.clear()
        self.stats.clear()
        self.rate_limits.clear()
        self.page_marks.clear()
        self.behave(self._first_settings)

    def behave(self, settings: Settings) -> None:
        """Take over the settings that may change at run time."""
        self.settings = settings
        self.jobs.delay = settings.delay
        self.hwm.lag = settings.hwm_lag
        self.rate_limits.is_enforced = settings.has_production_rate_limits

    def has_invoices(self) -> bool:
        """Whether any invoice is kept, as in a state of an earlier run."""
        return self.database.row("SELECT 1 FROM invoices LIMIT 1") is not None

    def new_reference(self, kind: str) -> str:
        """A reference number of today."""
        return make_reference_number(kind, polish_day(self.clock.now()))

    def close(self) -> None:
        """End the work in the background and close the database."""
        self.jobs.stop()
        self.database.close()
