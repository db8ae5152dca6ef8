"""Grant files: what the house wrote for a provider is what that provider, and nobody else, uses, once the log commits to it."""

from itertools import pairwise
from random import Random

from hypothesis import given, strategies as st
import pytest

from steward_house.protocol.log import checkpoint, note, tree
from steward_house.protocol.seal.errors import Fault, SealError
from steward_house.protocol.seal.grant_file import (
    MAX_EPOCHS,
    GrantFile,
    History,
    OpenedFile,
    WrappedEpoch,
    open_grant_file,
    open_history,
)
from steward_house.protocol.seal.rotation import Rotation
from steward_house.protocol.seal.wrap import PrivateKey

from ..log.logs import MemoryLog
from .made import AT, DAY, HOUSE, LOG, ORIGIN, epoch

READER = PrivateKey(bytes(range(32)))
OTHER = PrivateKey(bytes(range(1, 33)))
KEYS = [epoch(seed, seed * 10).key for seed in range(1, 6)]
EMPTY = GrantFile(LOG.verifier, "grant-1", READER.public.digest)
FILE = EMPTY.folded(KEYS[:3], READER.public)[0].adding(KEYS[3], READER.public).adding(KEYS[4], READER.public)
DATA = FILE.sign(HOUSE)


def open_it(data: bytes, **more: object) -> OpenedFile:
    arguments = {"house": HOUSE.verifier, "grant": "grant-1", "private": READER} | more
    return open_grant_file(data, **arguments)


def refused(data: bytes, **more: object) -> Fault:
    with pytest.raises(SealError) as error:
        open_it(data, **more)
    return error.value.fault


def test_files_come_back():
    assert GrantFile.parse(FILE.encode()) == FILE
    opened = open_it(DATA)
    assert opened.log == LOG.verifier
    assert opened.history == FILE.history
    assert [(key.opened_at, key.id) for key in opened.keys] == [(key.opened_at, key.id) for key in KEYS[3:]]
    assert open_it(EMPTY.sign(HOUSE)) == OpenedFile(LOG.verifier, (), None)


@given(
    st.lists(st.integers(0, 1000), unique=True, max_size=4), st.booleans(), st.text("aZ09-_", min_size=1, max_size=64)
)
def test_any_file_comes_back(indices, folded, grant):
    keys = [epoch(index, index).key for index in sorted(indices)]
    file = GrantFile(LOG.verifier, grant, READER.public.digest)
    if folded and keys:
        file, _ = file.folded(keys, READER.public)
    else:
        for key in keys:
            file = file.adding(key, READER.public)
    assert GrantFile.parse(file.encode()) == file
    assert len(open_it(file.sign(HOUSE), grant=grant).keys) == len(file.epochs)


def test_histories_come_back():
    file, message = EMPTY.folded(KEYS, READER.public)
    opened = open_it(file.sign(HOUSE))
    offered = open_history(message, opened, "grant-1", READER)
    assert [key.confirm_read(was.opening.encode()) for key, was in zip(offered, KEYS, strict=True)] == KEYS
    for broken in (message[:-1], message + b"\0", b"", EMPTY.folded(KEYS, READER.public)[1]):
        with pytest.raises(SealError) as error:
            open_history(broken, opened, "grant-1", READER)
        assert error.value.fault is Fault.NOT_AUTHENTIC
    with pytest.raises(SealError):
        open_history(message, open_it(EMPTY.sign(HOUSE)), "grant-1", READER)
    with pytest.raises(SealError):
        open_history(message, opened, "grant-2", READER)


def test_no_changed_byte_passes():
    for at in range(len(DATA)):
        changed = bytearray(DATA)
        changed[at] ^= 1
        refused(bytes(changed))


@given(st.integers(0, len(DATA) - 1))
def test_no_cut_passes(at):
    refused(DATA[:at])


def test_only_the_houses_files_for_this_grant_and_key():
    assert refused(DATA, house=LOG.verifier) is Fault.NOT_AUTHENTIC
    assert refused(FILE.sign(LOG)) is Fault.NOT_AUTHENTIC
    assert refused(DATA, grant="grant-2") is Fault.NOT_AUTHENTIC
    assert refused(DATA, private=OTHER) is Fault.NOT_AUTHENTIC
    for change in ({"grant": "grant-2"}, {"private": OTHER}):
        assert refused(EMPTY.sign(HOUSE), **change) is Fault.NOT_AUTHENTIC


def resigned(text: str) -> bytes:
    """Return a text as a house that errs would sign it."""
    return note.sign_note(text, HOUSE)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:3],
        lambda lines: ["another/v1", *lines[1:]],
        lambda lines: [lines[0], "no key", *lines[2:]],
        lambda lines: [*lines[:2], "no grant", *lines[3:]],
        lambda lines: [*lines[:3], "AAAA", *lines[4:]],
        lambda lines: [*lines[:4], "history AAAA", *lines[5:]],
        lambda lines: [*lines[:4], "history AAAA AAAA", *lines[5:]],
        lambda lines: [*lines[:5], lines[4], *lines[5:]],
        lambda lines: [*lines[:5], lines[6], lines[5]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, "epoch"],
        lambda lines: [*lines, ""],
        lambda lines: [*lines, lines[-1].replace("epoch 50 ", "epoch 051 ")],
        lambda lines: [*lines, lines[-1].replace("epoch 50 ", "epoch 51 ") + " x"],
        lambda lines: [*lines, " ".join(["epoch", "51", "AAAA", *lines[-1].split(" ")[3:]])],
        lambda lines: [*lines, " ".join([*lines[-1].replace(" 50 ", " 51 ").split(" ")[:4], "AAAA"])],
        lambda lines: [*lines, " ".join([*lines[-1].replace(" 50 ", " 51 ").split(" ")[:4], "?"])],
        lambda lines: lines + [lines[-1].replace(" 50 ", f" {at} ") for at in range(51, 51 + MAX_EPOCHS)],
    ],
)
def test_texts_that_are_no_grant_file(change):
    assert refused(resigned("\n".join([*change(FILE.encode().split("\n")[:-1]), ""]))) in {
        Fault.MALFORMED,
        Fault.TOO_LONG,
    }


def test_an_epoch_in_anothers_place():
    """A house that errs can't make a provider use a key for what it is not."""
    lines = FILE.encode().split("\n")
    moved = [*lines[:5], lines[5].replace(" 40 ", " 41 "), *lines[6:]]
    assert refused(resigned("\n".join(moved))) is Fault.NOT_AUTHENTIC
    first, second = (line.split(" ") for line in lines[5:7])
    swapped = [" ".join([*first[:4], second[4]]), " ".join([*second[:4], first[4]])]
    assert refused(resigned("\n".join([*lines[:5], *swapped, ""]))) is Fault.NOT_AUTHENTIC


def test_what_a_file_does_not_take():
    other = epoch(9, 90, f"{ORIGIN}/2").key
    for make in (
        lambda: EMPTY.adding(other, READER.public),
        lambda: EMPTY.adding(KEYS[0], OTHER.public),
        lambda: EMPTY.folded([other], READER.public),
        lambda: EMPTY.folded([], READER.public),
        lambda: FILE.adding(KEYS[3], READER.public),
        lambda: GrantFile(LOG.verifier, "no grant", READER.public.digest),
        lambda: GrantFile(LOG.verifier, "grant", b""),
        lambda: History(b"", bytes(32)),
        lambda: WrappedEpoch(-1, KEYS[0].opening, bytes(1168)),
        lambda: WrappedEpoch(1, KEYS[0].opening, bytes(1167)),
    ):
        with pytest.raises(SealError):
            make()


def test_a_full_file_has_to_be_folded():
    file = EMPTY
    keys = [epoch(at, at).key for at in range(MAX_EPOCHS + 1)]
    for key in keys[:-1]:
        assert not file.is_full
        file = file.adding(key, READER.public)
    assert file.is_full
    with pytest.raises(SealError) as error:
        file.adding(keys[-1], READER.public)
    assert error.value.fault is Fault.TOO_LONG
    file, _ = file.folded(keys, READER.public)
    assert not file.epochs


def log_of(entries: list[bytes]) -> tuple[MemoryLog, checkpoint.Checkpoint]:
    log = MemoryLog(entries)
    return log, checkpoint.open_checkpoint(log.note(signer=LOG), LOG.verifier).checkpoint


def test_a_key_is_used_when_the_log_commits_to_it():
    sealing = epoch(1, 2)
    key = sealing.key
    log, head = log_of([b"a", b"b", key.opening.encode(), sealing.seal(3, b"content"), b"c"])
    (offered,) = open_it(EMPTY.adding(key, READER.public).sign(HOUSE)).keys
    path = tree.inclusion_path(2, log.size, log.node)
    used = offered.confirm(log.entries[2], path, head)
    assert used == key
    assert used.open_(3, log.entries[3]) == b"content"

    def never(fault: Fault, entry: bytes, path: list[bytes], head: checkpoint.Checkpoint) -> None:
        with pytest.raises(SealError) as error:
            offered.confirm(entry, path, head)
        assert error.value.fault is fault

    never(Fault.NOT_AUTHENTIC, epoch(2, 2).key.opening.encode(), path, head)
    never(Fault.NOT_AUTHENTIC, log.entries[2], path[:-1], head)
    never(Fault.NOT_AUTHENTIC, log.entries[2], path, checkpoint.Checkpoint(f"{ORIGIN}/2", head.size, head.root))
    never(Fault.NOT_AUTHENTIC, log.entries[2], path, checkpoint.Checkpoint(ORIGIN, head.size, bytes(32)))
    other = epoch(2, 2).key.opening.encode()
    log, head = log_of([b"a", b"b", other])
    never(Fault.NOT_COMMITTED, other, tree.inclusion_path(2, 3, log.node), head)
    log, head = log_of([b"a", b"b", b"no opening entry"])
    never(Fault.MALFORMED, log.entries[2], tree.inclusion_path(2, 3, log.node), head)


def test_two_providers_a_late_one_and_one_that_leaves():
    """Each tries every key that it ever had on every entry there is: it reads what was written while it was in, and history if granted."""
    people = {name: PrivateKey.generate(Random(name).randbytes) for name in ("stays", "leaves", "late", "historian")}
    files = {name: GrantFile(LOG.verifier, name, private.public.digest) for name, private in people.items()}
    rotating = Rotation(ORIGIN, Random(3).randbytes, ["stays", "leaves"])
    entries, keys = [], []

    def write(number: int) -> None:
        if rotating.due(DAY):
            turn = rotating.turn(len(entries), AT, DAY)
            entries.append(turn.entry)
            keys.append(turn.key)
            for name in turn.members:
                files[name] = files[name].adding(turn.key, people[name].public)
        entries.append(rotating.seal(len(entries), b"%d" % number, DAY))

    write(0)
    rotating.leave("leaves")
    write(1)
    rotating.join("late")
    rotating.join("historian")
    messages = {}
    files["historian"], messages["historian"] = files["historian"].folded(keys, people["historian"].public)
    write(2)
    rotating.leave("late")
    rotating.drop()
    write(3)

    def read(name: str) -> list[int]:
        opened = open_grant_file(files[name].sign(HOUSE), HOUSE.verifier, name, people[name])
        offered = [*opened.keys]
        if name in messages:
            offered += open_history(messages[name], opened, name, people[name])
        usable = [key.confirm_read(entries[key.opened_at]) for key in offered]
        found = []
        for index, entry in enumerate(entries):
            for key in usable:
                try:
                    found.append(int(key.open_(index, entry)))
                except SealError:
                    continue
        return found

    assert read("stays") == [0, 1, 2, 3]
    assert read("leaves") == [0]
    assert read("late") == [2]
    assert read("historian") == [0, 1, 2, 3]
    assert all(len(one) == len(other) == 170 for one, other in pairwise(entries[1::2]))
