"""How the pages look, light and dark, on paper and on small screens."""

from typing import Final

from ..result import Outcome

MARKS: Final = {Outcome.RIGHT: "✓", Outcome.WRONG: "✗", Outcome.SKIPPED: "○"}

PATTERNS: Final = (
    '<svg width="0" height="0" class="defs" aria-hidden="true"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" class="hatch-ground"/><path class="hatch" d="M1.5 0V6"/></pattern>'
    '<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<rect width="5" height="5" class="dots-ground"/><circle class="dots" cx="2.5" cy="2.5" r="1.1"/></pattern></defs></svg>'
)

STYLE: Final = """
:root{color-scheme:light dark;--ground:#fff;--ink:#1c2024;--soft:#5b636b;--line:#d5dade;--card:#f4f6f7;
--measured:#2f7d4f;--register:#2b6cb0;--estimated:#b7791f;--gap:#9b2c2c;--owed:#2b6cb0;--paid:#2f7d4f;--right:#20683f;--wrong:#a11d1d;--link:#1a5fa8}
@media (prefers-color-scheme:dark){:root{--ground:#15181b;--ink:#e6e9eb;--soft:#a2abb3;--line:#3a4147;--card:#1f2428;
--measured:#5fbf87;--register:#6aa8e8;--estimated:#e0ac55;--gap:#e27d7d;--owed:#6aa8e8;--paid:#5fbf87;--right:#74cf98;--wrong:#f09a9a;--link:#8fc1f5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:60rem;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
header p{margin:0;color:var(--soft)}h1{margin:.1em 0 .4em;font-size:1.7rem}h2{margin:2rem 0 .6rem;font-size:1.2rem}
a{color:var(--link)}nav{margin-bottom:.8rem}.near{margin:.8rem 0}
header .verdict{display:flex;gap:.6em;align-items:center;padding:.6em .9em;border:1px solid currentColor;border-radius:.5rem;font-weight:600}
.verdict.right,.checks .right .mark{color:var(--right)}.verdict.wrong,.checks .wrong .mark{color:var(--wrong)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:1.2rem 0}
.cards div{padding:.7rem .9rem;border-radius:.5rem;background:var(--card)}dt{color:var(--soft);font-size:.85rem}
dd{margin:0;font-size:1.2rem;font-weight:600;font-variant-numeric:tabular-nums}
figure{margin:.6rem 0}figure>svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font:12px system-ui,sans-serif}.unit{font-weight:600}
.grid{stroke:var(--line);fill:none}.line{fill:var(--card);stroke:var(--line)}.reach{fill:transparent}g:hover .reach{fill:var(--ink);fill-opacity:.07}
.measured{fill:var(--measured)}.register{fill:url(#dots)}.estimated{fill:url(#hatch)}.gap{fill:var(--gap)}.owed{fill:var(--owed)}.paid{fill:var(--paid)}
.hatch{stroke:var(--estimated);stroke-width:3}.hatch-ground,.dots-ground{fill:var(--ground)}.dots-ground{fill:var(--register);fill-opacity:.35}.dots{fill:var(--register)}
.defs{position:absolute}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.3rem 0 0;padding:0;list-style:none;font-size:.9rem}
.legend svg{width:.85rem;height:.85rem;margin-right:.45rem;vertical-align:-.1em;border:1px solid var(--line)}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:.35rem .6rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:600;font-size:.85rem}
summary{cursor:pointer;color:var(--link)}
.checks{padding:0;list-style:none}.checks li{display:flex;gap:.6em;padding:.15rem 0}.checks .skipped,.outcome,small{color:var(--soft)}
.problem b{color:var(--wrong)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
@media (max-width:36rem){svg text{font-size:19px}}
@media print{body{max-width:none}details>*{display:block}}
""".strip()
