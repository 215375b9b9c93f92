"""The choices of requests, which KSeF takes in any case."""

from __future__ import annotations

from enum import StrEnum


class Choice(StrEnum):
    """A choice that is found without regard to case."""

    @classmethod
    def _missing_(cls, value: object) -> Choice | None:
        wanted = str(value).lower()
        return next((member for member in cls if member.lower() == wanted), None)


class SubjectType(Choice):
    """The role of a party on an invoice."""

    SELLER = "Subject1"
    BUYER = "Subject2"
    THIRD = "Subject3"
    AUTHORIZED = "SubjectAuthorized"


class DateType(Choice):
    """Which of an invoice's dates is meant."""

    ISSUE = "Issue"
    INVOICING = "Invoicing"
    PERMANENT_STORAGE = "PermanentStorage"


class SortOrder(Choice):
    """The order of a list."""

    ASCENDING = "Asc"
    DESCENDING = "Desc"


class Compression(Choice):
    """The kind of an archive."""

    ZIP = "Zip"
    TAR_GZ = "TarGz"


class AmountType(Choice):
    """Which of an invoice's amounts is meant."""

    GROSS = "Brutto"
    NET = "Netto"
    VAT = "Vat"


class BuyerType(Choice):
    """What identifies a buyer."""

    NIP = "Nip"
    VAT_UE = "VatUe"
    OTHER = "Other"
    NONE = "None"


class InvoicingMode(Choice):
    """Whether an invoice was made online or offline."""

    ONLINE = "Online"
    OFFLINE = "Offline"


class FormType(Choice):
    """A family of forms; RR is the older name of FA_RR."""

    FA = "FA"
    PEF = "PEF"
    FA_RR = "FA_RR"
    RR = "RR"


class SessionType(Choice):
    """The kind of a session."""

    ONLINE = "Online"
    BATCH = "Batch"


class SessionState(Choice):
    """How a session stands, in the filter of lists."""

    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class ContextType(Choice):
    """What identifies a context."""

    NIP = "Nip"
    INTERNAL_ID = "InternalId"
    NIP_VAT_UE = "NipVatUe"
    PEPPOL_ID = "PeppolId"


class SubjectKind(Choice):
    """What identifies a subject."""

    NIP = "Nip"
    PESEL = "Pesel"
    FINGERPRINT = "Fingerprint"


class InvoiceType(Choice):
    """What kind of invoice a document is."""

    VAT = "Vat"
    ZAL = "Zal"
    KOR = "Kor"
    ROZ = "Roz"
    UPR = "Upr"
    KOR_ZAL = "KorZal"
    KOR_ROZ = "KorRoz"
    VAT_PEF = "VatPef"
    VAT_PEF_SP = "VatPefSp"
    KOR_PEF = "KorPef"
    VAT_RR = "VatRr"
    KOR_VAT_RR = "KorVatRr"


class TokenPermission(Choice):
    """What a KSeF token, or somebody in the test data, may be allowed."""

    INVOICE_READ = "InvoiceRead"
    INVOICE_WRITE = "InvoiceWrite"
    INTROSPECTION = "Introspection"
    CREDENTIALS_READ = "CredentialsRead"
    CREDENTIALS_MANAGE = "CredentialsManage"
    SUBUNIT_MANAGE = "SubunitManage"
    ENFORCEMENT_OPERATIONS = "EnforcementOperations"
    COLLECTIVE_IDENTIFIER_MANAGE = "CollectiveIdentifierManage"


class TokenStatus(Choice):
    """How a KSeF token stands."""

    PENDING = "Pending"
    ACTIVE = "Active"
    REVOKING = "Revoking"
    REVOKED = "Revoked"
    FAILED = "Failed"


class AuthorType(Choice):
    """What identifies a person or a company that logs in."""

    NIP = "Nip"
    PESEL = "Pesel"
    FINGERPRINT = "Fingerprint"


class CertificateType(Choice):
    """What a KSeF certificate is good for."""

    AUTHENTICATION = "Authentication"
    OFFLINE = "Offline"


class CertificateStatus(Choice):
    """How a KSeF certificate stands."""

    ACTIVE = "Active"
    BLOCKED = "Blocked"
    REVOKED = "Revoked"
    EXPIRED = "Expired"


class RevocationReason(Choice):
    """Why a KSeF certificate is revoked."""

    UNSPECIFIED = "Unspecified"
    SUPERSEDED = "Superseded"
    KEY_COMPROMISE = "KeyCompromise"


class EntityType(Choice):
    """What kind of organisation the test data know."""

    ENFORCEMENT_AUTHORITY = "EnforcementAuthority"
    VAT_GROUP = "VatGroup"
    JST = "JST"
