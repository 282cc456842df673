import { deleteVariable, getVariable, setVariable } from "@cronium/sdk";

await setVariable("TEXT", "first");
const version = await setVariable("TEXT", 'a "b"\n\tü');
await setVariable("DATA", { deep: [1, null] });
await deleteVariable("OLD");
await deleteVariable("OLD");
const data = JSON.stringify(await getVariable("DATA"));
console.log(JSON.stringify([await getVariable("TEXT"), data, version, await getVariable("OLD", "gone")]));
