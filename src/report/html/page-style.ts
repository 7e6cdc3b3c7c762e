/** How the page looks: by day, by night, and on paper. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fdfbf6; --card: #ffffff; --line: #e5dfd0; --ink: #221e16; --dim: #6a6252; --honey: #9a5b00;
  --deployed: #1a7f4b; --unchanged: #68707f; --skipped: #8a6400; --failed: #c02c2c; --rolled-back: #b8480c;
  --stranded: #a01a6e; --not-ended: #6a6252; --added: #1f6f94;
  --prepare: #9aa1b0; --reach: #5cb3d9; --bring: #5b76e0; --try: #9b6bd6; --prove: #2aa79b; --keep: #2f9e5f;
  --reboot: #a5793f; --back: #e0731d; --bad: #c02c2c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16140f; --card: #1f1c15; --line: #39342a; --ink: #efe9dc; --dim: #aaa08c; --honey: #f0b24a;
    --deployed: #5ac98a; --unchanged: #a3acbc; --skipped: #e0b54a; --failed: #ff7b72; --rolled-back: #ff9b5e;
    --stranded: #f48fce; --not-ended: #aaa08c; --added: #6cc4e8;
    --prepare: #737b8c; --reach: #3f8fb5; --bring: #6c86f0; --try: #a67fe0; --prove: #35b5a8; --keep: #3fae6e;
    --reboot: #b98d53; --back: #f0883e; --bad: #ff6b61;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.5rem 3rem; max-width: 84rem;
  background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1, h2, h3, p, ul, dl, dd, pre { margin: 0; }
ul { padding: 0; list-style: none; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.88em; }
header { display: grid; grid-template-columns: 1fr auto; gap: 1.25rem 2rem; align-items: center; }
.brand { color: var(--honey); font-weight: 700; letter-spacing: 0.14em; text-transform: uppercase; font-size: 0.8rem; }
h1 { font-size: clamp(1.6rem, 4vw, 2.3rem); line-height: 1.15; letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 0.9rem; font-size: 1.2rem; letter-spacing: -0.01em; }
.verdict { color: var(--dim); margin-top: 0.3rem; }
.tally { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 1rem; }
.tally li {
  padding: 0.3rem 0.8rem 0.3rem 0.55rem; border: 1px solid var(--line); border-radius: 999px; background: var(--card);
  color: var(--tone); white-space: nowrap;
}
.tally b { font-variant-numeric: tabular-nums; }
.tally.small { margin: 0; gap: 0.3rem; font-size: 0.9em; }
.tally.small li { padding: 0 0.6rem 0 0.4rem; }
.mark {
  display: inline-block; width: 1.2em; text-align: center; font-weight: 700;
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
.comb { max-width: min(24rem, 42vw); max-height: 15rem; height: auto; }
.comb path { fill: var(--tone); }
.comb .o-unchanged, .comb .o-skipped, .comb .o-not-ended { fill-opacity: 0.4; }
.facts {
  grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0.6rem 2.2rem; padding: 0.9rem 1.1rem;
  border: 1px solid var(--line); border-radius: 10px; background: var(--card);
}
dt { color: var(--dim); font-size: 0.8rem; }
dd { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.o-deployed { --tone: var(--deployed); } .o-unchanged { --tone: var(--unchanged); }
.o-skipped { --tone: var(--skipped); } .o-failed { --tone: var(--failed); }
.o-rolled-back { --tone: var(--rolled-back); } .o-stranded { --tone: var(--stranded); }
.o-not-ended { --tone: var(--not-ended); }
.card {
  margin-bottom: 0.8rem; padding: 0.85rem 1.1rem; border: 1px solid var(--line); border-left: 4px solid var(--tone, var(--honey));
  border-radius: 10px; background: var(--card);
}
.card h3 { font-size: 1rem; display: flex; flex-wrap: wrap; gap: 0.3rem 0.7rem; align-items: baseline; }
.card p { overflow-wrap: anywhere; }
.pill { color: var(--tone); font-weight: 600; font-size: 0.9em; white-space: nowrap; }
.code { color: var(--dim); white-space: nowrap; }
.folded summary { margin-bottom: 0.8rem; font-size: 1rem; }
.hint { margin-top: 0.6rem; }
.hint b { color: var(--honey); }
pre {
  margin-top: 0.6rem; padding: 0.7rem 0.9rem; border-radius: 7px; background: var(--paper); border: 1px solid var(--line);
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow-y: auto;
}
.scroll { position: relative; overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 0.45rem 0.9rem; text-align: left; vertical-align: middle; }
thead th { color: var(--dim); font-weight: 500; font-size: 0.82rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody th { font-weight: 600; }
.waves tbody tr + tr > * { border-top: 1px solid var(--line); }
.stopped { color: var(--dim); font-size: 0.9em; margin-top: 0.25rem; }
.hosts > tbody + tbody > tr:first-child > * { border-top: 1px solid var(--line); }
.hosts > tbody > tr:first-child > * { padding-bottom: 0.2rem; }
.hosts th { white-space: nowrap; }
.of { display: block; color: var(--dim); font-weight: 400; font-size: 0.82rem; }
.ended { color: var(--tone); white-space: nowrap; font-weight: 600; }
td.time, th.time { width: 60%; min-width: 20rem; padding-left: 0.4rem; padding-right: 0.4rem; }
.axis { display: flex; }
.axis span { flex: 1 1 0; border-left: 1px solid var(--line); padding-left: 0.3rem; overflow: hidden; font-variant-numeric: tabular-nums; }
.lanes { display: block; width: 100%; }
.grid { fill: var(--line); }
.k-prepare { fill: var(--prepare); } .k-reach { fill: var(--reach); } .k-bring { fill: var(--bring); }
.k-try { fill: var(--try); } .k-prove { fill: var(--prove); } .k-keep { fill: var(--keep); }
.k-reboot { fill: var(--reboot); } .k-back { fill: var(--back); }
.open { opacity: 0.45; } .bad { fill: var(--bad); }
.more > td { padding-top: 0; padding-bottom: 0.5rem; }
summary { color: var(--dim); font-size: 0.85rem; cursor: pointer; width: fit-content; border-radius: 4px; padding: 0 0.2rem; }
summary:hover { color: var(--ink); }
.nothing { color: var(--dim); font-size: 0.85rem; }
.names { font-weight: 400; } .names summary { font-weight: 600; font-size: 1rem; color: inherit; }
.details { padding: 0.5rem 0 0.4rem 1rem; display: flex; flex-wrap: wrap; gap: 0.5rem 2.5rem; align-items: flex-start; }
.details table { width: auto; font-size: 0.9rem; }
.details th, .details td { padding: 0.1rem 0.9rem 0.1rem 0; }
.details thead th { border: 0; }
.details dl { flex: 1 1 22rem; display: grid; gap: 0.3rem; font-size: 0.9rem; }
.details dl div { display: grid; grid-template-columns: 7rem 1fr; }
.details pre { flex-basis: 100%; }
.change { --tone: var(--line); }
.change h3 { gap: 0.3rem 1.6rem; }
.change h3 > span { display: flex; flex-wrap: wrap; gap: 0 0.7rem; align-items: baseline; }
.change .counts { color: var(--dim); font-size: 0.9em; }
.change > details { margin-top: 0.4rem; }
.change .rows { margin-top: 0.5rem; overflow-x: auto; }
.change table { width: auto; font-size: 0.92rem; }
.change th, .change td { padding: 0.1rem 1.2rem 0.1rem 0; vertical-align: top; }
.change th { color: var(--dim); font-weight: 400; white-space: nowrap; min-width: 6rem; }
.change td.what { overflow-wrap: anywhere; min-width: 10rem; }
.change tbody + tbody > tr:first-child > * { padding-top: 0.45rem; }
.change .what details { max-width: 34rem; }
.change .verb { white-space: nowrap; min-width: 6rem; }
.s-green { color: var(--deployed); } .s-yellow { color: var(--skipped); } .s-cyan { color: var(--added); }
.s-red { color: var(--failed); } .s-dim { color: var(--dim); }
.matrix tbody tr { content-visibility: auto; }
.controls { margin-bottom: 0.8rem; color: var(--dim); }
input {
  margin-left: 0.4rem; padding: 0.35rem 0.7rem; font: inherit; color: var(--ink); background: var(--card);
  border: 1px solid var(--dim); border-radius: 7px; width: min(20rem, 60vw);
}
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin-bottom: 0.7rem; color: var(--dim); font-size: 0.82rem; }
.legend svg { margin-right: 0.4rem; vertical-align: -1px; }
footer { margin-top: 3rem; color: var(--dim); font-size: 0.82rem; }
:focus-visible { outline: 2px solid var(--honey); outline-offset: 2px; }
[hidden] { display: none !important; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 46rem) {
  body { padding: 1.2rem 0.9rem 2rem; }
  header { grid-template-columns: 1fr; }
  .comb { max-width: 100%; }
  td.time, th.time { min-width: 13rem; }
}
@media (prefers-reduced-motion: no-preference) { summary, .tally li { transition: color 0.15s; } }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; background: none; font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .controls { display: none; }
  .scroll, pre { overflow: visible; max-height: none; }
  .card, tbody { break-inside: avoid; }
}
`;
