from shop.prices import price


def test_price():
    assert price("assam") == 12
