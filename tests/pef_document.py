"""A PEF invoice, as small as KSeF takes it."""

from __future__ import annotations

from tests.emulator_process import NIP

UBL = "urn:oasis:names:specification:ubl:schema:xsd"


def pef_document(
    root: str = "Invoice",
    buyer: str = "<PartyTaxScheme><CompanyID>PL1130405061</CompanyID></PartyTaxScheme>",
    customization: str = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
    seller: str = NIP,
) -> bytes:
    """
    Make a UBL document with what KSeF reads of it.

    :param root: ``Invoice`` or ``CreditNote``.
    :param buyer: what identifies the buyer.
    :param customization: the profile, which tells the type.
    :param seller: the seller's identifier.
    """
    seller = f"<PartyTaxScheme><CompanyID>{seller}</CompanyID></PartyTaxScheme>"
    return f"""<{root} xmlns="{UBL}:{root}-2">
    <CustomizationID>{customization}</CustomizationID><ID> PEF/1 </ID><IssueDate>2026-03-31</IssueDate>
    <DocumentCurrencyCode>EUR</DocumentCurrencyCode>
    <AccountingSupplierParty><Party>{seller}</Party></AccountingSupplierParty>
    <AccountingCustomerParty><Party>{buyer}</Party></AccountingCustomerParty>
    <TaxTotal><TaxAmount currencyID="EUR">23</TaxAmount></TaxTotal>
    <TaxTotal><TaxAmount currencyID="PLN">98.50</TaxAmount></TaxTotal>
    <LegalMonetaryTotal><TaxExclusiveAmount>100</TaxExclusiveAmount>
    <TaxInclusiveAmount>123.00</TaxInclusiveAmount></LegalMonetaryTotal></{root}>""".encode()
