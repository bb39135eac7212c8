// The sums of the page's engine: reads {data, cases: [{view, weights, observations}]} and writes what it finds of each.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}.mjs`));
const [{ splitData }, engine, estimates] = await Promise.all(["arrays", "engine", "estimates"].map(load));
const { data, cases } = JSON.parse(readFileSync(0, "utf8"));
const { about, arrays } = splitData(Uint8Array.from(Buffer.from(data, "base64")).buffer);
const models = about.views.map((view) => engine.prepared(view, arrays));
const bases = models.map((model) => engine.sums(model));
const answers = cases.map(({ view, weights, observations = [] }) => {
  const model = models[view],
    known = about.views[view];
  const seen = observations.length > 0,
    { agrees, count } = estimates.agreement(model, observations);
  const moved = new Map(Object.entries(weights)),
    found = engine.sums(model, moved, seen ? agrees : null);
  const forecast = known.scenarios.map(({ id }) => known.forecast.series[id]);
  const shown = estimates.likelihoods(model, forecast, bases[view], found, seen, estimates.leastError(model, moved));
  return {
    count,
    shown,
    lazy: model.lazy,
    visits: [...found.visits],
    firstVisits: [...found.firstVisits],
    counts: [...found.counts],
  };
});
process.stdout.write(JSON.stringify(answers));
