"""Shows the teas of the catalogue, or those that a running shop offers."""

import argparse

import requests
from rich.console import Console
from rich.table import Table

from catalogue import Product, products


def main():
    parser = argparse.ArgumentParser(prog="teas", description=__doc__)
    parser.add_argument("--shop", metavar="URL", help="ask the shop at this address")
    options = parser.parse_args()
    show(ask(options.shop) if options.shop else products())


def ask(shop):
    """The products that a shop offers."""
    answer = requests.get(shop.rstrip("/") + "/products.json", timeout=10)
    answer.raise_for_status()
    return [Product(**entry) for entry in answer.json()]


def show(teas):
    """Prints a table."""
    table = Table("tea", "origin")
    table.add_column("price", justify="right")
    for tea in teas:
        table.add_row(tea.name, tea.origin, tea.price)
    Console().print(table)
