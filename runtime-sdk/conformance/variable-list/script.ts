import { listVariables } from "@cronium/sdk";

const names = (await listVariables("JOB_")).map(({ name }) => name);
console.log(JSON.stringify([names.length, names[0] ?? null, names.at(-1) ?? null]));
