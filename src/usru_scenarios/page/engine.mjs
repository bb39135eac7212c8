// The outcome's chain in every trial that the page carries. Methods (1), (2), (5), (14) and (16) of docs/method.md.
//
// The trials of the drivers do not depend on the weights, which multiply points of the outcome's own law alone. So a
// move of a weight changes what a trial's drivers say of the scenarios, and the chain is followed anew in each trial.
// Numbers of a trial stand together: [(trial * steps + step) * columns + column], the columns being the states of the
// outcome and, last, what points for `hold` add up to.

import { arrayAt } from "./arrays.mjs";

/** A table that may have a value for each draw of the judgements before all else: {drawn, values, size of one}. */
function tableAt(arrays, table, draws) {
  const values = arrayAt(arrays, table.values);
  return { values, stride: table.drawn ? values.length / draws : 0 };
}

/** What was carried of a node, by [trial * steps + step]; told by what differs from another history. */
function historyAt(arrays, path) {
  const states = arrayAt(arrays, path.states);
  if (!path.beside) return states;
  const beside = arrayAt(arrays, path.beside);
  return states.map((state, place) => state ^ beside[place]);
}

/** All that does not depend on weights that are moved. */
export function prepared(view, arrays) {
  const { law, sample } = view;
  const trials = sample.trials,
    steps = law.steps,
    states = law.states,
    columns = states + 1;
  const groups = Math.ceil(trials / sample.groupSize);
  const table = (one) => one && tableAt(arrays, one, groups);
  const model = {
    trials,
    steps,
    states,
    columns,
    groups,
    groupSize: sample.groupSize,
    sets: view.scenarios.map((scenario) => scenario.members),
    now: view.now ?? 0, // the step from which on first visits count
    trialWeights: sample.trialWeights ? arrayAt(arrays, sample.trialWeights) : null,
    signs: new Map(Object.entries(law.signs ?? {}).map(([step, sign]) => [Number(step), table(sign)])),
    histories: sample.paths.map((path) => historyAt(arrays, path)),
    logOdds: table(law.logOdds),
    prior: table(law.prior),
    initial: table(law.initial),
    windows: table(law.windows),
    persistence: table(law.persistence),
    allowed: law.allowed && arrayAt(arrays, law.allowed),
    forced: new Map(Object.entries(law.forced).map(([step, shares]) => [Number(step), table(shares)])),
    imposed: law.imposed,
    weights: new Map(Object.entries(law.weights).map(([name, weight]) => [name, table(weight)])),
    basis: arrayAt(arrays, sample.basis),
    means: Float64Array.from(sample.means),
  };
  model.parts = [
    ...law.terms.map((term) => termPart(model, term, arrays)),
    ...law.curves.map((curve) => curvePart(model, curve, sample.paths[curve.path], arrays)),
  ];
  const lasting = model.persistence;
  const alike = lasting.values.every((keep, place) => keep === lasting.values[place - (place % states)]);
  model.lazy = alike && !model.allowed && !model.signs.size && model.parts.every((part) => !part.own);
  model.logits = baseLogits(model);
  model.moved = new Map();
  return model;
}

/** Whether points that do something never act in the trials: a row of them that none has at any step. */
function isMissed(rows, { values, stride }, columns) {
  const count = (stride || values.length) / columns,
    met = new Uint8Array(count);
  for (const row of rows) met[row] = 1;
  return met.some(
    (one, row) => !one && values.subarray(row * columns, (row + 1) * columns).some((point) => point !== 0),
  );
}

/** Points by rows: a row for each trial and step and, where the outcome reads its own past, for each state of that. */
function termPart(model, term, arrays) {
  const { trials, steps, states } = model;
  const own = term.parents.some((parent) => parent.path === null),
    from = own ? states : 1;
  const rowOf = arrayAt(arrays, term.rowOf),
    rows = new Uint16Array(trials * steps * from);
  const lagged = term.parents.some((parent) => parent.lag > 0);
  for (let place = 0; place < trials * steps; place++) {
    if (lagged && place % steps === 0) continue; // nothing of it acts at the first step
    for (let before = 0; before < from; before++) {
      let row = 0;
      for (const parent of term.parents) {
        row = row * parent.size + (parent.path === null ? before : model.histories[parent.path][place - parent.lag]);
      }
      rows[place * from + before] = rowOf[row];
    }
  }
  const points = tableAt(arrays, term.points, model.groups);
  const missed = isMissed(rows, points, model.columns);
  return { own, lagged, rows, weight: term.weight, points, shares: null, missed };
}

/** Points along the scale of a numeric driver: the knot at or below each value, and how far it is to the next. */
function curvePart(model, curve, path, arrays) {
  const { trials, steps } = model,
    knots = curve.knots,
    last = knots.length - 1;
  const rows = new Uint16Array(trials * steps),
    shares = new Float64Array(trials * steps);
  for (let place = 0; place < trials * steps; place++) {
    if (curve.lag && place % steps === 0) continue;
    const value = path.low + path.step * model.histories[curve.path][place - curve.lag];
    let knot = 0;
    while (knot < last && value >= knots[knot + 1]) knot++;
    rows[place] = knot;
    shares[place] = knot < last ? Math.max(0, (value - knots[knot]) / (knots[knot + 1] - knots[knot])) : 0;
  }
  const points = tableAt(arrays, curve.points, model.groups);
  return { own: false, lagged: curve.lag > 0, rows, weight: curve.weight, points, shares, missed: false };
}

/** Add a multiple of a part's points at a place to log-weights. */
function addPoints(model, part, place, before, group, factor, logits, at) {
  const { columns, states } = model,
    { values, stride } = part.points;
  const row = part.rows[part.own ? place * states + before : place];
  const start = group * stride + row * columns;
  const share = part.shares === null ? 0 : part.shares[place];
  if (share > 0) {
    for (let column = 0; column < columns; column++) {
      logits[at + column] += factor * ((1 - share) * values[start + column] + share * values[start + columns + column]);
    }
  } else {
    for (let column = 0; column < columns; column++) logits[at + column] += factor * values[start + column];
  }
}

function weightAt(model, name, group, step) {
  if (name === null) return 1;
  const { values, stride } = model.weights.get(name);
  return values[group * stride + step];
}

/** Log-weights of the states under the file's own weights, but for what the outcome's own past adds. */
function baseLogits(model) {
  const { trials, steps, states, columns, parts } = model,
    logits = new Float64Array(trials * steps * columns);
  for (let trial = 0, place = 0; trial < trials; trial++) {
    const group = Math.floor(trial / model.groupSize),
      odds = model.logOdds.values[group * model.logOdds.stride];
    for (let step = 0; step < steps; step++, place++) {
      const at = place * columns,
        prior = model.forced.get(step) ?? model.prior;
      for (let state = 0; state < states; state++) {
        logits[at + state] = Math.log(prior.values[group * prior.stride + state]);
      }
      for (let column = 0; model.windows && column < columns; column++) {
        logits[at + column] += odds * model.windows.values[group * model.windows.stride + step * columns + column];
      }
      for (const part of parts) {
        if (part.own || (part.lagged && step === 0)) continue;
        addPoints(model, part, place, 0, group, odds * weightAt(model, part.weight, group, step), logits, at);
      }
    }
  }
  return logits;
}

/** Bring the log-weights from the weights that were last asked for to others: only what has changed is worked out. */
function moveTo(model, weights) {
  const { trials, steps, columns, parts, logits, moved } = model;
  for (const part of parts) {
    const name = part.weight;
    if (name === null || part.own || (moved.get(name) === weights.get(name) && moved.has(name) === weights.has(name)))
      continue;
    for (let trial = 0, place = 0; trial < trials; trial++) {
      const group = Math.floor(trial / model.groupSize),
        odds = model.logOdds.values[group * model.logOdds.stride];
      for (let step = 0; step < steps; step++, place++) {
        if (part.lagged && step === 0) continue;
        const own = weightAt(model, name, group, step);
        const change = (weights.get(name) ?? own) - (moved.get(name) ?? own);
        addPoints(model, part, place, 0, group, odds * change, logits, place * columns);
      }
    }
  }
  model.moved = new Map(weights);
}

/** The probability of keeping a state: `persistence` with log-odds for `hold` added; 0 and 1 stay. */
function kept(persistence, logOdds) {
  if (persistence <= 0 || persistence >= 1) return persistence;
  return 1 / (1 + ((1 - persistence) / persistence) * Math.exp(-logOdds));
}

/**
 * Sums over the trials of each group.
 *
 * weights: a Map of those that are moved, by name. agrees: by trial whether it counts; all do where it is null.
 * Returns visits [(group * steps + step) * states + state], firstVisits [(group * steps + step) * sets + set] of the
 * scenarios and groups of them from the present step on, the weights of the trials that count, counts [group], and for
 * how many unweighted ones these stand, effective.
 */
export function sums(model, weights = new Map(), agrees = null) {
  const { trials, steps, states, columns, sets, logits } = model;
  const visits = new Float64Array(model.groups * steps * states);
  const firstVisits = new Float64Array(model.groups * steps * sets.length),
    counts = new Float64Array(model.groups);
  let total = 0,
    squares = 0;
  const ownParts = model.parts.filter((part) => part.own);
  const law = { logits: new Float64Array(columns), rows: new Float64Array(states * states), hold: 0 };
  const scratch = law.rows,
    path = model.signs.size ? new Float64Array(steps * states * states) : null;
  moveTo(model, weights);
  const chain = model.lazy ? lazyChain(model) : wholeChain(model);
  for (let trial = 0; trial < trials; trial++) {
    if (agrees !== null && !agrees[trial]) continue;
    const group = Math.floor(trial / model.groupSize),
      odds = model.logOdds.values[group * model.logOdds.stride];
    let weight = model.trialWeights === null ? 1 : model.trialWeights[trial];
    const lawAt = (step) => {
      const place = trial * steps + step;
      for (let column = 0; column < columns; column++) law.logits[column] = logits[place * columns + column];
      chain.law(law, step, group, place, ownParts, weights, odds);
    };
    if (path !== null) {
      law.rows = scratch;
      for (let step = 0; step < steps; step++) {
        lawAt(step);
        path.set(law.rows, step * states * states);
      }
      weight *= heldTo(model, path, group);
    }
    counts[group] += weight;
    total += weight;
    squares += weight * weight;
    chain.begin();
    for (let step = 0; step < steps; step++) {
      if (path === null) lawAt(step);
      else law.rows = path.subarray(step * states * states, (step + 1) * states * states);
      const sumsAt = group * steps + step;
      chain.advance(law, step, weight, visits, sumsAt * states, firstVisits, sumsAt * sets.length);
    }
  }
  return { visits, firstVisits, counts, effective: squares > 0 ? (total * total) / squares : 0 };
}

/**
 * Bring the rows of a trial to those given what is seen of the scenario, and give the probability of that.
 *
 * From the last step back: how likely all that is seen from a step on is from each state before it.
 */
function heldTo(model, path, group) {
  const { steps, states, signs } = model,
    later = new Float64Array(states).fill(1),
    before = new Float64Array(states);
  for (let step = steps - 1; step >= 0; step--) {
    const sign = signs.get(step),
      at = step * states * states;
    for (let to = 0; sign && to < states; to++) later[to] *= sign.values[group * sign.stride + to];
    for (let from = 0; from < states; from++) {
      let total = 0;
      const start = at + from * states;
      for (let to = 0; to < states; to++) total += path[start + to] * later[to];
      for (let to = 0; to < states; to++) path[start + to] = total > 0 ? (path[start + to] * later[to]) / total : 0;
      before[from] = total;
    }
    later.set(before);
  }
  return later[0]; // at the first step all rows are the same
}

/** Shares from log-weights, written from `start` on; their sum is 0 where there is nowhere to go. */
function softmax(logits, states, shares, start, allowed, allowedAt) {
  let largest = -Infinity,
    total = 0;
  for (let state = 0; state < states; state++) largest = Math.max(largest, logits[state]);
  for (let state = 0; state < states; state++) {
    const open = allowed === null || allowed[allowedAt + state] !== 0;
    const weight = open && largest > -Infinity ? Math.exp(logits[state] - largest) : 0;
    shares[start + state] = weight;
    total += weight;
  }
  for (let state = 0; total > 0 && state < states; state++) shares[start + state] /= total;
  return total;
}

/** Where the outcome is set, or its first shares are stated: whether shares were written. */
function stated(model, step, group, shares) {
  const { states, imposed, initial } = model;
  if (imposed[step] >= 0) {
    for (let state = 0; state < states; state++) shares[state] = state === imposed[step] ? 1 : 0;
    return true;
  }
  if (step > 0 || !initial) return false;
  let total = 0;
  for (let state = 0; state < states; state++) total += initial.values[group * initial.stride + state];
  for (let state = 0; state < states; state++) {
    shares[state] = initial.values[group * initial.stride + state] / total;
  }
  return true;
}

/** The chain where every state is kept alike or drawn anew by the same shares. */
function lazyChain(model) {
  const { states, sets, persistence } = model;
  const now = new Float64Array(states),
    unseen = new Float64Array(sets.length);
  return {
    begin() {
      now.fill(0);
      unseen.fill(1);
    },
    law(next, step, group) {
      next.hold = 0;
      if (stated(model, step, group, next.rows)) return;
      softmax(next.logits, states, next.rows, 0, null, 0);
      if (step > 0 && !model.forced.has(step)) {
        next.hold = kept(persistence.values[group * persistence.stride], next.logits[states]);
      }
    },
    advance({ hold, rows }, step, weight, visits, visitsAt, firstVisits, firstAt) {
      const redrawn = 1 - hold,
        first = model.now;
      for (let state = 0; state < states; state++) {
        now[state] = hold * now[state] + redrawn * rows[state];
        visits[visitsAt + state] += weight * now[state];
      }
      for (let set = 0; step >= first && set < sets.length; set++) {
        let into = 0;
        for (const state of sets[set]) into += step === first ? now[state] : rows[state];
        const seen = step === first ? into : unseen[set] * redrawn * into;
        unseen[set] -= seen;
        firstVisits[firstAt + set] += weight * seen;
      }
    },
  };
}

/** The chain where what happens next depends on the state: a row of probabilities for each. */
function wholeChain(model) {
  const { states, columns, sets, persistence, allowed } = model;
  const now = new Float64Array(states),
    next = new Float64Array(states),
    logits = new Float64Array(columns);
  const unseen = sets.map(() => new Float64Array(states));
  const inside = sets.map((members) => Array.from({ length: states }, (_, state) => members.includes(state)));
  const through = (before, rows, after) => {
    after.fill(0);
    for (let from = 0; from < states; from++) {
      for (let to = 0; before[from] !== 0 && to < states; to++) after[to] += before[from] * rows[from * states + to];
    }
  };
  return {
    begin() {
      now.fill(0);
      now[0] = 1; // at the first step all rows are the same
    },
    law({ logits: shared, rows }, step, group, place, ownParts, weights, odds) {
      const keeps = step > 0 && !model.forced.has(step);
      if (stated(model, step, group, rows)) {
        for (let from = 1; from < states; from++) rows.copyWithin(from * states, 0, states);
        return;
      }
      for (let from = 0; from < states; from++) {
        logits.set(shared);
        for (const part of ownParts) {
          if (part.lagged && step === 0) continue;
          const moved = part.weight !== null && weights.has(part.weight);
          const weight = moved ? weights.get(part.weight) : weightAt(model, part.weight, group, step);
          addPoints(model, part, place, from, group, odds * weight, logits, 0);
        }
        const start = from * states;
        const total = softmax(logits, states, rows, start, keeps ? allowed : null, start);
        if (!keeps) continue;
        const stay = kept(persistence.values[group * persistence.stride + from], logits[states]);
        const hold = total > 0 ? stay : 1;
        for (let to = 0; to < states; to++) rows[start + to] *= 1 - hold;
        rows[start + from] += hold;
      }
    },
    advance({ rows }, step, weight, visits, visitsAt, firstVisits, firstAt) {
      through(now, rows, next);
      for (let state = 0; state < states; state++) visits[visitsAt + state] += weight * (now[state] = next[state]);
      for (let set = 0; step >= model.now && set < sets.length; set++) {
        if (step === model.now) next.set(now);
        else through(unseen[set], rows, next);
        let seen = 0;
        for (let state = 0; state < states; state++) {
          if (inside[set][state]) seen += next[state];
          unseen[set][state] = inside[set][state] ? 0 : next[state];
        }
        firstVisits[firstAt + set] += weight * seen;
      }
    },
  };
}
