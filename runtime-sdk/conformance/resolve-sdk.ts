/** Loaded before a conformance script: `@cronium/sdk` means the sources beside this folder, built or not. */
import { registerHooks } from "node:module";

const SDK = new URL("../node/src/index.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === "@cronium/sdk" ? { url: SDK, shortCircuit: true } : nextResolve(specifier, context),
});
