// Opens pages in headless Chromium: reads {chromium, steps} and writes what each step finds.
//
// A step is {open: address, width, height, dark}, {run: expression that may be a promise}, {shot: file} or {print: file}.
// With what the steps find come the requests that were made and what was said on the console.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { chromium, steps } = JSON.parse(readFileSync(0, "utf8"));
const profile = mkdtempSync(join(tmpdir(), "page-"));
const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--remote-debugging-pipe",
  `--user-data-dir=${profile}`,
  "about:blank",
];
// A pipe rather than a socket: no port that another program may have, and node needs no WebSocket for it.
const browser = spawn(chromium, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const [, , , input, output] = browser.stdio;
const waiting = new Map(),
  messages = [],
  requests = [];
let last = 0,
  rest = "";
output.setEncoding("utf8");
output.on("data", (text) => {
  const parts = (rest + text).split("\0");
  rest = parts.pop();
  for (const part of parts) received(JSON.parse(part));
});

function received({ id, method, params, result, error }) {
  if (id) waiting.get(id)(result ?? Promise.reject(new Error(JSON.stringify(error))));
  else if (method === "Network.requestWillBeSent") requests.push(params.request.url);
  else if (["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"].includes(method))
    messages.push(JSON.stringify(params));
}

function send(method, params = {}, session = undefined) {
  const id = ++last;
  input.write(`${JSON.stringify({ id, method, params, sessionId: session })}\0`);
  return new Promise((resolve) => waiting.set(id, resolve));
}

async function evaluated(session, expression) {
  const { result, exceptionDetails } = await send(
    "Runtime.evaluate",
    { expression, awaitPromise: true, returnByValue: true },
    session,
  );
  if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
  return result.value;
}

const READY = `new Promise((resolve) => {
  const look = () => document.body?.dataset.ready === "1" ? resolve(true) : setTimeout(look, 10);
  look();
})`;

async function done(session, step) {
  if (step.open) {
    const size = {
      width: step.width ?? 1280,
      height: step.height ?? 900,
      deviceScaleFactor: 1,
      mobile: (step.width ?? 1280) < 600,
    };
    await send("Emulation.setDeviceMetricsOverride", size, session);
    await send(
      "Emulation.setEmulatedMedia",
      { features: [{ name: "prefers-color-scheme", value: step.dark ? "dark" : "light" }] },
      session,
    );
    await send("Page.navigate", { url: "about:blank" }, session);
    await send("Page.navigate", { url: step.open }, session);
    return evaluated(session, READY);
  }
  if (step.run) return evaluated(session, `(async () => { const ready = () => ${READY}; return (${step.run}); })()`);
  const taken = step.print
    ? await send("Page.printToPDF", { printBackground: true }, session)
    : await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true }, session);
  writeFileSync(step.print ?? step.shot, Buffer.from(taken.data, "base64"));
  return null;
}

try {
  const { targetInfos } = await send("Target.getTargets");
  const { targetId } = targetInfos.find((target) => target.type === "page");
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  for (const domain of ["Runtime", "Log", "Network", "Page"]) await send(`${domain}.enable`, {}, sessionId);
  const found = [];
  for (const step of steps) found.push(await done(sessionId, step));
  process.stdout.write(JSON.stringify({ found, messages, requests: requests.filter((url) => url !== "about:blank") }));
} finally {
  const ended = new Promise((resolve) => browser.on("exit", resolve));
  send("Browser.close"); // a kill would leave its other processes behind, which write into the folder for a while
  const patience = setTimeout(() => browser.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(patience);
  rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
