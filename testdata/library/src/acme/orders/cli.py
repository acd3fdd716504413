from acme.core.money import Money


def main():
    print(Money(3))
