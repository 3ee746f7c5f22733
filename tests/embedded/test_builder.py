"""The steps that make the pack, on arrays small enough to check by eye."""

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pgebench.embedded.builder import recipes
from pgebench.embedded.builder.colour import motif
from pgebench.embedded.builder.dedup import components, drop_exact, group, near_pairs
from pgebench.embedded.builder.glyphs import LETTERS, family, join_clones
from pgebench.embedded.builder.grey import _numpy_pickle
from pgebench.embedded.builder.packages import PACKAGES
from pgebench.embedded.builder.pixels import LEVELS, on_white, pad_to
from pgebench.embedded.builder.raw import Raw, no_families, stratified_sample
from pgebench.embedded.builder.split import draw_split, not_crossing
from pgebench.embedded.builder.write import write_npz


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32), dtype=np.uint8)


def raw(images: np.ndarray, labels: list[int], families: list[int] | None = None) -> Raw:
    numbers = no_families(len(images)) if families is None else np.array(families)
    return Raw(images, np.array(labels), tuple(str(label) for label in sorted(set(labels))), numbers)


def test_one_copy_of_an_image_stays():
    images = noise(3)[[0, 1, 0, 2, 0]]
    kept, removed = drop_exact(raw(images, [0, 1, 0, 1, 0]))
    np.testing.assert_array_equal(kept.images, images[[0, 1, 3]])
    assert (removed.copies, removed.conflicting) == (2, 0)


def test_an_image_with_two_labels_goes_with_all_its_copies():
    images = noise(3)[[0, 1, 0, 2]]
    kept, removed = drop_exact(raw(images, [0, 0, 1, 1]))
    np.testing.assert_array_equal(kept.images, images[[1, 3]])
    assert (removed.copies, removed.conflicting) == (0, 2)


def test_a_removed_copy_ties_its_family_to_that_of_the_copy_that_stays():
    kept, _ = drop_exact(raw(noise(3)[[0, 1, 0, 2]], [0, 0, 0, 0], families=[5, 6, 6, 7]))
    assert kept.families[0] == kept.families[1] != kept.families[2]


def test_a_brighter_copy_is_a_near_duplicate_and_another_image_is_not():
    first, other = noise(2)
    brighter = (first // 2 + 60).astype(np.uint8)
    np.testing.assert_array_equal(near_pairs(np.stack([first, other, brighter])), [[0, 2]])


def test_near_duplicates_are_found_whatever_the_block_size():
    images = noise(20)[np.random.default_rng(1).integers(0, 20, 50)]
    whole = near_pairs(images, block=1000)
    for block in (1, 7, 50):
        np.testing.assert_array_equal(near_pairs(images, block=block), whole)
    assert len(whole) > 0


def test_colour_images_are_compared_by_their_grey_values():
    colour = np.repeat(noise(1)[..., None], 3, axis=-1)
    assert len(near_pairs(np.concatenate([colour, 255 - colour, colour]))) == 1


def test_a_chain_of_pairs_is_one_component():
    np.testing.assert_array_equal(components(5, np.array([[0, 1], [1, 2]])), [0, 0, 0, 1, 2])


def test_families_and_near_duplicates_join_into_groups():
    np.testing.assert_array_equal(group(np.array([9, 9, 4, 4, 2]), np.array([[1, 2]])), [0, 0, 0, 0, 1])


def test_no_pair_crosses_splits_once_the_later_copies_are_gone():
    split = np.array([0, 1, 2, 2], np.uint8)
    np.testing.assert_array_equal(not_crossing(split, np.array([[0, 1], [1, 2], [2, 3]])), [0, 3])


def test_single_images_fill_every_class_quota_exactly():
    labels = np.repeat(np.arange(3), 100)
    split = draw_split(labels, np.arange(300))
    for label in range(3):
        assert np.bincount(split[labels == label]).tolist() == [60, 15, 25]


def test_a_group_shares_a_split_and_classes_stay_balanced():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 4, 2000), rng.integers(0, 900, 2000)
    groups = np.unique(groups, return_inverse=True)[1]
    split = draw_split(labels, groups)
    assert all(len(set(split[groups == number])) == 1 for number in range(groups.max() + 1))
    for label in range(4):
        np.testing.assert_allclose(
            np.bincount(split[labels == label]) / (labels == label).sum(), (0.6, 0.15, 0.25), atol=0.01
        )


def test_the_same_seed_draws_the_same_split_and_another_seed_another():
    labels, groups = np.repeat(np.arange(2), 50), np.arange(100)
    np.testing.assert_array_equal(draw_split(labels, groups), draw_split(labels, groups))
    assert (draw_split(labels, groups, seed=1) != draw_split(labels, groups, seed=2)).any()


def test_a_class_that_cannot_reach_every_split_is_an_error():
    with pytest.raises(ValueError, match=r"no image of class \[1\]"):
        draw_split(np.array([0] * 20 + [1] * 2), np.arange(22))


def test_a_sample_is_stratified():
    chosen = stratified_sample(np.array([0] * 9 + [1] * 2), per_class=4, seed=0)
    assert ((chosen < 9).sum(), (chosen >= 9).sum()) == (4, 2)


def test_padding_centres_the_image():
    padded = pad_to(np.full((1, 28, 28), 9, np.uint8))
    assert (padded[0, 2:30, 2:30] == 9).all()
    assert padded.sum() == 9 * 28 * 28


def test_transparency_becomes_white_and_colours_fall_on_the_levels():
    picture = Image.new("RGBA", (10, 4), (200, 30, 90, 128))
    pixels = on_white(picture)
    assert (pixels[0] == 255).all()
    levels = pixels / (255 / (LEVELS - 1))
    np.testing.assert_allclose(levels, np.rint(levels), atol=0.13)


def test_white_margins_are_cut_off_on_request():
    page = Image.new("RGB", (100, 100), "white")
    page.paste("black", (70, 70, 80, 80))
    assert (on_white(page, trim=True) == 0).all()
    assert (on_white(page) == 255).mean() > 0.9


def test_weights_and_widths_of_a_font_are_one_family():
    assert {family(name) for name in ("Open Sans", "Open Sans Condensed Light", "Open Sans Extrabold")} == {"Open Sans"}


def test_a_copied_font_is_joined_to_its_original():
    original, other = noise(26, seed=1), noise(26, seed=2)
    images = np.concatenate([original, other, original // 2 + 5])
    families = [name for name in ("Original", "Other", "Copy") for _ in LETTERS]
    groups = join_clones(images, families)
    assert groups["Original"] == groups["Copy"] != groups["Other"]


def test_gender_variants_of_an_emoji_are_one_motif():
    assert motif("1F64B-200D-2640-FE0F") == motif("1F64B-200D-2642-FE0F") == motif("1F64B")
    assert motif("1F468-200D-1F33E") != motif("1F468-200D-1F373")


def test_a_pickle_that_names_a_function_is_refused(tmp_path: Path):
    path = tmp_path / "data.gz"
    path.write_bytes(gzip.compress(pickle.dumps(print)))
    with pytest.raises(pickle.UnpicklingError, match=r"refused: builtins\.print"):
        _numpy_pickle(path)


def test_the_same_arrays_make_the_same_bytes(tmp_path: Path):
    arrays = {"images": noise(5), "class_names": np.array(["a", "bc"])}
    write_npz(tmp_path / "one.npz", arrays)
    write_npz(tmp_path / "two.npz", arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["images"], arrays["images"])
        assert file["class_names"].tolist() == ["a", "bc"]


def test_object_arrays_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npz(tmp_path / "bad.npz", {"names": np.array([None])})


def test_every_recipe_has_packages():
    assert set(recipes.RECIPES) == set(PACKAGES)
