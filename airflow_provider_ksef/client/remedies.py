"""What the reader of an error can do about it: one sentence by KSeF's code, reason or HTTP status."""

from __future__ import annotations

from airflow_provider_ksef.exceptions import Fault

_SIGNING = "This is likely a fault of this package: report it, with the trace."
_BY_CODE = {
    9101: _SIGNING,
    9102: _SIGNING,
    9103: _SIGNING,
    9105: _SIGNING,
    21001: "Send valid JSON or XML; this is likely a fault of this package, report it.",
    21111: "The login took longer than the challenge lives; run the task again.",
    21115: "Check that the certificate is valid, of the right subject, and one that this environment trusts.",
    21117: "Check the connection's login and context_type: this context cannot be used with the certificate.",
    21155: "Begin another session for the remaining invoices.",
    21157: "A part's size differs from what was declared; begin a new session.",
    21161: "Make fewer or larger parts: KSeF takes at most 50.",
    21164: "Check the KSeF number, and that the connection's context appears on the invoice.",
    21165: "The invoice is accepted but not stored yet; try again in a minute.",
    21173: "Check the reference number, and that the session belongs to this context and environment.",
    21166: "A technical correction of this invoice was accepted already; nothing is left to correct.",
    21167: "Only an offline invoice that was rejected for technical reasons can be corrected this way.",
    21175: "The export is unknown in this context and environment; start it anew.",
    21178: "The confirmation is made after the session's end; check the numbers and try again later.",
    21180: "The session is closed or ended; read its status before you send anything again.",
    21181: "This subject type cannot be exported in the connection's context type; choose another one.",
    21182: "Ten exports are running already; let them finish and try again.",
    21183: "Nothing new is there yet: the start lies beyond what KSeF has stored; try again later.",
    21184: "KSeF is under maintenance; try again later.",
    21205: "A declared part was not uploaded; begin a new session.",
    21208: "The time for uploading has passed; begin a new session.",
    21217: _SIGNING,
    21301: "Log in again; where it stays, the token was revoked: generate a new one.",
    21304: "Log in again.",
    21308: "The login belongs to someone who is recorded as deceased; use another person's.",
    21401: _SIGNING,
    21402: "The content does not have the declared size; begin anew.",
    21403: "The content does not have the declared hash; begin anew.",
    21405: "Change the parameter that the details name.",
    21406: "certificateSubject needs a NIP or PESEL in the certificate: else use certificateFingerprint.",
    21418: "Read the list again from its first page.",
    21470: "KSeF has changed its public keys; run the task again.",
    25001: "KSeF gives no data for a certificate request to this login: log in with a certificate, no token.",
    25002: "This login cannot apply for certificates: log in with a person's or company's certificate.",
    25003: "The certificate request differs from the enrollment data: build it from them as they are.",
    25004: "The certificate request is not PKCS#10 in DER, or its signature is wrong: build it anew.",
    25005: "There is no such application for a certificate in this environment; check its reference number.",
    25006: "All applications for certificates that you may make are used up; ask KSeF's support.",
    25007: "You have as many active certificates as KSeF allows: revoke one that is not needed.",
    25008: "There is no such certificate of this login; list them to find its serial number.",
    25009: "The certificate is revoked, blocked or expired already; nothing is left to do.",
    25010: "KSeF certifies RSA keys of 2048 bits and EC keys on P-256 only: make another key.",
    25011: "Sign the certificate request by RSA or ECDSA with SHA-256, SHA-384 or SHA-512.",
    26001: "A token cannot have permissions that its author lacks; leave out those that the details name.",
    26002: "Tokens are made in the context of a NIP or an internal identifier only; use such a connection.",
    30001: "The subject exists already in the test data; remove it first, or use it as it is.",
    71001: "KSeF has no such invoice, or it cannot have a collective identifier; check the KSeF number.",
    71002: "The invoice is under 132 collective identifiers of this context already; KSeF allows no more.",
    71004: "The invoices have several sellers: make a collective identifier for each seller.",
    71005: "An invoice is there twice: give each KSeF number once.",
}

_BY_REASON = {
    "missing-permissions": "Give the token one of the permissions that the details name.",
    "ip-not-allowed": "Log in without an address policy, or from an address that it allows.",
    "insufficient-resource-access": "Use the context and login that this object belongs to.",
    "auth-method-not-allowed": "KSeF does not allow this with a token; log in with a certificate.",
    "security-service-blocked": "Ask KSeF's support with the incident number.",
    "context-type-not-allowed": "Use a connection whose context has another type, such as a NIP.",
}

_BY_STATUS = {
    400: "Change what the details name.",
    401: "Check that the connection's token is valid in this environment; a link without token has expired.",
    403: "Check the token's permissions; a link to a file has expired: read the status again for a new one.",
    404: "Check the base URL and the reference number.",
    405: "Check that the base URL is that of the KSeF API 2.0 and ends in /v2.",
    406: "Check what stands between you and KSeF.",
    410: "KSeF keeps this for some days only and has dropped it; begin it anew.",
    413: "Send less at a time.",
    415: "Check that no proxy changes the content type.",
    429: "Wait as long as KSeF asks, and let fewer tasks of this context run at a time.",
    500: "Try again later; if it stays, give KSeF's support the trace.",
    502: "KSeF's gateway is in trouble; try again later.",
    503: "KSeF is overloaded or under maintenance; try again later.",
    504: "KSeF did not answer its gateway in time; try again later.",
}


_BY_OPERATION = {
    400: "The operation failed, and KSeF does not say why: check the request, then try again.",
    410: "The identifiers do not fit each other, or are in the wrong relation: check that the "
    "permission, the part or the company below belongs to this context.",
    420: "The login lacks the permission: use one with CredentialsManage, SubunitManage or VatUeManage.",
    430: "The context lacks the role: only bailiffs and enforcement authorities give EnforcementOperations, "
    "only VAT groups and local governments appoint administrators of the companies below them.",
    440: "The companies are not related so: the client must first let this context pass something on.",
    450: "KSeF does not allow this for an identifier of this type: give another one.",
    500: "KSeF failed for an unknown reason: try again later.",
    550: "KSeF broke off: try again.",
}


def operation_remedy(code: int) -> str:
    """
    Say what the status of a grant or a revocation means, and what to do next.

    :param code: of the status, 400 to 550.
    """
    return _BY_OPERATION.get(code, "Look the code up in KSeF's documentation of permissions.")


def remedy_for(fault: Fault) -> str:
    """
    Say what to do next.

    :param fault: what KSeF said.
    """
    if fault.code in _BY_CODE:
        return _BY_CODE[fault.code]
    if fault.reason_code in _BY_REASON:
        return _BY_REASON[fault.reason_code]
    if fault.http_status in _BY_STATUS:
        return _BY_STATUS[fault.http_status]
    if fault.http_status < 300:
        return (
            "Something between you and KSeF answered instead of it, or KSeF is under maintenance; try later."
        )
    if fault.http_status < 400:
        return "KSeF does not redirect; check the base URL and any proxy."
    return "Try again later." if fault.http_status >= 500 else "Change what the details name."
