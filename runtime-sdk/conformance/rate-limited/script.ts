import { getVariable, setVariable } from "@cronium/sdk";

await setVariable("A", 7);
console.log(await getVariable("A"));
