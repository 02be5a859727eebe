/** The frame of a plot: a title above, below it where and how it was measured, all on white. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { CONTENDERS } from "./contenders.js";
import { captionLines } from "./machine.js";

const WIDTH = 860;
const HEADER = 64;
const AXIS = 48;
const LINE = 14;
const LINE_LENGTH = 135;

const INK = "#18181b";
const COLORS = {
  ours: "#1d4ed8",
  disk: "#0891b2",
  process: "#d97706",
  memory: "#6b7280",
  none: "#a1a1aa",
};

/** What the colors say, for the line under a title. */
export const KEY =
  "blue: this store (on disk when acknowledged); cyan: others on disk; orange: with the operating " +
  "system; grey: in memory";

export const colorOf = (name) =>
  COLORS[CONTENDERS[name].ours ? "ours" : CONTENDERS[name].guarantee];

const { document } = parseHTML("<!doctype html><body></body>");

function addText(svg, text, x, y, size, weight) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "text");
  for (const [name, value] of Object.entries({ x, y, "font-size": size, "font-weight": weight })) {
    element.setAttribute(name, value);
  }
  element.setAttribute("fill", INK);
  element.setAttribute("text-anchor", "start");
  element.textContent = text;
  svg.append(element);
}

/** The words of a text in lines that fit into the width. */
function wrapped(text) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1).length + word.length < LINE_LENGTH) lines[lines.length - 1] += `${word} `;
    else lines.push(`${word} `);
  }
  return lines;
}

/** A plot as `{ title, svg }`: text that stands on its own, in a page or in a readme. */
export function figure(report, title, subtitle, { contentHeight, ...options }) {
  const below = captionLines(report).flatMap(wrapped);
  const height = HEADER + contentHeight + AXIS + below.length * LINE;
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height,
    marginLeft: 130,
    marginRight: 60,
    marginTop: HEADER,
    marginBottom: AXIS + below.length * LINE,
    insetTop: 4,
    // An image in a readme does not know the color of its page.
    style: {
      fontFamily: "system-ui, sans-serif",
      fontSize: "12px",
      background: "white",
      color: INK,
    },
    ...options,
  });
  const background = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  background.setAttribute("width", "100%");
  background.setAttribute("height", "100%");
  background.setAttribute("fill", "white");
  svg.prepend(background);
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", title);
  addText(svg, title, 12, 22, 16, 600);
  for (const [index, line] of wrapped(subtitle).entries()) {
    addText(svg, line.trim(), 12, 40 + index * LINE, 11, 400);
  }
  for (const [index, line] of below.entries()) {
    addText(svg, line.trim(), 12, height - 8 - (below.length - 1 - index) * LINE, 10, 400);
  }
  return { title, svg: svg.outerHTML };
}
