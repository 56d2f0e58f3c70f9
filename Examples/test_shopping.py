from shopping import total_price


def test_one_item():
    assert total_price([("bread", 3, 2)]) == 6


def test_several_items():
    assert total_price([("milk", 2, 1), ("eggs", 4, 3)]) == 14


def test_empty_list():
    assert total_price([]) == 0
