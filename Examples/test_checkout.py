from checkout import total_with_tax


def test_tax_is_added():
    assert total_with_tax(10, 2) == 12


def test_no_tax():
    assert total_with_tax(5, 0) == 5


def test_free_item():
    assert total_with_tax(0, 3) == 3
