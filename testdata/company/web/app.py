"""The application: one page for people, one answer for programs."""

from dataclasses import asdict

from flask import Flask, render_template

from catalogue import products


def create():
    """The application as a WSGI callable."""
    app = Flask(__name__)

    @app.get("/")
    def index():
        return render_template("index.html", products=products())

    @app.get("/products.json")
    def as_json():
        return [asdict(product) for product in products()]

    return app
