// What is chosen in the page: which profile, which weights are moved, what has been seen; and the same as texts.
//
// A state is {profile, weights: Map of numbers by name, observations: [{driver, state, step}]}, all by id, the step by
// its label. What a text names and the model does not have is left out.

const NUMBER = /^\d+(\.\d+)?$/;
const MOST = 1000; // the largest weight that a file may have

/** The view of a profile; that of the file itself where there is none. */
export function viewOf(about, profile) {
  return about.views.find((view) => view.profile === profile) ?? about.views[0];
}

/** The state that the fragment of an address names, such as `#w.sanctions=2&s.talks=settlement@2026-Q4`. */
export function stateOf(about, fragment) {
  const parts = fragment
    .replace(/^#/, "")
    .split("&")
    .map(decoded)
    .map((part) => {
      const sign = part.indexOf("=");
      return [part.slice(0, sign), part.slice(sign + 1)];
    });
  const named = parts.find(([name]) => name === "p")?.[1] ?? about.profile;
  const state = { profile: viewOf(about, named).profile, weights: new Map(), observations: [] };
  for (const [name, value] of parts) {
    const id = name.slice(2);
    if (name.startsWith("w.") && NUMBER.test(value) && Number(value) <= MOST) state.weights.set(id, Number(value));
    if (name.startsWith("s.")) {
      const at = value.lastIndexOf("@");
      state.observations.push({ driver: id, state: value.slice(0, at), step: value.slice(at + 1) });
    }
  }
  return known(about, state);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** The state without what its profile does not have. */
export function known(about, state) {
  const view = viewOf(about, state.profile),
    names = new Set(view.weights.map((weight) => weight.id));
  return {
    profile: view.profile,
    weights: new Map([...state.weights].filter(([name]) => names.has(name))),
    observations: state.observations.filter((one) => observationAt(view, one) !== null),
  };
}

/** Where the page's trials have what was seen: {path, number, step}; null where the model has no such thing. */
export function observationAt(view, { driver, state, step }) {
  const found = view.drivers.find((one) => one.id === driver);
  const number = found?.states.find((one) => one.id === state)?.number,
    place = view.steps.indexOf(step);
  return number === undefined || place < 0 ? null : { path: found.path, number, step: place };
}

/** The fragment that names a state; nothing where it is the one that the page begins with. */
export function fragmentOf(about, state) {
  const parts = [
    ...[...state.weights].map(([name, value]) => `w.${name}=${value}`),
    ...(state.profile === about.profile ? [] : [`p=${encodeURIComponent(state.profile ?? "")}`]),
    ...state.observations.map((one) => `s.${one.driver}=${one.state}@${one.step}`),
  ];
  return parts.length ? `#${parts.join("&")}` : "";
}

/** What gives the same in a terminal. */
export function commandOf(about, state) {
  const { model, options } = about.command;
  return [
    "usru simulate",
    model,
    ...(state.profile === null ? [] : [`-p ${state.profile}`]),
    ...options,
    ...[...state.weights].map(([name, value]) => `-w ${name}=${value}`),
    ...state.observations.map((one) => `--given '${one.driver}=${one.state} @ ${one.step}'`),
  ].join(" ");
}

/** The moved weights as an overlay, which is a file of its own; what is seen is none of a model's. */
export function overlayOf(about, state) {
  const weights = [...state.weights],
    view = viewOf(about, state.profile);
  const lines = ["usru: 1", "name: my-view", `title: ${JSON.stringify(`${about.title} (my view)`)}`];
  lines.push(`extends: ${JSON.stringify(about.extends)}`);
  if (state.profile !== null) {
    lines.push("profiles:", `  ${state.profile}:`, "    weights:");
    lines.push(...weights.map(([name, value]) => `      ${name}: ${value}`));
    return `${lines.join("\n")}\n`;
  }
  for (const kind of ["drivers", "rules"]) {
    const own = weights.filter(([name]) => view.weights.find((one) => one.id === name).kind === kind);
    if (own.length) lines.push(`${kind}:`, ...own.map(([name, value]) => `  ${name}: {weight: ${value}}`));
  }
  return `${lines.join("\n")}\n`;
}
