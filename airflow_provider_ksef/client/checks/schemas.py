"""The official schemas of a folder, compiled without any network: imports are found by their file's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError

if TYPE_CHECKING:
    from lxml import etree

SCHEMA_FILES: Mapping[str, str] = {
    "FA (2)": "schemat_FA(2)_v1-0E.xsd",
    "FA (3)": "schemat_FA(3)_v1-0E.xsd",
    "FA_RR (1)": "schemat_FA_RR(1)_v1-1E.xsd",
    "PEF (3)": "Schemat_PEF(3)_v2-1.xsd",
    "PEF_KOR (3)": "Schemat_PEF_KOR(3)_v2-1.xsd",
}
"""Name of each form's schema as the Ministry publishes it (KSeF docs: faktury/schemy)."""

_LOCATION = re.compile(rb"""<(?:\w+:)?(?:import|include)\b[^>]*?\sschemaLocation\s*=\s*["']([^"']+)["']""")


def read_schema(folder: UPath, form_code: str) -> dict[str, bytes]:
    """
    Read a form's schema, and all that it imports, by their names; the form's own comes first.

    :param folder: holds the XSD files, in any subfolders.
    :param form_code: system code of the form.
    :raises KsefInputError: where one of the files is not below the folder.
    """
    paths = {path.name: path for path in sorted(folder.rglob("*.xsd"), key=str, reverse=True)}
    contents: dict[str, bytes] = {}
    wanted = [SCHEMA_FILES[form_code]]
    while wanted:
        name = wanted.pop(0)
        if name in contents:
            continue
        if name not in paths:
            raise KsefInputError(
                "schema_dir",
                str(folder),
                f"{name}, which the schema of {form_code} needs, is not in it",
                "Copy the Ministry's schemas there with their 'bazowe' folders, or leave schema_dir out.",
            )
        contents[name] = paths[name].read_bytes()
        wanted += [_last_segment(found.decode()) for found in _LOCATION.findall(contents[name])]
    return contents


def compile_schema(contents: Mapping[str, bytes]) -> etree.XMLSchema:
    """
    Compile what :func:`read_schema` read.

    :raises KsefInputError: where the files are no schema.
    """
    from lxml import etree

    class ByName(etree.Resolver):  # type: ignore[misc]  # lxml brings no types
        def resolve(self, url: str, public_id: str | None, context: Any) -> Any:  # noqa: ARG002  lxml's own
            content = contents.get(_last_segment(url))
            return None if content is None else self.resolve_string(content, context, base_url=url)

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(ByName())
    name = next(iter(contents))
    try:
        return etree.XMLSchema(etree.fromstring(contents[name], parser, base_url=name))
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise KsefInputError(
            "schema_dir", name, f"is not a schema: {error}", "Copy the Ministry's file anew."
        ) from error


def _last_segment(address: str) -> str:
    return address.rsplit("/", 1)[-1]
