def total_with_tax(price, tax):
    return price - tax
