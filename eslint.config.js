import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";
import tseslint from "typescript-eslint";

/** What a test may fake after the package has been loaded. */
const TIMERS = [
  ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "performance"],
  ...["clearTimeout", "clearInterval", "clearImmediate"],
];
const FAKED = "A test may fake it: take it from src/protocol/timers.ts.";

export default defineConfig(
  globalIgnores(["dist/", "coverage/", "test/fixtures/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // A name that starts with _ is there to be left out.
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      // A store is about a cookie's expires, which its types mark as deprecated to set by hand.
      "@typescript-eslint/no-deprecated": "off",
      // A number in a message is as plain as a string.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // An async method turns what it throws into a rejection.
      "@typescript-eslint/require-await": "off",
      // A store's methods return promises where the interface they inherit returns nothing.
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { inheritedMethods: false } },
      ],
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/protocol/timers.ts"],
    rules: {
      "no-restricted-globals": ["error", ...TIMERS.map((name) => ({ name, message: FAKED }))],
      "no-restricted-properties": [
        "error",
        { object: "process", property: "nextTick", message: FAKED },
        ...TIMERS.map((property) => ({ object: "globalThis", property, message: FAKED })),
      ],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // expect's matchers and response.json() are of type any.
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      // A store of the factory is one by its shape: its class is made over a given base.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
    },
  },
  {
    files: ["test/**/*.test-d.ts"],
    // It is about what an expression gives, be it nothing.
    rules: { "@typescript-eslint/no-confusing-void-expression": "off" },
  },
  {
    files: ["test/package/consumers/*.{cts,mts}"],
    extends: [tseslint.configs.strict],
    rules: { "@typescript-eslint/no-require-imports": ["error", { allowAsImport: true }] },
  },
  {
    files: ["**/*.{js,cjs,mjs}"],
    languageOptions: { globals: globals.node },
  },
);
