"""A Kubo node's RPC interface, as far as it adds blocks, with what the real one checks; CIDs are computed by means of its own.

Only POST is taken, the file has to come as multipart/form-data, and options have to be such as Kubo has. The CIDs are made here from
the formats' own descriptions (multihash, CID, UnixFS, dag-pb, protocol buffers), without what is tested.
"""

import hashlib
from typing import Final

from aiohttp import web

from .server import Server

ADD: Final = {
    "cid-version": "0",
    "raw-leaves": None,
    "hash": "sha2-256",
    "chunker": "size-262144",
    "trickle": "false",
    "inline": "false",
    "wrap-with-directory": "false",
    "preserve-mode": "false",
    "preserve-mtime": "false",
    "pin": "true",
    "progress": "false",
}
PUT: Final = {"cid-codec": "raw", "mhtype": "sha2-256", "mhlen": "-1", "pin": "false"}
DAG_PB: Final = 0x70
RAW: Final = 0x55


class KuboServer(Server):
    """One node; `blocks` has what was added by CID, `pinned` what stays. With `wrong`, it answers with another CID."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: dict[str, bytes] = {}
        self.pinned: set[str] = set()
        self.wrong = False

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/api/v0/add", self._add), web.route("*", "/api/v0/block/put", self._put)]

    async def _add(self, request: web.Request) -> web.Response:
        options, data = await self._read(request, ADD)
        version = int(options["cid-version"] or 0)
        raw = options["raw-leaves"] == "true" if options["raw-leaves"] else version == 1
        kind, _, size = (options["chunker"] or "").partition("-")
        if kind != "size" or len(data) > int(size) or options["hash"] != "sha2-256":
            return _error("this node takes files of one block")
        block = data if raw else dag_pb(data)
        name = self._keep(options, cid(version, RAW if raw else DAG_PB, block), block)
        return web.json_response({"Name": "file", "Hash": name, "Size": str(len(block))})

    async def _put(self, request: web.Request) -> web.Response:
        options, data = await self._read(request, PUT)
        if (options["cid-codec"], options["mhtype"], options["mhlen"]) != ("raw", "sha2-256", "-1"):
            return _error("this node takes raw blocks with sha2-256")
        if len(data) > 1 << 20:
            return _error("produced block is over 1MiB: big blocks can't be exchanged with other peers")
        name = self._keep(options, cid(1, RAW, data), data)
        return web.json_response({"Key": name, "Size": len(data)})

    async def _read(self, request: web.Request, known: dict[str, str | None]) -> tuple[dict[str, str | None], bytes]:
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"], text="405 - Method Not Allowed\n")
        if request.content_type != "multipart/form-data":
            raise web.HTTPBadRequest(text="file argument 'path' is required\n")
        if unknown := set(request.query) - set(known):
            raise web.HTTPBadRequest(text=f"unknown option {min(unknown)}\n")
        part = await (await request.multipart()).next()
        if part is None or part.name != "file" or not part.filename:
            raise web.HTTPBadRequest(text="file argument 'path' is required\n")
        return {**known, **request.query}, bytes(await part.read())

    def _keep(self, options: dict[str, str | None], name: str, block: bytes) -> str:
        self.blocks[name] = block
        if options["pin"] == "true":
            self.pinned.add(name)
        return cid(1, RAW, block + b"!") if self.wrong else name


def cid(version: int, codec: int, block: bytes) -> str:
    """Name a block: version 0 in base 58 (dag-pb only), version 1 in base 32."""
    multihash = bytes.fromhex("1220") + hashlib.sha256(block).digest()
    if version == 0 and codec == DAG_PB:
        return base58(multihash)
    return "b" + base32(bytes([1, codec]) + multihash)


def dag_pb(content: bytes) -> bytes:
    """Make the dag-pb block of a UnixFS file without links: PBNode {1: Data}, Data {1: Type = File, 2: Data, 3: filesize}."""
    unixfs = field(1, 2) + (field(2, content) if content else b"") + field(3, len(content))
    return field(1, unixfs)


def content_of(block: bytes) -> bytes:
    """Return the content of such a block, as `ipfs cat` does."""
    start = block.index(b"\x12") + 1
    length, shift = 0, 0
    while True:
        byte, start = block[start], start + 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return block[start : start + length]


def field(number: int, value: int | bytes) -> bytes:
    """Write one field of protocol buffers."""
    if isinstance(value, int):
        return varint(number * 8) + varint(value)
    return varint(number * 8 + 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    groups = [value & 127]
    while value := value // 128:
        groups.append(value & 127)
    return bytes([*(each + 128 for each in groups[:-1]), groups[-1]])


def base58(data: bytes) -> str:
    """Write in base 58, digit by digit as Bitcoin's own code does."""
    digits: list[int] = []
    for byte in data:
        carry = byte
        for at, digit in enumerate(digits):
            carry += digit * 256
            digits[at] = carry % 58
            carry //= 58
        while carry:
            digits.append(carry % 58)
            carry //= 58
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    return "".join(alphabet[digit] for digit in reversed(digits))


def base32(data: bytes) -> str:
    """Write in base 32 (RFC 4648, small letters, no padding), five bits at a time."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def _error(message: str) -> web.Response:
    return web.json_response({"Message": message, "Code": 0, "Type": "error"}, status=500)
