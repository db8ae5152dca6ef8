"""A teller's books for tests: made with the protocol's own filter, laid out as files, signed, and witnessed."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import pi, sin
from pathlib import Path
from zoneinfo import ZoneInfo

from steward_house.audit.heads import Keys
from steward_house.audit.sources import Generation, MemoryFiles, Source
from steward_house.protocol.anchor import Link
from steward_house.protocol.books.entries import (
    Anchored,
    AnchorKind,
    Entry,
    Generation as GenerationEntry,
    Head,
    Heartbeat,
    Inspection,
    Opened,
    Outage,
    Payment,
    PaymentStep,
    Settings,
    Shutdown,
    Start,
    decode,
    encode,
    unsigned_text,
)
from steward_house.protocol.books.meters import Meters
from steward_house.protocol.books.periods import Period, Unit
from steward_house.protocol.books.tariff import Fixed
from steward_house.protocol.books.terms import SourceTerms, Terms, sign_terms, terms_entry
from steward_house.protocol.fields import ContractError
from steward_house.protocol.log.checkpoint import Checkpoint
from steward_house.protocol.log.cosignature import Cosigner
from steward_house.protocol.log.note import Note, Signer, sign_note
from steward_house.protocol.log.tiles import encode_bundle, needed_bundles, needed_tiles
from steward_house.protocol.log.tree import Frontier, leaf_hash, node_hash

ORIGIN = "books.example/solar-1"
KEY = bytes(range(32))
SIGNER = Signer(ORIGIN, KEY)
CREDITOR = Signer("creditor.example/key", bytes(range(1, 33)))
STRANGER = Signer("stranger.example/key", bytes(range(2, 34)))
WITNESS = Cosigner("witness.example/w1", bytes(range(3, 35)))
OTHER_WITNESS = Cosigner("witness.example/w2", bytes(range(4, 36)))
KEYS = Keys.parse(SIGNER.vkey)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
MINUTE = timedelta(minutes=1)
SOURCE = "inverter"


def terms(**changes: object) -> Terms:
    """Return terms, weekly, at 20 cents."""
    fields = {
        "project": "Roof 7",
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "tariff": Fixed(Decimal("0.2")),
        "period": Period(1, Unit.WEEKS, date(2026, 3, 2)),
        "sources": (SourceTerms(id=SOURCE, max_power=10_000),),
        "creditor": CREDITOR.vkey,
    }
    return Terms(**{**fields, **changes})


@dataclass
class Log:
    """One generation: its entries, and every file that it has."""

    origin: str = ORIGIN
    entries: list[bytes] = field(default_factory=list)

    @property
    def signer(self) -> Signer:
        return Signer(self.origin, KEY)

    def levels(self, size: int | None = None) -> list[list[bytes]]:
        """Return the hashes of all complete subtrees by level."""
        levels = [[leaf_hash(entry) for entry in self.entries[:size]]]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append([node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)])
        return levels

    def root(self, size: int | None = None) -> bytes:
        levels = self.levels(size)
        return Frontier.of(len(levels[0]), lambda level, index: levels[level][index]).root()

    def note(self, size: int | None = None, *witnesses: Cosigner, at: int | None = None) -> bytes:
        """Return the signed checkpoint of a size, cosigned shortly after the last entry."""
        size = len(self.entries) if size is None else size
        text = Checkpoint(self.origin, size, self.root(size)).encode()
        note = Note.parse(sign_note(text, self.signer))
        if at is None:
            at = int((self.written(size) + MINUTE).timestamp())
        return note.with_signatures(witness.sign(text, at) for witness in witnesses).encode()

    def written(self, size: int) -> datetime:
        """Return when the last entries of a size were written, those that are entries."""
        found = BEGIN
        for data in self.entries[max(size - 3, 0) : size]:
            with suppress(ContractError):
                found = max(found, decode(data).at)
        return found

    def files(self, size: int | None = None, *witnesses: Cosigner, note: bytes | None = None) -> dict[str, bytes]:
        """Return the files of the log as it was at a size."""
        size = len(self.entries) if size is None else size
        levels = self.levels(size)
        files = {"checkpoint": self.note(size, *witnesses) if note is None else note}
        for path in needed_tiles(size):
            assert path.level is not None
            files[str(path)] = b"".join(levels[path.level * 8][path.index * 256 :][: path.width])
        for path in needed_bundles(size):
            files[str(path)] = encode_bundle(self.entries[path.index * 256 :][: path.width])
        return files


class House:
    """A house whose teller writes books."""

    def __init__(self, log: Log | None = None, the_terms: Terms | None = None, *, signed: bool = True) -> None:
        self.log = log or Log()
        self.at = BEGIN
        self.register = 1_000_000_000
        self.terms = the_terms or terms()
        self.meters = Meters(ZoneInfo)
        if not self.log.entries:
            self.write(
                Opened(
                    at=self.at,
                    project="Roof 7",
                    asset="Solar plant",
                    currency="EUR",
                    origin=ORIGIN,
                    public_key=SIGNER.vkey,
                )
            )
        self.agree(self.terms, signed=signed)
        self.write(Settings(at=self.at, settings={"asset": "Solar plant", "witnesses": []}))
        self.start()

    def write(self, *entries: Entry) -> int:
        """Append entries; return the index of the last one."""
        for entry in entries:
            self.log.entries.append(encode(entry))
            self.meters.hear(entry)
        return len(self.log.entries) - 1

    def agree(self, the_terms: Terms, *, signed: bool = True) -> int:
        return self.write(terms_entry(self.at, the_terms, sign_terms(the_terms, CREDITOR) if signed else None))

    def start(self) -> None:
        size = len(self.log.entries)
        self.write(Start(at=self.at, device="ABCD", code="c0de" * 16, head=Head(size, self.log.root().hex())))

    def stop(self) -> None:
        self.write(Shutdown(at=self.at, device="ABCD", code="c0de" * 16, cause="asked"))

    def crash(self, length: timedelta) -> None:
        """Be off for a while without having been shut down, and start again."""
        begin, self.at = self.at, self.at + length
        self.register += round(self.power(self.at) * length.total_seconds() / 3.6)
        self.write(Outage(at=self.at, begin=begin, end=self.at))
        self.start()

    def power(self, at: datetime) -> float:
        """Return watts by the hour of the day."""
        return max(0.0, 4000 * sin((at.hour + at.minute / 60 - 6) / 12 * pi))

    def measure(self, count: int, every: timedelta = MINUTE) -> None:
        """Let the source say its register so many times."""
        for _ in range(count):
            self.at += every
            self.register += round(self.power(self.at) * every.total_seconds() / 3.6)
            self.say(f"{self.register / 1_000_000:.6f}")

    def say(self, raw: str | None, unit: str | None = "kWh") -> None:
        for gap in self.meters.tick(self.at):
            self.log.entries.append(encode(gap))
        for entry in self.meters.take(SOURCE, self.at, raw, unit):
            self.log.entries.append(encode(entry))

    def beat(self) -> None:
        self.write(Heartbeat(at=self.at))

    def inspect(self, signer: Signer = CREDITOR, *, off: int = 0) -> int:
        entry = Inspection(at=self.at, source=SOURCE, register=self.register + off, who="Ada")
        note = sign_note(unsigned_text(entry), signer).decode()
        return self.write(Inspection(at=self.at, source=SOURCE, register=self.register + off, who="Ada", note=note))

    def pay(self, period: str, amount: str) -> int:
        tx = "ab" * 32
        return self.write(
            Payment(
                at=self.at,
                project="Roof 7",
                period=period,
                step=PaymentStep.CONFIRMED,
                amount=Decimal(amount),
                tx=tx,
            )
        )

    def anchor(self) -> int:
        """Write that the present checkpoint is in IPFS."""
        size = len(self.log.entries)
        link = Link(self.log.note())
        reference = {"cid": link.cid, "note_cid": link.note_cid, "note": link.note.decode()}
        return self.write(
            Anchored(at=self.at, anchor=AnchorKind.IPFS, size=size, root=self.log.root().hex(), reference=reference)
        )

    def next_generation(self, *, keep: int | None = None, number: int = 2) -> "House":
        """Return the house with a new generation, which continues so many entries of this one."""
        kept = len(self.log.entries) if keep is None else keep
        log = Log(f"{ORIGIN}/{number}-abcdefgh")
        first = GenerationEntry(
            at=self.at,
            previous=self.log.origin,
            size=kept,
            root=self.log.root(kept).hex(),
            cause="restored",
            checkpoint=self.log.note(len(self.log.entries)).decode(),
            generation=number,
        )
        log.entries.append(encode(first))
        house = object.__new__(House)
        house.__dict__.update(self.__dict__)
        house.log = log
        house.meters.hear(first)
        house.crash(MINUTE)
        return house


def thousand() -> Log:
    """Return a log of 1,000 entries that has everything that books have."""
    house = House()
    house.measure(300)
    house.beat()
    house.inspect()
    house.anchor()
    house.crash(timedelta(hours=3))
    house.measure(250)
    house.stop()
    house.at += timedelta(hours=1)
    house.start()
    house.inspect()
    house.pay("2026-03-02", "1.5")
    while len(house.log.entries) < 1000:
        house.measure(1)
    return house.log


def source(*logs: Log | dict[str, bytes]) -> Source:
    """Return logs as the generations of one."""
    files = [log if isinstance(log, dict) else log.files() for log in logs]
    return Source("memory", tuple(Generation(number, MemoryFiles(each)) for number, each in enumerate(files, 1)))


def lay_out(files: dict[str, bytes], folder: Path) -> Path:
    """Write the files of a generation into a folder."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
