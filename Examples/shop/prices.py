"""Prices of a small shop, in cents."""

RATES = {"WELCOME": 10, "STAFF": 25}


def subtotal(items):
    """What the items cost together."""
    return sum(item["price"] * item["quantity"] for item in items)


def discount(amount, code):
    """What a code takes off the amount."""
    return amount * RATES.get(code, 0) // 100


def total(items, code=None, shipping=490):
    """What is to pay; shipping is free from 50 euros on."""
    amount = subtotal(items)
    amount = amount - discount(amount, code)
    if amount > 5000:
        amount = amount + shipping
    return amount
