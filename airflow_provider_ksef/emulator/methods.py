"""The ways to log in, as KSeF names them."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN = "Token"  # noqa: S105  a method, no secret
INTERNAL_CERTIFICATE = "InternalCertificate"


@dataclass(frozen=True)
class Method:
    """One of the members ``authenticationMethodInfo``."""

    category: str
    code: str
    display_name: str

    def to_json(self) -> dict[str, str]:
        return {"category": self.category, "code": self.code, "displayName": self.display_name}


METHODS = {
    TOKEN: Method("Token", "token.ksef", "Token KSeF"),
    "QualifiedSignature": Method("XadesSignature", "xades.qualified-signature", "Podpis kwalifikowany"),
    "QualifiedSeal": Method("XadesSignature", "xades.qualified-seal", "Pieczęć kwalifikowana"),
    INTERNAL_CERTIFICATE: Method("XadesSignature", "xades.internal-certificate", "Certyfikat KSeF"),
    "PeppolSignature": Method("XadesSignature", "xades.peppol-signature", "Podpis dostawcy usług Peppol"),
}
