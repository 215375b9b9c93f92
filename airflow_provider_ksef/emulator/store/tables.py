"""What is kept in SQLite. Moments are ticks of 100 ns, money is grosze, lists and objects are JSON."""

from __future__ import annotations

KEYS = ("keys", "authority", "seal")
"""Tables that a reset leaves alone."""
TABLES = {
    "numbers": """
CREATE TABLE IF NOT EXISTS numbers (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL);""",
    "keys": """ CREATE TABLE IF NOT EXISTS keys ( id INTEGER PRIMARY KEY,
    usage TEXT NOT NULL, private_key BLOB NOT NULL, certificate BLOB NOT NULL,
    valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL, is_original INTEGER NOT NULL,
    is_listed INTEGER NOT NULL
);""",
    "tokens": """
CREATE TABLE IF NOT EXISTS tokens (
    reference TEXT PRIMARY KEY, digest TEXT NOT NULL, context TEXT NOT NULL, author TEXT NOT NULL,
    description TEXT NOT NULL, permissions TEXT NOT NULL, created INTEGER NOT NULL, status TEXT NOT NULL,
    settled INTEGER NOT NULL, used INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS tokens_by_digest ON tokens (digest, context);
CREATE INDEX IF NOT EXISTS tokens_by_context ON tokens (context, created);""",
    "challenges": """
CREATE TABLE IF NOT EXISTS challenges (
    challenge TEXT PRIMARY KEY, issued INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS challenges_by_time ON challenges (issued);""",
    "logins": """
CREATE TABLE IF NOT EXISTS logins (
    reference TEXT PRIMARY KEY, context_type TEXT NOT NULL, context_value TEXT NOT NULL,
    subject TEXT, method TEXT NOT NULL, started INTEGER NOT NULL, ready INTEGER NOT NULL,
    code INTEGER NOT NULL, detail TEXT, permissions TEXT NOT NULL, subject_details TEXT, policy TEXT,
    token TEXT, document_hash TEXT, is_redeemed INTEGER NOT NULL DEFAULT 0, refreshed INTEGER,
    refresh_until INTEGER
);""",
    "people": """
CREATE TABLE IF NOT EXISTS people (
    nip TEXT PRIMARY KEY, pesel TEXT NOT NULL, is_bailiff INTEGER NOT NULL, is_deceased INTEGER NOT NULL,
    description TEXT NOT NULL, created INTEGER NOT NULL, is_removed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS people_by_pesel ON people (pesel);""",
    "entities": """
CREATE TABLE IF NOT EXISTS entities (
    nip TEXT PRIMARY KEY, kind TEXT NOT NULL, description TEXT NOT NULL, created INTEGER NOT NULL,
    is_removed INTEGER NOT NULL DEFAULT 0
);""",
    "subunits": """
CREATE TABLE IF NOT EXISTS subunits (
    parent TEXT, nip TEXT, description TEXT NOT NULL, PRIMARY KEY (parent, nip)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subunits_by_nip ON subunits (nip);""",
    "permission_grants": """
CREATE TABLE IF NOT EXISTS permission_grants (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, granted_in TEXT NOT NULL, holds_in TEXT NOT NULL,
    authorized TEXT NOT NULL, permission TEXT NOT NULL, can_delegate INTEGER NOT NULL,
    author TEXT NOT NULL, description TEXT NOT NULL, started INTEGER NOT NULL, details BLOB NOT NULL,
    UNIQUE (kind, granted_in, holds_in, authorized, permission)
);
CREATE INDEX IF NOT EXISTS grants_by_authorized ON permission_grants (authorized, holds_in);
CREATE INDEX IF NOT EXISTS grants_by_place ON permission_grants (holds_in);
CREATE INDEX IF NOT EXISTS grants_by_giver ON permission_grants (granted_in);""",
    "authorizations": """
CREATE TABLE IF NOT EXISTS authorizations (
    id TEXT PRIMARY KEY, authorizing TEXT NOT NULL, authorized TEXT NOT NULL, permission TEXT NOT NULL,
    author TEXT NOT NULL, description TEXT NOT NULL, full_name TEXT NOT NULL, started INTEGER NOT NULL,
    UNIQUE (authorizing, authorized, permission)
);
CREATE INDEX IF NOT EXISTS authorizations_by_authorized ON authorizations (authorized);""",
    "permission_operations": """
CREATE TABLE IF NOT EXISTS permission_operations (
    reference TEXT PRIMARY KEY, context TEXT NOT NULL, created INTEGER NOT NULL, code INTEGER NOT NULL,
    work BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_running ON permission_operations (created) WHERE code = 100;""",
    "blocks": """
CREATE TABLE IF NOT EXISTS blocks (
    context TEXT PRIMARY KEY
) WITHOUT ROWID;""",
    "sessions": """
CREATE TABLE IF NOT EXISTS sessions (
    reference TEXT PRIMARY KEY, kind TEXT NOT NULL, context TEXT NOT NULL, form TEXT NOT NULL,
    code INTEGER NOT NULL, details TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    closed INTEGER, valid_until INTEGER NOT NULL, is_offline INTEGER NOT NULL, aes_key BLOB,
    iv BLOB NOT NULL, file_size INTEGER, file_hash TEXT, compression TEXT, accepted INTEGER,
    rejected INTEGER, subject TEXT NOT NULL, token_reference TEXT, document_hash TEXT
);
CREATE INDEX IF NOT EXISTS sessions_by_context ON sessions (context, kind, created);
CREATE INDEX IF NOT EXISTS sessions_open ON sessions (valid_until) WHERE code = 100;""",
    "parts": """
CREATE TABLE IF NOT EXISTS parts (
    session TEXT NOT NULL, ordinal INTEGER NOT NULL, size INTEGER NOT NULL, hash TEXT NOT NULL,
    stored_size INTEGER, stored_hash TEXT, PRIMARY KEY (session, ordinal)
) WITHOUT ROWID;""",
    "session_invoices": """
CREATE TABLE IF NOT EXISTS session_invoices (
    session TEXT NOT NULL, ordinal INTEGER NOT NULL, reference TEXT NOT NULL, hash TEXT NOT NULL,
    invoicing INTEGER NOT NULL, file_name TEXT, code INTEGER NOT NULL, description TEXT NOT NULL,
    details TEXT, extensions TEXT, invoice_number TEXT, ksef_number TEXT, acquired INTEGER,
    stored INTEGER, mode TEXT, is_offline INTEGER NOT NULL, size INTEGER, corrected_hash TEXT,
    PRIMARY KEY (session, ordinal)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS session_invoices_by_reference ON session_invoices (reference);
CREATE INDEX IF NOT EXISTS session_invoices_by_hash ON session_invoices (hash);
CREATE INDEX IF NOT EXISTS session_invoices_by_corrected_hash
    ON session_invoices (corrected_hash) WHERE corrected_hash IS NOT NULL;""",
    "upo_pages": """
CREATE TABLE IF NOT EXISTS upo_pages (
    session TEXT NOT NULL, number INTEGER NOT NULL, reference TEXT NOT NULL,
    PRIMARY KEY (session, number)
) WITHOUT ROWID;""",
    "attachment_consents": """
CREATE TABLE IF NOT EXISTS attachment_consents (
    nip TEXT PRIMARY KEY, ends INTEGER
);""",
    "context_limits": """
CREATE TABLE IF NOT EXISTS context_limits (
    context TEXT PRIMARY KEY, limits BLOB NOT NULL
);""",
    "subject_limits": """
CREATE TABLE IF NOT EXISTS subject_limits (
    subject TEXT PRIMARY KEY, enrollments INTEGER, certificates INTEGER
);""",
    "invoices": """
CREATE TABLE IF NOT EXISTS invoices (
    id INTEGER PRIMARY KEY, ksef_number TEXT NOT NULL, seller_nip TEXT NOT NULL,
    invoice_type TEXT NOT NULL, invoice_number TEXT NOT NULL, issued INTEGER NOT NULL,
    invoicing INTEGER NOT NULL, stored INTEGER NOT NULL, mode TEXT NOT NULL, net INTEGER NOT NULL,
    gross INTEGER NOT NULL, vat INTEGER NOT NULL, currency TEXT NOT NULL, buyer_type TEXT NOT NULL,
    buyer_value TEXT, is_self_invoicing INTEGER NOT NULL, has_attachment INTEGER NOT NULL,
    form_value TEXT NOT NULL, session TEXT NOT NULL, metadata BLOB NOT NULL, xml BLOB, recipe TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS invoices_by_ksef_number ON invoices (ksef_number);
CREATE INDEX IF NOT EXISTS invoices_by_content
    ON invoices (invoice_number, seller_nip, invoice_type);""",
    "roles": """
CREATE TABLE IF NOT EXISTS roles (
    party TEXT NOT NULL, subject_type TEXT NOT NULL, stored INTEGER NOT NULL, invoice INTEGER NOT NULL,
    PRIMARY KEY (party, subject_type, stored, invoice)
) WITHOUT ROWID;""",
    "series": """
CREATE TABLE IF NOT EXISTS series (
    nip TEXT, subject_type TEXT, seed INTEGER, next_index INTEGER NOT NULL,
    PRIMARY KEY (nip, subject_type, seed)
);""",
    "own_limits": """
CREATE TABLE IF NOT EXISTS own_limits (
    context TEXT PRIMARY KEY, limits BLOB NOT NULL
);""",
    "latarnia": """
CREATE TABLE IF NOT EXISTS latarnia (
    id INTEGER PRIMARY KEY, state TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    start INTEGER NOT NULL, end INTEGER, published INTEGER NOT NULL
);""",
    "authority": """
CREATE TABLE IF NOT EXISTS authority (
    id INTEGER PRIMARY KEY, private_key BLOB NOT NULL, certificate BLOB NOT NULL
);""",
    "seal": """
CREATE TABLE IF NOT EXISTS seal (
    id INTEGER PRIMARY KEY, private_key BLOB NOT NULL, certificate BLOB NOT NULL
);""",
    "signers": """
CREATE TABLE IF NOT EXISTS signers (
    login TEXT PRIMARY KEY, certificate BLOB NOT NULL
);""",
    "ksef_certificates": """
CREATE TABLE IF NOT EXISTS ksef_certificates (
    serial TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    common_name TEXT NOT NULL, der BLOB NOT NULL, public_key TEXT NOT NULL, requested INTEGER NOT NULL,
    issued INTEGER NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL, revoked INTEGER,
    used INTEGER
);
CREATE INDEX IF NOT EXISTS ksef_certificates_by_subject ON ksef_certificates (subject, requested);
CREATE INDEX IF NOT EXISTS ksef_certificates_by_der ON ksef_certificates (der);
CREATE INDEX IF NOT EXISTS ksef_certificates_by_key ON ksef_certificates (public_key);""",
    "enrollments": """
CREATE TABLE IF NOT EXISTS enrollments (
    reference TEXT PRIMARY KEY, subject TEXT NOT NULL, requested INTEGER NOT NULL, ready INTEGER NOT NULL,
    code INTEGER NOT NULL, detail TEXT, serial TEXT
);
CREATE INDEX IF NOT EXISTS enrollments_by_subject ON enrollments (subject);""",
    "peppol_providers": """
CREATE TABLE IF NOT EXISTS peppol_providers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID;""",
    "collective_identifiers": """
CREATE TABLE IF NOT EXISTS collective_identifiers (
    number TEXT PRIMARY KEY, context TEXT NOT NULL, seller_nip TEXT NOT NULL, created INTEGER NOT NULL,
    count INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS collective_identifiers_by_context ON collective_identifiers (context, created);
CREATE INDEX IF NOT EXISTS collective_identifiers_by_seller
    ON collective_identifiers (seller_nip, created);""",
    "collected_invoices": """
CREATE TABLE IF NOT EXISTS collected_invoices (
    number TEXT NOT NULL, ksef_number TEXT NOT NULL, amount REAL, currency TEXT, description TEXT,
    PRIMARY KEY (number, ksef_number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS collected_invoices_by_ksef_number ON collected_invoices (ksef_number);""",
    "exports": """
CREATE TABLE IF NOT EXISTS exports (
    reference TEXT PRIMARY KEY, context TEXT NOT NULL, subject TEXT NOT NULL, created INTEGER NOT NULL,
    code INTEGER NOT NULL, detail TEXT, completed INTEGER, filters BLOB NOT NULL,
    only_metadata INTEGER NOT NULL, compression TEXT NOT NULL, aes_key BLOB, iv BLOB NOT NULL, package BLOB
);""",
}
