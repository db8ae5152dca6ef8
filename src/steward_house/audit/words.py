"""What an audit says to people, in English and German: findings by their codes, checks by their names, reasons for leaving one out."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .findings import Finding

type Both = tuple[str, str]
"""English, German."""
LANGUAGES: Final = ("en", "de")


@dataclass(frozen=True, slots=True)
class CheckWords:
    """A check: what it is called, and the codes of the findings that make it fail."""

    name: Both
    codes: frozenset[str]


def _check(english: str, german: str, *codes: str) -> CheckWords:
    return CheckWords((english, german), frozenset(codes))


CHECKS: Final = MappingProxyType(
    {
        "signatures": _check(
            "Every generation's checkpoint is signed with the log's key",
            "Der Prüfpunkt jeder Generation ist mit dem Schlüssel des Protokolls unterschrieben",
            "checkpoint_missing", "checkpoint_other", "checkpoint_wrong", "size_too_large",
        ),
        "tree": _check(
            "All entries and tiles lead to the signed root",
            "Alle Einträge und Kacheln führen zur unterschriebenen Wurzel",
            "root_wrong", "tile_wrong", "tile_or_below_wrong", "tile_missing", "tile_malformed", "entry_wrong", "entry_or_tile_wrong",
            "bundle_missing", "bundle_malformed", "entries_lost", "log_cut", "file_differs", "checkpoint_not_inside",
        ),
        "generations": _check(
            "Each generation continues the one before it, and nothing was lost between them",
            "Jede Generation setzt die vorige fort, dazwischen ging nichts verloren",
            "generation_missing", "generation_silent", "generation_other", "generation_root", "generation_checkpoint", "entries_dropped",
            "generations_before",
        ),
        "entries": _check(
            "Every entry is written as it has to be, and stands where it belongs",
            "Jeder Eintrag ist geschrieben, wie er muss, und steht am richtigen Ort",
            "entry_malformed", "entry_misplaced", "opening_missing", "opening_other",
        ),
        "witnesses": _check(
            "Enough witnesses have signed the newest checkpoint, and saw the generations before it",
            "Genügend Zeugen haben den neuesten Prüfpunkt unterschrieben und die Generationen davor gesehen",
            "quorum_missed", "cosignature_wrong", "cosignature_time", "witness_key", "generation_unwitnessed",
        ),
        "clock": _check(
            "Times don't go back, and fit those of witnesses, anchors and the auditor",
            "Zeiten springen nicht zurück und passen zu denen der Zeugen, der Anker und der Prüferin",
            "clock_ahead", "clock_behind", "account_time",
        ),
        "terms": _check(
            "The terms, and each change of them, are signed by the creditor",
            "Die Bedingungen und jede ihrer Änderungen sind vom Gläubiger unterschrieben",
            "account_unsigned_terms", "account_old_terms", "account_other_terms", "account_bad_terms", "account_currency", "account_waived",
            "account_other_project", "terms_missing", "terms_project",
        ),
        "account": _check(
            "Every reading counts once, for a source and a price that the terms know; every source is accounted for up to the last period's end",
            "Jeder Messwert zählt einmal, für eine Quelle und einen Preis nach den Bedingungen; jede Quelle ist bis zum Ende des letzten Zeitraums erfasst",
            "account_sequence", "account_price", "account_source", "account_gap", "account_twice", "account_more",
            "source_unaccounted", "payment_period", "account_unreadable",
        ),
        "runs": _check(
            "Each start, outage and shutdown of the teller is told",
            "Jeder Start, Ausfall und jedes Abschalten der Buchführung ist verzeichnet",
            "shutdown_alone", "outage_untold",
        ),
        "recheck": _check(
            "The filter, run again over the raw values, comes to the same entries",
            "Der Filter, erneut über die Rohwerte gelaufen, ergibt dieselben Einträge",
            "recheck_differs", "recheck_failed",
        ),
        "inspections": _check(
            "Inspections agree with the books",
            "Ablesungen vor Ort stimmen mit den Büchern überein",
            "inspection_off",
        ),
        "anchors": _check(
            "Every checkpoint that was published elsewhere is one that the log begins with; the content identifiers are right",
            "Jeder anderswo veröffentlichte Prüfpunkt gehört zum Protokoll; die Inhaltskennungen stimmen",
            "anchor_note", "anchor_not_inside", "anchor_cid", "anchor_bundle",
        ),
        "stamps": _check(
            "Time stamps are of these checkpoints, and whole",
            "Zeitstempel gehören zu diesen Prüfpunkten und sind unversehrt",
            "anchor_stamp",
        ),
        "authorities": _check(
            "Time stamps are by an authority that the auditor trusts",
            "Zeitstempel stammen von einer Stelle, der die Prüferin vertraut",
            "anchor_stamp",
        ),
        "ledger": _check(
            "Anchors and payments are in the ledger",
            "Anker und Zahlungen stehen im Kassenbuch des Netzes",
            "anchor_transaction", "payment_unknown", "payment_failed", "payment_memo", "payment_twice", "payment_nowhere",
            "payment_elsewhere", "payment_amount", "payment_currency",
        ),
    }
)  # fmt: skip

SKIPPED: Final[dict[str, Both]] = {
    "no_terms": ("the log has no terms", "das Protokoll hat keine Bedingungen"),
    "no_creditor": (
        "only against the key that the log itself names: give --creditor or --terms",
        "nur gegen den Schlüssel, den das Protokoll selbst nennt: --creditor oder --terms angeben",
    ),
    "no_quorum": (
        "none of the witnesses has to sign: the terms or --quorum say 0",
        "keiner der Zeugen muss unterschreiben: die Bedingungen oder --quorum sagen 0",
    ),
    "no_witnesses": (
        "no witnesses are known: neither --witness nor the terms name any",
        "keine Zeugen bekannt: weder --witness noch die Bedingungen nennen welche",
    ),
    "not_asked": ("left out with --no-recheck", "mit --no-recheck ausgelassen"),
    "none": ("there are none", "es gibt keine"),
    "no_library": (
        "the library is missing: pip install rfc3161-client",
        "die Bibliothek fehlt: pip install rfc3161-client",
    ),
    "no_roots": ("no authority was given with --tsa", "keine Stelle mit --tsa angegeben"),
    "no_horizon": ("no --horizon was given", "kein --horizon angegeben"),
}

OUTCOMES: Final[dict[str, Both]] = {
    "right": ("right", "richtig"),
    "wrong": ("wrong", "falsch"),
    "skipped": ("not checked", "nicht geprüft"),
}

FINDINGS: Final[dict[str, Both]] = {
    # The tree.
    "checkpoint_missing": ("there is no checkpoint", "es gibt keinen Prüfpunkt"),
    "checkpoint_other": (
        "the checkpoint is of the log {origin}, and the key of {log}",
        "der Prüfpunkt ist vom Protokoll {origin}, der Schlüssel von {log}",
    ),
    "checkpoint_wrong": ("the checkpoint is not right: {what}", "der Prüfpunkt stimmt nicht: {what}"),
    "checkpoint_not_inside": (
        "the tree that was signed at {size} entries is not what the log begins with",
        "der mit {size} Einträgen unterschriebene Baum ist nicht der Anfang des Protokolls",
    ),
    "size_too_large": ("the checkpoint names {size} entries", "der Prüfpunkt nennt {size} Einträge"),
    "root_wrong": (
        "neither the entries nor the tiles lead to the root that was signed for {size} entries",
        "weder die Einträge noch die Kacheln führen zur Wurzel, die für {size} Einträge unterschrieben wurde",
    ),
    "tile_wrong": ("{what} of the tile is wrong; the entries are right", "{what} der Kachel ist falsch, die Einträge stimmen"),
    "tile_or_below_wrong": (
        "{what} of the tile and what is below it don't fit",
        "{what} der Kachel passt nicht zu dem, was darunter liegt",
    ),
    "tile_missing": ("the tile is missing", "die Kachel fehlt"),
    "tile_malformed": ("the tile has {what}", "die Kachel ist beschädigt: {what}"),
    "entry_wrong": ("the entry is not the one that was signed", "der Eintrag ist nicht der unterschriebene"),
    "entry_or_tile_wrong": (
        "the entry and its hash in the tile don't fit",
        "der Eintrag und sein Hash in der Kachel passen nicht zusammen",
    ),
    "bundle_missing": ("the entries from here on are missing", "die Einträge ab hier fehlen"),
    "bundle_malformed": ("the entries from here on can't be read: {what}", "die Einträge ab hier sind nicht lesbar: {what}"),
    "entries_lost": ("neither the entries nor their hashes are there", "weder die Einträge noch ihre Hashes sind da"),
    "log_cut": ("of {size} entries all are missing from here on", "von {size} Einträgen fehlen alle ab hier"),
    "file_differs": (
        "this file of an earlier size is not the beginning of the present one: there were two versions of the log",
        "diese Datei einer früheren Größe ist nicht der Anfang der jetzigen: es gab zwei Fassungen des Protokolls",
    ),
    "file_unknown": ("the file doesn't belong to a log", "die Datei gehört nicht zu einem Protokoll"),
    "file_beyond": (
        "the file lies behind the {size} entries that are covered",
        "die Datei liegt hinter den {size} Einträgen, die erfasst sind",
    ),
    "log_silent": ("the last entry is {days} days old", "der letzte Eintrag ist {days} Tage alt"),
    # Generations.
    "generation_missing": ("generation {number} is missing", "Generation {number} fehlt"),
    "generations_before": (
        "generations before {number} were not given, so sums are those of this one only",
        "Generationen vor {number} liegen nicht vor, Summen gelten nur für diese",
    ),
    "generation_begun": (
        "a new generation begins here ({cause}); it continues {size} entries",
        "hier beginnt eine neue Generation ({cause}); sie setzt {size} Einträge fort",
    ),
    "generation_silent": (
        "the generation doesn't begin with what it continues",
        "die Generation beginnt nicht mit dem, was sie fortsetzt",
    ),
    "generation_unsigned": (
        "the generation was never signed; what it held is what the next one says of it",
        "die Generation wurde nie unterschrieben; was sie enthielt, steht in der nächsten",
    ),
    "generation_other": (
        "it continues {named}, and the generation before is {origin}",
        "sie setzt {named} fort, die vorige Generation ist aber {origin}",
    ),
    "generation_root": (
        "the next generation continues another tree of {size} entries",
        "die nächste Generation setzt einen anderen Baum von {size} Einträgen fort",
    ),
    "generation_checkpoint": (
        "the checkpoint that it brings along is not right: {what}",
        "der mitgebrachte Prüfpunkt stimmt nicht: {what}",
    ),
    "entries_dropped": (
        "{size} entries were signed, and the next generation continues {kept} of them: the others are lost",
        "{size} Einträge waren unterschrieben, die nächste Generation setzt {kept} davon fort: die anderen sind verloren",
    ),
    # Entries.
    "entry_malformed": ("the entry can't be read: {what}", "der Eintrag ist nicht lesbar: {what}"),
    "entry_misplaced": ("an entry of the kind {kind} doesn't belong here", "ein Eintrag der Art {kind} gehört nicht hierher"),
    "entry_unknown": ("the kind {kind} is not known here: use a newer auditor", "die Art {kind} ist hier unbekannt: neuere Version verwenden"),
    "opening_missing": ("the log doesn't begin with its opening", "das Protokoll beginnt nicht mit seiner Eröffnung"),
    "opening_other": ("the opening is of the log {origin}, or of another key", "die Eröffnung ist vom Protokoll {origin} oder einem anderen Schlüssel"),
    "settings_changed": ("settings apart from the terms were changed: {sections}", "Einstellungen neben den Bedingungen wurden geändert: {sections}"),
    "terms_draft": (
        "a draft of terms: the creditor signed terms {number} afterwards, and nothing is owed by what only the draft said",
        "ein Entwurf von Bedingungen: der Gläubiger hat danach die Bedingungen {number} unterschrieben, und nichts ist nach dem bloßen Entwurf geschuldet",
    ),
    "code_changed": ("another program started (it says of itself: {measurement}…)", "ein anderes Programm startete (es sagt von sich: {measurement}…)"),
    "device_changed": ("it started on another device: {device}", "es startete auf einem anderen Gerät: {device}"),
    "shutdown_alone": ("a shutdown without a start", "ein Abschalten ohne Start"),
    "outage_untold": (
        "a start, though the run since {since} has no end, and no outage is told",
        "ein Start, obwohl der Lauf seit {since} kein Ende hat und kein Ausfall verzeichnet ist",
    ),
    # What the account says.
    "account_unsigned_terms": ("the terms are not signed by the creditor: {what}", "die Bedingungen sind nicht vom Gläubiger unterschrieben: {what}"),
    "account_old_terms": ("these terms had been replaced already: {what}", "diese Bedingungen waren schon ersetzt: {what}"),
    "account_other_terms": ("the terms are not the agreed ones: {what}", "die Bedingungen sind nicht die vereinbarten: {what}"),
    "account_other_project": ("the terms were signed for another project: {what}", "die Bedingungen wurden für ein anderes Projekt unterschrieben: {what}"),
    "account_unreadable": ("what stands here is no entry: {what}", "was hier steht, ist kein Eintrag: {what}"),
    "terms_missing": (
        "the agreed terms {number} are not in the log: what is owed here was added up without them",
        "die vereinbarten Bedingungen {number} stehen nicht im Protokoll: die Summen hier kamen ohne sie zustande",
    ),
    "terms_project": (
        "the terms are of the project {project}, and the log was opened for {opened}",
        "die Bedingungen sind vom Projekt {project}, das Protokoll wurde für {opened} eröffnet",
    ),
    "terms_signed": (
        "the creditor signed terms {number}, which are not those that you gave; they count from here on if their number is higher",
        "der Gläubiger hat die Bedingungen {number} unterschrieben, die nicht die angegebenen sind; mit höherer Nummer gelten sie von hier an",
    ),
    "terms_late": (
        "the first signed terms, {number}, came into the log {days} days after their first day; what the house produced before is not owed",
        "die ersten unterschriebenen Bedingungen, {number}, kamen {days} Tage nach ihrem ersten Tag ins Protokoll; was das Haus davor erzeugte, ist nicht geschuldet",
    ),
    "source_unaccounted": (
        "nothing was written about {source} since {until}, neither readings nor a gap, and the period before {end} can't be closed",
        "über {source} steht seit {until} nichts da, weder Messwerte noch eine Lücke, und der Zeitraum bis {end} lässt sich nicht abschließen",
    ),
    "source_silent": (
        "{source} has given nothing that counts in the last {hours} h of the log; this will be a gap",
        "{source} hat in den letzten {hours} h des Protokolls nichts geliefert, was zählt; das wird eine Lücke",
    ),
    "estimate_blind": (
        "{hours} h of {source} were estimated without a single measured day, and so are worth 0",
        "{hours} h von {source} wurden ohne einen einzigen gemessenen Tag geschätzt und sind darum 0 wert",
    ),
    "price_of_the_house": (
        "the terms leave the price to an entity of the house, which said {count} prices from {low} to {high}",
        "die Bedingungen überlassen den Preis einer Entität des Hauses, die {count} Preise von {low} bis {high} nannte",
    ),
    "payments_unchecked": (
        "{count} payments of {amount} in all are the books' word: --horizon looks them up",
        "{count} Zahlungen über zusammen {amount} stehen nur in den Büchern: --horizon schlägt sie nach",
    ),
    "payment_period": ("the payment is for {period}, and there is no such period", "die Zahlung ist für {period}, und diesen Zeitraum gibt es nicht"),
    "account_bad_terms": ("the terms can't be read: {what}", "die Bedingungen sind nicht lesbar: {what}"),
    "account_sequence": ("a reading is missing or there twice: {what}", "ein Messwert fehlt oder ist doppelt: {what}"),
    "account_time": ("the clock went back: {what}", "die Uhr ging zurück: {what}"),
    "account_price": ("the price is not as agreed: {what}", "der Preis ist nicht wie vereinbart: {what}"),
    "account_waived": (
        "a debt is waived, or a payment confirmed that names no transaction, without the creditor's signature, so it doesn't count: {what}",
        "eine Schuld ist erlassen oder eine Zahlung ohne Transaktion bestätigt, und der Gläubiger hat das nicht unterschrieben, also zählt es nicht: {what}",
    ),
    "account_twice": (
        "the transaction has paid another period already, so it doesn't count again: {what}",
        "die Transaktion hat schon einen anderen Zeitraum bezahlt und zählt nicht noch einmal: {what}",
    ),
    "account_source": ("the source is not one of the terms: {what}", "die Quelle steht nicht in den Bedingungen: {what}"),
    "account_gap": ("a gap lies in time that was accounted for: {what}", "eine Lücke liegt in schon abgerechneter Zeit: {what}"),
    "account_currency": ("the terms have another currency: {what}", "die Bedingungen haben eine andere Währung: {what}"),
    "account_more": ("{count} more findings of these kinds", "{count} weitere solche Befunde"),
    "recheck_differs": ("the filter comes to something else: {what}", "der Filter ergibt etwas anderes: {what}"),
    "recheck_failed": ("the filter can't be run again: {what}", "der Filter lässt sich nicht erneut anwenden: {what}"),
    # Witnesses, inspections, anchors, payments.
    "witness_key": ("a witness's key in the terms is none: {what}", "ein Zeugenschlüssel in den Bedingungen ist keiner: {what}"),
    "cosignature_wrong": ("a witness's signature is not right: {what}", "die Unterschrift eines Zeugen stimmt nicht: {what}"),
    "cosignature_time": ("a witness's time is none, or has not come yet: {time}", "die Zeit eines Zeugen ist keine oder liegt in der Zukunft: {time}"),
    "quorum_missed": ("{count} of the witnesses signed, {quorum} have to", "{count} der Zeugen haben unterschrieben, {quorum} müssen"),
    "clock_ahead": (
        "the entry says a time {seconds} s after it was seen elsewhere: the clock was ahead",
        "der Eintrag nennt eine Zeit {seconds} s nachdem er anderswo gesehen wurde: die Uhr ging vor",
    ),
    "clock_behind": (
        "a witness saw the entry {hours} h after the time that it says: the clock was behind",
        "ein Zeuge sah den Eintrag {hours} h nach der Zeit, die er nennt: die Uhr ging nach",
    ),
    "generation_unwitnessed": (
        "{count} entries from here on were not seen by {quorum} witnesses before the generation ended: they might be others than those that were written then",
        "{count} Einträge ab hier wurden nicht von {quorum} Zeugen gesehen, bevor die Generation endete: es könnten andere sein als die damals geschriebenen",
    ),
    "inspection_unsigned": ("what {who} read is not signed with a key that is known here", "die Ablesung von {who} ist nicht mit einem hier bekannten Schlüssel unterschrieben"),
    "inspection_alone": ("the books have nothing to compare this inspection of {source} with", "die Bücher haben nichts, womit sich diese Ablesung von {source} vergleichen lässt"),
    "inspection_off": ("the books of {source} are off by {percent} %", "die Bücher von {source} weichen um {percent} % ab"),
    "anchor_note": ("what was published is not a checkpoint of this log: {what}", "das Veröffentlichte ist kein Prüfpunkt dieses Protokolls: {what}"),
    "anchor_not_inside": (
        "the checkpoint that was published with {size} entries is not what the log begins with: there are two versions of it",
        "der mit {size} Einträgen veröffentlichte Prüfpunkt ist nicht der Anfang des Protokolls: es gibt zwei Fassungen",
    ),
    "anchor_cid": ("the content has another identifier than {cid}", "der Inhalt hat eine andere Kennung als {cid}"),
    "anchor_bundle": ("the bundle that was published is not this file", "das veröffentlichte Bündel ist nicht diese Datei"),
    "anchor_transaction": ("the anchor in the ledger: {what}", "der Anker im Kassenbuch: {what}"),
    "anchor_stamp": ("the time stamp: {what}", "der Zeitstempel: {what}"),
    "payment_claimed": (
        "the payment for {period} names no transaction: it counts by the creditor's receipt only",
        "die Zahlung für {period} nennt keine Transaktion: sie zählt nur durch die Quittung des Gläubigers",
    ),
    "payment_unknown": ("the ledger doesn't know the payment {tx}", "das Kassenbuch kennt die Zahlung {tx} nicht"),
    "payment_failed": ("the payment {tx} failed", "die Zahlung {tx} schlug fehl"),
    "payment_memo": ("the payment {tx} is not for the period {period}", "die Zahlung {tx} ist nicht für den Zeitraum {period}"),
    "payment_twice": (
        "the payment {tx} is counted already, by its other hash {other}",
        "die Zahlung {tx} ist schon gezählt, unter ihrem anderen Hash {other}",
    ),
    "payment_nowhere": (
        "nothing says where the payment {tx} had to arrive: give --account and --asset",
        "nichts sagt, wo die Zahlung {tx} ankommen musste: --account und --asset angeben",
    ),
    "payment_elsewhere": (
        "the payment {tx} brought nothing of {asset} to {account}",
        "die Zahlung {tx} brachte nichts in {asset} auf das Konto {account}",
    ),
    "payment_amount": (
        "the payment {tx} brought {arrived} of {asset} to {account}, and the books say {amount}",
        "die Zahlung {tx} brachte {arrived} in {asset} auf das Konto {account}, die Bücher sagen {amount}",
    ),
    "payment_currency": (
        "the settings have a debt in {currency} paid in lumens, which are something else",
        "die Einstellungen lassen eine Schuld in {currency} in Lumen bezahlen, die etwas anderes sind",
    ),
    "payment_settings": (
        "payments were looked for at {account}, in {asset}, because the house's settings say so: compare that with the creditor's own account, or give --account and --asset",
        "Zahlungen wurden auf {account} gesucht, in {asset}, weil die Einstellungen des Hauses es sagen: mit dem Konto des Gläubigers vergleichen, oder --account und --asset angeben",
    ),
}  # fmt: skip


def say(both: Both, language: str) -> str:
    """Return one of two languages."""
    return both[LANGUAGES.index(language)]


def sentence(finding: Finding, language: str = "en") -> str:
    """Return what a finding says, without where it is."""
    words = FINDINGS.get(finding.code)
    return finding.code if words is None else say(words, language).format_map(_Values(finding.values))


def where(finding: Finding, language: str = "en") -> str:
    """Return where a finding is."""
    parts = []
    if finding.generation is not None:
        parts.append(f"generation {finding.generation}" if language == "en" else f"Generation {finding.generation}")
    if finding.entry is not None:
        parts.append(f"entry {finding.entry}" if language == "en" else f"Eintrag {finding.entry}")
    if finding.path is not None:
        parts.append(finding.path)
    return ", ".join(parts)


class _Values(dict[str, object]):
    """Values that a sentence is made with; one that is missing is left out."""

    def __missing__(self, key: str) -> str:
        return ""
