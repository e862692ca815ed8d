"""Which lake the settings name, and where in it people's decisions about links and subjects lie."""

from pathlib import Path
from urllib.parse import urlsplit

from creditlake.settings import Settings, SettingsError
from creditlake.storage.folder import FolderLake
from creditlake.storage.lake import Lake

LINK_JUDGEMENTS = "decisions/link_judgement"  # /<business date>/<judgement id>.json
MIGRATIONS = "decisions/migration"  # /<business date>/<migration id>.json, and its rows as .parquet


def open_lake(settings: Settings) -> Lake:
    """Return the lake of CREDITLAKE_LAKE; nothing is read or written yet."""
    folder = settings.lake_url.removeprefix("file://")
    if folder != settings.lake_url and folder.startswith("/"):
        return FolderLake(Path(folder))  # taken as written: a path may hold "%" or "#"
    url = urlsplit(settings.lake_url)
    if url.scheme == "s3" and url.netloc:
        # imported here: the folder lake needs no S3 client
        from creditlake.storage.s3 import S3Lake

        return S3Lake(settings, bucket=url.netloc, prefix=url.path.strip("/"))
    raise SettingsError(
        f"CREDITLAKE_LAKE={settings.lake_url!r} names no lake; use file:///absolute/folder or s3://bucket/prefix"
    )
