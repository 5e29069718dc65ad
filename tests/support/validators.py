"""The public validators of SR and GSPS as functions that return what they complain about.

dciodvfy and dcentvfy (dicom3tools), dsrdump and dcmpschk (DCMTK), DicomSRValidator (PixelMed). Some exit with 0 on
errors, so their text is read. Left out of the answers is only what is listed here with its reason.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

# Not faults of an object: dciodvfy's note on what a DICOMDIR would need, and the line that names the IOD.
_DCIODVFY_NOTES = re.compile(r"needed to build DICOMDIR|^\w+$")
# dcentvfy files Accession Number of every SR under the series, where no SR has it; its own table is at fault. And it
# remarks on what one file lacks, where type 2 (PS3.3 C.7.1.1, C.7.2.1) wants an empty value, or where the image's own
# is illegal; the unit tests say exactly what is carried. Contradictions are what it is asked for.
_DCENTVFY_NOTES = re.compile(
    r"Different information entities for attribute - Element=<AccessionNumber>"
    r"|Attribute present in one instance but not the other"
)
# dsrdump says which character sets it cannot check; dcmpschk announces what it does.
_DSRDUMP_NOTES = re.compile(
    r"does not support this Specific Character Set|unknown/unsupported SpecificCharacterSet"
    r"|Check for template constraints not yet supported"  # of every KOS, by DCMTK 3.6.7
)
_DCMPSCHK_NOTES = re.compile(r"^W: (Testing: |Test passed\.)|^[WE]: *$|does not support this Specific Character Set")
# TID 1500, 1501 and 1410 are extensible; PixelMed remarks on what extends them. These we mean to add.
_EXTENSIONS = ("111017", "121106", "130400", "111012")
# TID 2010 row 3 is due where the title is 113001; PixelMed looks for that title among the children, where it never is,
# and so complains of every note that has the row, and by row 4, of the same concept, once more.
_PIXELMED_NOTES = re.compile(
    rf"^Warning: .*(\(({'|'.join(_EXTENSIONS)}),DCM,\"[^\"]*\"\)|\(C0034375,UMLS,.*): Content Item not in template"
    r"|^Error: Template 2010 .*\[Row [34]\] CODE CID 701[12]: within 1: /CONTAINER \(113001,DCM,.*"
    r"Conditional content item present when condition not satisfied$"
)
# Of a document whose template PixelMed does not know (Chest CAD), or that follows none, it says this of every item.
_UNTEMPLATED = re.compile(r"^Warning: .*: Content Item not in template$")

# The XPath limits of Java 17 are too low for PixelMed's compiled templates (JAXP0801003).
_PIXELMED = Path("/usr/share/java/pixelmed.jar")  # where Debian has it
_JAVA = " ".join(f"-Djdk.xml.{limit}=0" for limit in ("xpathExprOpLimit", "xpathExprGrpLimit", "xpathTotalOpLimit"))


def missing(*programs: str) -> list[str]:
    """Those of the programs that are not installed."""
    return [program for program in programs if shutil.which(program) is None]


def dciodvfy(file: Path) -> list[str]:
    """Errors and warnings against the IOD."""
    return _lines(["dciodvfy", str(file)], drop=_DCIODVFY_NOTES)


def dcentvfy(*files: Path) -> list[str]:
    """Attributes of patient, study, series or equipment in which the files disagree."""
    return _lines(["dcentvfy", *map(str, files)], drop=_DCENTVFY_NOTES)


def dsrdump(file: Path) -> list[str]:
    """What keeps DCMTK from reading the document tree, and its warnings."""
    complaints = _lines(["dsrdump", "-d", str(file)], keep=re.compile("^[WEF]: "), drop=_DSRDUMP_NOTES)
    done = subprocess.run(["dsrdump", str(file)], capture_output=True, timeout=60, check=False)
    return complaints if done.returncode == 0 else [*complaints, f"dsrdump exits with {done.returncode}"]


def dcmpschk(file: Path) -> list[str]:
    """DCMTK's complaints on a presentation state."""
    return _lines(["dcmpschk", str(file)], keep=re.compile("^[WEF]: "), drop=_DCMPSCHK_NOTES)


def dsr2html(file: Path) -> list[str]:
    """What keeps DCMTK from rendering the document for a reader, and its warnings; it renders only 8-bit names."""
    return _lines(
        ["dsr2html", "-d", "+Ca", "latin-1", str(file), os.devnull], keep=re.compile("^[WEF]: "), drop=_DSRDUMP_NOTES
    )


def sr_validator(file: Path, root: str = "TID_1500") -> list[str]:
    """PixelMed's complaints on IOD and templates, and whether it found the root template at all. Takes about 6 s.

    root: the template that the document must be found to follow; "" for a document that follows none, or none that
    PixelMed knows, of which it checks the IOD and the relationships.
    """
    return _of_pixelmed(_lines(["DicomSRValidator", str(file)], env={"JDK_JAVA_OPTIONS": _JAVA}), root)


def sr_validators(roots: Mapping[Path, str]) -> dict[Path, list[str]]:
    """As `sr_validator`, file by file in one Java machine, which takes about 0.7 s for each; needs a JDK's compiler."""
    command = ["java", "-Xmx1g", "-cp", str(_PIXELMED), str(Path(__file__).with_name("SrValidator.java"))]
    done = subprocess.run(
        command,
        input="\n".join(map(str, roots)).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        env={**os.environ, "JDK_JAVA_OPTIONS": _JAVA},
    )
    said = {Path(part.split("\n", 1)[0]): part for part in done.stdout.decode().split(">>> ")[1:]}
    answers = {file: [line.rstrip() for line in part.splitlines()[1:] if line.strip()] for file, part in said.items()}
    return {file: _of_pixelmed(answers.get(file, []), root) for file, root in roots.items()}


def _of_pixelmed(said: list[str], root: str) -> list[str]:
    """What is a complaint of what PixelMed said; silence is one, for it names the IOD that it found."""
    progress = re.compile(r"^(NOTE: Picked up|Found |Root Template Validation Complete|IOD validation complete)")
    notes = _PIXELMED_NOTES if root else _UNTEMPLATED
    complaints = [line for line in said if not progress.search(line) and not notes.search(line)]
    if not any(line.startswith("Found ") for line in said):
        complaints.append("no IOD found")
    if root and not any(line.startswith(f"Found Root Template {root}") for line in said):
        complaints.append(f"Root Template {root} not found")
    return complaints


def _lines(
    command: list[str],
    *,
    keep: re.Pattern[str] | None = None,
    drop: re.Pattern[str] | None = None,
    env: dict[str, str] | None = None,
) -> list[str]:
    """Output and error lines of a command, whatever it exits with."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=200,
        check=False,
        env={**os.environ, **(env or {})},
    )
    lines = [line.rstrip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    kept = [line for line in lines if keep is None or keep.search(line)]
    return [line for line in kept if drop is None or not drop.search(line)]
