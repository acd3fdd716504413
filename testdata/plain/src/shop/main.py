from shop.prices import price


def main():
    print(f"Assam: {price('assam')}")
