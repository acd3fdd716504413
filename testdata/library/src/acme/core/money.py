import attrs


@attrs.define
class Money:
    amount: int
