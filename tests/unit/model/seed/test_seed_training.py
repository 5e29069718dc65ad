"""Batches, mining and the schedule of the seed's modes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.seed.batches import CropBatches, Partners, draw_pair
from model.seed.films import Looks, seen
from model.seed.modes import mode_of
from model.seed.network import SeedConfig, SeedNet
from model.seed.scales import TABLE_14
from model.seed.training import SeedRecipe, fresh, hardest, margins, restore, run, step, store
from model.seed.views import scale_views, whole_view

SIDE = 240


@pytest.fixture
def films(make_seed_film):
    """Twelve films, every second with a lesion of 300 or 420 px."""
    boxes = [[[600 + 90 * i, 900, 900 + 90 * i + 120 * (i % 4 == 1), 1200 + 120 * (i % 4 == 1)]] for i in range(12)]
    return [make_seed_film(i, boxes[i] if i % 2 else (), view="PA" if i % 3 else "AP") for i in range(12)]


@pytest.fixture
def looks(films) -> Looks:
    """Noise, with a bright square where a lesion is."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(90, 130, (len(films), SIDE, SIDE)).astype(np.uint8)
    for film in films:
        for x0, y0, x1, y1 in (film.lesions * SIDE).astype(int):
            pixels[film.row, y0:y1, x0:x1] += 80
    return Looks(pixels)


def small() -> SeedNet:
    torch.manual_seed(0)
    return SeedNet(SeedConfig("residual", 0.125))


def batches(films, looks, name="multiscale", crop=32, per_lesion=4, least=0) -> CropBatches:
    return CropBatches(films, looks, mode_of(name, crop, TABLE_14), per_lesion, least)


@pytest.mark.parametrize(("name", "crop", "least"), [("multiscale", 32, 0), ("local", 32, 16), ("global", 64, 8)])
def test_a_batch_has_three_negatives_to_a_positive_and_fifteen_for_mining(
    films, looks, name, crop, least, make_seed_film
):
    if name == "global":
        films = [make_seed_film(f.row, [[100, 100, 1500, 1500]] if len(f.lesions) else ()) for f in films]
    source = batches(films, looks, name, crop, least=least)
    for hard, factor in ((False, 3), (True, 15)):
        batch = source.draw(np.random.default_rng(1), hard)
        assert len(batch.positive) > 0 and len(batch.negative) == factor * len(batch.positive)
        assert batch.positive.shape[1:] == batch.negative.shape[1:]


def test_a_batch_is_of_one_scale_and_a_quarter_of_its_size_is_positive(films, looks):
    source, sizes = batches(films, looks), set()
    for seed in range(12):
        batch = source.draw(np.random.default_rng(seed), False)
        sizes.add((len(batch.positive), tuple(batch.positive.shape[2:])))
    assert sizes == {(16, (32, 32)), (8, (32, 32))}  # scales 1 and 5 of the table


def test_a_pair_draws_one_part_on_the_lesion_one_beside_it_and_two_in_the_normal_film(films, looks):
    mode = mode_of("multiscale", 32, TABLE_14)
    pair = draw_pair(mode, films[1], films[0], mode.lessons(films[1])[0], 4, 3, np.random.default_rng(0))
    assert (len(pair.positive), len(pair.near), len(pair.far)) == (4, 4, 8)


def test_a_lesion_is_paired_with_a_normal_film_of_the_same_view(films):
    partners = Partners([film for film in films if film.film.normal])
    rng = np.random.default_rng(0)
    assert all(partners.draw(films[i], rng).film.view == films[i].film.view for i in (1, 3, 5, 7) for _ in range(5))


def test_films_are_standardised_before_the_resize_in_the_multi_scale_mode_and_after_it_globally():
    film = torch.rand(1, 1, 64, 64) * 200
    many, whole = seen(film, scale_views(TABLE_14, 8)[0]), seen(film, whole_view(16, 4))
    assert whole.std(correction=0) == pytest.approx(1.0, abs=1e-4)
    assert many.mean() == pytest.approx(0.0, abs=0.02) and many.std() < 0.99  # a resize smooths noise


def test_mining_keeps_the_negatives_of_highest_loss_and_leaves_the_running_statistics():
    network, crops = small().train(), torch.randn(40, 1, 48, 48)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    kept = hardest(network, crops, 10)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    with torch.no_grad():
        found = margins(network.eval(), torch.cat([kept, crops]))
    assert len(kept) == 10 and torch.allclose(found[:10].sort().values, found[10:].topk(10).values.sort().values)


def test_mining_begins_after_four_tenths_and_the_rate_ends_at_zero():
    recipe = SeedRecipe(steps=100)
    assert [recipe.mines_at(step) for step in (0, 39, 40, 99)] == [False, False, True, True]
    assert recipe.rate_at(0) < recipe.rate_at(3) and recipe.rate_at(3) == pytest.approx(recipe.rate)
    assert recipe.rate_at(99) < 0.01 * recipe.rate


def test_only_convolution_kernels_are_decayed_by_twice_the_l2_factor():
    state = fresh(small(), SeedRecipe(steps=1))
    decayed, plain = state.optimiser.param_groups
    assert decayed["weight_decay"] == 2e-4 and all(p.ndim == 4 for p in decayed["params"])
    assert plain["weight_decay"] == 0.0 and any(p.ndim == 2 for p in plain["params"])


def test_steps_teach_bright_squares(films, looks):
    recipe = SeedRecipe(steps=24, rate=3e-2)
    source = batches(films, looks)
    state, losses = fresh(small().train(), recipe), []
    for _ in range(9):  # before mining
        state.loss = float("nan")
        step(state, source, recipe)
        losses.append(state.loss)
    assert np.mean(losses[-3:]) < 0.7 * losses[0]


def test_a_killed_run_goes_on_to_the_same_weights(films, looks, tmp_path: Path):
    recipe, source = SeedRecipe(steps=4), batches(films, looks, least=8)
    whole = run(fresh(small(), recipe), source, recipe, tmp_path / "whole.pt", lambda state: None)
    half = fresh(small().train(), recipe)
    for _ in range(2):
        step(half, source, recipe)
    store(half, tmp_path / "half.pt")
    again = run(
        restore(fresh(small(), recipe), tmp_path / "half.pt"), source, recipe, tmp_path / "half.pt", lambda _: None
    )
    assert again.steps == whole.steps == 4
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name
