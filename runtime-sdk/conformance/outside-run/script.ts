import { context, input, output } from "@cronium/sdk";

console.log(JSON.stringify([await input(), (await context()).runId]));
await output(await input());
