import { context } from "@cronium/sdk";

console.log(JSON.stringify(await context()));
