"""The sections on boxes, marks and patches."""

from __future__ import annotations

from model.judge.boxes import IOBBS, IOUS, TOPS
from model.judge.document import Block, Plot, Section, Table, cell
from model.judge.froc import RATES
from model.judge.sections import Tree


def boxes(tree: Tree) -> Section:
    """Hits of the first boxes, by folder and by class."""
    rows = [
        [folder, str(found["boxed_films"]), f"first {top}" if top > 1 else "first", f"{threshold}"]
        + [cell(found[f"top{top}_iou{threshold}"][key], 2) for key in ("ours", "prior", "difference")]
        for folder, found in tree["boxes"].items()
        for threshold in IOUS
        for top in TOPS
    ]
    text = (
        "The share of boxed films on which the first box, or one of the first three, meets a true box at this IoU"
        " (intersection over union), whatever it is called. Lesions lie in like places, so beside it stands a fixed"
        " prior: the same windows on every film, the best ones for the boxed films of the other folds."
    )
    heads = ["films", "boxed films", "boxes given", "IoU >=", "detector", "fixed prior", "difference"]
    return Section("Boxes", [text, Table(heads, rows), *_class_tables(tree)])


def _class_tables(tree: Tree) -> list[Table]:
    heads = ["class", "boxed films", *(f"first {top}, IoU {iou}" for top in TOPS for iou in IOUS)]
    caption = (
        "by class: detector / prior. The prior knows the class whose boxes it is chosen from, the detector does not."
    )
    tables = []
    for folder, classes in tree["classes"].items():
        rows = []
        for label, found in classes.items():
            cells = [found[f"top{top}_iou{iou}"] for top in TOPS for iou in IOUS]
            pairs = [f"{cell(one['ours']['value'], 2)} / {cell(one['prior']['value'], 2)}" for one in cells]
            rows.append([label, str(found["boxed_films"]), *pairs])
        tables.append(Table(heads, rows, f"{folder}, {caption}"))
    return tables


def iobb(tree: Tree) -> Section | None:
    """The layout of ChestX-ray8's Table 4."""
    tables = []
    for folder, classes in tree["iobb"].items():
        for kind, words in (("any", "all boxes, whatever their name"), ("named", "boxes named as the class")):
            heads = ["T(IoBB)", "", *classes]
            rows = [
                [str(t), name, *(cell(found[f"{kind}_{t}"][key], 2) for found in classes.values())]
                for t in IOBBS
                for key, name in (("accuracy", "Acc."), ("afp", "AFP"))
            ]
            tables.append(Table(heads, rows, f"{folder}, {words}."))
    if not tables:
        return None
    text = (
        "The layout of Table 4 of Wang et al., ChestX-ray8, CVPR 2017. Acc.: share of the films with such a box"
        " on which a box of ours has at least T of its own area inside a true one. AFP: boxes a film that have not."
        " Ours are those above the lesion cut, at least the first; the name is the likeliest of eight. The true boxes"
        " are NIH's and ChestX-Det's of these classes; the paper's are NIH's alone, on other films: compare loosely."
    )
    return Section("T(IoBB), as in ChestX-ray8", [text, *tables])


def names(tree: Tree) -> Section | None:
    """Is the name right."""
    heads = [
        "films",
        "found boxes",
        "called Lung Opacity",
        "name as given is right",
        "likeliest of the eight NIH names",
        "always the commonest",
    ]
    rows = [
        [folder, str(row["found_boxes"]), cell(row["called_opacity"], 2), cell(row["as_given"], 2),
         cell(row["best_of_eight"], 2), f"{cell(row['always_commonest'], 2)} ({row['commonest']})"]
        for folder, row in tree["names"].items()
    ]  # fmt: skip
    if not rows:
        return None
    text = (
        "Of the true NIH boxes that some box of ours meets at IoU 0.3: how often the closest one bears the right name."
        " Lung Opacity, the general name that no NIH box has, is what is said when no specific name is likely enough."
    )
    return Section("Names of boxes", [text, Table(heads, rows)])


def marks(tree: Tree) -> Section:
    """FROC, challenge metric, and what a reader is shown."""
    rows = [
        [folder, str(row["boxes"]), str(row["normal_films"]), *(cell(row[f"{rate:g}"], 2) for rate in RATES)]
        for folder, row in tree["froc"].items()
    ]
    text = (
        "FROC: the share of true boxes that are met (IoU 0.3) by a box at or above the cut, at the cut that leaves so"
        " many false marks on a film without finding. False marks are counted on films without finding only, because"
        " the boxes of abnormal films are incomplete."
    )
    heads = ["films", "true boxes", "normal films", *(f"{rate:g} false marks" for rate in RATES)]
    shown_heads = ["films", "normal films", "lesions on a normal film", "normal films with none", "boxed films",
                   *(f"boxed films met, IoU {iou}" for iou in IOUS)]  # fmt: skip
    shown = [
        [folder, str(row["normal_films"]), cell(row["lesions_per_normal_film"], 2),
         cell(row["normal_films_with_none"], 2), str(row["boxed_films"]),
         *(cell(row.get(f"boxed_films_met_iou{iou}"), 2) for iou in IOUS)]
        for folder, row in tree["shown"].items()
    ]  # fmt: skip
    caption = "What a reader is shown: lesions above both cuts, chosen on other folds."
    blocks: list[Block] = [text, Table(heads, rows), Plot("froc.png", "FROC of the folders with boxes.")]
    return Section("Marks and false marks", [*blocks, Table(shown_heads, shown, caption), *_challenge(tree)])


def _challenge(tree: Tree) -> list[Block]:
    if not tree["challenge"]:
        return []
    rows = [
        [
            folder,
            str(row["films"]),
            str(row["boxed_films"]),
            cell(row["plain"]["metric"]),
            cell(row["shrunk"]["metric"]),
        ]
        for folder, row in tree["challenge"].items()
    ]
    caption = (
        "Metric of the RSNA challenge 2018 (mean over IoU 0.40 to 0.75 of TP / (TP + FP + FN), then over films; a film"
        " without true and found boxes is left out), the cut chosen on other folds; with boxes as they are, and shrunk"
        " to 87.5 % of width and height as the winner did. The winner had 0.253 on the challenge's own test films."
    )
    return [Table(["films", "n", "boxed films", "metric", "metric, boxes shrunk"], rows, caption)]


def patches(tree: Tree) -> Section | None:
    """Windows alone."""
    rows = [
        [folder, str(row["windows"]), str(row["positive"]), cell(row["accuracy"]), f"{row['chance']:.2f}",
         cell(row["balanced"]), cell(row["auc"])]
        for folder, row in tree["patches"].items()
    ]  # fmt: skip
    if not rows:
        return None
    text = (
        "Single windows by the seed method's rule: at the scale nearest to a lesion, overlap (over the smaller area)"
        " above 0.7 is positive, below 0.3 with every box negative; one negative from the same film and two from normal"
        " films to a positive. Always answering normal is right in 75 %, hence the chance level. Cuts chosen on other"
        " folds. The windows are scored from the whole film's map, with context around them; the seed's crops were not."
    )
    heads = ["films", "windows", "positive", "accuracy at 1:3", "chance", "balanced accuracy", "AUC"]
    return Section("Patches", [text, Table(heads, rows)])
