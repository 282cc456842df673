import { input, output } from "@cronium/sdk";

await output(await input());
