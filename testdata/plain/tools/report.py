from shop.prices import PRICES

if __name__ == "__main__":
    print(len(PRICES), "teas")
