// Puts the page together: a change of what is chosen leads to new sums, and these to new numbers and pictures.

import { carriedData } from "./arrays.mjs";
import { prepared, sums } from "./engine.mjs";
import { agreement, leastError, likelihoods } from "./estimates.mjs";
import { commandOf, fragmentOf, known, observationAt, overlayOf, stateOf, viewOf } from "./state.mjs";
import { element, fillCharts, fillKnown, fillObservation, fillSeen, fillTable, slider } from "./view.mjs";

const LEAST_AGREEING = 200;
const PAUSE = 400; // milliseconds without a change after which the address and what is read aloud follow

const place = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en");

/** How likely each scenario is in the end, in words. */
function endsOf(view, shown) {
  return view.scenarios.flatMap(({ title, group }, at) => {
    const { byStep } = shown[at];
    return group ? [] : [`${title} ${Math.round(100 * byStep[byStep.length - 1].value)}%`];
  });
}

/** The page of what is carried. */
class Page {
  constructor({ about, arrays }) {
    this.about = about;
    this.arrays = arrays;
    this.models = new Map();
    this.waiting = false;
    place("known").hidden = !about.evidence;
    if (about.evidence) fillKnown(place("known"), place("observing"), about.evidence);
    this.choose(stateOf(about, location.hash));
    place("profile").addEventListener("change", ({ target }) => {
      this.choose(known(about, { ...this.state, profile: target.value || null }));
    });
    place("reset").addEventListener("click", () =>
      this.choose({ profile: this.state.profile, weights: new Map(), observations: [] }),
    );
    addEventListener("hashchange", () => {
      if (location.hash !== fragmentOf(about, this.state)) this.choose(stateOf(about, location.hash));
    });
    for (const [button, text] of [
      ["copy-command", "command"],
      ["copy-overlay", "overlay"],
    ]) {
      place(button).addEventListener("click", () => navigator.clipboard?.writeText(place(text).textContent));
    }
  }

  /** The view that is shown, prepared, with its sums under its own weights. */
  get current() {
    const view = viewOf(this.about, this.state.profile);
    if (!this.models.has(view)) {
      const model = prepared(view, this.arrays);
      this.models.set(view, { view, model, base: sums(model) });
    }
    return this.models.get(view);
  }

  /** Take another state, and draw what depends on it: all but what it leads to. */
  choose(state) {
    this.state = state;
    const { view, model } = this.current;
    place("profiles").hidden = this.about.views.length === 1;
    place("profile").replaceChildren(
      ...this.about.views.map((one) => {
        const option = element("option", { value: one.profile ?? "" }, one.title || "the file itself");
        option.selected = one === view;
        return option;
      }),
    );
    place("weights").replaceChildren(
      ...view.weights.map((weight) => {
        const { values } = model.weights.get(weight.id),
          varies = values.some((one) => one !== values[0]);
        const own = {
          mean: varies ? values.reduce((sum, one) => sum + one, 0) / values.length : Number(values[0].toFixed(6)),
          varies,
        };
        return slider(weight, own, this.about.claims, state.weights.get(weight.id), (value) =>
          this.move(weight.id, value),
        );
      }),
    );
    place("observing").hidden = view.drivers.length === 0;
    if (view.drivers.length) fillObservation(place("observation"), view, (seen) => this.observe(seen));
    this.fillSeen();
    this.change();
  }

  move(name, value) {
    if (value === undefined) this.state.weights.delete(name);
    else this.state.weights.set(name, value);
    this.change();
  }

  observe(seen) {
    const same = (one) => one.driver === seen.driver && one.step === seen.step;
    this.state.observations = [...this.state.observations.filter((one) => !same(one)), seen];
    this.fillSeen();
    this.change();
  }

  fillSeen() {
    fillSeen(place("seen"), this.current.view, this.state.observations, (at) => {
      this.state.observations.splice(at, 1);
      this.fillSeen();
      this.change();
    });
  }

  change() {
    document.body.dataset.ready = "0";
    if (this.waiting) return;
    this.waiting = true;
    setTimeout(() => this.draw());
  }

  draw() {
    this.waiting = false;
    const began = performance.now(),
      { view, model, base } = this.current,
      { weights, observations } = this.state;
    const seen = observations.length > 0,
      changed = seen || weights.size > 0;
    const { agrees, count } = agreement(
      model,
      observations.map((one) => observationAt(view, one)),
    );
    const forecast = view.scenarios.map(({ id }) => view.forecast.series[id]);
    const found = changed && count >= LEAST_AGREEING ? sums(model, weights, seen ? agrees : null) : base;
    const enough = !changed || (count >= LEAST_AGREEING && found.effective >= LEAST_AGREEING);
    const least = leastError(model, weights, found.effective);
    const shown = enough ? likelihoods(model, forecast, base, found, seen, least) : null;
    fillTable(place("likelihoods"), view, shown, changed);
    fillCharts(place("charts"), view, shown, changed);
    place("note").textContent = this.note(view, model, { count, seen, enough, changed, found });
    place("summary").textContent = shown ? endsOf(view, shown).join(" \u00b7 ") : "";
    place("command").textContent = commandOf(this.about, this.state);
    place("overlay").textContent = overlayOf(this.about, this.state);
    place("as-overlay").hidden = weights.size === 0;
    document.body.dataset.milliseconds = (performance.now() - began).toFixed(1);
    document.body.dataset.ready = "1";
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.settle(view, shown), PAUSE);
  }

  note(view, model, { count, seen, enough, changed, found }) {
    const worth = model.trialWeights || model.signs.size ? ` (worth ${number(Math.floor(found.effective))})` : "";
    if (seen || !enough) {
      const agree = `${number(count)} of the ${number(model.trials)} trials that this page carries${worth} agree with what has been seen`;
      return enough
        ? `${agree}; the likelihoods are the shares of these alone. \u00b1 is one standard error of sampling.`
        : `${agree}: too few to tell. Run the command below, which draws until enough do.`;
    }
    const { method, trials } = view.forecast,
      from = method === "exact" ? "exact forecast" : `forecast from ${number(trials)} trials`;
    return changed
      ? `The file's ${from}, and the difference that the moved weights make in the ${number(model.trials)} trials${worth} that this page carries. \u00b1 is one standard error of sampling. Dashed: the file as it is.`
      : `The file's ${from}. \u00b1 is one standard error of sampling. Shaded: what the uncertain judgements leave open, 90% of their draws; it is not computed anew for other weights.`;
  }

  /** When nothing has changed for a while: the address, and what a screen reader says. */
  settle(view, shown) {
    const fragment = fragmentOf(this.about, this.state);
    try {
      if (fragment !== location.hash) history.replaceState(null, "", fragment || location.pathname + location.search);
    } catch {
      // a page that is shown within another one has no address of its own
    }
    const last = view.steps[view.steps.length - 1];
    place("status").textContent = shown ? `In ${last}: ${endsOf(view, shown).join(", ")}.` : place("note").textContent;
  }
}

if ("DecompressionStream" in globalThis) {
  const data = await carriedData(place("data").textContent);
  new Page(data);
} else {
  place("note").textContent = "This browser is too old for the page: one of 2023 or later is needed.";
}
