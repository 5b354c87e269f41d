import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** Folders whose results must not depend on when and where they run: the simulation repeats them from a seed. */
const REPEATABLE = ["src/base/**/*.ts", "src/core/**/*.ts", "src/ports/**/*.ts", "src/engine/**/*.ts", "sim/**/*.ts"];

const fromPort = (port) => `This code must be repeatable from a seed: take it from the ${port} port.`;
const TIMERS = ["setTimeout", "setInterval", "setImmediate"].map((name) => ({ name, message: fromPort("Clock") }));
const PLATFORM = ["process", "console", "fetch", "crypto"].map((name) => ({
  name,
  message: "The platform is reached through ports; only adapters and programs touch it.",
}));
const PLATFORM_IMPORTS = ["timers", "timers/promises", "perf_hooks", "process", "crypto"].map((name) => ({
  name: `node:${name}`,
  message: fromPort("Clock (or Random)"),
}));

export default defineConfig(
  globalIgnores(["dist/", "coverage/", ".hitless/", "examples/*/node_modules/", "bench/results/"]),
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // A switch may end in a default on purpose; one without it must name every case.
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "all", ignoreRestSiblings: true }],
      eqeqeq: "error",
      // Ports are asynchronous whatever stands behind them: `async` without `await` turns what is thrown into a rejection.
      "@typescript-eslint/require-await": "off",
      complexity: ["error", { max: 15, variant: "modified" }],
      "max-params": ["error", 4],
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Exports have names; only tool configurations export a default." },
        { selector: "ExportAllDeclaration", message: "No barrels: import from the file that holds the noun." },
      ],
    },
  },
  {
    files: REPEATABLE,
    // The simulation's command line is a program: it reads arguments and prints.
    ignores: ["sim/main.ts"],
    rules: {
      "no-restricted-globals": ["error", ...TIMERS, { name: "performance", message: fromPort("Clock") }, ...PLATFORM],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: fromPort("Clock") },
        { object: "Math", property: "random", message: "Take randomness from a seeded Rng of base." },
      ],
      "no-restricted-imports": ["error", { paths: PLATFORM_IMPORTS }],
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: fromPort("Clock") },
        { selector: "CallExpression[callee.name='Date']", message: fromPort("Clock") },
        {
          selector: "MemberExpression[object.name='globalThis']",
          message: "Name the global itself, so that this rule can see it.",
        },
        { selector: "ExportDefaultDeclaration", message: "Exports have names." },
        { selector: "ExportAllDeclaration", message: "No barrels: import from the file that holds the noun." },
      ],
    },
  },
  {
    files: ["test/**/*.ts", "bench/**/*.ts", "examples/**/*.ts"],
    rules: {
      // A test reads from top to bottom: its length is its story, and a test that trips over a null fails, which is what it is for.
      "max-lines": ["error", { max: 800 }],
      "max-lines-per-function": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-empty-function": "off",
    },
  },
  { files: ["**/*.config.ts"], rules: { "no-restricted-syntax": "off" } },
  { files: ["**/*.js"], rules: { eqeqeq: "error", "no-undef": "off" } },
);
