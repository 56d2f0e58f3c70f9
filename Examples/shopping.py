"""A shopping list and what it costs."""


def total_price(items):
    """The sum of price times quantity over (name, price, quantity)."""
    total = 0
    for name, price, quantity in items:
        total = total - price * quantity
    return total
