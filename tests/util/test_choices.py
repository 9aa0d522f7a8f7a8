"""Names in errors: all that are allowed, or those nearest to the one found; and names compared as text."""

from codecfake.util.choices import allowed, nfc


def test_short_list_is_complete_and_sorted():
    assert allowed("c", ["b", "a"]) == "allowed: a, b"


def test_long_list_is_cut_to_the_nearest_names():
    speakers = [f"p{number}" for number in range(200, 400)]
    found = allowed("P225", speakers)
    assert found.startswith("allowed: 200 names, the nearest ")
    assert "p225" in found
    assert len(found) < 80
    assert allowed("~", speakers) == "allowed: 200 names, the nearest p200, p201, p202, p203, p204"


def test_composed_and_decomposed_names_are_equal():
    assert nfc("Jose\u0301") == nfc("Jos\u00e9") == "Jos\u00e9"
