"use strict";
// Draws the figures of the page, whose JSON stands in it, with the plotly that is packed in it.
const dark = matchMedia("(prefers-color-scheme: dark)");
const config = {
  displaylogo: false,
  responsive: true,
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
};

function textOf(id) {
  return document.getElementById(id).textContent;
}

// Puts the page's colour of text in place of the word "ink".
function inked(value, ink) {
  if (value === "ink") return ink;
  if (Array.isArray(value)) return value.map((each) => inked(each, ink));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, inked(each, ink)]));
}

function styled(layout) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const shape = {
    ...layout,
    font: { family: "system-ui, sans-serif", size: 13, color: colour("--ink") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--soft"), activecolor: colour("--ink") },
    hoverlabel: { ...layout.hoverlabel, bgcolor: colour("--card"), font: { color: colour("--ink") } },
  };
  for (const name of Object.keys(shape)) {
    if (!/^[xy]axis\d*$/.test(name)) continue;
    shape[name] = { gridcolor: colour("--grid"), linecolor: colour("--grid"), zerolinecolor: colour("--grid"), ...shape[name] };
  }
  return shape;
}

async function draw(figures) {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  const drawings = figures.map(({ name, data, layout }) => {
    // Plotly takes the height of the element, not that of the layout, when the window changes.
    document.getElementById(name).style.height = `${layout.height}px`;
    return Plotly.react(name, inked(data, ink), styled(layout), config);
  });
  await Promise.all(drawings);
  document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
}

// Paper is narrower than a window, and white. The browser prints what stands there when this
// returns; what plotly does by itself when a window changes would come too late.
function drawForPaper(figures, isOver) {
  document.documentElement.classList.toggle("paper", !isOver);
  draw(figures);
}

async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function begin() {
  const script = document.createElement("script");
  script.textContent = await unpacked(textOf("plotly"));
  document.head.append(script);
  const figures = JSON.parse(textOf("figures"));
  await draw(figures);
  dark.addEventListener("change", () => draw(figures));
  addEventListener("beforeprint", () => drawForPaper(figures, false));
  addEventListener("afterprint", () => drawForPaper(figures, true));
}

begin().catch((error) => {
  const note = document.getElementById("no-figures");
  note.textContent = `This browser could not draw the figures (${error.message}). The tables have all numbers.`;
  note.hidden = false;
});
