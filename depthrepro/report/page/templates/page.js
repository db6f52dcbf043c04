"use strict";
// Without this script the page shows everything at once; with it tables sort, figures enlarge and long parts fold.
document.documentElement.classList.add("js");

// Tables: a click sorts by that column, best first; the next one turns the order; the third brings the paper's back.
function cellOf(body, column) {
  const cells = body.querySelectorAll(`[data-col="${column}"]`); // the last line is ours wherever ours belongs
  return cells[cells.length - 1].dataset.v;
}

function sortBy(table, head) {
  const first = head.dataset.first || "ascending";
  const second = first === "ascending" ? "descending" : "ascending";
  const now = head.getAttribute("aria-sort");
  const next = now === first ? second : now === second ? "none" : first;
  for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", next);
  const way = next === "descending" ? -1 : 1;
  const text = head.dataset.type === "text";
  const bodies = Array.from(table.tBodies, (body) => ({ body, place: Number(body.dataset.place), v: cellOf(body, head.dataset.sort) }));
  bodies.sort((a, b) => {
    if (next === "none") return a.place - b.place;
    if (!a.v || !b.v) return (a.v ? 0 : 1) - (b.v ? 0 : 1) || a.place - b.place; // without a number: last, either way
    const order = text ? a.v.localeCompare(b.v, "en", { numeric: true }) : Number(a.v) - Number(b.v);
    return way * order || a.place - b.place;
  });
  table.append(...bodies.map((item) => item.body));
}

for (const table of document.querySelectorAll("table.sortable")) {
  Array.from(table.tBodies).forEach((body, place) => { body.dataset.place = place; });
  for (const head of table.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sortBy(table, head));
  }
}

// Checkpoints of one block: tabs, the last checkpoint first.
document.querySelectorAll(".checkpoints").forEach((group, index) => {
  const panels = Array.from(group.querySelectorAll(".checkpoint"));
  if (panels.length < 2) return;
  const bar = document.createElement("div");
  bar.className = "tabs";
  bar.setAttribute("role", "tablist");
  bar.setAttribute("aria-label", "Checkpoint");
  const tabs = panels.map((panel, number) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${index}-${number}`;
    panel.id = `panel-${index}-${number}`;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    tab.textContent = panel.querySelector("h4").textContent;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    return tab;
  });
  const choose = (chosen) => {
    tabs.forEach((tab, number) => {
      tab.setAttribute("aria-selected", String(number === chosen));
      tab.tabIndex = number === chosen ? 0 : -1;
      panels[number].classList.toggle("folded", number !== chosen);
    });
  };
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const chosen = (tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
    choose(chosen);
    tabs[chosen].focus();
  });
  tabs.forEach((tab, number) => tab.addEventListener("click", () => choose(number)));
  bar.append(...tabs);
  group.prepend(bar);
  choose(0);
});

// Figures: a dialog over the page; arrow keys go through the figures of the same block.
const box = document.getElementById("lightbox");
let series = [];
let at = 0;

function show(number) {
  at = (number + series.length) % series.length;
  const image = box.querySelector("img");
  image.src = series[at].src;
  image.alt = series[at].alt;
  image.width = series[at].naturalWidth;
  image.height = series[at].naturalHeight;
  box.querySelector(".title").textContent = `${series[at].alt} (${at + 1} of ${series.length})`;
}

for (const figure of document.querySelectorAll(".figures figure")) {
  const image = figure.querySelector("img");
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", `Enlarge: ${image.alt}`);
  image.replaceWith(button);
  button.append(image);
  button.addEventListener("click", () => {
    series = Array.from(figure.parentElement.querySelectorAll("img"));
    show(series.indexOf(image));
    box.showModal(); // the browser closes it on Escape and gives the focus back
  });
}
box.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) show(at + step);
});
box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
box.querySelector(".previous").addEventListener("click", () => show(at - 1));
box.querySelector(".next").addEventListener("click", () => show(at + 1));
box.querySelector(".close").addEventListener("click", () => box.close());

// Long lists are folded on the screen and open on paper.
const folds = Array.from(document.querySelectorAll("details"));
let open = [];
folds.forEach((fold) => { fold.open = false; });
addEventListener("beforeprint", () => {
  open = folds.map((fold) => fold.open);
  folds.forEach((fold) => { fold.open = true; });
});
addEventListener("afterprint", () => folds.forEach((fold, number) => { fold.open = open[number]; }));

// The navigation marks the section that is being read.
const links = new Map(Array.from(document.querySelectorAll("nav a"), (link) => [link.hash.slice(1), link]));
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(entry.target.id).setAttribute("aria-current", "true");
  }
}, { rootMargin: "-20% 0px -75% 0px" });
document.querySelectorAll("main > section").forEach((section) => watch.observe(section));
