"""Telegrams of every version, made of lines: each of a meter that doesn't exist, after the specification or the meter that it is named for.

The lines and their order are those that dsmr-parser knows (`telegram_specifications.py`, MIT licence); the values are made up.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY: Final = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
LUXEMBOURG: Final = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
AUSTRIA: Final = bytes.fromhex("F0E0D0C0B0A090807060504030201000")
TITLE: Final = b"SAGgp\1\2\3"

SERIAL: Final = "4B384547303034303436333935353037"
GAS: Final = "4730303339303031363532303534323137"


@dataclass(frozen=True)
class House:
    """What a meter has counted: registers in Wh, power in W, gas in litres."""

    used: tuple[int, int] = (1_234_567, 2_345_678)
    fed_in: tuple[int, int] = (345_678, 0)
    power: int = 412
    gas: int = 981_443
    at: str = "261121141500W"
    serial: str = SERIAL
    gas_serial: str = GAS


def _crc(data: bytes) -> int:
    """CRC-16/ARC, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def close(lines: list[str], *, crc: bool = True) -> bytes:
    """End a telegram."""
    data = ("\r\n".join(lines) + "\r\n!").encode()
    return data + (f"{_crc(data):04X}" if crc else "").encode() + b"\r\n"


def _kwh(code: str, register: int, digits: int = 6) -> str:
    return f"1-0:{code}({register // 1000:0{digits}}.{register % 1000:03}*kWh)"


def _kw(code: str, power: int) -> str:
    return f"1-0:{code}({power // 1000:02}.{power % 1000:03}*kW)"


def _tariffs(house: House, digits: int = 6) -> list[str]:
    registers = (*house.used, *house.fed_in)
    return [
        _kwh(code, each, digits) for code, each in zip(("1.8.1", "1.8.2", "2.8.1", "2.8.2"), registers, strict=True)
    ]


def _phases(house: House, *, voltage: bool = True) -> list[str]:
    lines = []
    for number, share in enumerate(
        (house.power // 2, house.power // 4, house.power - house.power // 2 - house.power // 4)
    ):
        base = 20 * number
        lines += [f"1-0:{base + 32}.7.0(23{number}.0*V)"] if voltage else []
        lines += [f"1-0:{base + 31}.7.0(00{number}*A)", _kw(f"{base + 21}.7.0", share), _kw(f"{base + 22}.7.0", 0)]
    return lines


def _quality() -> list[str]:
    return [
        "0-0:96.7.21(00015)",
        "0-0:96.7.9(00007)",
        "1-0:99.97.0(1)(0-0:96.7.19)(200104180320W)(0000237126*s)",
        *(
            f"1-0:{code}.0(0000{count})"
            for count, code in enumerate(("32.32", "52.32", "72.32", "32.36", "52.36", "72.36"))
        ),
    ]


def _gas(house: House, code: str = "24.2.1", id_code: str = "96.1.0", channel: int = 1) -> list[str]:
    return [
        f"0-{channel}:24.1.0(003)",
        f"0-{channel}:{id_code}({house.gas_serial})",
        f"0-{channel}:{code}({house.at})({house.gas // 1000:05}.{house.gas % 1000:03}*m3)",
    ]


def dsmr_2_2(house: House = House()) -> bytes:
    """A Dutch meter of 2010; DSMR 3 is the same."""
    return close(
        [
            "/ISk5\\2MT382-1004",
            "",
            f"0-0:96.1.1({house.serial})",
            *_tariffs(house, 5),
            "0-0:96.14.0(0001)",
            f"1-0:1.7.0({house.power // 1000:04}.{house.power % 1000 // 10:02}*kW)",
            "1-0:2.7.0(0000.00*kW)",
            "0-0:17.0.0(0999.00*kW)",
            "0-0:96.3.10(1)",
            "0-0:96.13.1()",
            "0-0:96.13.0()",
            "0-1:24.1.0(3)",
            f"0-1:96.1.0({house.gas_serial})",
            "0-1:24.3.0(261121140000)(00)(60)(1)(0-1:24.2.1)(m3)",
            f"({house.gas // 1000:05}.{house.gas % 1000:03})",
            "0-1:24.4.0(1)",
        ],
        crc=False,
    )


def dsmr_4(house: House = House()) -> bytes:
    """A Dutch meter of 2014."""
    return close(
        [
            "/KFM5KAIFA-METER",
            "",
            "1-3:0.2.8(42)",
            f"0-0:1.0.0({house.at})",
            f"0-0:96.1.1({house.serial})",
            *_tariffs(house),
            "0-0:96.14.0(0002)",
            _kw("1.7.0", house.power),
            _kw("2.7.0", 0),
            *_quality(),
            "0-0:96.13.1()",
            "0-0:96.13.0()",
            *_phases(house, voltage=False),
            *_gas(house),
        ]
    )


def dsmr_5(house: House = House(), *more: str) -> bytes:
    """A Dutch meter of today."""
    return close(
        [
            "/ISk5\\2MT382-1000",
            "",
            "1-3:0.2.8(50)",
            f"0-0:1.0.0({house.at})",
            f"0-0:96.1.1({house.serial})",
            *_tariffs(house),
            "0-0:96.14.0(0002)",
            _kw("1.7.0", house.power),
            _kw("2.7.0", 0),
            *_quality(),
            "0-0:96.13.0()",
            *_phases(house),
            *_gas(house),
            *more,
        ]
    )


def belgium(house: House = House()) -> bytes:
    """A Flemish meter, with gas, water and the peaks of the months before."""
    return close(
        [
            "/FLU5\\253770234_A",
            "",
            "0-0:96.1.4(50217)",
            f"0-0:96.1.1({house.serial})",
            f"0-0:1.0.0({house.at})",
            *_tariffs(house),
            "0-0:96.14.0(0001)",
            "1-0:1.4.0(00.123*kW)",
            "1-0:1.6.0(261109114500W)(02.432*kW)",
            (
                "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(261001000000S)(260915114500S)(04.329*kW)"
                "(261101000000W)(261022184500S)(04.529*kW)"
            ),
            _kw("1.7.0", house.power),
            _kw("2.7.0", 0),
            *_phases(house),
            "0-0:96.3.10(1)",
            "0-0:17.0.0(999.9*kW)",
            "1-0:31.4.0(999*A)",
            "0-0:96.13.0()",
            *_gas(house, "24.2.3", "96.1.1"),
            "0-2:24.1.0(007)",
            "0-2:96.1.1(3853414731323334353637383930)",
            f"0-2:24.2.1({house.at})(00872.234*m3)",
        ]
    )


def luxembourg(house: House = House()) -> bytes:
    """A Smarty whose telegrams are readable."""
    return close(
        [
            "/Lux5\\253663629_D",
            "",
            "1-3:0.2.8(42)",
            f"0-0:1.0.0({house.at})",
            f"0-0:42.0.0({house.serial})",
            _kwh("1.8.0", sum(house.used)),
            _kwh("2.8.0", sum(house.fed_in)),
            *_tariffs(house),
            "0-0:96.14.0(0002)",
            _kw("1.7.0", house.power),
            _kw("2.7.0", 0),
            "0-0:17.0.0(27.6*kW)",
            *_quality(),
            *_phases(house),
            *_gas(house),
        ]
    )


def sweden(house: House = House()) -> bytes:
    """A Swedish meter: no serial number, no tariffs."""
    return close(
        [
            "/ELL5\\253833635_A",
            "",
            f"0-0:1.0.0({house.at})",
            _kwh("1.8.0", sum(house.used), 8),
            _kwh("2.8.0", sum(house.fed_in), 8),
            "1-0:3.8.0(00000021.988*kvarh)",
            "1-0:4.8.0(00001020.971*kvarh)",
            _kw("1.7.0", house.power),
            _kw("2.7.0", 0),
            *_phases(house),
        ]
    )


def q3d(house: House = House()) -> bytes:
    """An EasyMeter."""
    return close(
        [
            "/ESY5Q3DB1024 V3.04",
            "",
            f"1-0:0.0.0*255({house.serial})",
            f"1-0:1.8.0*255({sum(house.used) // 1000:08}.{sum(house.used) % 1000:03}8309*kWh)",
            f"1-0:2.8.0*255({sum(house.fed_in) // 1000:08}.{sum(house.fed_in) % 1000:03}2149*kWh)",
            f"1-0:21.7.0*255({house.power // 3:06}.85*W)",
            f"1-0:41.7.0*255({house.power // 3:06}.28*W)",
            f"1-0:61.7.0*255({house.power // 3:06}.73*W)",
            f"1-0:1.7.0*255({house.power:06}.86*W)",
            "1-0:96.5.5*255(80)",
            "0-0:96.1.255*255(1ESY1313002565)",
        ],
        crc=False,
    )


def ireland(house: House = House()) -> bytes:
    """An Irish meter."""
    return close(
        [
            "/ISk5\\2MIE5T-200",
            "",
            "1-0:0.0.0(00000000)",
            "0-0:96.1.0(09610)",
            f"0-0:1.0.0({house.at})",
            *_tariffs(house),
            "0-0:96.14.0(0001)",
            _kw("1.7.0", house.power),
            _kw("2.7.0", 0),
            *_phases(house),
            "0-0:96.3.10(1)",
            "0-0:96.13.0()",
            f"0-1:96.1.1({house.serial})",
        ],
        crc=False,
    )


def hungary(house: House = House()) -> bytes:
    """A meter of E.ON."""
    return close(
        [
            "/SAG5SAG-METER",
            "",
            f"0-0:1.0.0({house.at})",
            f"0-0:42.0.0({house.serial})",
            "0-0:96.1.0(383930303832323334)",
            "0-0:96.14.0(0002)",
            "0-0:96.3.10(1)",
            "0-0:17.0.0(90.000*kW)",
            _kwh("1.8.0", sum(house.used)),
            *(_kwh(f"1.8.{number}", each) for number, each in enumerate((*house.used, 0, 0), 1)),
            _kwh("2.8.0", sum(house.fed_in)),
            *(_kwh(f"2.8.{number}", each) for number, each in enumerate((*house.fed_in, 0, 0), 1)),
            "1-0:15.8.0(000456.789*kWh)",
            "1-0:32.7.0(240.4*V)",
            "1-0:31.7.0(003*A)",
            "1-0:13.7.0(0.987)",
            "1-0:33.7.0(0.987)",
            "1-0:14.7.0(50.00*Hz)",
            _kw("1.7.0", house.power),
            _kw("2.7.0", 0),
            "1-0:31.4.0(200.00*A)",
            "0-0:96.13.0()",
        ]
    )


def austria(house: House = House()) -> bytes:
    """What is inside of an encrypted telegram in Styria: Wh and W."""
    return close(
        [
            "/EST5\\253710000_A",
            "",
            "1-3:0.2.8(50)",
            f"0-0:1.0.0({house.at})",
            f"1-0:1.8.0({sum(house.used):09}*Wh)",
            f"1-0:1.8.1({house.used[0]:09}*Wh)",
            f"1-0:1.8.2({house.used[1]:09}*Wh)",
            f"1-0:1.7.0({house.power:09}*W)",
            f"1-0:2.8.0({sum(house.fed_in):09}*Wh)",
            f"1-0:2.8.1({house.fed_in[0]:09}*Wh)",
            f"1-0:2.8.2({house.fed_in[1]:09}*Wh)",
            "1-0:2.7.0(000000000*W)",
        ]
    )


def encrypt(telegram: bytes, key: bytes = KEY, authentication_key: bytes = LUXEMBOURG, counter: int = 7) -> bytes:
    """Put a telegram into an encrypted one."""
    count = counter.to_bytes(4)
    cipher = Cipher(algorithms.AES(key), modes.GCM(TITLE + count)).encryptor()
    cipher.authenticate_additional_data(b"\x30" + authentication_key)
    text = cipher.update(telegram) + cipher.finalize()
    body = b"\x30" + count + text + cipher.tag[:12]
    return b"\xdb\x08" + TITLE + b"\x82" + len(body).to_bytes(2) + body


READABLE: Final = {
    "2.2": dsmr_2_2,
    "4": dsmr_4,
    "5": dsmr_5,
    "5B": belgium,
    "5L": luxembourg,
    "5S": sweden,
    "Q3D": q3d,
    "ISKRA_IE": ireland,
    "5EONHU": hungary,
}
INSIDE: Final = {"MSn": (luxembourg, LUXEMBOURG), "SAGEMCOM_T210_D_R": (austria, AUSTRIA)}


def sent(version: str, house: House = House()) -> bytes:
    """Return a telegram as a meter of a version sends it."""
    if make := READABLE.get(version):
        return make(house)
    inside, authentication_key = INSIDE[version]
    return encrypt(inside(house), KEY, authentication_key)


VERSIONS: Final = (*READABLE, *INSIDE)
