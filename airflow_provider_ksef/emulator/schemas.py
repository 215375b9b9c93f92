"""The official schemas of a local folder: no schema is ever fetched from the web."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lxml import etree

from airflow_provider_ksef.emulator.documents import FORMS, FormCode

FILES = {
    FORMS["FA (2)"]: "schemat_FA(2)_v1-0E.xsd",
    FORMS["FA (3)"]: "schemat_FA(3)_v1-0E.xsd",
    FORMS["PEF (3)"]: "Schemat_PEF(3)_v2-1.xsd",
    FORMS["PEF_KOR (3)"]: "Schemat_PEF_KOR(3)_v2-1.xsd",
    FORMS["FA_RR (1)"]: "schemat_FA_RR(1)_v1-1E.xsd",
}

LOGIN_FILES = {"2.0": "schemat_auth_v2-0.xsd", "2.1": "schemat_auth_v2-1.xsd"}

_PATTERN = "{http://www.w3.org/2001/XMLSchema}pattern"
_IMPORTS = "{http://www.w3.org/2001/XMLSchema}import", "{http://www.w3.org/2001/XMLSchema}include"


class SchemaFolderError(Exception):
    """The folder given as ``--xsd-dir`` does not hold what is needed."""


class Schemas:
    """
    The schemas below one folder, each compiled when it is first needed.

    A form whose schema is not there is not validated; FA(3) must be there.

    :param folder: holds the XSD files as the Ministry publishes them, in any subfolders.
    :raises SchemaFolderError: where the folder, FA(3)'s schema or one that a schema imports is missing.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SchemaFolderError(f"--xsd-dir {folder}: there is no such folder")
        self._folder = folder
        self._files = {path.name: path for path in sorted(folder.rglob("*.xsd"), reverse=True)}
        self._compiled: dict[str, etree.XMLSchema] = {}
        self._require(FILES[FORMS["FA (3)"]], "the schema of FA (3)")
        for name in FILES.values():
            if name in self._files:
                self._require_imports(name, set())

    @property
    def forms(self) -> tuple[FormCode, ...]:
        """The forms that are validated."""
        return tuple(form for form, name in FILES.items() if name in self._files)

    def validate(self, form: FormCode, document: etree._Element) -> str | None:
        """
        Hold a document against its form's schema.

        :returns: the first error, or nothing where there is none or the folder has no schema of this form.
        """
        return self._validate(FILES.get(form), document)

    def validate_login(self, version: str, request: etree._Element) -> str | None:
        """
        Hold an AuthTokenRequest against the schema of its version.

        :returns: the first error, or nothing where there is none or the folder has no such schema.
        """
        return self._validate(LOGIN_FILES[version], request)

    def _validate(self, name: str | None, document: etree._Element) -> str | None:
        if name is None or name not in self._files:
            return None
        schema = self._compiled.get(name)
        if schema is None:
            schema = self._compiled[name] = self._compile(name)
        if schema.validate(document):
            return None
        return str(schema.error_log[0].message)

    def _compile(self, name: str) -> etree.XMLSchema:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        parser.resolvers.add(_ByName(self._files))
        schema = etree.parse(self._files[name], parser)
        if name in LOGIN_FILES.values():
            _drop_anchors(schema)
        return etree.XMLSchema(schema)

    def _require(self, name: str, what: str) -> None:
        if name not in self._files:
            raise SchemaFolderError(
                f"--xsd-dir {self._folder}: {name} ({what}) is not in it; copy the Ministry's schemas there "
                "with their 'bazowe' folders, or leave the option out to run without schemas"
            )

    def _require_imports(self, name: str, seen: set[str]) -> None:
        seen.add(name)
        for imported in _imports_of(self._files[name]):
            self._require(imported, f"imported by {name}")
            if imported not in seen:
                self._require_imports(imported, seen)


class _ByName(etree.Resolver):  # type: ignore[misc]  # lxml brings no types
    """Finds an imported schema by the last segment of its address."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def resolve(self, url: str, public_id: str | None, context: Any) -> Any:  # noqa: ARG002  lxml's signature
        path = self._files.get(_last_segment(url))
        return None if path is None else self.resolve_filename(str(path), context)


def _drop_anchors(schema: etree._ElementTree) -> None:
    """Take out what means something in .NET's patterns only: XSD matches the whole text anyway."""
    for pattern in schema.iter(_PATTERN):
        text = pattern.get("value", "").removeprefix("^").removesuffix("$")
        pattern.set("value", text.replace(r"\b", ""))


def _imports_of(path: Path) -> Iterable[str]:
    for _, element in etree.iterparse(path, tag=_IMPORTS, resolve_entities=False, no_network=True):
        location = element.get("schemaLocation")
        if location:
            yield _last_segment(location)


def _last_segment(address: str) -> str:
    return address.rsplit("/", 1)[-1]
