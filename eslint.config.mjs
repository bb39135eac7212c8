// What is looked for in the modules of the page and of its tests: `npx eslint .`, from the top of the checkout.

const names = (text) => Object.fromEntries(text.split(" ").map((name) => [name, "readonly"]));
const everywhere = names("atob performance setTimeout clearTimeout TextDecoder URL Blob Response DecompressionStream");
const inPage = names("document location history navigator addEventListener globalThis");
const inNode = names("process Buffer");
const rules = Object.fromEntries(
  [
    "constructor-super getter-return no-const-assign no-dupe-args no-dupe-class-members no-dupe-else-if no-dupe-keys",
    "no-duplicate-case no-fallthrough no-redeclare no-self-assign no-shadow no-sparse-arrays no-this-before-super no-undef",
    "no-unreachable no-unused-vars no-unsafe-finally no-use-before-define no-var prefer-const eqeqeq use-isnan valid-typeof",
    "no-eval no-implied-eval no-new-func no-async-promise-executor no-useless-return",
  ]
    .join(" ")
    .split(" ")
    .map((rule) => [rule, rule === "no-use-before-define" ? ["error", { functions: false }] : "error"]),
);

export default [
  { ignores: ["build/", ".venv/"] },
  { files: ["**/*.mjs"], languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: everywhere }, rules },
  { files: ["src/**/*.mjs"], languageOptions: { globals: inPage } },
  { files: ["tests/**/*.mjs"], languageOptions: { globals: inNode } },
];
