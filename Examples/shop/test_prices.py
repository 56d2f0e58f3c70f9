import pytest

from prices import discount, subtotal, total


@pytest.fixture
def basket():
    return [{"price": 1250, "quantity": 2}, {"price": 300, "quantity": 1}]


def test_subtotal(basket):
    assert subtotal(basket) == 2800


@pytest.mark.parametrize("code, cents", [("WELCOME", 280), ("STAFF", 700), ("UNKNOWN", 0), (None, 0)])
def test_discount(code, cents):
    assert discount(2800, code) == cents


def test_small_orders_pay_shipping(basket):
    assert total(basket) == 3290


@pytest.mark.parametrize("quantity, cents", [(3, 4240), (4, 5000), (6, 7500)])
def test_large_orders_do_not(quantity, cents):
    assert total([{"price": 1250, "quantity": quantity}]) == cents


def test_a_code_counts_before_shipping(basket):
    assert total(basket, code="WELCOME") == 3010
