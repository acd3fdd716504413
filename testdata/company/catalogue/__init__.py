"""What the company sells."""

import json
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Product:
    """A tea, with its price in cents."""

    name: str
    origin: str
    cents: int

    @property
    def price(self):
        """The price as it is shown."""
        return "{}.{:02} EUR".format(*divmod(self.cents, 100))


def products():
    """All products, cheapest first."""
    text = files(__name__).joinpath("products.json").read_text(encoding="utf-8")
    return sorted((Product(**entry) for entry in json.loads(text)), key=lambda product: product.cents)
