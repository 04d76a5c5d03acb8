"""Who the unit is and whom it believes: its keys, the school's pinned root, and the signed documents that it holds."""

from device.identity.documents import DOCUMENTS, TELLTALE, Acceptance, DocumentStore, Held
from device.identity.keys import Identity, load_identity, load_root

__all__ = ["DOCUMENTS", "TELLTALE", "Acceptance", "DocumentStore", "Held", "Identity", "load_identity", "load_root"]
