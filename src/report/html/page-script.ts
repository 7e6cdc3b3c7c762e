/** Finds hosts by name, and opens everything for a printer. The page is whole without it. */
export const PAGE_SCRIPT = `
"use strict";
(() => {
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const groups = [...document.querySelectorAll("table.hosts > tbody")].map((body) => ({
    body,
    details: body.querySelector("details"),
    rows: [...body.querySelectorAll("table.matrix > tbody > tr")],
    name: body.querySelector("th").textContent.toLowerCase(),
  }));
  document.querySelector(".controls").hidden = false;
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/[\\s,]+/).filter((word) => word !== "");
    const matches = (name) => words.length === 0 || words.some((word) => name.includes(word));
    let count = 0;
    for (const { body, details, rows, name } of groups) {
      let shown = 0;
      for (const row of rows) {
        const isShown = matches(row.cells[0].textContent.toLowerCase());
        row.hidden = !isShown;
        if (isShown) shown += 1;
      }
      if (rows.length === 0 && matches(name)) shown = 1;
      body.hidden = shown === 0;
      if (rows.length > 0 && details !== null) details.open = words.length > 0 && shown > 0;
      count += shown;
    }
    found.textContent = words.length === 0 ? "" : count === 1 ? "1 host" : count + " hosts";
  });
  const changes = [...document.querySelectorAll(".changes details")];
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const { details, rows } of groups) {
      if (details === null || details.open || rows.length > 0) continue;
      details.open = true;
      opened.push(details);
    }
    for (const details of changes) {
      if (details.open) continue;
      details.open = true;
      opened.push(details);
    }
  });
  addEventListener("afterprint", () => {
    for (const details of opened.splice(0)) details.open = false;
  });
})();
`;
