// What the page makes of addresses: reads {about, fragments} and writes of each {again, command, overlay}.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const { commandOf, fragmentOf, overlayOf, stateOf } = await import(pathToFileURL(`${folder}/state.mjs`));
const { about, fragments } = JSON.parse(readFileSync(0, "utf8"));
const answers = fragments.map((fragment) => {
  const state = stateOf(about, fragment);
  return { again: fragmentOf(about, state), command: commandOf(about, state), overlay: overlayOf(about, state) };
});
process.stdout.write(JSON.stringify(answers));
