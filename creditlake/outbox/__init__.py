"""Outboxes: where departments fetch their return files. Whatever writes or looks for such files asks here."""

from creditlake.outbox.folder import FolderOutbox
from creditlake.outbox.outbox import Outbox, WrittenFile
from creditlake.outbox.places import open_outbox

__all__ = ["FolderOutbox", "Outbox", "WrittenFile", "open_outbox"]
