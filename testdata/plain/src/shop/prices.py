PRICES = {"assam": 12}


def price(tea):
    return PRICES[tea]
