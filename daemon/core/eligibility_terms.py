"""The words and codes by which headers name body parts and views, in the languages that senders write.

PS3.16 CID 4009 (DX Anatomy Imaged), CID 4010 (DX View), Annex L (Body Part Examined); PS3.3 C.8.3.1.1.2 and
C.8.1.1.1.2 (View Position). Words are upper case without accents; `STEM*` matches the beginning of a word,
`*part*` any part of the text (scripts without spaces).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache


def _words(terms: str) -> tuple[str, ...]:
    return tuple(terms.split())


CHEST = _words("""
    CHEST CXR THX THORA* TORA* LUNG* KEUHKO* POUMON* PULMO* POLMON* PLUC* PIERSIOW* HRUD* MELLKAS* TUDO* AKCIGER*
    GOGUS* PECHO PEITO KRUTIN* RINDKERE* PLICA* NGUC DADA ГРУД* ОГК ЛЕГК* ЛЁГК* ЛЕГЕН* ΘΩΡΑΚ* *胸* *肺* *흉부* *صدر*
    *חזה* *ทรวงอก* *छाती*
""")

# What is no chest film, by the part's plain name; the name is what the operator reads.
OTHER_PARTS: Mapping[str, tuple[str, ...]] = {
    "spine": _words("""
        SPINE* WIRBELS* BWS HWS LWS COLUMNA* COLUNA COLONNE RACHIS WERVEL* KREGOSLUP* LUMBA* LOMBA* CERVICAL*
        CERVIC* DORSOLUMBAR THORACOLUMBAR SACRUM COCCYX SACRAL LSPINE CSPINE TSPINE VERTEBRA* RYGG* ПОЗВОНОЧ* *脊椎*
        *脊柱* *頸椎* *腰椎* *胸椎*
    """),
    "pelvis or hip": _words("""
        PELV* BECKEN BACKEN BEKKEN BASSIN BACINO BACIA HIP HIPS HUFT* HOFT* HANCHE* ANCA CADERA QUADRIL MIEDNIC*
        BIODR* ТАЗ *骨盤* *骨盆*
    """),
    "abdomen": _words("""
        ABDOM* BAUCH* BUIK BUK KUB BRZUS* BRICH* VENTRE KIDNEY* NIERE* LIVER STOMACH ЖИВОТ* БРЮШ* *腹*
    """),
    "leg or foot": _words("""
        LEG LEGS EXTREMITY KNEE KNEES KNIE GENOU* GINOCCH* RODILLA* JOELHO* KOLAN* FOOT FEET FUSS FUSS* PIED* PIEDE
        VOET ANKLE* SPRUNGGEL* CHEVILLE* CAVIGLIA TOBILLO TOE TOES HEEL CALCAN* TIBIA* FIBULA* FEMUR* FEMOR*
        PATELLA* THIGH CALF UNTERSCH* OBERSCH* LOWERLEG КОЛЕН* СТОП* *膝* *足* *下肢*
    """),
    "arm, hand or shoulder": _words("""
        ARM HAND HANDS MANO MAO WRIST* HANDGEL* POIGNET* POLSO MUNECA FINGER* THUMB DOIGT* DITO ELBOW* ELLBOG*
        ELLENB* COUDE GOMITO CODO FOREARM* UNTERARM* OBERARM* HUMER* RADIUS ULNA SHOULDER* SCHULTER* EPAULE* HOMBRO*
        OMBRO* SPALLA CLAVIC* SCHLUSSELB* SCAPULA* КИСТ* ПЛЕЧ* *手* *肩* *肘* *上肢*
    """),
    "head or neck": _words("""
        SKULL* SCHADEL* CRAN* HEAD KOPF TETE SINUS* NASAL ORBIT* FACIAL JAW MANDIB* MAXIL* DENTAL TEETH ZAHN*
        PANORAMIC NECK HALS COU ЧЕРЕП* *頭* *头*
    """),
    "breast": _words("BREAST* MAMM* MAMA SEIN"),
}

# A chest and more, or bones of the chest taken with another technique: the picture must decide.
UNDECIDED_PARTS = _words("""
    RIB RIBS RIPPE* COTES COSTIL* STERN* HEART HERZ COEUR WHOLEBODY BABYGRAM TRUNK TORSO TAP
""")

FRONTAL = _words("""
    PA AP FRONTAL* FRN FRENTE FACE PREDOZAD* ZADOPRED* TYLNOPRZED* PRZEDNIOTYL* POSTEROANT* ANTEROPOST* POSTANT*
    DORSOVENTR* VENTRODORS* ПРЯМ* *正面* *正位*
""")
LATERAL = _words("""
    LAT LATERAL* LLAT RLAT LATLEFT LATRIGHT SEITLICH* SEITL PROFIL* PERFIL* ZIJDELING* DWARS BOCZN* BOCN* OLDAL*
    SIDEBILDE SIDOBILD SIVUKUVA БОК* *側面* *側位* *侧位*
""")
OBLIQUE = _words("OBLIQ* OBLIK* OBL OBLIC* SCHRAG* RAO LAO RPO LPO RLO LLO SKOS* КОСАЯ *斜位*")
DECUBITUS = _words("DECUB* RLD LLD")
LORDOTIC = _words("LORDO* APICAL*")
# Only where a view is expected: in a description LL may be a lower limb.
LATERAL_CODES = _words("LL RL LATL LATR")

ANIMALS = _words("""
    CANINE FELINE EQUINE DOG DOGS PUPPY FELIS CANIS HUND HUNDE CHIEN PERRO KATZE GATO CHAT HORSE PFERD CHEVAL RABBIT
    *动物* *動物*
""")
VETERINARY = _words("VETERINAR* TIERARZT* TIERKLIN* KLEINTIER* DIERENARTS* *獣医*")
HUMAN_WORDS = _words("HUMAN HUMANS HOMO SAPIENS")
HUMAN_CODES = frozenset({"337915000", "L-85003", "L-85B00"})

# Coding scheme and value as SNOMED CT (SCT, 99SDM alike) and as the older SRT.
CHEST_CODES = frozenset({"51185008", "816094009", "T-D3000", "43799004", "T-D3200", "39607008", "T-28000"})
FRONTAL_CODES = frozenset(
    {"272479007", "R-10214", "R-40888", "399348003", "R-10206", "399033003", "R-10202", "272460009", "272478004"}
)
LATERAL_VIEW_CODES = frozenset({"399067008", "R-102CD", "399173006", "R-10236", "399198007", "R-10232"})
OBLIQUE_CODES = frozenset({"399182000", "R-102C1", "399135007", "399356000", "399006002", "399038007"})

_ARROW = re.compile(r"(?<![^\W_])(P\W{1,3}A|A\W{1,3}P|D\W{1,3}V|V\W{1,3}D)(?![^\W_])")


def plain(text: str) -> str:
    """Upper case without accents, letters and digits only; "P->A", "a.p." and "p/a" become PA, AP and PA."""
    text = text[:1024].upper().replace("Ł", "L").replace("Ø", "O").replace("Æ", "AE")
    text = _ARROW.sub(lambda match: f"{match[0][0]}{match[0][-1]}", text)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", text).strip()


@lru_cache(maxsize=64)
def _pattern(terms: tuple[str, ...]) -> re.Pattern[str]:
    parts = []
    for term in terms:
        before = "" if term.startswith("*") else r"(?<!\w)"
        after = "" if term.endswith("*") else r"(?!\w)"
        parts.append(before + re.escape(plain(term)) + after)
    return re.compile("|".join(parts))


def names(text: str, terms: tuple[str, ...]) -> bool:
    """Whether a text made plain holds one of the terms."""
    return bool(text) and _pattern(terms).search(text) is not None
