"""Coded concepts: complete, of a scheme that exists, and called what they are (PS3.3 8.8; PS3.16 Annexes B and D).

pydicom brings the standard's dictionary of concepts and context groups; it is read once, when first asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import cast

from pydicom.sr import _cid_dict, _concepts_dict

from daemon.conform.fault import Fault
from daemon.conform.subject import Subject
from daemon.conform.view import Item

_Concepts = Mapping[str, Mapping[str, Mapping[str, tuple[str, list[int]]]]]  # scheme, keyword, value: meaning, groups
_CONCEPTS = cast(_Concepts, _concepts_dict.concepts)
_GROUPS = cast(Mapping[int, Mapping[str, list[str]]], _cid_dict.cid_concepts)

# PS3.16 Table 8-1, as far as a chest radiograph's results have use for it; private schemes begin with "99" (8.2).
_VALUES: Mapping[str, re.Pattern[str]] = {
    scheme: re.compile(pattern)
    for scheme, pattern in {
        "DCM": r"[0-9]{6}|[A-Z]{2,16}",
        "SCT": r"[1-9][0-9]{5,17}",
        "SRT": r"[A-Z0-9]+-[A-Z0-9]+",
        "SNM3": r"[A-Z0-9]+-[A-Z0-9]+",
        "UCUM": r"[!-~]+",
        "UMLS": r"C[0-9]{7}",
        "LN": r"[0-9]{1,7}-[0-9]",
        "RADLEX": r"RID[0-9]+",
        "RFC5646": r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*",
        "NCIt": r"C[0-9]+",
        "FMA": r"[0-9]+",
        "I10": r"[A-Z][0-9A-Z.]+",
        "MDC": r"[0-9]+",
    }.items()
}
# Names in use that the dictionary of pydicom spells otherwise, lower case.
_ALSO_CALLED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("C0034375", "UMLS"): ("qualitative evaluations", "qualitative evaluation"),
    ("260753009", "SCT"): ("source",),
}
_COPIED = ("111032", "DCM")  # Image View Modifier: what the image's header says
_MEANINGLESS = ("UCUM", "RFC5646")  # a unit is often called by its own code

# SNOMED CT identifiers end in a Verhoeff digit: the multiplication of the dihedral group D5 and its permutation.
_TIMES = [
    *([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6]),
    *([3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1]),
    *([6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4]),
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
_TURN = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


@cache
def meanings(scheme: str) -> Mapping[str, frozenset[str]]:
    """The concepts of a scheme that the standard uses: code value to its meanings, lower case."""
    found: dict[str, set[str]] = {}
    for by_value in _CONCEPTS.get(scheme, {}).values():
        for value, (meaning, _groups) in by_value.items():
            found.setdefault(value, set()).add(meaning.lower())
    return {value: frozenset(names) for value, names in found.items()}


@cache
def context_group(number: int) -> frozenset[tuple[str, str]]:
    """The (value, scheme) pairs of a context group of PS3.16 Annex B."""
    return frozenset(
        (value, scheme)
        for scheme, keywords in _GROUPS[number].items()
        for keyword in keywords
        for value in _CONCEPTS[scheme][keyword]
        if number in _CONCEPTS[scheme][keyword][value][1]
    )


def codes(subject: Subject) -> Iterator[Fault]:
    """Every code of ours, at every depth."""
    for holder in subject.own():
        for name, attribute in holder.attributes.items():
            if attribute.vr != "SQ":
                continue
            if name.endswith("CodeSequence") and len(attribute.items) > 1 and not name.endswith("ModifierCodeSequence"):
                yield Fault("code-single", holder.where(name), f"{len(attribute.items)} items where one is allowed")
            for item in attribute.items:
                if name.endswith("CodeSequence") or "CodeMeaning" in item or "CodeValue" in item:
                    copied = name == "ConceptCodeSequence" and holder.code("ConceptNameCodeSequence") == _COPIED
                    yield from _of_item(item, copied)


def _of_item(item: Item, copied: bool) -> Iterator[Fault]:
    forms = [name for name in ("CodeValue", "LongCodeValue", "URNCodeValue") if item.has(name)]
    value, scheme, meaning = (
        item.text(forms[0]) if forms else "",
        item.text("CodingSchemeDesignator"),
        item.text("CodeMeaning"),
    )
    if len(forms) != 1:
        yield Fault("code-value", item.where("CodeValue"), "a code needs exactly one of its three values")
    if not meaning:
        yield Fault("code-meaning", item.where("CodeMeaning"), "empty or absent")
    if "URNCodeValue" in forms:
        return
    if not scheme:
        yield Fault("code-scheme", item.where("CodingSchemeDesignator"), "empty or absent")
    elif not scheme.startswith("99") and scheme not in _VALUES:
        yield Fault("code-scheme", item.where("CodingSchemeDesignator"), "a scheme that the standard does not name")
    elif value and scheme in _VALUES and not copied:
        yield from _of_scheme(item, value, scheme, meaning)


def _of_scheme(item: Item, value: str, scheme: str, meaning: str) -> Iterator[Fault]:
    known = meanings(scheme).get(value, frozenset()) | frozenset(_ALSO_CALLED.get((value, scheme), ()))
    if not _VALUES[scheme].fullmatch(value) or (scheme == "SCT" and not _is_verhoeff(value)):
        yield Fault("code-of-scheme", item.where("CodeValue"), f"no code of {scheme}")
    elif scheme == "DCM" and not known:
        yield Fault("code-of-scheme", item.where("CodeValue"), "no code of PS3.16 Annex D")
    elif known and meaning and scheme not in _MEANINGLESS and meaning.lower() not in known:
        yield Fault("code-meaning", item.where("CodeMeaning"), f"({value}, {scheme}) is called otherwise")


def _is_verhoeff(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        turned = int(digit)
        for _ in range(place % 8):
            turned = _TURN[turned]
        check = _TIMES[check][turned]
    return check == 0
