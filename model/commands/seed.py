"""`thoraxd-model seed`, `seed-image` and `seed-table`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model.commands.shared import Folders, Threads, Weights, loaded, use_threads
from model.seed.entries import film_folds, judged_entries, prior_entry, shipped_entry
from model.seed.network import TrunkName
from model.seed.run import AnyMode, NotTrained, Settings, load_network, read_image, seed_run, settings_of
from model.seed.table import placed, table
from model.train.cache import read_film
from model.windows import to_source

Work = Annotated[Path, typer.Option(help="where runs, readings and the cache go; an unfinished run there goes on")]
SIZES = {
    ("multiscale", "inception"): 242, ("multiscale", "residual"): 64,
    ("local", "inception"): 171, ("local", "residual"): 64,
    ("global", "inception"): 512, ("global", "residual"): 256,
}  # fmt: skip


def seed(
    folders: Folders,
    work: Work,
    mode: AnyMode = "multiscale",
    trunk: TrunkName = "inception",
    width: Annotated[float, typer.Option(help="channels, as a factor")] = 1.0,
    side: Annotated[int, typer.Option(help="pixels a side of the cached films")] = 1024,
    crop: Annotated[int | None, typer.Option(help="pixels a crop is given; 0: the seed's; default: fits a CPU")] = None,
    table: Annotated[str, typer.Option(help="14 or 29 scales")] = "14",
    steps: Annotated[int, typer.Option(help="batches")] = 7800,
    rate: Annotated[float, typer.Option(help="1e-3 is the seed's, from ImageNet weights; from scratch 3e-2")] = 3e-2,
    per_lesion: Annotated[int, typer.Option(help="most positives of a lesion in a batch; the seed's: 16")] = 16,
    least_batch: Annotated[int, typer.Option(help="smallest batch; the seed's global one is 4")] = 0,
    fold: int = 0,
    films: Annotated[int, typer.Option(help="films to judge, by hash; 0: all")] = 0,
    number: Annotated[int, typer.Option("--seed")] = 1,
    threads: Threads = 0,
) -> None:
    """Train and judge one mode of the seed's own method, crop by crop."""
    use_threads(threads)
    own = "local" if mode == "single" else mode
    size = SIZES.get((own, trunk), 0) if crop is None else crop
    settings = Settings(
        mode, trunk, width, side, size, table, steps, rate, per_lesion, least_batch, fold, films, number
    )
    try:
        found = seed_run(folders, work, settings, typer.echo)
    except NotTrained as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"{len(found)} readings in {work / settings.name / 'readings.jsonl'}")


def seed_image(
    film: Annotated[Path, typer.Argument(help="a picture file, bright = dense", exists=True)],
    work: Work,
    trunk: TrunkName = "inception",
    threads: Threads = 0,
) -> None:
    """Read one film by the local mode's weights: the highest P(abnormal) of its 19 x 19 tiles, and where it lies."""
    use_threads(threads)
    place = work / f"local-{trunk}"
    try:
        network, mode = load_network(place), settings_of(place).build()
    except NotTrained as error:
        raise typer.BadParameter(str(error)) from error
    pixels = read_film(film)
    probability, box = read_image(network, mode, pixels)
    corners = to_source(box, pixels.shape[1], pixels.shape[0])
    typer.echo(f"{probability:.4f} at " + " ".join(f"{edge:.0f}" for edge in corners))


def seed_table(
    folders: Folders,
    work: Work,
    out: Annotated[Path | None, typer.Option(help="a Markdown file with the table's two marks; default: print")] = None,
    weights: Weights = None,
    fold: Annotated[int, typer.Option(help="the fold that the runs and these weights have not seen")] = 0,
    draws: Annotated[int, typer.Option(help="bootstrap samples")] = 400,
    threads: Threads = 0,
) -> None:
    """The seed's own table: every judged mode in the work folder, and the project's detector, and a fixed window."""
    use_threads(threads)
    parted = film_folds(folders, fold)
    entries = [*judged_entries(work), shipped_entry(parted.test, loaded(weights)), prior_entry(parted)]
    written = table(entries, draws)
    if out is not None:
        try:
            out.write_text(placed(out.read_text(), written))
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"{out}: {error}") from error
    typer.echo(written)
