// The likelihood of a scenario over the steps, as a small picture.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240,
  HEIGHT = 150,
  LEFT = 34,
  RIGHT = 44,
  TOP = 8,
  BOTTOM = 22;
const MOST_LABELS = 5;

function drawn(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** The top of the scale that holds all values, a multiple of a tenth. */
export function topOf(values) {
  return Math.min(1, Math.ceil(Math.max(...values, 0.05) * 10 - 1e-9) / 10);
}

/** Which steps get a label, and which: years where steps are parts of them. */
export function labelled(steps) {
  const short = steps.map((step) => step.slice(0, 4));
  const first = steps.map((_, place) => place).filter((place) => place === 0 || short[place] !== short[place - 1]);
  const every = Math.ceil(first.length / MOST_LABELS);
  return first.filter((_, number) => number % every === 0).map((place) => ({ place, text: short[place] }));
}

/**
 * A picture: the file's line dashed, with its band where one is given, and over it the line of what is chosen.
 *
 * number: by which its colour is chosen. top: of the scale. known: by step, of the file. band: {low, high} or null.
 * now: by step, of what is chosen, or null. label: what a screen reader says.
 */
export function chart({ number, top, steps, known, band, now, label }) {
  const count = steps.length;
  const x = (step) => LEFT + (count > 1 ? step / (count - 1) : 0.5) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const point = (value, step) => `${x(step).toFixed(1)} ${y(Math.min(Math.max(value, 0), top)).toFixed(1)}`;
  const line = (values) => `M${values.map(point).join("L")}`;
  const area = ({ low, high }) => `${line(high)}L${low.map(point).reverse().join("L")}Z`;
  const picture = drawn("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": label,
    class: `series-${number % 8}`,
  });
  const between = top > 0.5 ? 0.2 : 0.1;
  for (let value = 0; value <= top + 1e-9; value += between) {
    picture.append(
      drawn("path", { class: value ? "grid" : "axis", d: `M${LEFT} ${y(value).toFixed(1)}H${WIDTH - RIGHT}` }),
    );
    picture.append(
      drawn(
        "text",
        { class: "scale", x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" },
        `${Math.round(value * 100)}%`,
      ),
    );
  }
  for (const { place, text } of labelled(steps)) {
    picture.append(drawn("text", { class: "scale", x: x(place), y: HEIGHT - 5, "text-anchor": "middle" }, text));
  }
  if (band) picture.append(drawn("path", { class: "band", d: area(band) }));
  picture.append(drawn("path", { class: "file", d: line(known) }));
  if (now) {
    const end = now[count - 1];
    picture.append(drawn("path", { class: "now", d: line(now) }));
    picture.append(drawn("circle", { class: "dot", cx: x(count - 1), cy: y(Math.min(end, top)), r: 3 }));
    picture.append(
      drawn("text", { class: "end", x: x(count - 1) + 7, y: y(Math.min(end, top)) + 4 }, `${Math.round(end * 100)}%`),
    );
  }
  return picture;
}
