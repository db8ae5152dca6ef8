"""The commands as somebody types them: what they print, what they write, and how they end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
import json
import os
from pathlib import Path
import stat

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from steward_house.audit import patience
from steward_house.audit.findings import Finding
from steward_house.audit.heads import Keys
from steward_house.audit.patience import look_patiently
from steward_house.audit.result import Report
from steward_house.audit.verify import verify
from steward_house.cli import main
from steward_house.protocol.books.entries import Inspection, Payment, PaymentStep, decode, encode, unsigned_text
from steward_house.protocol.books.terms import check_terms
from steward_house.protocol.log.note import Note, Verifier

from .server import Server, serving
from .world import BEGIN, CREDITOR, MINUTE, OTHER_WITNESS, SIGNER, STRANGER, WITNESS, House, Log, lay_out, source, terms

KEY = ("--key", SIGNER.vkey)
QUICK = ("--creditor", CREDITOR.vkey, "--no-recheck")


@pytest.fixture(scope="module")
def folder(log: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the thousand entries as a folder of generations; nobody changes it."""
    return lay_out(log.files(None, WITNESS), tmp_path_factory.mktemp("log") / "1").parent


@pytest.fixture
def server():
    with serving() as site:
        yield site


def run(*arguments: object) -> int:
    """Run the command; argparse's own way to end is turned into its status."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)


def test_verify_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audit", "verify", folder, *KEY, "--creditor", CREDITOR.vkey) == 0
    assert "Nothing is wrong. 1000 entries" in capsys.readouterr().out
    assert run("audit", "verify", folder / "1", *KEY, *QUICK) == 0
    capsys.readouterr()
    assert run("audit", "verify", folder, *KEY, *QUICK, "--json", "--witness", WITNESS.vkey) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is True
    assert data["checks"]["recheck"] == {"outcome": "skipped", "why": "not_asked"}


def test_verify_finds(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = log.files()
    files["tile/0/001"] = files["tile/0/001"][:-1] + b"!"
    assert run("audit", "verify", lay_out(files, tmp_path / "1"), *KEY, *QUICK) == 1
    assert "generation 1, tile/0/001: hash 255 of the tile is wrong; the entries are right" in capsys.readouterr().out


def test_terms_file(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "terms"
    path.write_text(terms().text)
    assert run("audit", "verify", folder, *KEY, "--terms", path, "--no-recheck") == 0
    path.write_text(terms(due_days=1).text)
    assert run("audit", "verify", folder, *KEY, "--terms", path, "--no-recheck") == 1
    path.write_text("nothing")
    assert run("audit", "verify", folder, *KEY, "--terms", path) == 2
    assert run("audit", "verify", folder, *KEY, "--terms", tmp_path / "none") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("audit",),
        ("audit", "verify"),
        ("audit", "verify", "nowhere"),
        ("audit", "verify", "nowhere", *KEY),
        ("audit", "verify", ".", *KEY),
        ("audit", "verify", ".", "--key", "nonsense"),
        ("audit", "verify", "http://", *KEY),
        ("audit", "verify", "http://[", *KEY),
        ("audit", "verify", "http://127.0.0.1:1/x", *KEY),
        ("audit", "verify", "/", *KEY, "--keep", "x"),
        ("audit", "proof", "nowhere", "1", *KEY),
        ("audit", "proof", ".", "x", *KEY),
        ("audit", "check-proof", "nowhere", *KEY),
        ("audit", "watch", "nowhere", *KEY, "--state", "/nowhere/state"),
        ("audit", "watch", ".", *KEY, "--state", "x", "--interval", "0"),
        ("audit", "sign-terms", "nowhere", "--key-file", "nowhere"),
        ("teller", "info", "nowhere"),
        ("teller", "info", "http://127.0.0.1:1/x"),
    ],
)
def test_cannot_check(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert capsys.readouterr().err


def test_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "checkpoint").mkdir()
    assert run("audit", "verify", tmp_path, *KEY) == 1
    monkeypatch.setattr(os, "open", refuse)
    assert run("audit", "verify", tmp_path, *KEY) == 2


def test_proof(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index in (0, 517, 999):
        assert run("audit", "proof", folder, index, *KEY, "--out", tmp_path) == 0
        path = Path(capsys.readouterr().out.strip())
        assert path == tmp_path / f"entry-{index}.json.tlog-proof"
        assert run("audit", "check-proof", path, *KEY) == 0
        assert run("audit", "check-proof", path, *KEY, "--witness", WITNESS.vkey) == 0
        assert "seen by witness.example/w1" in capsys.readouterr().out
        assert run("audit", "check-proof", path, "--key", STRANGER.vkey) == 1
        assert run("audit", "check-proof", path, *KEY, "--entry", folder / "1/checkpoint") == 1
    assert run("audit", "proof", folder, 999, *KEY, "--out", tmp_path, "--spicy", "--generation", 1) == 0
    spicy = tmp_path / "entry-999.json.spicy"
    assert spicy.read_bytes().startswith(b"index 999\n")
    assert run("audit", "check-proof", spicy, *KEY) == 0
    entry = tmp_path / "entry-999.json"
    entry.write_bytes(entry.read_bytes().replace(b"energy", b"Energy"))
    assert run("audit", "check-proof", spicy, *KEY) == 1
    spicy.write_bytes(b"index 1")
    assert run("audit", "check-proof", spicy, *KEY) == 1


def test_no_proof(folder: Path, tmp_path: Path) -> None:
    assert run("audit", "proof", folder, 1000, *KEY, "--out", tmp_path) == 1
    assert run("audit", "proof", folder, 1, "--key", STRANGER.vkey, "--out", tmp_path) == 1
    assert run("audit", "proof", folder, 1, *KEY, "--generation", 2, "--out", tmp_path) == 2
    assert not [*tmp_path.iterdir()]


def test_report(folder: Path, tmp_path: Path) -> None:
    for language, word in (("en", "Production per day"), ("de", "Erzeugung je Tag")):
        assert run("audit", "report", folder, *KEY, *QUICK, "--out", tmp_path / language, "--language", language) == 0
        index = (tmp_path / language / "index.html").read_text()
        assert f'<html lang="{language}">' in index
        assert 'href="period-2026-03-02.html"' in index
        page = (tmp_path / language / "period-2026-03-02.html").read_text()
        assert word in page
        assert "<svg" in page
        for text in (index, page):
            assert "<script" not in text
            assert "http://" not in text
            assert "https://" not in text


def test_keys_terms_and_inspections(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "key"
    assert run("audit", "new-key", "creditor.example/mine", "--key-file", path) == 0
    vkey = capsys.readouterr().out.strip()
    assert Verifier.parse(vkey).name == "creditor.example/mine"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run("audit", "new-key", "creditor.example/mine", "--key-file", path) == 2
    assert run("audit", "new-key", "a b", "--key-file", tmp_path / "other") == 2

    text = tmp_path / "terms.json"
    text.write_text(terms(creditor=vkey).text)
    capsys.readouterr()
    assert run("audit", "sign-terms", text, "--key-file", path) == 0
    check_terms(terms(creditor=vkey), capsys.readouterr().out, vkey)
    text.write_text(terms().text)
    assert run("audit", "sign-terms", text, "--key-file", path) == 2

    capsys.readouterr()
    at = "2026-03-02T12:00:00+01:00"
    assert run("audit", "inspect", "inverter", "1234.5", "--who", "Ada", "--at", at, "--key-file", path) == 0
    note = Note.parse(capsys.readouterr().out.encode())
    note.verified_by([Verifier.parse(vkey)])
    entry = decode(note.text.strip().encode())
    assert isinstance(entry, Inspection)
    assert (entry.register, entry.at.hour, unsigned_text(entry)) == (1_234_500_000, 11, note.text)
    for wrong in ("x", "-1", "NaN", "1e12"):
        assert run("audit", "inspect", "inverter", wrong, "--who", "Ada", "--key-file", path) == 2
    assert run("audit", "inspect", "No Such", "1", "--who", "Ada", "--key-file", path) == 2
    assert run("audit", "inspect", "inverter", "1", "--who", "Ada", "--at", "noon", "--key-file", path) == 2

    path.chmod(0o644)
    assert run("audit", "sign-terms", text, "--key-file", path) == 2
    path.chmod(0o600)
    for content in ("", "PRIVATE+KEY+a+00000000+AA==", path.read_text().replace("mine", "yours")):
        path.write_text(content)
        assert run("audit", "sign-terms", text, "--key-file", path) == 2


def test_sign_receipt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, file = tmp_path / "key", tmp_path / "claim"
    assert run("audit", "new-key", "creditor.example/mine", "--key-file", key) == 0
    vkey = capsys.readouterr().out.strip()
    claim = Payment(
        at=BEGIN,
        project="Dach 7",
        period="2026-03-02",
        step=PaymentStep.SUBMITTED,
        amount=Decimal("12.30"),
        memo="Überweisung, 3. März",
    )
    text = unsigned_text(claim)
    for shown in (text, text.strip(), f"\r\n  {text.strip()} \r\n"):
        file.write_bytes(shown.encode())
        assert run("audit", "sign-receipt", file, "--key-file", key) == 0
        out, told = capsys.readouterr()
        note = Note.parse(out.encode())
        note.verified_by([Verifier.parse(vkey)])
        assert note.text == text
        assert "12.3 for 2026-03-02 of Dach 7" in told
        assert "Überweisung" in told
    signed = replace(claim, note=out)
    for wrong in (
        "",
        "It was paid",
        text.replace(",", ", "),
        text[1:],
        encode(replace(claim, step=PaymentStep.CONFIRMED)).decode(),
        encode(replace(claim, step=PaymentStep.WAIVED)).decode(),
        encode(replace(claim, tx="ab" * 32)).decode(),
        encode(Inspection(at=BEGIN, source="inverter", register=1, who="Ada")).decode(),
    ):
        file.write_text(wrong)
        assert run("audit", "sign-receipt", file, "--key-file", key) == 2
        assert not capsys.readouterr().out
    file.write_bytes(encode(signed))
    assert run("audit", "sign-receipt", file, "--key-file", key) == 2
    assert run("audit", "sign-receipt", tmp_path / "none", "--key-file", key) == 2


def test_watch(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, state = tmp_path / "log", tmp_path / "state"
    watch = ("audit", "watch", folder, *KEY, "--state", state)
    for size in (1, 255, 256, 257, 600, 600, 1000):
        lay_out(log.files(size), folder)
        assert run(*watch) == 0
    assert f"generation 1: {1000} entries" in capsys.readouterr().out
    kept = state.read_bytes()

    lay_out(log.files(999), folder)
    assert run(*watch) == 1
    assert "ALARM, generation 1: it has 999 entries, and had 1000" in capsys.readouterr().err
    assert state.read_bytes() == kept
    (evidence,) = (tmp_path / "state.evidence").iterdir()
    assert (evidence / "kept").read_bytes() == log.note(1000)
    assert (evidence / "shown").read_bytes() == log.note(999)
    assert run(*watch) == 1
    assert len([*(tmp_path / "state.evidence").iterdir()]) == 1

    forked = Log(log.origin, [*log.entries[:400], log.entries[401], *log.entries[400:], log.entries[0]])
    lay_out(forked.files(), folder)
    assert run(*watch) == 1
    assert "don't begin with the 1000 that were there" in capsys.readouterr().err
    lay_out(forked.files(1000), folder)
    assert run(*watch) == 1
    assert "another tree of 1000 entries" in capsys.readouterr().err
    lay_out({**log.files(), "tile/0/003.p/232": b""}, folder)
    assert run(*watch) == 0
    (folder / "checkpoint").write_bytes(b"hello")
    assert run(*watch) == 1
    (folder / "checkpoint").unlink()
    assert run(*watch) == 1
    assert run(*watch, "--witness", WITNESS.vkey) == 1


def test_watch_that_cannot_be_proven(log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, state = tmp_path / "log", tmp_path / "state"
    watch = ("audit", "watch", folder, *KEY, "--state", state)
    lay_out(log.files(500), folder)
    assert run(*watch) == 0
    (folder / "checkpoint").write_bytes(log.note(1000))
    assert run(*watch) == 1
    assert "doesn't prove that it continues" in capsys.readouterr().err
    files = log.files()
    files["tile/1/000.p/3"] = bytes(96)
    lay_out(files, folder)
    assert run(*watch) == 1
    assert "don't lead to its checkpoint" in capsys.readouterr().err
    lay_out(log.files(), folder)
    assert run(*watch) == 0


def test_watch_generations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = House()
    first.measure(40)
    root, state = tmp_path / "log", tmp_path / "state"
    watch = ("audit", "watch", root, *KEY, "--state", state)
    lay_out(first.log.files(), root / "1")
    assert run(*watch) == 0
    second = first.next_generation()
    lay_out(second.log.files(), root / "2")
    assert run(*watch) == 0
    shorter = first.next_generation(keep=20)
    shorter.log.origin = second.log.origin.replace("abc", "bcd")
    lay_out(shorter.log.files(), root / "2")
    assert run(*watch) == 1
    assert "another generation of this number" in capsys.readouterr().err
    data = json.loads(state.read_text())
    del data["checkpoints"]["2"]
    state.write_text(json.dumps(data))
    assert run(*watch) == 1
    assert "the others are lost" in capsys.readouterr().err
    other = Log(second.log.origin, [first.log.entries[3]])
    lay_out(other.files(), root / "2")
    assert run(*watch) == 1
    for path in (root / "2").rglob("*"):
        if path.is_file():
            path.unlink()
    (root / "2").rename(tmp_path / "gone")
    data["checkpoints"]["2"] = second.log.note().decode()
    state.write_text(json.dumps(data))
    assert run(*watch) == 1
    assert "isn't any more" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version":1,"origin":"x","checkpoints":{}}', "\xff", "[" * 100_000]
)
def test_damaged_state(folder: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "state").write_text(content, encoding="latin-1")
    assert run("audit", "watch", folder, *KEY, "--state", tmp_path / "state") == 2
    note = {"version": 1, "origin": SIGNER.name, "checkpoints": {"1": "no note"}}
    (tmp_path / "state").write_text(json.dumps(note))
    assert run("audit", "watch", folder, *KEY, "--state", tmp_path / "state") == 2


def test_watch_again_and_again(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lay_out(log.files(300), tmp_path / "log")
    rounds = iter(
        [
            lambda: lay_out(log.files(400), folder),
            lambda: folder.rename(tmp_path / "away"),
            lambda: None,
            lambda: (tmp_path / "away").rename(folder),
            lambda: lay_out(log.files(200), folder),
        ]
    )
    monkeypatch.setattr("time.sleep", lambda _: next(rounds)())
    assert run("audit", "watch", folder, *KEY, "--state", tmp_path / "state", "--interval", 60) == 1
    out, err = capsys.readouterr()
    assert out == "generation 1: 300 entries\ngeneration 1: 400 entries\ngeneration 1: 400 entries\n"
    assert err.count("can't be read") == 1
    assert "ALARM" in err


def test_address(log: Log, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = House()
    first.measure(300)
    second = first.next_generation()
    server.files = {
        f"{number}/{path}": data for number, of in ((1, first), (2, second)) for path, data in of.log.files().items()
    }
    server.files["generations"] = b"[1,2]"
    verify = ("audit", "verify", server.url, *KEY, *QUICK)
    assert run(*verify) == 0
    assert run(*verify, "--keep", tmp_path / "kept") == 0
    assert run("audit", "verify", tmp_path / "kept", *KEY, *QUICK) == 0
    assert run("audit", "proof", server.url, 1, *KEY, "--out", tmp_path) == 0
    assert run("audit", "watch", server.url + "/", *KEY, "--state", tmp_path / "state") == 0
    assert run("audit", "report", server.url, *KEY, *QUICK, "--out", tmp_path / "pages") == 0
    # Without the list, as a static host has it; and the current generation at the address itself.
    del server.files["generations"]
    assert run(*verify) == 0
    server.files = first.log.files()
    assert run(*verify) == 0
    server.files["generations"] = b"[1]"
    assert run(*verify) == 0
    assert "generation 1: 304 entries" in capsys.readouterr().out


def test_address_that_misbehaves(log: Log, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.files = log.files()
    verify = ("audit", "verify", server.url, *KEY, *QUICK)
    server.headers["Retry-After"] = "0"
    server.statuses = {"tile/0/001": [429, 503, 429]}
    assert run(*verify) == 0
    server.statuses = {"tile/0/001": [500]}
    assert run(*verify) == 2
    server.statuses = {"checkpoint": [301]}
    server.headers["Location"] = "https://elsewhere.example/"
    assert run(*verify) == 2
    assert "https://elsewhere.example/" in capsys.readouterr().err
    for listed in (b"", b"{}", b"[]", b"[0]", b'["1"]', b"[true]", b"[" * 100_000):
        server.files["generations"] = listed
        assert run(*verify) == 2
    del server.files["generations"], server.files["tile/0/001"]
    assert run(*verify) == 1
    server.files["checkpoint"] = b"none"
    assert run(*verify) == 1
    server.files = {}
    assert run(*verify) == 2
    assert "no log" in capsys.readouterr().err


def test_address_of_a_log_that_grows_meanwhile(log: Log, server: Server) -> None:
    """A partial tile may be gone when it is asked for, since the log has grown: it is looked at again."""
    server.files = log.files(1000)
    server.files["generations"] = b"[1]"
    old = log.note(900)
    notes = [old]
    answer = server.answer

    def grow(method: str, path: str) -> tuple[int, bytes]:
        return (200, notes.pop(0)) if path == "checkpoint" and notes else answer(method, path)

    server.answer = grow
    assert run("audit", "verify", server.url, *KEY, *QUICK) == 0


def test_address_that_sends_too_much(log: Log, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steward_house.audit.fetching.MAX_FILE_BYTES", 20_000)
    server.files = log.files()
    assert run("audit", "verify", server.url, *KEY, *QUICK) == 2


def test_horizon(server: Server, folder: Path) -> None:
    assert run("audit", "verify", folder, *KEY, *QUICK, "--horizon", server.url) == 1
    server.statuses = {f"transactions/{'ab' * 32}": [500]}
    assert run("audit", "verify", folder, *KEY, *QUICK, "--horizon", server.url) == 2


def test_teller(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.files = {
        "ping": b'{"Code":200,"Status":"HEALTH OK"}',
        "info": b'{"project":"Roof 7","terms":{"number":1,"signed":true},"sources":["a","b"],"witnesses":[],"stopped":false,"x":null}',
        "owed": b'{"owed":"1.50"}',
        "commit": b'{"size":3}',
        "hh": b"[]",
    }
    assert run("teller", "ping", server.url) == 0
    assert run("teller", "info", server.url) == 0
    out = capsys.readouterr().out
    assert (
        "project: Roof 7\nterms:\n  number: 1\n  signed: yes\nsources: a, b\nwitnesses: -\nstopped: no\nx: -\n" in out
    )
    assert run("teller", "owed", server.url, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"owed": "1.50"}
    assert run("teller", "commit", server.url) == 0
    assert server.asked[-1] == "POST commit"
    assert run("teller", "hh", server.url) == 2
    server.files["ping"] = b'{"Code":500}'
    assert run("teller", "ping", server.url) == 1
    server.files = {}
    assert run("teller", "ping", server.url) == 2


def test_what_could_steer_a_terminal(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        path.relative_to(folder / "1").as_posix(): path.read_bytes()
        for path in (folder / "1").rglob("*")
        if path.is_file()
    }
    lay_out({**files, "tile/\x1b[31mred": b""}, tmp_path / "1")
    assert run("audit", "verify", tmp_path, *KEY, *QUICK) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "red" in out


def test_missing_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "steward_house.audit.commands", None)
    monkeypatch.setitem(sys.modules, "steward_house.teller", None)
    assert run("audit", "verify", ".", *KEY) == 2
    assert run("teller", "ping", "http://x") == 2
    assert "pip install 'steward-house[audit]'" in capsys.readouterr().err


@given(st.lists(st.text(st.characters(blacklist_characters="\0"), max_size=20), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_arguments(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    for command in ("verify", "proof", "check-proof"):
        assert run("audit", command, *words, "--key", SIGNER.vkey) in {0, 1, 2}
    assert run("audit", "sign-terms", *words, "--key-file", "nowhere") in {0, 2}
    capsys.readouterr()


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], one: bytes, two: bytes, three: bytes) -> None:
    for name, data in (("one", one), ("two", two), ("three", three)):
        (tmp_path / name).write_bytes(data)
    assert run("audit", "check-proof", tmp_path / "one", *KEY, "--entry", tmp_path / "two") == 1
    assert run("audit", "sign-terms", tmp_path / "one", "--key-file", tmp_path / "two") == 2
    assert run("audit", "sign-receipt", tmp_path / "one", "--key-file", tmp_path / "two") == 2
    folder = lay_out({"checkpoint": one, "tile/entries/000.p/3": two, "tile/0/000.p/3": three}, tmp_path / "log")
    assert run("audit", "verify", folder, *KEY, "--json") == 1
    assert run("audit", "watch", folder, *KEY, "--state", tmp_path / "three") in {1, 2}
    assert run("audit", "proof", folder, 1, *KEY) == 1
    capsys.readouterr()


def test_witnesses_that_are_about_to_sign(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint is there before witnesses have cosigned it: the audit waits, as long as it was told to."""
    monkeypatch.setattr(patience, "_PAUSE", 0.02)
    now = datetime.now(UTC)
    house = House()
    house.at = now - 5 * MINUTE
    house.measure(2)
    signed = house.log.note(None, WITNESS, at=int(now.timestamp()))
    command = ("audit", "verify", server.url, *KEY, *QUICK, "--witness", WITNESS.vkey)

    def answer(method: str, path: str) -> tuple[int, bytes]:
        if path == "checkpoint" and server.asked.count("GET checkpoint") == 6:
            server.files["checkpoint"] = signed
        return Server.answer(server, method, path)

    server.files = house.log.files()
    assert run(*command, "--patience", "0") == 1
    assert "0 of the witnesses signed, 1 have to" in capsys.readouterr().out
    server.asked.clear()
    server.answer = answer
    assert run(*command, "--patience", "30") == 0
    assert "Nothing is wrong" in capsys.readouterr().out

    server.asked.clear()
    server.files = house.log.files(None, OTHER_WITNESS)
    assert run(*command, "--patience", "0.2") == 1
    for wrong in ("-1", "x", "nan", "1e9"):
        assert run(*command, "--patience", wrong) == 2


@pytest.mark.parametrize(
    ("age", "codes", "looks"),
    [
        (MINUTE, ["quorum_missed"], 3),
        (MINUTE, [], 1),
        (MINUTE, ["quorum_missed", "root_wrong"], 1),
        (25 * MINUTE, ["quorum_missed"], 1),
    ],
)
def test_patience(log: Log, age: timedelta, codes: list[str], looks: int) -> None:
    """It looks again when the checkpoint has changed and only if that may help, and not for ever."""
    report = verify(source(log), Keys.parse(SIGNER.vkey))
    (generation,) = report.generations
    report = replace(
        report,
        findings=tuple(Finding(code) for code in codes),
        generations=(replace(generation, last=report.audited - age),),
    )
    seen, now = [], [0.0]

    def look() -> Report:
        seen.append(now[0])
        return report

    def pause(seconds: float) -> None:
        now[0] += seconds

    found = look_patiently(look, lambda: str(now[0] // 6).encode(), 14, clock=lambda: now[0], pause=pause)
    assert found is report
    assert len(seen) == looks


def test_quorum_of_keys() -> None:
    assert Keys.parse(SIGNER.vkey, [WITNESS.vkey]).quorum == 1
    assert source(Log()).name == "memory"
