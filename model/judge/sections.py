"""The sections on triage: what each table shows, in words a reader of films or of code can check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.judge.document import DASH, Plot, Section, Table, cell

Tree = Mapping[str, Any]
RECALLS = ("normal_recall_fn1%", "normal_recall_fn2%", "normal_recall_fn5%")
INTERVALS = "Brackets are 95 % intervals with patients, not films, drawn with replacement."


def measured(tree: Tree) -> Section:
    """What was judged and how."""
    about = tree["about"]
    counts = f"{about['films']} films ({about['abnormal']} abnormal) of {about['patients']} patients"
    if about["parts"] == "folds":
        how = (
            f"Folds {', '.join(map(str, about['folds']))}: every film was read by weights that had not seen its fold,"
            " and everything chosen - calibration, operating point, lesion cut, thresholds, location prior - was chosen"
            " on the other folds. The weights of the other folds had trained on this fold's films; the films they were"
            " calibrated on they had not seen."
        )
    else:
        how = (
            f"Only fold {about['folds'][0]} has weights that had not seen it. Its patients were halved by a hash;"
            " everything chosen for a half - calibration, operating point, cuts - was chosen on the other half."
        )
    heads = ["fold", "weights", "SHA-256", "trained on films", "drawn", "side", "operating point", "lesion cut"]
    cuts = about["operating_points"]
    rows = [
        [fold, f"{one['name']} {one['version']}", one["digest"][:12], cell(one.get("films")),
         cell(one.get("films_drawn")), cell(one["side"]), cell(cuts.get(fold, {}).get("cut"), 4),
         cell(cuts.get(fold, {}).get("lesion_cut"), 2)]
        for fold, one in about["models"].items()
    ]  # fmt: skip
    draws = f"{INTERVALS} {about['draws']} draws; what was chosen stays fixed in the draws."
    return Section(
        "What was measured", [f"{counts} in {', '.join(about['folders'])}. {how}", draws, Table(heads, rows)]
    )


def headline(tree: Tree) -> Table:
    """The figures to quote, each with what stands beside it."""
    rows: list[list[str]] = []

    def add(name: str, figure: Any, beside: str, digits: int = 3) -> None:
        if isinstance(figure, Mapping) and figure.get("value") is not None:
            rows.append([name, cell(figure, digits), beside])

    triage = tree["triage"]
    for name, words in TRIAGE_LINES:
        if name in triage:
            row = triage[name]
            add(f"{words}: AUC", row["auc"], f"{row['abnormal']} of {row['films']} films abnormal")
    opacity = triage.get("rsna, Normal vs Lung Opacity", {})
    name = "RSNA, Normal against Lung Opacity: normal recall"
    add(f"{name} at FN <= 1 %", opacity.get(RECALLS[0]), "threshold chosen on these films", 2)
    for row in tree["thresholds"]:
        if row["chosen_on"] == row["judged_on"] == "rsna, Lung Opacity" and row["allowed"] == 0.01 and row["abnormal"]:
            missed = f"{row['missed_films']} of {row['abnormal']} abnormal films missed"
            add(f"{name}, threshold for 1 % fixed on the other folds", row["normal_recall"], missed, 2)
    for name, row in tree.get("peer", {}).items():
        if "fold" not in name:
            difference = f"peer {cell(row['auc']['peer'])}; difference {cell(row['auc']['difference'])}"
            add(f"{name}, {row['films']} films beside the peer: AUC", row["auc"]["ours"], difference)
    for name, row in tree.get("boxes", {}).items():
        hit = row["top1_iou0.3"]
        add(f"{name}: first box meets a true one at IoU 0.3", hit["ours"], f"fixed prior {cell(hit['prior'], 2)}", 2)
    for name, row in tree.get("challenge", {}).items():
        add(f"{name}: RSNA challenge metric", row["plain"]["metric"], "winner 0.253, on other films")
    for name, row in tree["shown"].items():
        none = f"none on {cell(row['normal_films_with_none'], 2)} of them"
        add(f"{name}: lesions shown on a normal film", row["lesions_per_normal_film"], none, 2)
    return Table(["figure", "value [95 % interval]", "beside it"], rows)


TRIAGE_LINES = (
    ("rsna, Normal vs Lung Opacity", "RSNA, Normal against Lung Opacity"),
    ("rsna", "RSNA, Normal against all others"),
    ("rsna, Normal vs No Lung Opacity / Not Normal", "RSNA, Normal against No Lung Opacity / Not Normal"),
    ("nih128", "NIH at 128 px"),
    ("nih128, PA", "NIH at 128 px, PA"),
    ("nih128, AP", "NIH at 128 px, AP"),
)


def triage(tree: Tree) -> Section:
    """The triage tables with the cues beside them."""
    names = list(tree["triage"])
    ranges = [name for name in names if ", patients " in name]
    collections = tuple(name for name in tree["guess"]["class"] if ", " in name)
    sources = [name for name in names if name.startswith(collections)] if collections else []
    first = [name for name in names if name not in ranges and name not in sources]
    text = (
        "AUC: the chance that an abnormal film scores above a normal one. Normal recall at FN <= 1 %: the share of"
        " normal films below the largest threshold that misses at most 1 % of these abnormal films; the threshold is"
        " chosen on the very films, so this says how well they sort, not what a site would get (see the next section)."
        " Sensitivity and specificity are those of the operating point chosen on other folds; misses <=: the bound on"
        " its misses with 95 % certainty (Clopper-Pearson, films taken as independent)."
    )
    warnings = [f"Warning. {one}" for one in tree["warnings"]]
    return Section(
        "Triage: normal or abnormal",
        [
            text,
            _triage_table(tree, first, "By folder, view (PA and AP apart) and kind of abnormal film."),
            *warnings,
            guess_table(tree),
            Plot("roc.png", "ROC of each folder. The dot is the operating point that was chosen on other folds."),
            Plot("scores.png", "Probabilities of normal and abnormal films: where they overlap no threshold helps."),
            _triage_table(tree, sources, "By the collection the files come from, and by view within it."),
            _triage_table(tree, ranges, "By range of the NIH patient number; RSNA films where the number is known."),
        ],
    )  # fmt: skip


def _triage_table(tree: Tree, names: list[str], caption: str) -> Table:
    heads = ["films", "n", "abnormal", "patients", "AUC", "normal recall, FN <= 1 %", "normal recall, FN <= 2 %",
             "normal recall, FN <= 5 %", "sensitivity", "specificity", "misses <="]  # fmt: skip
    rows = []
    for name in names:
        row = tree["triage"][name]
        counts = [str(row["films"]), str(row["abnormal"]), str(row["patients"])]
        shares = [cell(row[key], 2) for key in (*RECALLS, "sensitivity", "specificity", "misses_at_most")]
        rows.append([name, *counts, cell(row["auc"]), *shares])
    return Table(heads, rows, caption)


def guess_table(tree: Tree) -> Table:
    """The class guessed from what is no lesion, beside the detector."""
    rows = [
        [name, str(row["films"]), *(cell(row[key]) for key in ("detector", "statistics", "patient_number", "view"))]
        for name, row in tree["guess"]["class"].items()
    ]
    caption = (
        "What tells normal from abnormal without looking for lesions, AUC: a logistic regression on the picture's"
        " brightness, histogram, sharpness and border (fitted on other folds), the NIH patient number alone (the better"
        " direction), the view alone (AP = abnormal). Disease alters statistics too (a white lung),"
        " number and view it does not. A detector's figure counts for as much as it stands above these."
    )
    heads = ["films", "n", "detector", "picture statistics", "patient number", "view"]
    return Table(heads, rows, caption)


def sources(tree: Tree) -> Section:
    """How well the source itself can be named."""
    found = tree["guess"]["source"]
    rows = [[name, str(row["films"]), cell(row["right"], 2)] for name, row in found["sources"].items()]
    text = (
        f"The same statistics name the source of a film rightly in {cell(found['accuracy'], 2)} of films; always saying"
        f" the commonest is right in {found['commonest']:.2f}. Sources can be told apart, so a difference between the"
        " sources' normals and abnormals can be learnt in place of disease."
    )
    return Section("Guessing the source", [text, Table(["source", "films", "named rightly"], rows)])


def thresholds(tree: Tree) -> Section:
    """Thresholds that were fixed before the judged fold was looked at."""
    rows = [
        [row["chosen_on"], row["judged_on"], f"{row['allowed']:.0%}", f"{row['missed_films']} of {row['abnormal']}",
         cell(row["missed"]), cell(row["missed_at_most"]), cell(row["normal_recall"], 2)]
        for row in tree["thresholds"] if row["abnormal"]
    ]  # fmt: skip
    text = (
        "What a site would get: the threshold is the largest that misses at most 1, 2 or 5 % of the abnormal films of"
        " one folder in the other folds, and is then applied to this fold, of the same or of another folder. Where the"
        " misses exceed what was allowed the threshold did not carry over. Misses <=: bound with 95 % certainty; 299"
        " abnormal films with none missed are the fewest that can promise 1 %."
    )
    heads = ["threshold from", "judged on", "misses allowed", "missed", "misses", "misses <=", "normal recall"]
    return Section("A threshold fixed elsewhere", [text, Table(heads, rows)])


def promises(tree: Tree) -> Section | None:
    """What the calibration that ships can promise."""
    found = tree["shipped"]["promises"]
    rows = [
        [row["where"], f"{row['missed']:.0%}", str(row["patients"]), str(row["needed"]), cell(row["threshold"], 4),
         cell(row["normal_recall"], 3)]
        for row in found
    ]  # fmt: skip
    if not rows:
        return None
    text = (
        "The calibration that ships is fitted on all these readings together. Of patients like those of a folder, at"
        " most so many abnormal ones lie below the threshold, with 95 % certainty; a dash where the patients are too"
        " few to promise it. These thresholds were chosen on the very patients counted; the table above says how they"
        " carry over."
    )
    heads = ["patients like those of", "missed at most", "abnormal patients", "needed", "P below", "normal films there"]
    return Section("What can be promised", [text, Table(heads, rows)])


def folds(tree: Tree) -> Section:
    """Each fold alone."""
    rows = []
    for folder, found in tree["folds"].items():
        for fold, row in found.items():
            if fold != "spread":
                rows.append([folder, fold, str(row["films"]), cell(row["auc"]), cell(row[RECALLS[2]], 2)])
        if "spread" in found:
            spread = found["spread"]
            ends = f"{spread['lowest']:.3f} to {spread['highest']:.3f}, deviation {spread['deviation']:.3f}"
            rows.append([folder, "all", "", ends, ""])
    text = "How far the folds lie apart: other patients, other weights, the same recipe."
    name = "fold" if tree["about"]["parts"] == "folds" else "half"
    return Section("Fold by fold", [text, Table(["films", name, "n", "AUC", "normal recall, FN <= 5 %"], rows)])


def calibration(tree: Tree) -> Section:
    """Do the probabilities mean what they say."""
    heads = ["films", "n", "ECE", "Brier score", "ECE, films as they lie", "share abnormal"]
    rows = [
        [name, str(row["films"]), cell(row["ece"]), cell(row["brier"]), cell(row["ece_as_they_lie"]),
         f"{row['abnormal'] / row['films']:.2f}"]
        for name, row in tree["triage"].items() if name in tree["calibration"]
    ]  # fmt: skip
    text = (
        f"What the probabilities are: {tree['shipped']['meaning'] or 'chances of being labelled abnormal'}. ECE: the"
        " mean distance, over ten bins, between the probability said and the share that was abnormal, the folder's"
        " normal and abnormal films weighing the same; 0 is perfect. (Drawing patients adds scatter of its own, so its"
        " interval lies high.) Brier score: the mean squared distance; always saying one half gives 0.25. As they lie:"
        " with the folder's own share of abnormal films, for which a site should refit with `thoraxd-model calibrate`."
    )
    caption = (
        "Tenths of each folder's films by probability, against the share that was abnormal; the diagonal is perfect."
    )
    plot = Plot("calibration.png", caption)
    return Section("Calibration", [text, Table(heads, rows), plot])


def labels(tree: Tree) -> Section:
    """Label by label, and by how much there is to see."""
    folders = list(tree["labels"])
    names = sorted({name for found in tree["labels"].values() for name in found})
    rows = [[name, *(_label_cell(tree["labels"][folder].get(name)) for folder in folders)] for name in names]
    counts = [
        [folder, *(_label_cell(found.get(key), "abnormal") for key in ("1", "2", "3+"))]
        for folder, found in tree["label_count"].items() if found
    ]  # fmt: skip
    text = (
        "AUC of the probability of each label among films where it is known to be present or absent, and behind it the"
        " number of films that have it. NIH's labels are mined from reports."
    )
    caption = (
        "AUC by the number of labels on the abnormal film, each against all normal films (and how many there are)."
    )
    heads = ["films", "one label", "two", "three or more"]
    return Section("Labels", [text, Table(["label", *folders], rows), Table(heads, counts, caption)])


def _label_cell(found: Any, count: str = "films") -> str:
    return f"{cell(found['auc'])} ({found[count]})" if found else DASH


def peer(tree: Tree) -> Section | None:
    """Beside another model."""
    found = tree.get("peer", {})
    if not found:
        return None
    sides = ("peer", "ours", "difference")
    rows = [
        [name, str(row["films"]), str(row["abnormal"]), *(cell(row["auc"][side]) for side in sides)]
        for name, row in found.items()
    ]
    recalls = [
        [name, f"FN <= {key[-2:-1]} %", *(cell(row[key][side], 2) for side in sides)]
        for name, row in found.items()
        for key in RECALLS
        if "fold" not in name or name.endswith("fold 0")
    ]
    text = (
        "Another model on the very same films (those that it had not trained on); a film's probability of any finding"
        " is 1 - prod(1 - p). The interval of the difference is paired: both are counted on the same drawn patients."
    )
    heads = ["peer", "ours", "ours - peer"]
    caption = "Normal recall on the same films; each model's threshold is chosen on these films."
    return Section(
        "Beside a peer",
        [
            text,
            Table(["films", "n", "abnormal", *(f"AUC, {head}" for head in heads)], rows),
            Table(["films", "misses", *heads], recalls, caption),
        ],
    )
