"""The words of the pages, in English and German."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from ..words import LANGUAGES

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("The teller's books", "Die Bücher der Anlage"),
    "all_periods": ("All periods", "Alle Zeiträume"),
    "periods": ("Periods", "Zeiträume"),
    "period": ("Period", "Zeitraum"),
    "before": ("← the period before", "← voriger Zeitraum"),
    "after": ("the next period →", "nächster Zeitraum →"),
    "energy": ("Energy", "Energie"),
    "owed": ("Owed", "Geschuldet"),
    "paid": ("Paid", "Bezahlt"),
    "balance": ("Not paid", "Offen"),
    "due": ("Due", "Fällig"),
    "state": ("State", "Stand"),
    "closed": ("closed", "abgeschlossen"),
    "open": ("open", "läuft"),
    "none": ("There are none.", "Es gibt keine."),
    "nothing": ("nothing", "nichts"),
    "production": ("Production per day", "Erzeugung je Tag"),
    "plot_production": (
        "Energy of each day in kWh, measured, by the register, and estimated",
        "Energie jedes Tages in kWh: gemessen, nach Zählerstand, geschätzt",
    ),
    "plot_gaps": ("When nothing was measured", "Wann nichts gemessen wurde"),
    "plot_owed": ("What is owed and what was paid", "Was geschuldet und was bezahlt ist"),
    "plot_periods": (
        "What is owed and what was paid, for each period",
        "Was geschuldet und was bezahlt ist, je Zeitraum",
    ),
    "sums": (
        "Measured {measured}, by the register across gaps {register}, estimated {estimated}, corrected {corrected}.",
        "Gemessen {measured}, nach Zählerstand über Lücken {register}, geschätzt {estimated}, berichtigt {corrected}.",
    ),
    "as_table": ("The same as a table", "Dasselbe als Tabelle"),
    "day": ("Day", "Tag"),
    "gaps": ("Gaps", "Lücken"),
    "no_gaps": ("Everything was measured.", "Alles wurde gemessen."),
    "gap_sums": ("Number: {count}, {hours} in all.", "Anzahl: {count}, zusammen {hours}."),
    "source": ("Source", "Quelle"),
    "begin": ("From", "Von"),
    "end": ("To", "Bis"),
    "why": ("Cause", "Ursache"),
    "worth_by": ("Worth by", "Bewertet nach"),
    "entry": ("Entry", "Eintrag"),
    "owed_and_paid": ("Owed and paid", "Geschuldet und bezahlt"),
    "payments": ("Payments", "Zahlungen"),
    "no_payments": ("No payment is in the books.", "Keine Zahlung ist verzeichnet."),
    "time": ("Time", "Zeit"),
    "what": ("What", "Was"),
    "amount": ("Amount", "Betrag"),
    "transaction": ("Transaction", "Transaktion"),
    "inspections": ("Inspections", "Ablesungen vor Ort"),
    "who": ("By", "Durch"),
    "signed": ("Signed", "Unterschrieben"),
    "register_read": ("Register", "Zählerstand"),
    "books_off": ("Books are off by", "Bücher weichen ab um"),
    "yes": ("yes", "ja"),
    "no": ("no", "nein"),
    "runs": ("When the teller ran", "Wann die Buchführung lief"),
    "how": ("Ended by", "Endete durch"),
    "device": ("Device", "Gerät"),
    "program": ("Program (says itself)", "Programm (eigene Angabe)"),
    "checked": ("What was checked", "Was geprüft wurde"),
    "problems": ("What is wrong", "Was falsch ist"),
    "notes": ("Worth knowing", "Wissenswert"),
    "more": ("… and {count} more.", "… und {count} weitere."),
    "log": ("The log", "Das Protokoll"),
    "generation": ("Generation", "Generation"),
    "entries": ("Entries", "Einträge"),
    "root": ("Root", "Wurzel"),
    "covered": ("Signed up to", "Unterschrieben bis"),
    "witnesses": ("Witnessed by", "Bezeugt durch"),
    "audited": ("{log}, read from {source}, audited at {at}.", "{log}, gelesen von {source}, geprüft um {at}."),
    "limits": (
        "This shows that the books are whole and what follows from them. It can't show that a sensor told the truth: only an inspection can.",
        "Das zeigt, dass die Bücher unversehrt sind und was aus ihnen folgt. Ob ein Sensor die Wahrheit sagte, zeigt nur eine Ablesung vor Ort.",
    ),
    "all_right": ("Nothing is wrong with what was checked.", "An dem, was geprüft wurde, ist nichts falsch."),
    "wrong": ("Wrong: {count} findings. See below.", "Falsch: {count} Befunde, siehe unten."),
    "bucket_measured": ("measured", "gemessen"),
    "bucket_register": ("by the register", "nach Zählerstand"),
    "bucket_estimated": ("estimated", "geschätzt"),
    "worth_register": ("register", "Zählerstand"),
    "worth_estimate": ("estimate", "Schätzung"),
    "worth_nothing": ("nothing, by the terms", "nichts, nach den Bedingungen"),
    "cause_silent": ("silent", "still"),
    "cause_outage": ("the teller was off", "Buchführung war aus"),
    "cause_unavailable": ("source not available", "Quelle nicht verfügbar"),
    "cause_unreadable": ("not readable", "nicht lesbar"),
    "cause_stuck": ("stuck", "hing fest"),
    "cause_glitch": ("glitch", "Aussetzer"),
    "cause_spike": ("spike", "Ausreißer"),
    "cause_reset": ("register was reset", "Zähler zurückgesetzt"),
    "cause_replaced": ("meter was replaced", "Zähler getauscht"),
    "cause_first": ("nothing came yet", "noch nichts kam"),
    "step_due": ("due", "fällig"),
    "step_link": ("link made", "Link erstellt"),
    "step_signed": ("signed", "unterschrieben"),
    "step_submitted": ("submitted", "eingereicht"),
    "step_confirmed": ("confirmed", "bestätigt"),
    "step_failed": ("failed", "fehlgeschlagen"),
    "step_waived": ("waived", "erlassen"),
    "run_open": ("still running", "läuft noch"),
    "run_shutdown": ("shut down", "abgeschaltet"),
    "run_outage": ("outage", "Ausfall"),
    "run_untold": ("not told", "nicht verzeichnet"),
}


class Labels:
    """The words in one language, by their names as attributes."""

    def __init__(self, language: str) -> None:
        """Take the language."""
        self._language = language
        place = LANGUAGES.index(language)
        self._words: Mapping[str, str] = {name: both[place] for name, both in _WORDS.items()}

    def __getattr__(self, name: str) -> str:
        """Return a word."""
        try:
            return self._words[name]
        except KeyError:
            raise AttributeError(name) from None

    def bucket(self, name: str) -> str:
        """Return what energy is called by where it comes from."""
        return self._words[f"bucket_{name}"]

    def worth(self, name: str) -> str:
        """Return what a gap is worth."""
        return self._words.get(f"worth_{name}", name)

    def cause(self, name: str) -> str:
        """Return why there is a gap."""
        return self._words.get(f"cause_{name}", name)

    def step(self, name: str) -> str:
        """Return how far a payment is."""
        return self._words.get(f"step_{name}", name)

    def run(self, name: str) -> str:
        """Return how a run ended."""
        return self._words.get(f"run_{name}", name)

    def date(self, day: date) -> str:
        """Write a date."""
        return f"{day:%d.%m.%Y}" if self._language == "de" else day.isoformat()

    def short(self, day: int, month: int) -> str:
        """Write a day of a year in short."""
        return f"{day}.{month}." if self._language == "de" else f"{month:02}-{day:02}"
