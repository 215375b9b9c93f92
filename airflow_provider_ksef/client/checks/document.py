"""One invoice, checked by every rule that needs no other file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_ksef.client.checks.content import content_findings
from airflow_provider_ksef.client.checks.encoding import character_findings, encoding_finding
from airflow_provider_ksef.client.checks.facts import InvoiceFacts, read_facts
from airflow_provider_ksef.client.checks.finding import TOO_LARGE, Finding
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_limits import InvoiceLimits

if TYPE_CHECKING:
    from lxml import etree


class Outcome(NamedTuple):
    """
    What became of one file.

    :param findings: what is wrong with it.
    :param size: bytes that were read.
    :param sha256: hexadecimal, of these bytes.
    :param facts: what was read of the document.
    """

    findings: tuple[Finding, ...]
    size: int = 0
    sha256: str = ""
    facts: InvoiceFacts = InvoiceFacts()


def check_content(content: bytes, rules: CheckRules, schema: etree.XMLSchema | None = None) -> Outcome:
    """
    Check one invoice.

    :param content: the file, or its beginning where it is larger than KSeF takes.
    :param rules: what it is held against.
    :param schema: of the form, or None where it is not held against one.
    """
    unreadable = _size_finding(content, rules.limits) or encoding_finding(content)
    if unreadable:
        return Outcome((unreadable,))
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        return Outcome((_not_well_formed(error),))
    facts = read_facts(root)
    findings = (*_xml_findings(content, root, rules.limits), *content_findings(root, facts, rules, schema))
    return Outcome(findings, len(content), hashlib.sha256(content).hexdigest(), facts)


def _size_finding(content: bytes, limits: InvoiceLimits) -> Finding | None:
    if not content:
        return Finding("file.empty", None, "the file is empty", "Write the invoice again.")
    if len(content) <= limits.largest:
        return None
    return Finding(
        TOO_LARGE,
        None,
        f"has more than {limits.largest:,} bytes, which KSeF takes at most ({limits.source})",
        "Make the attachment smaller, or split the invoice.",
    )


def _not_well_formed(error: etree.XMLSyntaxError) -> Finding:
    return Finding(
        "xml.not-well-formed",
        error.lineno or None,
        f"is not well-formed XML: {error.msg}",
        "Write the file as XML 1.0.",
    )


def _xml_findings(content: bytes, root: etree._Element, limits: InvoiceLimits) -> Iterator[Finding]:
    if len(content) > limits.max_size and root.find("{*}Zalacznik") is None:
        yield Finding(
            TOO_LARGE,
            None,
            f"has {len(content):,} bytes, KSeF takes at most {limits.max_size:,} without an attachment "
            f"({limits.source})",
            "Split the invoice.",
        )
    document = root.getroottree().docinfo
    if document.xml_version != "1.0":
        yield Finding("xml.version", 1, f"is XML {document.xml_version}", "Write the file as XML 1.0.")
    if document.internalDTD is not None:
        yield Finding("xml.doctype", 1, "has a DOCTYPE, which KSeF refuses", "Take the DOCTYPE out.")
    yield from _instructions(content, root)
    yield from character_findings(content, root)


def _instructions(content: bytes, root: etree._Element) -> Iterator[Finding]:
    if content.count(b"<?") <= content.startswith(b"<?xml"):
        return
    from lxml import etree

    around = (*root.itersiblings(etree.PI, preceding=True), *root.itersiblings(etree.PI))
    for found in (*around, *root.iter(etree.PI)):
        yield Finding(
            "xml.processing-instruction",
            found.sourceline,
            f"has the processing instruction {found.target!r}, which KSeF refuses",
            "Take it out; a stylesheet is not part of an invoice.",
        )
