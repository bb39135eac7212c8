// The page as elements: every text of the model goes in as text, never as markup.

import { chart, topOf } from "./chart.mjs";

const KEYS = ["start", "end", "difference", "mean", "ever"];

/** An element with attributes and children; a child that is no element is a text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** How many decimals of a percentage its standard error leaves. */
export function decimalsFor(error) {
  return error < 0.0001 ? 2 : error < 0.005 ? 1 : 0;
}

const percent = (value, decimals) => `${(100 * value).toFixed(decimals)}%`;
const signed = (value, decimals) => {
  const text = (100 * Math.abs(value)).toFixed(decimals);
  return Number(text) === 0 ? text : `${value < 0 ? "\u2212" : "+"}${text}`;
};

/** A standard error in points, rounded up: it is never said to be nothing where it is something. */
export function rounded(error, decimals) {
  const unit = 10 ** decimals;
  return (Math.ceil(100 * error * unit - 1e-6) / unit).toFixed(decimals);
}

/** The numbers of a row by key, each {value, error}. */
function rowOf(shown, now) {
  const { byStep, mean, ever } = shown,
    end = byStep[byStep.length - 1];
  return { start: byStep[now], end, difference: { value: end.difference, error: end.differenceError }, mean, ever };
}

/** The table of likelihoods; `shown` is null where too few trials agree with what is seen. */
export function fillTable(table, view, shown, changed) {
  const rows = shown?.map((one) => rowOf(one, view.now ?? 0)),
    ahead = view.now !== undefined;
  const largest = rows
    ? Math.max(...rows.flatMap((row) => [row.start.error, row.end.error, row.mean.error, row.ever.error]))
    : 0;
  const decimals = decimalsFor(largest);
  const texts = {
    start: ({ value }) => percent(value, decimals),
    mean: ({ value }) => percent(value, decimals),
    ever: ({ value }) => percent(value, decimals),
    end: ({ value, error }) => `${percent(value, decimals)} \u00b1 ${rounded(error, decimals + 1)}`,
    difference: ({ value, error }) =>
      changed ? `${signed(value, decimals + 1)} \u00b1 ${rounded(error, decimals + 1)}` : "\u2013",
  };
  const titles = {
    start: ahead ? "now" : "start",
    end: "end",
    mean: ahead ? "share from now on" : "share of time",
    ever: ahead ? "ever from now on" : "ever",
    difference: view.profile === null ? "against the file" : "against the profile",
  };
  const head = element("tr", { role: "row" }, element("th", { scope: "col", role: "columnheader" }, "Scenario"));
  for (const key of KEYS) head.append(element("th", { scope: "col", role: "columnheader" }, titles[key]));
  const body = view.scenarios.map((scenario, place) => {
    const row = element(
      "tr",
      { role: "row", "data-id": scenario.id },
      element("th", { scope: "row", role: "rowheader" }, scenario.title),
    );
    if (scenario.group) row.className = "group";
    for (const key of KEYS) {
      const found = rows?.[place][key];
      const attributes = found ? { "data-value": found.value, "data-error": found.error } : {};
      row.append(
        element(
          "td",
          { role: "cell", "data-key": key, "data-label": titles[key], ...attributes },
          found ? texts[key](found) : "\u2013",
        ),
      );
    }
    return row;
  });
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...body);
}

/** The pictures, one for each scenario. */
export function fillCharts(place, view, shown, changed) {
  const series = view.scenarios.map(({ id }) => view.forecast.series[id]);
  const single = view.scenarios
    .map((scenario, number) => ({ scenario, number }))
    .filter(({ scenario }) => !scenario.group);
  const top = topOf(
    single.flatMap(({ number }) => [
      ...series[number].byStep,
      ...(series[number].band?.high ?? []),
      ...(shown?.[number].byStep.map((one) => one.value) ?? []),
    ]),
  );
  place.replaceChildren(
    ...single.map(({ scenario, number }) => {
      const now = shown?.[number].byStep.map((one) => one.value) ?? null,
        known = series[number].byStep;
      const said = now ?? known,
        steps = view.steps;
      const label = `${scenario.title}: from ${percent(said[0], 0)} in ${steps[0]} to ${percent(said[said.length - 1], 0)} in ${steps[steps.length - 1]}`;
      const picture = chart({ number, top, steps, known, band: changed ? null : series[number].band, now, label });
      return element("figure", {}, element("figcaption", { class: `series-${number % 8}` }, scenario.title), picture);
    }),
  );
}

/** A slider with its label, its number, a way back and the claims that its impacts rest on. */
export function slider(weight, own, claims, moved, onMove) {
  const id = `w-${weight.id}`,
    least = Math.min(0, Math.floor(own.mean)),
    most = Math.max(3, Math.ceil(2 * own.mean));
  const input = element("input", { type: "range", id, "data-weight": weight.id, min: least, max: most, step: 0.05 });
  const output = element("output", { for: id });
  const back = element(
    "button",
    { type: "button", "aria-label": `${weight.title}: back to ${own.mean.toFixed(2)}` },
    "back",
  );
  const box = element("div", { class: "weight" }, element("label", { for: id }, weight.title), output, input, back);
  const show = (value) => {
    const now = value ?? own.mean,
      text = Number(now.toFixed(2)).toString();
    input.value = now;
    input.setAttribute("aria-valuetext", value === undefined ? `${text}, as in the file` : text);
    output.textContent = value === undefined && own.varies ? `\u2248 ${text}` : text;
    box.classList.toggle("moved", value !== undefined);
    back.disabled = value === undefined;
  };
  const move = (value) => {
    show(value);
    onMove(value);
  };
  input.addEventListener("input", () => move(Number(input.value)));
  input.addEventListener("dblclick", () => move(undefined));
  back.addEventListener("click", () => {
    move(undefined);
    input.focus();
  });
  if (weight.claims.length) box.append(claimList(weight, claims));
  show(moved);
  return box;
}

function claimList(weight, claims) {
  const count = weight.claims.length;
  const list = element(
    "ul",
    {},
    ...weight.claims.map((id) => {
      const { text, document: title } = claims[id];
      return element("li", {}, text, " ", element("cite", {}, `${title || "an assumption of the authors"} (${id})`));
    }),
  );
  return element(
    "details",
    {},
    element("summary", {}, `what it rests on: ${count} ${count === 1 ? "claim" : "claims"}`),
    list,
  );
}

/** The selects that say what has been seen, by what `onAdd` gets. */
export function fillObservation(form, view, onAdd) {
  const words = (id) => id.replaceAll("_", " ");
  const choice = (label, options) => element("select", { "aria-label": label }, ...options);
  const option = (value, text) => element("option", { value }, text);
  const driver = choice(
    "driver",
    view.drivers.map((one) => option(one.id, one.title)),
  );
  const state = choice("state", []),
    step = choice(
      "step",
      view.steps.map((one) => option(one, one)),
    );
  const states = () => {
    const found = view.drivers.find((one) => one.id === driver.value);
    state.replaceChildren(...found.states.map((one) => option(one.id, words(one.id))));
  };
  driver.addEventListener("change", states);
  states();
  const add = element("button", { type: "button" }, "Seen");
  add.addEventListener("click", () => onAdd({ driver: driver.value, state: state.value, step: step.value }));
  form.replaceChildren(driver, state, step, add);
}

/** What had been seen when the page was made, and holds in all that it says. */
export function fillKnown(part, observing, { name, asOf, items }) {
  part.querySelector("p").textContent =
    `As of ${asOf}, from the evidence file ${name}. It holds in all that this page says.`;
  part
    .querySelector("ul")
    .replaceChildren(
      ...items.map(({ title, text, learned }) => element("li", {}, `${title}: ${text}, learned on ${learned}`)),
    );
  observing.querySelector("h2").textContent = "And if this were seen";
}

/** The list of what has been seen, each with a way to take it back. */
export function fillSeen(list, view, observations, onRemove) {
  list.replaceChildren(
    ...observations.map((one, place) => {
      const title = view.drivers.find((driver) => driver.id === one.driver).title;
      const text = `${title}: ${one.state.replaceAll("_", " ")}, ${one.step}`;
      const remove = element("button", { type: "button", "aria-label": `take back: ${text}` }, "take back");
      remove.addEventListener("click", () => onRemove(place));
      return element("li", {}, `${text} `, remove);
    }),
  );
}
