"""Answers questions about logs with `aics-tlog`, another implementation, in an environment of its own.

Reads one JSON object per line, `{"ask": name, ...}`, and answers with one: `{"answer": ...}`, or `{"refused": why}`. Bytes are hexadecimal.
"""

from collections.abc import Callable
import json
import sys
from typing import Any

import aics_tlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Asked = dict[str, Any]


def unhex(items: list[str]) -> list[bytes]:
    return [bytes.fromhex(item) for item in items]


def tree_of(asked: Asked) -> aics_tlog.MerkleTree:
    tree = aics_tlog.MerkleTree()
    tree.extend(unhex(asked["entries"]))
    return tree


def reader_of(asked: Asked) -> aics_tlog.MemoryTileReader:
    return aics_tlog.MemoryTileReader({path: bytes.fromhex(data) for path, data in asked["files"].items()})


def key_of(asked: Asked) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(asked["seed"]))


def roots(asked: Asked) -> list[str]:
    tree = tree_of(asked)
    return [tree.root(size).hex() for size in range(tree.size + 1)]


def inclusion(asked: Asked) -> list[str]:
    return [item.hex() for item in tree_of(asked).inclusion_proof(asked["index"], asked["size"])]


def consistency(asked: Asked) -> list[str]:
    return [item.hex() for item in tree_of(asked).consistency_proof(asked["old"], asked["size"])]


def includes(asked: Asked) -> bool:
    return aics_tlog.verify_inclusion(
        bytes.fromhex(asked["leaf"]),
        asked["index"],
        asked["size"],
        unhex(asked["path"]),
        bytes.fromhex(asked["root"]),
    )


def continues(asked: Asked) -> bool:
    return aics_tlog.verify_consistency(
        asked["old"],
        asked["size"],
        bytes.fromhex(asked["old_root"]),
        bytes.fromhex(asked["root"]),
        unhex(asked["path"]),
    )


def files(asked: Asked) -> dict[str, str]:
    made = aics_tlog.tiles.materialise_tiles(unhex(asked["entries"]))
    return {path: data.hex() for path, data in made.items()}


def audit(asked: Asked) -> dict[str, Any]:
    """Read a whole log from its files; return its root and an entry."""
    reader, size, root = reader_of(asked), asked["size"], bytes.fromhex(asked["root"])
    aics_tlog.audit_tiles(reader, size, root)
    return {
        "root": aics_tlog.tree_root_from_tiles(reader, size).hex(),
        "path": [item.hex() for item in aics_tlog.inclusion_proof_from_tiles(reader, asked["index"], size)],
        "entry": aics_tlog.read_entry(reader, asked["index"], size).hex(),
    }


def keys(asked: Asked) -> dict[str, str]:
    public = key_of(asked).public_key()
    return {
        "log": aics_tlog.format_vkey(aics_tlog.vkey_from_ed25519(asked["name"], public)),
        "witness": aics_tlog.format_vkey(aics_tlog.cosignature_vkey(asked["name"], public)),
    }


def sign(asked: Asked) -> str:
    """Return a checkpoint's note; with `at`, only a witness's line below it."""
    checkpoint = aics_tlog.Checkpoint(
        asked["origin"], asked["size"], bytes.fromhex(asked["root"]), tuple(asked.get("extensions", ()))
    )
    if "at" not in asked:
        return aics_tlog.sign_checkpoint(checkpoint, key_of(asked), asked["name"]).serialise()
    _, line = aics_tlog.sign_cosignature(
        key_of(asked), asked["name"], asked["at"], checkpoint.origin, checkpoint.size, checkpoint.root, checkpoint.extension_lines
    )  # fmt: skip
    return aics_tlog.Note(checkpoint.text(), (line,)).serialise().rpartition("\n\n")[2]


def check(asked: Asked) -> dict[str, Any]:
    """Say whether a note is a checkpoint that a log signed and enough witnesses saw, and what it says."""
    found = aics_tlog.verify_checkpoint(
        aics_tlog.parse_note(bytes.fromhex(asked["note"])),
        aics_tlog.parse_vkey(asked["log"]),
        [aics_tlog.parse_vkey(vkey) for vkey in asked["witnesses"]],
        asked["quorum"],
    )
    return {"ok": found.ok, "says": [found.origin, found.size, found.root and found.root.hex()]}


def parse(asked: Asked) -> dict[str, Any]:
    parsed = aics_tlog.parse_note(bytes.fromhex(asked["note"]))
    lines = [[line.name, line.key_id.hex(), line.signature.hex()] for line in parsed.signatures]
    return {"text": parsed.text, "signatures": lines}


QUESTIONS: dict[str, Callable[[Asked], Any]] = {
    function.__name__: function
    for function in (roots, inclusion, consistency, includes, continues, files, audit, keys, sign, check, parse)
}


def main() -> None:
    """Answer until there are no more questions."""
    for question in sys.stdin:
        asked = json.loads(question)
        try:
            answer = {"answer": QUESTIONS[asked["ask"]](asked)}
        except (ValueError, OSError) as error:
            answer = {"refused": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
