"""Films of the training folders that are not what their table says, found by the check itself and then looked at.

The public data sets call all of these frontal. Names are those of the data sets. Laterals among the folds 1-4 are
trained with as laterals; the others are left out; those of fold 0 are counted as wrong pictures.
"""

from __future__ import annotations

RELABELLED: dict[str, str] = {
    # NIH ChestX-ray14
    "00003220_004.jpg": "rotated 270",
    "00003562_000.jpg": "rotated 180",
    "00002300_026.jpg": "inverted",
    "00002898_001.jpg": "rotated 180",
    "00003064_030.jpg": "rotated 180",
    "00003122_004.jpg": "rotated 180",
    "00002376_002.jpg": "rotated 180",
    "00002868_008.jpg": "rotated 180",
    "00001814_001.jpg": "rotated 90",
    "00002180_000.jpg": "rotated 270",
    "00002359_018.jpg": "not a frontal chest",  # abdomen
    "00001836_079.jpg": "not a frontal chest",  # abdomen
    "00001602_000.jpg": "lateral chest",
    "00002354_000.jpg": "lateral chest",
    "00002299_002.jpg": "lateral chest",
    "00002058_012.jpg": "lateral chest",
    "00002097_000.jpg": "lateral chest",
    "00003122_001.jpg": "lateral chest",
    "00003094_002.jpg": "lateral chest",
    "00002644_006.jpg": "lateral chest",
    "00001803_003.jpg": "lateral chest",
    "00002639_009.jpg": "lateral chest",
    "00003023_000.jpg": "lateral chest",
    "00001758_001.jpg": "lateral chest",
    "00002592_003.jpg": "lateral chest",
    "00002117_003.jpg": "lateral chest",
    "00002391_000.jpg": "lateral chest",
    "00002705_000.jpg": "lateral chest",
    "00003426_035.jpg": "lateral chest",
    # RSNA Pneumonia Detection Challenge
    "037e120a-24fa-4f9c-8813-111136e3c288.jpg": "inverted",
    "03f075e3-c8e8-4401-882e-645ad489926f.jpg": "rotated 180",
    "a4d719b4-04f5-4d58-86a2-b1ad3f1ba569.jpg": "rotated 90",
    "bc668e08-44be-4aed-aa17-7b321c8e11a5.jpg": "not a frontal chest",  # abdomen
}
