"""Which outbox the settings name."""

from pathlib import Path
from urllib.parse import urlsplit

from creditlake.outbox.folder import FolderOutbox
from creditlake.outbox.outbox import Outbox
from creditlake.settings import Settings, SettingsError


def open_outbox(settings: Settings) -> Outbox:
    """Return the outbox of CREDITLAKE_OUTBOX; nothing is read, written or connected yet.

    Raises SettingsError for an address that names none, and for one that shares its place with the lake:
    departments may read an outbox. Messages do not repeat the address, because it may hold a password.
    """
    url = settings.outbox_url
    ours, lakes = (f"{address.removeprefix('file://').rstrip('/')}/" for address in (url, settings.lake_url))
    if url and (ours.startswith(lakes) or lakes.startswith(ours)):
        raise SettingsError("CREDITLAKE_OUTBOX and CREDITLAKE_LAKE share a place; give the outbox its own")
    folder = url.removeprefix("file://")
    if folder.startswith("/") or (folder and "://" not in url):
        return FolderOutbox(Path(folder).resolve(), settings.scratch)
    if url.startswith("sftp://"):
        # imported here: the other kinds need no SSH client
        from creditlake.outbox.sftp import SftpOutbox
        from creditlake.outbox.sftp_session import SftpSession

        return SftpOutbox(SftpSession.of_settings(settings, url), settings.scratch)
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc:
        from creditlake.outbox.s3 import S3Outbox

        return S3Outbox(settings, bucket=parts.netloc, prefix=parts.path.strip("/"))
    raise SettingsError(
        "CREDITLAKE_OUTBOX names no outbox; use a folder, sftp://user@host:port/folder or s3://bucket/prefix"
    )
