import { test } from "vitest";
import { checkLockfile, lockfileFaults } from "./lockfile.ts";

const PARENT = {
  version: "1.0.0",
  optionalDependencies: { "@tool/linux-x64-musl": "1.0.0", "@tool/wasm32-wasi": "1.0.0" },
};

test("a platform package without an entry is a fault that names the remedy", ({ expect }) => {
  const faults = lockfileFaults({ packages: { "": {}, "node_modules/tool": PARENT } });
  expect(faults).toEqual([
    "@tool/linux-x64-musl 1.0.0 is missing: node script/complete-lock.mjs",
    "@tool/wasm32-wasi 1.0.0 is missing: node script/complete-lock.mjs",
  ]);
});

test("an entry beside the parent or at the top is found as Node would", ({ expect }) => {
  const faults = lockfileFaults({
    packages: {
      "node_modules/tool": PARENT,
      "node_modules/tool/node_modules/@tool/linux-x64-musl": {},
      "node_modules/@tool/wasm32-wasi": {},
    },
  });
  expect(faults).toEqual([]);
});

test("a download address is a fault, a link to a workspace is none", ({ expect }) => {
  const faults = lockfileFaults({
    packages: {
      "node_modules/a": { resolved: "https://registry.example/a.tgz" },
      "node_modules/b": { resolved: "b", link: true },
    },
  });
  expect(faults).toEqual(["node_modules/a names a download address: .npmrc must be in force when installing"]);
});

test("the committed lockfile has no fault", ({ expect }) => {
  expect(checkLockfile()).toEqual([]);
});
