// Likelihoods with standard errors, from sums over groups of trials: methods (16), (17), (31) and (62) of docs/method.md.

/** By set of scenarios: sums by group of each step, of the share of time, and of ever: arrays [group]. */
function quantities(model, found) {
  const { groups, steps, states, sets, now } = model;
  return sets.map((members, set) => {
    const byStep = [],
      mean = new Float64Array(groups),
      ever = new Float64Array(groups);
    for (let step = 0; step < steps; step++) {
      const one = new Float64Array(groups);
      for (let group = 0; group < groups; group++) {
        for (const state of members) one[group] += found.visits[(group * steps + step) * states + state];
        if (step >= now) mean[group] += one[group] / (steps - now);
        ever[group] += found.firstVisits[(group * steps + step) * sets.length + set];
      }
      byStep.push(one);
    }
    return { byStep, mean, ever };
  });
}

/** The ratio of two sums over groups, with its standard error: method (17). */
export function ratio(numerators, denominators) {
  const groups = numerators.length;
  let total = 0,
    of = 0,
    squares = 0;
  for (let group = 0; group < groups; group++) {
    total += numerators[group];
    of += denominators[group];
  }
  const value = total / of;
  for (let group = 0; group < groups; group++) squares += (numerators[group] - value * denominators[group]) ** 2;
  return { value, error: Math.sqrt((squares * groups) / (groups - 1)) / of };
}

/** The mean over trials of what has these sums in groups of one size, freed of what is due to which judgements were
 * drawn, with its standard error: method (31). */
export function steadied(totals, size, basis, means) {
  const groups = totals.length,
    fitted = means.length;
  let mean = 0,
    squares = 0,
    shift = 0;
  for (let group = 0; group < groups; group++) mean += totals[group] / groups;
  for (let group = 0; group < groups; group++) squares += (totals[group] - mean) ** 2;
  for (let control = 0; control < fitted; control++) {
    let along = 0;
    for (let group = 0; group < groups; group++) along += basis[control * groups + group] * (totals[group] - mean);
    squares -= along * along;
    shift += along * means[control];
  }
  const error = Math.sqrt(Math.max(squares, 0) / (groups - 1 - fitted) / groups);
  return { value: (mean - shift) / size, error: error / size };
}

/** The least error of a difference: where the weight of points is moved that act in none of the trials, as many as may
 * be expected to hit what none has hit could tell otherwise: the rule of three of method (27). */
export function leastError(model, weights, trials = model.trials) {
  return model.parts.some((part) => part.missed && weights.has(part.weight)) ? 3 / trials : 0;
}

/** How much more likely each thing is than under the file's weights: what is added to the forecast of the file. */
function differenceOf(model, now, before, found, base) {
  if (model.trialWeights || model.signs.size) return differenceOfRatios(model, now, before, found.counts, base.counts);
  const totals = now.map((one, group) => one - before[group]);
  return model.means.length ? steadied(totals, model.groupSize, model.basis, model.means) : ratio(totals, base.counts);
}

/** The same where trials have weights, which are others under other weights of drivers if they tell of the scenario:
 * the difference of two ratios, with their residuals (17), freed of which judgements were drawn (31). */
function differenceOfRatios(model, now, before, counts, countsBefore) {
  const sum = (values) => values.reduce((total, one) => total + one, 0),
    groups = now.length;
  const [of, ofBefore] = [sum(counts), sum(countsBefore)];
  const [value, known] = [sum(now) / of, sum(before) / ofBefore];
  const residuals = now.map(
    (one, group) =>
      groups * ((one - value * counts[group]) / of - (before[group] - known * countsBefore[group]) / ofBefore),
  );
  const { value: moved, error } = model.means.length
    ? steadied(residuals, 1, model.basis, model.means)
    : ratio(residuals, new Float64Array(groups).fill(1));
  return { value: value - known + moved, error };
}

const clipped = (value) => Math.min(Math.max(value, 0), 1);

/**
 * What the page shows: for each scenario and group {byStep, mean, ever}, each {value, error, difference,
 * differenceError}, the last two being against the forecast.
 *
 * Where nothing is seen, the value is the forecast plus the difference that the moved weights make in the page's own
 * trials, whose error is no smaller than `least`. Where something is, it is the share of those trials alone that agree.
 */
export function likelihoods(model, forecast, base, found, seen, least = 0) {
  const before = quantities(model, base),
    now = quantities(model, found);
  const estimate = (known, error, one, other) => {
    if (seen) {
      const { value, error: own } = ratio(one, found.counts);
      return { value, error: own, difference: value - known, differenceError: Math.hypot(own, error) };
    }
    const change = found === base ? { value: 0, error: 0 } : differenceOf(model, one, other, found, base);
    const own = Math.max(change.error, least);
    return {
      value: clipped(known + change.value),
      error: Math.hypot(error, own),
      difference: change.value,
      differenceError: own,
    };
  };
  return forecast.map((known, set) => ({
    byStep: now[set].byStep.map((one, step) =>
      estimate(known.byStep[step], known.errors.byStep[step], one, before[set].byStep[step]),
    ),
    mean: estimate(known.mean, known.errors.mean, now[set].mean, before[set].mean),
    ever: estimate(known.ever, known.errors.ever, now[set].ever, before[set].ever),
  }));
}

/** Which of the page's trials agree with all that is seen: {agrees, count}. */
export function agreement(model, observations) {
  const agrees = new Uint8Array(model.trials).fill(1);
  for (const { path, number, step } of observations) {
    const history = model.histories[path];
    for (let trial = 0; trial < model.trials; trial++) {
      if (history[trial * model.steps + step] !== number) agrees[trial] = 0;
    }
  }
  return { agrees, count: agrees.reduce((sum, one) => sum + one, 0) };
}
