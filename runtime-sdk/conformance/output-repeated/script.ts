import { output } from "@cronium/sdk";

await output("first");
await output({ second: 2 });
