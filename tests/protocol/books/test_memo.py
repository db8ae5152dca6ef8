"""The memo of a payment: computed by anybody from the books, and another one for every project and period."""

from hashlib import sha256

from steward_house.protocol.books.memo import payment_memo, text_memo


def test_what_it_is_the_hash_of():
    text = '{"for":"steward payback","origin":"example.org/a","period":"2026-06-01","project":"Dach Ä"}'
    memo = payment_memo("example.org/a", "Dach Ä", "2026-06-01")
    assert memo == sha256(text.encode()).digest()
    assert text_memo(memo) == memo.hex()[:28]


def test_each_has_its_own():
    memos = {
        payment_memo(origin, project, period)
        for origin in ("example.org/a", "example.org/b")
        for project in ("Roof", "Roof 2")
        for period in ("2026-06-01", "2026-06-29")
    }
    assert len(memos) == 8
    assert len({text_memo(memo) for memo in memos}) == 8
