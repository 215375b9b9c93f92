"""Reading an AuthTokenRequest of schema 2.0 or 2.1."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from airflow_provider_ksef.emulator.elements import collapse
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.policies import (
    ADDRESS,
    MASK,
    MOST_ENTRIES,
    RANGE,
    AllowedIps,
    AuthorizationPolicy,
)
from airflow_provider_ksef.emulator.schemas import Schemas
from airflow_provider_ksef.emulator.signed_documents import REQUEST

BY_SUBJECT, BY_FINGERPRINT = "certificateSubject", "certificateFingerprint"

_NAMESPACES = {f"http://ksef.mf.gov.pl/auth/token/{version}": version for version in ("2.0", "2.1")}
_CHALLENGE = re.compile(r"\d{8}-CR-[A-F0-9]{10}-[A-F0-9]{10}-[A-F0-9]{2}", re.ASCII)
_SUBJECTS = re.compile(f"{BY_SUBJECT}|{BY_FINGERPRINT}")
_CONTEXTS = ("Nip", "InternalId", "NipVatUe", "PeppolId")
_IPS = {name: re.compile(pattern) for name, pattern in (("Ip4Address", ADDRESS), ("Ip4Range", RANGE))}
_IPS["Ip4Mask"] = re.compile(MASK)
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


@dataclass(frozen=True)
class AuthRequest:
    """
    What a signed login asks for.

    :param identify_by: ``certificateSubject`` or ``certificateFingerprint``.
    """

    challenge: str
    context: Identity
    identify_by: str
    policy: AuthorizationPolicy


def read_auth_request(request: etree._Element, schemas: Schemas | None) -> AuthRequest:
    """
    Read the request, without its signature.

    :param schemas: also holds it against the official schema, where the folder has it.
    :raises ApiError: 9101 where it is of no known version, 21401 where it is not as the schema wants it.
    """
    name = etree.QName(request)
    version = _NAMESPACES.get(name.namespace or "")
    if version is None or name.localname != REQUEST:
        raise ApiError(9101, f"Nieznana wersja żądania: element '{name.localname}' w '{name.namespace}'.")
    error = schemas.validate_login(version, request) if schemas else None
    if error:
        raise ApiError(21401, error)
    for element in request.iter(etree.Element):
        _check_attributes(element)
    children = _children(request)
    challenge = _take(children, request, "Challenge")
    context = _take(children, request, "ContextIdentifier")
    identify_by = _take(children, request, "SubjectIdentifierType")
    policy = children.pop(0) if children and _is_named(children[0], "AuthorizationPolicy") else None
    _check_end(children, request)
    return AuthRequest(
        challenge=_matching(challenge, _CHALLENGE),
        context=_context(context),
        identify_by=_matching(identify_by, _SUBJECTS),
        policy=AuthorizationPolicy() if policy is None else _policy(policy),
    )


def _context(element: etree._Element) -> Identity:
    children = _children(element)
    kind = etree.QName(children[0]).localname if children else ""
    if kind not in _CONTEXTS:
        raise _incomplete(element, ", ".join(_CONTEXTS))
    chosen = _take(children, element, kind)
    _check_end(children, element)
    context = Identity(kind, _text(chosen))
    if not context.is_well_formed:
        raise _failed(kind, context.value)
    return context


def _policy(element: etree._Element) -> AuthorizationPolicy:
    children = _children(element)
    allowed = _take(children, element, "AllowedIps")
    _check_end(children, element)
    entries = _children(allowed)
    found: dict[str, list[str]] = {}
    for name, pattern in _IPS.items():
        values = found.setdefault(name, [])
        while entries and _is_named(entries[0], name) and len(values) < MOST_ENTRIES:
            values.append(_matching(entries.pop(0), pattern))
    _check_end(entries, allowed)
    return AuthorizationPolicy(
        allowed_ips=AllowedIps(
            ip4_addresses=found["Ip4Address"], ip4_ranges=found["Ip4Range"], ip4_masks=found["Ip4Mask"]
        )
    )


def _children(element: etree._Element) -> list[etree._Element]:
    if any((text or "").strip() for text in (element.text, *[child.tail for child in element])):
        raise ApiError(21401, f"The element '{etree.QName(element).localname}' cannot contain text.")
    return list(element.iterchildren(etree.Element))


def _take(children: list[etree._Element], parent: etree._Element, name: str) -> etree._Element:
    if not children or not _is_named(children[0], name) or _namespace(children[0]) != _namespace(parent):
        raise _incomplete(parent, name)
    return children.pop(0)


def _is_named(element: etree._Element, name: str) -> bool:
    return bool(etree.QName(element).localname == name)


def _namespace(element: etree._Element) -> str | None:
    namespace: str | None = etree.QName(element).namespace
    return namespace


def _matching(element: etree._Element, pattern: re.Pattern[str]) -> str:
    text = collapse(_text(element))
    if not pattern.fullmatch(text):
        raise _failed(etree.QName(element).localname, text)
    return text


def _text(element: etree._Element) -> str:
    if next(element.iterchildren(etree.Element), None) is not None:
        raise ApiError(21401, f"The element '{etree.QName(element).localname}' cannot contain elements.")
    # a comment splits the text of lxml, but not the one that canonicalization signs
    return str(element.xpath("string()"))


def _check_attributes(element: etree._Element) -> None:
    for name in element.attrib:
        if not name.startswith(_SCHEMA_INSTANCE):
            raise ApiError(21401, f"The '{name}' attribute is not declared.")


def _check_end(children: list[etree._Element], parent: etree._Element) -> None:
    if children:
        name = etree.QName(children[0]).localname
        detail = f"The element '{etree.QName(parent).localname}' has invalid child element '{name}'."
        raise ApiError(21401, detail)


def _incomplete(parent: etree._Element, expected: str) -> ApiError:
    name = etree.QName(parent).localname
    return ApiError(
        21401,
        f"The element '{name}' has incomplete content. List of possible elements expected: '{expected}'.",
    )


def _failed(name: str, value: str) -> ApiError:
    return ApiError(
        21401,
        f"The '{name}' element is invalid - The value '{value}' is invalid according to its datatype - "
        "The Pattern constraint failed.",
    )
