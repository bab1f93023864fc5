"""Makes an ISO image of a folder: as much of ``mkisofs`` as Ironic calls, without any package.

Ironic builds config drives and boot media with that program. The simulator puts scripts of its
name, which run this file, first on Ironic's PATH. It is run as a plain file and so imports nothing
of ours.
"""

import argparse
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pycdlib

# Options that Ironic gives, and that change nothing here.
IGNORED_FLAGS = ("-ldots", "-allow-lowercase", "-allow-multidot", "-l", "-quiet", "-r", "-J")
BOOT_FLAGS = ("-no-emul-boot", "-boot-info-table")
ISO9660_NAME_LENGTH = 8


def main(arguments: list[str]) -> int:
    """Write the image; returns the exit code."""
    options = _parser().parse_args(arguments)
    source = Path(options.folder)
    if not source.is_dir():
        sys.stderr.write(f"mkisofs: {source} is no folder\n")
        return 1
    boot_file = options.efi or options.bios
    make(source, Path(options.output), label=options.label, boot_file=boot_file)
    return 0


def make(source: Path, output: Path, *, label: str, boot_file: str | None = None) -> None:
    """Write all files below ``source``, with long names; ``boot_file`` is started at boot."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=label)
    tree = _Tree()
    for path in sorted(source.rglob("*")):
        place = PurePosixPath(path.relative_to(source).as_posix())
        names = tree.add(place, is_folder=path.is_dir())
        if path.is_dir():
            iso.add_directory(names, rr_name=place.name, joliet_path=f"/{place}")
        else:
            content = path.read_bytes()
            iso.add_fp(
                io.BytesIO(content),
                len(content),
                names,
                rr_name=place.name,
                joliet_path=f"/{place}",
            )
    if boot_file:
        iso.add_eltorito(tree.name_of(PurePosixPath(boot_file)), bootcatfile="/BOOT.CAT;1")
    iso.write(str(output))
    iso.close()


@dataclass
class _Tree:
    """The short names that ISO 9660 itself knows; the long ones are in its extensions."""

    _names: dict[PurePosixPath, str] = field(default_factory=dict[PurePosixPath, str])

    def add(self, place: PurePosixPath, *, is_folder: bool) -> str:
        """A name for a file or folder, made from its running number."""
        parent = self._names.get(place.parent, "")
        short = f"{len(self._names):0{ISO9660_NAME_LENGTH}d}"
        self._names[place] = f"{parent}/{short}" + ("" if is_folder else ".;1")
        return self._names[place]

    def name_of(self, place: PurePosixPath) -> str:
        """The name given to a file before."""
        return self._names[place]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mkisofs", allow_abbrev=False)
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("-V", dest="label", default="CDROM")
    parser.add_argument("-e", dest="efi")
    parser.add_argument("-b", dest="bios")
    parser.add_argument("-publisher")
    parser.add_argument("-boot-load-size")
    for flag in (*IGNORED_FLAGS, *BOOT_FLAGS):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("folder")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
