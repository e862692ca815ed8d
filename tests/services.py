"""Real servers for tests, on free loopback ports, stopped by their own process id."""

import os
import secrets
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import urllib3
from minio import Minio

from creditlake.loopback import free_port
from creditlake.settings import REPOSITORY, Settings, read_settings

# For JVMs that live for seconds: the second compiler and several collector threads would not pay.
QUICK_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
START_SECONDS = 60


def tools_folder() -> Path:
    """Return where infra/setup puts what it installs."""
    return Path(os.environ.get("CREDITLAKE_TOOLS", REPOSITORY / "var" / "tools"))


def find_minio() -> str:
    """Return the MinIO server's program; a missing one is an error, never a skipped test."""
    found = shutil.which("minio", path=f"{tools_folder() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if not found:
        raise FileNotFoundError("no MinIO server program; run infra/setup/minio.sh (once, 2-5 minutes)")
    return found


@dataclass
class MinioServer:
    """One MinIO process over one data folder; it can be stopped and started again on its port."""

    folder: Path
    port: int
    access_key: str
    secret_key: str
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> "MinioServer":
        """Prepare a server with its own keys; start() starts it."""
        return cls(folder, free_port(), "creditlake-test", secrets.token_urlsafe(24))

    @property
    def endpoint(self) -> str:
        """host:port of the S3 interface."""
        return f"127.0.0.1:{self.port}"

    def start(self, disk_megabytes: int = 0) -> None:
        """Start the server and wait until it is ready; over a small disk of its own, if a size is given."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        env = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }
        command = [find_minio(), "server", "--quiet", "--address", self.endpoint, str(data)]
        if disk_megabytes:
            command = on_small_disk(data, disk_megabytes, f"exec {shlex.join(command)}")
        with (self.folder / "minio.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=env,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        url = f"http://{self.endpoint}/minio/health/ready"
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"MinIO ended at once:\n{(self.folder / 'minio.log').read_text()}")
            try:
                if urllib3.request("GET", url, timeout=2, retries=False).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)  # MinIO is asked until START_SECONDS
        raise TimeoutError(
            f"MinIO not ready after {START_SECONDS} s:\n{(self.folder / 'minio.log').read_text()}"
        )

    def stop(self) -> None:
        """Stop this server's process and wait for its end."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def make_bucket(self, name: str) -> None:
        """Create a bucket; a server that has just started may say 503, and to ask again in a minute."""
        soon = urllib3.Retry(
            20, backoff_factor=0.1, backoff_max=1, status_forcelist=[503], respect_retry_after_header=False
        )
        Minio(
            self.endpoint,
            self.access_key,
            self.secret_key,
            secure=False,
            http_client=urllib3.PoolManager(retries=soon),
        ).make_bucket(name)

    def settings(self, bucket: str, home: Path) -> Settings:
        """Return settings whose lake is in this server's bucket and whose files are under `home`."""
        return replace(
            folder_settings(home),
            lake_url=f"s3://{bucket}/lake",
            s3_endpoint=self.endpoint,
            s3_access_key=self.access_key,
            s3_secret_key=self.secret_key,
            s3_secure=False,
        )


def folder_settings(home: Path) -> Settings:
    """Return settings with a folder lake, everything under `home`."""
    return replace(
        read_settings(),
        home=home,
        lake_url=f"file://{home}/lake",
        inbox=home / "inbox",
        outbox_url=f"file://{home}/outbox",
        scratch=home / "scratch",
        s3_jars=tools_folder() / "s3-jars",
    )


def on_small_disk(disk: Path, megabytes: int, command: str) -> list[str]:
    """Return a command that runs `command` with a real file system of that size mounted on `disk`.

    The mount lives in a namespace of its own and ends with the command; it needs no root, but a kernel
    that allows user namespaces.
    """
    disk.mkdir(parents=True, exist_ok=True)
    mount = f"mount -t tmpfs -o size={megabytes}m disk {disk}"
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", f"{mount} && {command}"]


def under_file_limit(disk: Path, megabytes: int, command: str) -> list[str]:
    """Return a command that runs `command` where no file may grow beyond that size."""
    disk.mkdir(parents=True, exist_ok=True)
    return ["bash", "-c", f"ulimit -f {megabytes * 1024} && {command}"]
