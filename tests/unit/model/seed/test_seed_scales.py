"""The seed's tables of scales, against its own cuts."""

import numpy as np
import pytest

from model.seed.scales import TABLE_14, TABLE_29, TABLES, ScaleTable, size_of

AREAS_14 = (1e5, 1e5, 1e5, 1e5, 2e5, 2e5, 2e5, 2e5, 4e5, 4e5, 3e5, 7e5, 6e5, 5e5)
RATIOS_14 = (0.5, 1, 1.5, 2, 0.5, 1, 1.5, 2, 0.5, 1, 1.5, 0.5, 1, 1.5)


def test_one_rule_gives_the_fourteen_sizes_to_the_pixel():
    assert tuple(size_of(*pair) for pair in zip(AREAS_14, RATIOS_14, strict=True)) == TABLE_14.sizes


def test_the_second_table_has_twenty_nine_sizes_of_the_stated_areas_and_ratios():
    sizes = np.array(TABLE_29.sizes, dtype=float)
    assert len(sizes) == len(set(TABLE_29.sizes)) == len(TABLE_29.batches) == 29
    areas, ratios = sizes.prod(axis=1), sizes[:, 0] / sizes[:, 1]
    assert (areas <= 8e5).all() and (areas >= 0.98e5).all()
    assert {round(float(ratio), 1) for ratio in ratios} == {0.3, 0.5, 1.0, 1.5, 2.0, 2.5}
    largest = sorted(round(float(ratio), 1) for ratio, area in zip(ratios, areas, strict=True) if area > 6.5e5)
    assert largest == [0.3, 0.5, 1.0, 1.5, 2.5]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_lesion_of_a_scales_own_size_belongs_to_it(table: ScaleTable):
    assert [table.nearest(*size) for size in table.sizes] == list(range(len(table.sizes)))


def test_the_seeds_cuts_give_a_scales_own_size_back_but_where_a_cut_lies_on_the_scale():
    assert [TABLE_14.by_cuts(*size) for size in TABLE_14.sizes] == list(range(14))
    moved = {index for index, size in enumerate(TABLE_29.sizes) if TABLE_29.by_cuts(*size) != index}
    on_the_cut = {index for index, (width, height) in enumerate(TABLE_29.sizes) if 0.3 < width / height < 0.301}
    assert moved == on_the_cut | {TABLE_29.sizes.index((1322, 529))}  # 0.3 cuts ratios, 7e5 areas


def test_both_rules_agree_on_most_lesions_and_differ_by_one_step_near_the_borders():
    rng = np.random.default_rng(0)
    sides = np.exp(rng.uniform(np.log(200), np.log(900), (2000, 2)))
    pairs = [(TABLE_14.nearest(w, h), TABLE_14.by_cuts(w, h)) for w, h in sides]
    same = np.mean([one == other for one, other in pairs])
    assert 0.7 < same < 1.0
    for one, other in pairs:
        first, second = np.array(TABLE_14.sizes[one]), np.array(TABLE_14.sizes[other])
        steps = np.abs(np.log(first / second))
        assert steps.max() < 1.0  # never further apart than a factor of e a side


def test_a_large_wide_lesion_shows_where_the_seeds_cuts_look_at_the_ratio_alone():
    assert TABLE_14.by_cuts(1100, 550) == 7  # 632 x 316
    assert TABLE_14.nearest(1100, 550) == 13  # 865 x 577


def test_a_cut_belongs_to_the_scale_below_it():
    side = 150e3**0.5
    assert TABLE_14.by_cuts(side * 0.999, side * 0.999) == 1
    assert TABLE_14.by_cuts(side * 1.001, side * 1.001) == 5
