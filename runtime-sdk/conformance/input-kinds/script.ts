import { input } from "@cronium/sdk";

console.log(JSON.stringify(await input()));
